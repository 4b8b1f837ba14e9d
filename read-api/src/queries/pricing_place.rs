//! How far the price of an order is: its place in the queue, when it may be expected, and what the worker does.
//!
//! The answer is never kept: it changes without an event. Fairness decides who comes next (`write_api::store::Store::
//! next_job`: tenants take turns), so the place counts as many jobs of every other tenant as are ahead in one's own
//! queue. The time expected is that place times the recent pace of the lane, in which the number of workers, their
//! other lanes and the size of usual models are contained. Both are estimates: who comes late and takes a turn, or a
//! monster, is not foreseen.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::ids::OrderId;
use shared::position::Position;
use sqlx::PgConnection;
use uuid::Uuid;
use web::Problem;

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::filter::Scope;
use crate::replicas::{AskError, Head, Question, Snapshot};

/// Jobs of one's own that are counted at most; a place beyond is "at least".
const OWN_COUNTED: i64 = 5_000;
/// The same of every other tenant: there may be many.
const OTHERS_COUNTED: i64 = 500;

/// The place of a job, of an order or of a quote.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PricingPlace {
    /// `queued` or `running`.
    pub state: String,
    /// Attempts begun, the running one included.
    pub attempts: i32,
    /// Since when it waits; the first attempt counts.
    pub queued_at: DateTime<Utc>,
    /// Since when the running attempt is in hand.
    pub started_at: Option<DateTime<Utc>>,
    /// What the worker does: `waiting` (for memory), `fetching`, `reading`, `analysing`
    /// or `pricing`.
    pub phase: Option<String>,
    /// How much of the work usually lies behind when this part of it begins, percent.
    pub percent: Option<i16>,
    /// 1 is next; while queued.
    pub place: Option<i64>,
    /// Whether so many wait that the place is only the least that it can be.
    pub place_is_at_least: bool,
    /// When the price may be expected, by the recent pace of the lane; `null` before there is any, and where the place
    /// is not known either.
    pub expected_at: Option<DateTime<Utc>>,
}

/// How far the price of an order is.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct OrderPricing {
    /// `null` when nothing is to be calculated: the card says what became of it.
    pub pricing: Option<PricingPlace>,
    /// Every event up to here was seen.
    pub position: Position,
}

/// The place of one order's pricing.
#[derive(Debug, Clone, Copy)]
pub struct PricingOfOrder {
    scope: Scope,
    order_id: OrderId,
}

/// The place of a job in its lane; `None` when it neither waits nor runs.
pub async fn place_of(
    connection: &mut PgConnection,
    subject_id: Uuid,
) -> Result<Option<PricingPlace>, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT q.lane AS "lane!", q.tenant AS "tenant!", q.state AS "state!",
                  q.attempts AS "attempts!", q.queued_at AS "queued_at!", q.started_at, q.phase,
                  q.progress, pace.seconds_a_job, pace.seconds_in_hand, now() AS "now!"
           FROM read.pricing_queue AS q
           LEFT JOIN read.pricing_pace AS pace ON pace.lane = q.lane
           WHERE q.subject_id = $1 ORDER BY q.generation DESC LIMIT 1"#,
        subject_id,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let mut place = PricingPlace {
        state: row.state,
        attempts: row.attempts,
        queued_at: row.queued_at,
        started_at: None,
        phase: row.phase,
        percent: row.progress,
        place: None,
        place_is_at_least: false,
        expected_at: None,
    };
    if place.state == "queued" {
        let ahead = ahead(connection, &row.lane, &row.tenant, row.queued_at).await?;
        place.place = Some(ahead.jobs + 1);
        place.place_is_at_least = ahead.are_more;
        let seconds = row.seconds_a_job.filter(|_| !ahead.are_more);
        place.expected_at =
            seconds.and_then(|each| after(row.now, each * approximately(ahead.jobs + 1)));
    } else {
        place.started_at = row.started_at;
        let end = row.started_at.zip(row.seconds_in_hand);
        let end = end.and_then(|(since, pace)| after(since, pace));
        place.expected_at = end.map(|end| end.max(row.now));
    }
    Ok(Some(place))
}

/// Jobs that are begun before one's own.
struct Ahead {
    jobs: i64,
    /// So many that not all were counted.
    are_more: bool,
}

async fn ahead(
    connection: &mut PgConnection,
    lane: &str,
    tenant: &str,
    since: DateTime<Utc>,
) -> Result<Ahead, sqlx::Error> {
    let row = sqlx::query!(
        r#"WITH RECURSIVE own AS (
               SELECT count(*) AS ahead FROM (
                   SELECT 1 FROM read.pricing_queue AS q
                   WHERE q.state = 'queued' AND q.lane = $1 AND q.tenant = $2
                     AND q.not_before < $3
                   LIMIT $4) AS counted
           ), tenants AS (
               (SELECT q.tenant FROM read.pricing_queue AS q
                WHERE q.state = 'queued' AND q.lane = $1 ORDER BY q.tenant LIMIT 1)
               UNION ALL
               SELECT (SELECT q.tenant FROM read.pricing_queue AS q
                       WHERE q.state = 'queued' AND q.lane = $1 AND q.tenant > t.tenant
                       ORDER BY q.tenant LIMIT 1)
               FROM tenants AS t WHERE t.tenant IS NOT NULL
           ), others AS (
               SELECT coalesce(sum(least(n.waiting, own.ahead + 1)), 0)::bigint AS ahead,
                      coalesce(bool_or(n.waiting = $5 AND own.ahead >= $5), false) AS are_more
               FROM own, tenants AS t
               CROSS JOIN LATERAL (
                   SELECT count(*) AS waiting FROM (
                       SELECT 1 FROM read.pricing_queue AS q
                       WHERE q.state = 'queued' AND q.lane = $1 AND q.tenant = t.tenant
                       ORDER BY q.not_before LIMIT $5) AS counted) AS n
               WHERE t.tenant <> $2
           )
           SELECT own.ahead + others.ahead AS "jobs!",
                  own.ahead = $4 OR others.are_more AS "are_more!"
           FROM own CROSS JOIN others"#,
        lane,
        tenant,
        since,
        OWN_COUNTED,
        OTHERS_COUNTED,
    )
    .fetch_one(connection)
    .await?;
    Ok(Ahead { jobs: row.jobs, are_more: row.are_more })
}

#[expect(clippy::cast_precision_loss, reason = "a place is far below 2^53")]
const fn approximately(place: i64) -> f64 {
    place as f64
}

/// `None` beyond a year: that is no estimate any more.
fn after(from: DateTime<Utc>, seconds: f64) -> Option<DateTime<Utc>> {
    let wait = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    let wait = chrono::TimeDelta::from_std(wait).ok()?;
    (wait < chrono::TimeDelta::days(365)).then(|| from + wait)
}

impl Question for PricingOfOrder {
    type Answer = Option<OrderPricing>;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let row = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, o.position AS "order_position?"
               FROM read.checkpoint AS c
               LEFT JOIN read.orders AS o
                 ON o.order_id = $1 AND ($2::uuid IS NULL OR o.partner_id = $2)"#,
            self.order_id.as_uuid(),
            self.scope.partner().map(|partner_id| partner_id.as_uuid()),
        )
        .fetch_optional(&mut *connection)
        .await?
        .ok_or_else(no_checkpoint)?;
        let head = Head::new(row.epoch, row.position, row.current_at, row.order_position)?;
        if row.order_position.is_none() {
            return Ok(Snapshot { head, answer: None });
        }
        let pricing = place_of(connection, self.order_id.as_uuid()).await?;
        Ok(Snapshot { head, answer: Some(OrderPricing { pricing, position: head.position }) })
    }
}

/// How far the price of an order is: its place, when it may be expected, and what the worker does.
#[utoipa::path(
    get, path = "/v1/orders/{order_id}/pricing", operation_id = "order_pricing", tag = "orders",
    params(("order_id" = OrderId, Path)),
    responses((status = 200, body = OrderPricing), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    order_id: Path<OrderId>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let question = PricingOfOrder { scope: reader.scope, order_id: *order_id };
    context.answer_if_there(&reader, &question).await
}
