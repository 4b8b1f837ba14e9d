//! Which order is meant: by our id, or by the number that the shop or a partner knows.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::position::Position;
use shared::views::BoardRow;
use sqlx::PgConnection;
use sqlx::types::{Json, JsonRawValue};
use uuid::Uuid;
use web::{Problem, QueryParams};

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::filter::Scope;
use crate::replicas::{AskError, Head, Question, Snapshot, order_from};

/// The shop and each partner number their orders for themselves, so one number may mean a few orders.
const MOST_FOUND: usize = 20;
const LONGEST_REFERENCE: usize = 200;

/// As it arrives.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {
    /// An order's id, or what the shop or the partner calls it; the whole of it.
    #[param(min_length = 1, max_length = 200)]
    reference: String,
}

/// A search for one reference.
#[derive(Debug, Clone)]
pub struct OrderSearch {
    scope: Scope,
    reference: String,
}

/// Orders that are called so.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Found {
    /// At most 20, the newest first.
    pub orders: Vec<BoardRow>,
    /// Whether more orders are called so.
    pub has_more: bool,
    /// Every event up to here was searched.
    pub position: Position,
    /// Everything that happened before this moment was searched.
    pub as_of: DateTime<Utc>,
}

impl OrderSearch {
    fn parse(params: &Params, scope: Scope) -> Result<Self, Problem> {
        let reference = params.reference.trim().to_owned();
        let fits = !reference.is_empty()
            && reference.len() <= LONGEST_REFERENCE
            && !reference.contains('\0');
        if !fits {
            let message = format!("1 to {LONGEST_REFERENCE} characters that can be a reference");
            return Err(Problem::invalid_field("reference", message));
        }
        Ok(Self { scope, reference })
    }
}

impl Question for OrderSearch {
    type Answer = Found;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        // Two indexed look-ups instead of an `OR`, each bounded by itself.
        let rows = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, f.order_id AS "order_id?",
                      f.state AS "state?: Json<Box<JsonRawValue>>"
               FROM read.checkpoint AS c
               LEFT JOIN LATERAL (
                   SELECT o.order_id, o.state FROM read.orders AS o
                   WHERE o.order_id = $1 AND ($3::uuid IS NULL OR o.partner_id = $3)
                   UNION ALL
                   (SELECT o.order_id, o.state FROM read.orders AS o
                    WHERE o.external_id = $2 AND o.order_id IS DISTINCT FROM $1
                      AND ($3::uuid IS NULL OR o.partner_id = $3)
                    ORDER BY o.order_id DESC LIMIT $4)
               ) AS f ON true
               ORDER BY f.order_id DESC LIMIT $4"#,
            self.reference.parse::<Uuid>().ok(),
            self.reference,
            self.scope.partner().map(|partner_id| partner_id.as_uuid()),
            i64::try_from(MOST_FOUND + 1).unwrap_or(i64::MAX),
        )
        .fetch_all(connection)
        .await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(first.epoch, first.position, first.current_at, None)?;
        let mut orders = Vec::new();
        for row in rows {
            if let (Some(order_id), Some(Json(state))) = (row.order_id, row.state) {
                orders.push(BoardRow::from(&order_from(order_id, &state)?));
            }
        }
        let has_more = orders.len() > MOST_FOUND;
        orders.truncate(MOST_FOUND);
        let found = Found { orders, has_more, position: head.position, as_of: head.as_of };
        Ok(Snapshot { head, answer: found })
    }
}

/// Orders by reference.
#[utoipa::path(
    get, path = "/v1/orders", operation_id = "order_search", tag = "orders", params(Params),
    responses((status = 200, body = Found), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    params: QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let search = OrderSearch::parse(&params.0, reader.scope)?;
    context.answer(&reader, &search).await
}
