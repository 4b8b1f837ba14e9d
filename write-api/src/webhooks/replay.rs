//! `POST /v1/webhooks/{webhook_id}/replay`: sends a delivery again, or all of a period, with the same ids as before.

use ::web::{Caller, Detached, JsonBody, Problem};
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::ids::OrderId;
use sqlx::{Connection, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Owner, WebhookError, lock};
use crate::application::State;
use crate::store::Store;

/// Deliveries that one request puts back into the queue at most.
const MOST: i64 = 10_000;

/// What to send again: `delivery`, or a period.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// The `webhook-id` of one delivery.
    #[schema(example = "0199d5a1-77aa-7c3c-8a5e-1f1d7b4b7c11:4")]
    pub delivery: Option<String>,
    /// Events that happened at this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Events that happened before this moment.
    pub to: Option<DateTime<Utc>>,
    /// Of a period, also what was delivered; otherwise only what was given up.
    #[serde(default)]
    pub delivered_too: bool,
}

/// What was put back into the queue.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Replayed {
    /// How many deliveries.
    pub deliveries: u64,
    /// Whether there are more in the period.
    pub has_more: bool,
    /// Ask again from here when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_from: Option<DateTime<Utc>>,
}

/// Which deliveries.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    One(OrderId, i64),
    Period { from: DateTime<Utc>, to: DateTime<Utc>, delivered_too: bool },
}

impl Replay {
    fn wanted(&self) -> Result<Wanted, Problem> {
        match (&self.delivery, self.from, self.to) {
            (Some(delivery), None, None) => one(delivery).ok_or_else(|| {
                Problem::invalid_field("/delivery", "the `webhook-id` of a delivery")
            }),
            (None, Some(from), Some(to)) if from < to => {
                Ok(Wanted::Period { from, to, delivered_too: self.delivered_too })
            }
            (None, Some(_), Some(_)) => Err(Problem::invalid_field("/to", "later than `from`")),
            (Some(_), ..) => Err(Problem::invalid_field("/delivery", "not together with a period")),
            (None, None, _) => Err(Problem::invalid_field("/from", "say a delivery or a period")),
            (None, Some(_), None) => {
                Err(Problem::invalid_field("/to", "say where the period ends"))
            }
        }
    }
}

fn one(delivery: &str) -> Option<Wanted> {
    let (order_id, version) = delivery.split_once(':')?;
    Some(Wanted::One(order_id.parse().ok()?, version.parse().ok()?))
}

/// Sends deliveries again. Receivers know them by their `webhook-id`, which stays the same.
#[utoipa::path(
    post, path = "/v1/webhooks/{webhook_id}/replay",
    operation_id = "replay_webhook", tag = "partners", request_body = Replay,
    params(("webhook_id" = Uuid, Path)),
    responses((status = 200, body = Replayed), (status = "default", body = Problem)),
)]
pub async fn handler(
    state: web::Data<State>,
    caller: Caller,
    detached: Detached,
    webhook_id: web::Path<Uuid>,
    body: JsonBody<Replay>,
) -> Result<HttpResponse, Problem> {
    let (owner, store) = (Owner::of(&caller)?, state.store.clone());
    let wanted = body.0.wanted()?;
    let replayed =
        detached.run(async move { replay(&store, owner, *webhook_id, wanted).await }).await?;
    if matches!(wanted, Wanted::One(..)) && replayed.deliveries == 0 {
        return Err(Problem::not_found("There is no such delivery, or it still waits"));
    }
    Ok(HttpResponse::Ok().json(replayed))
}

async fn replay(
    store: &Store,
    owner: Owner,
    webhook_id: Uuid,
    wanted: Wanted,
) -> Result<Replayed, WebhookError> {
    let now = store.clock().now();
    let mut connection = store.pool().acquire().await?;
    let mut transaction = connection.begin().await?;
    lock(&mut transaction, &owner, webhook_id).await?;
    let replayed = match wanted {
        Wanted::One(order_id, version) => {
            replay_one(&mut transaction, webhook_id, order_id, version, now).await?
        }
        Wanted::Period { from, to, delivered_too } => {
            replay_period(&mut transaction, webhook_id, from, to, delivered_too, now).await?
        }
    };
    let detail = Some(json!({ "deliveries": replayed.deliveries }));
    owner.remember(&mut transaction, store, webhook_id, "replay", detail).await?;
    transaction.commit().await?;
    Ok(replayed)
}

async fn replay_one(
    connection: &mut PgConnection,
    webhook_id: Uuid,
    order_id: OrderId,
    version: i64,
    now: DateTime<Utc>,
) -> Result<Replayed, WebhookError> {
    let replayed = sqlx::query!(
        "UPDATE write.webhook_deliveries
         SET state = 'waiting', attempts = 0, next_attempt = $4, finished_at = NULL
         WHERE webhook_id = $1 AND order_id = $2 AND version = $3 AND state <> 'waiting'",
        webhook_id,
        order_id.as_uuid(),
        version,
        now,
    )
    .execute(connection)
    .await?;
    Ok(Replayed { deliveries: replayed.rows_affected(), has_more: false, next_from: None })
}

/// What waits already is left alone: it is sent anyhow.
async fn replay_period(
    connection: &mut PgConnection,
    webhook_id: Uuid,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    delivered_too: bool,
    now: DateTime<Utc>,
) -> Result<Replayed, WebhookError> {
    let replayed = sqlx::query!(
        r#"WITH wanted AS (
               SELECT p.position, p.occurred_at FROM write.webhook_deliveries AS p
               WHERE p.webhook_id = $1 AND p.occurred_at >= $2 AND p.occurred_at < $3
                 AND (p.state = 'failed' OR ($4 AND p.state = 'delivered'))
               ORDER BY p.occurred_at, p.position LIMIT $6
           ), moved AS (
               UPDATE write.webhook_deliveries AS d
               SET state = 'waiting', attempts = 0, next_attempt = $5, finished_at = NULL
               FROM wanted WHERE d.webhook_id = $1 AND d.position = wanted.position
           )
           SELECT count(*) AS "deliveries!", max(occurred_at) AS last FROM wanted"#,
        webhook_id,
        from,
        to,
        delivered_too,
        now,
        MOST,
    )
    .fetch_one(connection)
    .await?;
    let has_more = replayed.deliveries >= MOST;
    Ok(Replayed {
        deliveries: replayed.deliveries.cast_unsigned(),
        has_more,
        next_from: replayed.last.filter(|_| has_more),
    })
}
