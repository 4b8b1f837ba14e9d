//! Events that a recipient's queue would not take, by order: the relay tries them again by itself.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::ids::OrderId;
use shared::position::Position;
use sqlx::PgConnection;
use web::{Problem, QueryParams, Role};

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::page::{Limit, Mark};
use crate::replicas::{AskError, Head, Question, Snapshot};

/// As it arrives.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {
    /// Whose: `shop` or `crm`.
    recipient: Option<String>,
    /// Only this order's.
    order_id: Option<OrderId>,
    /// Events at most, 1 to 200; 50 if not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Some parked events.
#[derive(Debug, Clone)]
pub struct ParkedDeliveries {
    recipient: Option<String>,
    order_id: Option<OrderId>,
    limit: Limit,
    after: Option<i64>,
    name: String,
}

/// An event that was not taken.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ParkedDelivery {
    /// By whom.
    pub recipient: String,
    /// Of which order.
    pub order_id: OrderId,
    /// Its place in the log.
    pub log_position: i64,
    /// `unroutable`, `refused`, `behind` (an earlier event of the order) or `resent` (by a person).
    pub reason: String,
    /// Tries so far.
    pub attempts: i32,
    /// When it is tried next, if nothing earlier of the order waits.
    pub next_attempt: DateTime<Utc>,
    /// Since when.
    pub parked_at: DateTime<Utc>,
}

/// A page of parked events.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ParkedDeliveryPage {
    /// As in the log.
    pub deliveries: Vec<ParkedDelivery>,
    /// Names the next page, if there is one.
    pub next_cursor: Option<String>,
    /// The log's position that was visible beside them.
    pub position: Position,
}

impl ParkedDeliveries {
    fn parse(params: Params) -> Result<Self, Problem> {
        let limit = Limit::parse(params.limit)
            .map_err(|e| Problem::invalid_field("limit", e.to_string()))?;
        let Params { recipient, order_id, cursor, .. } = params;
        if recipient.as_deref().is_some_and(|told| !matches!(told, "shop" | "crm")) {
            return Err(Problem::invalid_field("recipient", "`shop` or `crm`"));
        }
        let name = format!("deliveries|{recipient:?}|{order_id:?}");
        let after = cursor.map(|cursor| Mark::from_cursor(&cursor, &name)).transpose();
        let after = after.map_err(|e| Problem::invalid_field("cursor", e.to_string()))?;
        Ok(Self { recipient, order_id, limit, after: after.map(|mark| mark.0), name })
    }
}

impl Question for ParkedDeliveries {
    type Answer = ParkedDeliveryPage;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        // Shop and CRM may both lack one event: the cursor counts pairs, two to a position.
        let rows = sqlx::query!(
            r#"SELECT c.epoch, c.position AS checkpoint, c.current_at, d.place AS "place?",
                      d.recipient, d.order_id, d.position AS log_position, d.reason, d.attempts,
                      d.next_attempt, d.parked_at
               FROM read.checkpoint AS c
               LEFT JOIN LATERAL (
                   SELECT p.recipient, p.order_id, p.position, p.reason, p.attempts, p.next_attempt,
                          p.parked_at, p.position * 2 + (p.recipient = 'crm')::int AS place
                   FROM read.parked_deliveries AS p
                   WHERE ($1::text IS NULL OR p.recipient = $1)
                     AND ($2::uuid IS NULL OR p.order_id = $2)
                     AND p.position * 2 + (p.recipient = 'crm')::int > $3
                   ORDER BY p.position * 2 + (p.recipient = 'crm')::int LIMIT $4
               ) AS d ON true
               ORDER BY d.place"#,
            self.recipient,
            self.order_id.map(|order_id| order_id.as_uuid()),
            self.after.unwrap_or(-1),
            i64::try_from(self.limit.rows_and_one()).unwrap_or(i64::MAX),
        )
        .fetch_all(connection)
        .await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(first.epoch, first.checkpoint, first.current_at, None)?;
        let mut found: Vec<(i64, ParkedDelivery)> = rows
            .into_iter()
            .filter_map(|row| {
                let delivery = ParkedDelivery {
                    recipient: row.recipient?,
                    order_id: OrderId::new(row.order_id?),
                    log_position: row.log_position?,
                    reason: row.reason?,
                    attempts: row.attempts?,
                    next_attempt: row.next_attempt?,
                    parked_at: row.parked_at?,
                };
                Some((row.place?, delivery))
            })
            .collect();
        let more = found.len() > self.limit.rows();
        found.truncate(self.limit.rows());
        let last = found.last().filter(|_| more);
        let next_cursor = last.map(|(place, _)| Mark(*place).to_cursor(&self.name));
        let deliveries = found.into_iter().map(|(_, delivery)| delivery).collect();
        let position = head.position;
        Ok(Snapshot { head, answer: ParkedDeliveryPage { deliveries, next_cursor, position } })
    }
}

/// Events that a recipient's queue would not take, in the order of the log. For people of the office.
#[utoipa::path(
    get, path = "/v1/parked-deliveries", operation_id = "parked_deliveries", tag = "messages",
    params(Params),
    responses((status = 200, body = ParkedDeliveryPage), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    params: QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    reader.caller.require_role(&[Role::Seller, Role::Admin])?;
    context.answer(&reader, &ParkedDeliveries::parse(params.0)?).await
}
