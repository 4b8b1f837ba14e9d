//! Where an order has been: each step, when, who, and in which trace. Oldest first.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::actor::Actor;
use shared::ids::OrderId;
use shared::order::status::NotAStatus;
use shared::position::Position;
use shared::views::TimelineEntry;
use sqlx::PgConnection;
use sqlx::types::Json;
use web::{Problem, QueryParams};

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader, Screen};
use crate::filter::{Scope, View};
use crate::page::Limit;
use crate::replicas::{AskError, Head, Question, Snapshot};

/// As it arrives.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {
    /// Steps at most, 1 to 200; 200 if not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// Only what came after this version of the order: to go on where a page ended.
    #[serde(default)]
    after_version: u64,
}

/// The timeline of one order.
#[derive(Debug, Clone, Copy)]
pub struct OrderTimeline {
    scope: Scope,
    order_id: OrderId,
    after_version: u64,
    limit: Limit,
}

/// An order's timeline.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Timeline {
    /// Its steps, oldest first.
    pub entries: Vec<TimelineEntry>,
    /// Whether there are more: ask again with `after_version`.
    pub has_more: bool,
    /// Every event up to here is in the timeline.
    pub position: Position,
    /// The timeline was true at this moment at the latest; the header `MES-As-Of` says until when it is known to hold.
    pub as_of: DateTime<Utc>,
}

impl OrderTimeline {
    fn parse(params: &Params, scope: Scope, order_id: OrderId) -> Result<Self, Problem> {
        let limit = Limit::parse(params.limit.or(Some(crate::page::MAX_LIMIT)))
            .map_err(|e| Problem::invalid_field("limit", e.to_string()))?;
        Ok(Self { scope, order_id, after_version: params.after_version, limit })
    }
}

/// As it is stored.
struct Row {
    version: i64,
    kind: String,
    status: String,
    actor: Json<Actor>,
    data: serde_json::Value,
    trace_id: Option<String>,
    occurred_at: DateTime<Utc>,
}

impl Row {
    fn into_entry(self, order_id: OrderId) -> Result<TimelineEntry, AskError> {
        let damaged = |what: String| AskError::Damaged {
            table: "read.timeline",
            row: format!("{order_id} {}", self.version),
            what,
        };
        Ok(TimelineEntry {
            version: u64::try_from(self.version).map_err(|e| damaged(e.to_string()))?,
            status: self.status.parse().map_err(|e: NotAStatus| damaged(e.to_string()))?,
            kind: self.kind,
            actor: self.actor.0,
            data: self.data,
            trace_id: self.trace_id,
            occurred_at: self.occurred_at,
        })
    }
}

impl Question for OrderTimeline {
    type Answer = Option<Timeline>;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let rows = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, o.position AS "order_position?",
                      t.version AS "version?", t.kind AS "kind?", t.status AS "status?",
                      t.actor AS "actor?: Json<Actor>", t.data AS "data?", t.trace_id,
                      t.occurred_at AS "occurred_at?"
               FROM read.checkpoint AS c
               LEFT JOIN read.orders AS o
                 ON o.order_id = $1 AND ($2::uuid IS NULL OR o.partner_id = $2)
               LEFT JOIN LATERAL (
                   SELECT s.version, s.kind, s.status, s.actor, s.data, s.trace_id, s.occurred_at
                   FROM read.timeline AS s
                   WHERE s.order_id = o.order_id AND s.version > $3
                   ORDER BY s.version LIMIT $4
               ) AS t ON true
               ORDER BY t.version"#,
            self.order_id.as_uuid(),
            self.scope.partner().map(|partner_id| partner_id.as_uuid()),
            i64::try_from(self.after_version).unwrap_or(i64::MAX),
            i64::try_from(self.limit.rows_and_one()).unwrap_or(i64::MAX),
        )
        .fetch_all(connection)
        .await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(first.epoch, first.position, first.current_at, first.order_position)?;
        if first.order_position.is_none() {
            return Ok(Snapshot { head, answer: None });
        }
        let rows = rows.into_iter().filter_map(|row| {
            Some(Row {
                version: row.version?,
                kind: row.kind?,
                status: row.status?,
                actor: row.actor?,
                data: row.data?,
                trace_id: row.trace_id,
                occurred_at: row.occurred_at?,
            })
        });
        let entries = rows.map(|row| row.into_entry(self.order_id)).collect::<Result<_, _>>()?;
        Ok(Snapshot { head, answer: Some(self.page(entries, head)) })
    }
}

impl OrderTimeline {
    fn page(&self, mut entries: Vec<TimelineEntry>, head: Head) -> Timeline {
        let has_more = entries.len() > self.limit.rows();
        entries.truncate(self.limit.rows());
        Timeline { entries, has_more, position: head.position, as_of: head.as_of }
    }
}

impl Screen for OrderTimeline {
    type Body = Timeline;

    fn scope(&self) -> Scope {
        self.scope
    }

    /// Every event of an order is a step on its timeline, so the two have one version.
    fn view(&self) -> View {
        View::Order(self.order_id)
    }

    fn filter(&self) -> String {
        format!("timeline:{}:{}", self.after_version, self.limit.rows())
    }
}

/// Where an order has been, step by step.
#[utoipa::path(
    get, path = "/v1/orders/{order_id}/timeline", operation_id = "order_timeline", tag = "orders",
    params(("order_id" = OrderId, Path), Params),
    responses((status = 200, body = Timeline), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    order_id: Path<OrderId>,
    params: QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let timeline = OrderTimeline::parse(&params.0, reader.scope, *order_id)?;
    context.show(&reader, &timeline).await
}
