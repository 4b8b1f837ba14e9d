//! What a webhook was told, what it said, and what still waits: the delivery log, newest event first.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::contracts::outbound::event_id;
use shared::ids::OrderId;
use shared::position::Position;
use sqlx::PgConnection;
use uuid::Uuid;
use web::{Problem, QueryParams};

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::filter::Scope;
use crate::page::Limit;
use crate::replicas::{AskError, Head, Question, Snapshot};

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is sent, or sent again, in its turn.
    Waiting,
    /// The receiver took it.
    Delivered,
    /// It was tried for a day and given up; it can be replayed.
    Failed,
}

impl DeliveryState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// As it arrives.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {
    /// Only those in this state.
    #[param(inline)]
    state: Option<DeliveryState>,
    /// `next` of the page before.
    before: Option<Position>,
    /// Deliveries at most, 1 to 200; 50 if not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
}

/// Deliveries of a webhook.
#[derive(Debug, Clone, Copy)]
pub struct WebhookDeliveries {
    scope: Scope,
    webhook_id: Uuid,
    state: Option<DeliveryState>,
    before: Option<Position>,
    limit: Limit,
}

/// A line of the delivery log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Delivery {
    /// The header `webhook-id`, and the event's id.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    pub order_id: OrderId,
    /// `waiting`, `delivered` or `failed`.
    pub state: String,
    /// Attempts since it was last put into the queue.
    pub attempts: i32,
    /// Messages ever sent.
    pub sent: i32,
    /// When the event happened.
    pub occurred_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sent_at: Option<DateTime<Utc>>,
    /// The HTTP status of the last answer, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_status: Option<i32>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Not tried again before; of one that waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
}

/// Some of the delivery log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeliveryPage {
    /// Those of the newest event first.
    pub deliveries: Vec<Delivery>,
    /// Whether there are older ones.
    pub has_more: bool,
    /// Send it as `before` to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Position>,
}

impl WebhookDeliveries {
    fn parse(params: &Params, reader: &Reader, webhook_id: Uuid) -> Result<Self, Problem> {
        let limit = Limit::parse(params.limit)
            .map_err(|error| Problem::invalid_field("limit", error.to_string()))?;
        let Params { state, before, .. } = *params;
        Ok(Self { scope: reader.scope, webhook_id, state, before, limit })
    }

    fn page(&self, mut deliveries: Vec<(u64, Delivery)>, head: Head) -> DeliveryPage {
        let has_more = deliveries.len() > self.limit.rows();
        deliveries.truncate(self.limit.rows());
        let last = deliveries.last().map(|(position, _)| *position).filter(|_| has_more);
        let next = last.map(|position| Position { position, ..head.position });
        let deliveries = deliveries.into_iter().map(|(_, delivery)| delivery).collect();
        DeliveryPage { deliveries, has_more, next }
    }
}

impl Question for WebhookDeliveries {
    type Answer = Option<DeliveryPage>;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let rows = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, w.webhook_id AS "webhook_id?",
                      d.position AS "event_position?", d.order_id AS "order_id?", d.version AS "version?",
                      d.kind AS "kind?", d.state AS "state?", d.attempts AS "attempts?", d.sent AS "sent?",
                      d.next_attempt AS "next_attempt?", d.occurred_at AS "occurred_at?",
                      d.last_sent_at, d.last_status, d.last_error, d.finished_at
               FROM read.checkpoint AS c
               LEFT JOIN read.webhooks AS w
                 ON w.webhook_id = $1 AND ($2::uuid IS NULL OR w.partner_id = $2)
               LEFT JOIN LATERAL (
                   SELECT v.position, v.order_id, v.version, v.kind, v.state, v.attempts, v.sent,
                          v.next_attempt, v.occurred_at, v.last_sent_at, v.last_status, v.last_error,
                          v.finished_at
                   FROM read.webhook_deliveries AS v
                   WHERE v.webhook_id = w.webhook_id AND v.position < $3 AND ($4::text IS NULL OR v.state = $4)
                   ORDER BY v.position DESC LIMIT $5
               ) AS d ON true
               ORDER BY d.position DESC"#,
            self.webhook_id,
            self.scope.partner().map(|partner_id| partner_id.as_uuid()),
            self.before.map_or(i64::MAX, |before| i64::try_from(before.position).unwrap_or(i64::MAX)),
            self.state.map(DeliveryState::as_str),
            i64::try_from(self.limit.rows_and_one()).unwrap_or(i64::MAX),
        )
        .fetch_all(connection)
        .await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(first.epoch, first.position, first.current_at, None)?;
        if first.webhook_id.is_none() {
            return Ok(Snapshot { head, answer: None });
        }
        let deliveries = rows.into_iter().filter_map(|row| {
            let (order_id, version) = (OrderId::new(row.order_id?), row.version?.cast_unsigned());
            let state = row.state?;
            let next_attempt = row.next_attempt.filter(|_| state == "waiting");
            let delivery = Delivery {
                id: event_id(order_id, version),
                kind: row.kind?,
                order_id,
                state,
                attempts: row.attempts?,
                sent: row.sent?,
                occurred_at: row.occurred_at?,
                last_sent_at: row.last_sent_at,
                last_status: row.last_status,
                last_error: row.last_error,
                next_attempt,
                finished_at: row.finished_at,
            };
            Some((row.event_position?.cast_unsigned(), delivery))
        });
        let answer = Some(self.page(deliveries.collect(), head));
        Ok(Snapshot { head, answer })
    }
}

/// What a webhook was told, newest event first.
#[utoipa::path(
    get, path = "/v1/webhooks/{webhook_id}/deliveries", operation_id = "webhook_deliveries", tag = "partners",
    params(("webhook_id" = Uuid, Path), Params),
    responses((status = 200, body = DeliveryPage), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    webhook_id: Path<Uuid>,
    params: QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let deliveries = WebhookDeliveries::parse(&params.0, &reader, *webhook_id)?;
    context.answer_if_there(&reader, &deliveries).await
}
