//! Pricing jobs: rows with a lease are the truth about the work, messages only wake workers up.
//!
//! Locks are always taken job first, then order, then analysis. Every end of a job is fenced by its lease token: a worker that
//! was paused past its lease finds the token gone and its result is dropped.

mod at_once;
mod claim;
mod fairest;
mod lane;
mod requeue;
mod rescue;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use shared::actor::Actor;
use shared::ids::{OrderId, QuoteId};
use shared::order::Order;
use shared::order::decisions::Decided;
use shared::order::price::Price;
use shared::order::stage::{PricingState, Stage};
use shared::quote::decisions::Calculated;
use sqlx::PgConnection;
use uuid::Uuid;

use super::analyses::{self, AnalysisKey};
use super::work::append_events;
use super::{CommandError, Store, log, quotes, rows};

pub use at_once::{MOST_AT_ONCE, PricedJob};
pub use claim::{ClaimedJob, NextJob, Terms};
pub use lane::{Lane, UnknownLane};
pub use rescue::LostJob;

/// Whose word a job's end is in the order's log.
const PRICER: &str = "pricer";

/// What is to be priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An order that was submitted.
    Order(OrderId),
    /// A price that somebody asked for without ordering.
    Quote(QuoteId),
}

impl Subject {
    const fn kind(self) -> &'static str {
        match self {
            Self::Order(_) => "order",
            Self::Quote(_) => "quote",
        }
    }

    /// The raw id: jobs of orders and of quotes share a key, and ids are never given twice.
    pub const fn id(self) -> Uuid {
        match self {
            Self::Order(order_id) => order_id.as_uuid(),
            Self::Quote(quote_id) => quote_id.as_uuid(),
        }
    }

    fn of(kind: &str, id: Uuid) -> Result<Self, CommandError> {
        match kind {
            "order" => Ok(Self::Order(OrderId::new(id))),
            "quote" => Ok(Self::Quote(QuoteId::new(id))),
            other => Err(CommandError::Inconsistent(format!("write.pricing_jobs {id}: {other}"))),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.id())
    }
}

/// What proves that a worker still holds its job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFence {
    /// Whose job.
    pub subject: Subject,
    /// Which of the order's jobs; a quote has one.
    pub generation: u32,
    /// Given at the claim, gone when the lease is lost or the job is not wanted any more.
    pub lease_token: Uuid,
    /// 1 for the first attempt.
    pub attempt: u32,
}

/// A job to be put into its lane.
pub(super) struct NewJob<'a> {
    pub subject: Subject,
    pub generation: u32,
    /// `shop` or `partner:<id>`.
    pub tenant: &'a str,
    pub is_partners: bool,
    pub key: &'a AnalysisKey,
    pub trace_context: Option<&'a str>,
    pub at: DateTime<Utc>,
}

/// Puts the order's pricing into its lane, in the transaction that asks for it.
pub(super) async fn enqueue_order(
    connection: &mut PgConnection,
    order: &Order,
    trace_context: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), CommandError> {
    let Stage::Submitted { spec, pricing } = &order.stage else {
        return Err(CommandError::Inconsistent(format!("pricing job of {} unasked", order.id)));
    };
    let key = AnalysisKey::of(spec);
    if pricing.generation > 1 {
        analyses::forget_refusal(connection, &key).await?;
    }
    let job = NewJob {
        subject: Subject::Order(order.id),
        generation: pricing.generation,
        tenant: &order.origin.tenant(),
        is_partners: order.origin.partner_id().is_some(),
        key: &key,
        trace_context,
        at,
    };
    enqueue(connection, &job).await
}

/// Puts a job into its lane. Ring the doorbell after the commit.
pub(super) async fn enqueue(
    connection: &mut PgConnection,
    job: &NewJob<'_>,
) -> Result<(), CommandError> {
    let facets = rows::model_facets(connection, &job.key.model_id).await?;
    let facets = facets.ok_or_else(|| CommandError::UnknownModel(job.key.model_id.clone()))?;
    sqlx::query!(
        "INSERT INTO write.pricing_jobs
             (order_id, generation, lane, tenant, state, not_before, trace_context, queued_at,
              subject, model_id, unit, facets)
         VALUES ($1, $2, $3, $4, 'queued', $5, $6, $5, $7, $8, $9, $10)",
        job.subject.id(),
        i64::from(job.generation),
        Lane::of(job.is_partners, facets).as_str(),
        job.tenant,
        job.at,
        job.trace_context,
        job.subject.kind(),
        job.key.model_id.as_str(),
        job.key.unit_name(),
        facets,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Nobody wants the price any more: a queued job leaves its lane, a running one loses its lease, so that its worker
/// stops, and whoever waits for its analysis may make it. A job that is locked is just being ended, and finds out by
/// itself. Ring the doorbell after the commit.
pub(super) async fn withdraw(
    connection: &mut PgConnection,
    subject: Subject,
    now: DateTime<Utc>,
) -> Result<(), CommandError> {
    let leases = sqlx::query_scalar!(
        "UPDATE write.pricing_jobs AS j
         SET state = 'cancelled', finished_at = $2, lease_token = NULL, lease_until = NULL
         FROM (SELECT w.order_id, w.generation, w.lease_token FROM write.pricing_jobs AS w
               WHERE w.order_id = $1 AND w.state IN ('queued', 'running')
               FOR UPDATE SKIP LOCKED) AS unwanted
         WHERE j.order_id = unwanted.order_id AND j.generation = unwanted.generation
         RETURNING unwanted.lease_token",
        subject.id(),
        now,
    )
    .fetch_all(&mut *connection)
    .await?;
    for lease_token in leases.into_iter().flatten() {
        analyses::let_go(connection, subject.id(), lease_token, false, now).await?;
    }
    Ok(())
}

/// How far a worker is, for those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it does.
    pub phase: &'static str,
    /// Percent of the whole job.
    pub percent: u8,
}

impl Store {
    /// The worker's heartbeat, for the job and for the analysis that it makes. `false` when the lease is lost or
    /// the price not wanted any more: drop the work.
    pub async fn renew_lease(
        &self,
        fence: &JobFence,
        lease: TimeDelta,
        progress: Progress,
    ) -> Result<bool, CommandError> {
        let renewed = sqlx::query!(
            "WITH job AS (
                 UPDATE write.pricing_jobs SET lease_until = $4, phase = $5, progress = $6
                 WHERE order_id = $1 AND generation = $2 AND lease_token = $3
                 RETURNING lease_token
             ), analysis AS (
                 UPDATE write.analyses AS a SET lease_until = $4 FROM job
                 WHERE a.lease_token = job.lease_token AND a.state = 'running'
             )
             SELECT 1 AS one FROM job",
            fence.subject.id(),
            i64::from(fence.generation),
            fence.lease_token,
            self.clock.now() + lease,
            progress.phase,
            i16::from(progress.percent),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(renewed.is_some())
    }

    /// The price is known. `false` when the lease was lost or the order cancelled: the result is dropped.
    pub async fn finish_job(&self, fence: &JobFence, price: Price) -> Result<bool, CommandError> {
        self.end_job(fence, Verdict::Priced { price: Box::new(price) }).await
    }

    /// No price can be made of this model. `false` as for [`Store::finish_job`].
    pub async fn fail_job(
        &self,
        fence: &JobFence,
        code: &str,
        reason: &str,
    ) -> Result<bool, CommandError> {
        self.end_job(fence, Verdict::Failed { code, reason }).await
    }

    /// Something that the worker needs is away, or the worker stops: the job waits for `delay` and goes back to
    /// its lane; the attempt does not count. `false` as for [`Store::finish_job`].
    pub async fn release_job(
        &self,
        fence: &JobFence,
        reason: &str,
        delay: TimeDelta,
    ) -> Result<bool, CommandError> {
        self.put_back(fence, reason, delay, 0).await
    }

    async fn put_back(
        &self,
        fence: &JobFence,
        reason: &str,
        delay: TimeDelta,
        counted_attempts: i32,
    ) -> Result<bool, CommandError> {
        let at_once = delay <= TimeDelta::zero();
        let mut transaction = self.pool.begin().await?;
        let released = sqlx::query_scalar!(
            "UPDATE write.pricing_jobs
             SET state = 'queued', lease_token = NULL, lease_until = NULL, phase = NULL,
                 progress = NULL, last_error = $4, not_before = coalesce($5, queued_at),
                 attempts = attempts - 1 + $6
             WHERE order_id = $1 AND generation = $2 AND lease_token = $3
             RETURNING trace_context",
            fence.subject.id(),
            i64::from(fence.generation),
            fence.lease_token,
            reason,
            (!at_once).then(|| self.clock.now() + delay),
            counted_attempts,
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(trace) = released else { return Ok(false) };
        let counts = counted_attempts > 0;
        let verdict = Verdict::Interrupted { reason, counts };
        let settled = self.settle(&mut transaction, fence, verdict, trace.as_deref()).await?;
        let freed = self.let_go(&mut transaction, fence, counts).await?;
        transaction.commit().await?;
        if freed || (settled && at_once) {
            self.bells.ring_pricers();
        }
        if settled {
            self.bells.ring_followers();
        }
        Ok(settled)
    }

    async fn end_job(&self, fence: &JobFence, verdict: Verdict<'_>) -> Result<bool, CommandError> {
        let (state, last_error) = match &verdict {
            Verdict::Failed { reason, .. } => ("failed", Some(*reason)),
            _ => ("done", None),
        };
        let mut transaction = self.pool.begin().await?;
        let now = self.clock.now();
        let Some(trace) = end(&mut transaction, fence, state, last_error, now).await? else {
            return Ok(false);
        };
        let settled = self.settle(&mut transaction, fence, verdict, trace.as_deref()).await?;
        let freed = self.let_go(&mut transaction, fence, true).await?;
        transaction.commit().await?;
        if freed {
            self.bells.ring_pricers();
        }
        if settled {
            self.bells.ring_followers();
        }
        Ok(settled)
    }

    async fn let_go(
        &self,
        connection: &mut PgConnection,
        fence: &JobFence,
        counts: bool,
    ) -> Result<bool, CommandError> {
        let job_of = fence.subject.id();
        analyses::let_go(connection, job_of, fence.lease_token, counts, self.clock.now()).await
    }

    /// Tells the order or the quote. One that has moved on (cancelled, say) cancels the job.
    async fn settle(
        &self,
        connection: &mut PgConnection,
        fence: &JobFence,
        verdict: Verdict<'_>,
        trace_context: Option<&str>,
    ) -> Result<bool, CommandError> {
        let now = self.clock.now();
        let settled = match fence.subject {
            Subject::Order(order_id) => {
                let order = lock_order_of_job(connection, order_id).await?;
                self.tell_order(connection, fence, order, verdict, trace_context).await?
            }
            Subject::Quote(quote_id) => match verdict {
                Verdict::Priced { price } => {
                    let is_provisional = price.needs_a_person();
                    let calculated = Calculated { price: *price, is_provisional };
                    quotes::finish(connection, quote_id, calculated, now).await?
                }
                Verdict::Failed { code, reason } => {
                    quotes::fail(connection, quote_id, code, reason, now).await?
                }
                // Those who wait for a quote need not know which attempt it is.
                Verdict::Interrupted { .. } => true,
            },
        };
        if !settled {
            cancel(connection, fence, now).await?;
        }
        Ok(settled)
    }

    async fn tell_order(
        &self,
        connection: &mut PgConnection,
        fence: &JobFence,
        order: Order,
        verdict: Verdict<'_>,
        trace_context: Option<&str>,
    ) -> Result<bool, CommandError> {
        if !is_current(&order, fence.generation) {
            return Ok(false);
        }
        let decision = match verdict {
            Verdict::Priced { price } => order.set_price(*price),
            Verdict::Failed { code, reason } => {
                order.fail_pricing(fence.attempt, code.to_owned(), reason.to_owned())
            }
            Verdict::Interrupted { reason, counts } => {
                order.interrupt_pricing(reason.to_owned(), counts)
            }
        };
        let Ok(decided) = decision else { return Ok(false) };
        self.append_for_job(connection, fence, order, trace_context, decided).await?;
        Ok(true)
    }

    /// What a job decided is the pricer's word in the order's log.
    async fn append_for_job(
        &self,
        connection: &mut PgConnection,
        fence: &JobFence,
        order: Order,
        trace_context: Option<&str>,
        decided: Decided,
    ) -> Result<(), CommandError> {
        let Decided::Events(events) = decided else { return Ok(()) };
        let record = log::Append {
            order_id: order.id,
            before: order.version,
            events: &events,
            actor: &Actor::system(PRICER),
            cause: &cause(fence.generation, fence.attempt),
            trace_context,
            at: self.clock.now(),
        };
        append_events(connection, Some(order), record).await?;
        Ok(())
    }
}

/// How an attempt ended.
enum Verdict<'a> {
    Priced { price: Box<Price> },
    Failed { code: &'a str, reason: &'a str },
    Interrupted { reason: &'a str, counts: bool },
}

async fn lock_order_of_job(
    connection: &mut PgConnection,
    order_id: OrderId,
) -> Result<Order, CommandError> {
    let order = rows::lock(connection, order_id).await?;
    order.ok_or_else(|| {
        CommandError::Inconsistent(format!("pricing job of unknown order {order_id}"))
    })
}

/// The cause of what a job tells the log.
fn cause(generation: u32, attempt: u32) -> String {
    format!("pricing/{generation}/{attempt}")
}

/// A job speaks for its order only while the order's pricing has the job's generation.
fn is_current(order: &Order, generation: u32) -> bool {
    match &order.stage {
        Stage::Submitted { pricing, .. } => {
            let failed = matches!(pricing.state, PricingState::Failed { .. });
            pricing.generation == generation && !failed
        }
        _ => false,
    }
}

/// The job leaves the worker's hand for good. `None` when the lease was lost, and otherwise the job's trace context.
async fn end(
    connection: &mut PgConnection,
    fence: &JobFence,
    state: &str,
    last_error: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<Option<String>>, CommandError> {
    let ended = sqlx::query_scalar!(
        "UPDATE write.pricing_jobs
         SET state = $4, last_error = $5, finished_at = $6, lease_token = NULL,
             lease_until = NULL, phase = NULL, progress = NULL
         WHERE order_id = $1 AND generation = $2 AND lease_token = $3
         RETURNING trace_context",
        fence.subject.id(),
        i64::from(fence.generation),
        fence.lease_token,
        state,
        last_error,
        now,
    )
    .fetch_optional(connection)
    .await?;
    Ok(ended)
}

async fn cancel(
    connection: &mut PgConnection,
    fence: &JobFence,
    now: DateTime<Utc>,
) -> Result<(), CommandError> {
    sqlx::query!(
        "UPDATE write.pricing_jobs
         SET state = 'cancelled', finished_at = $3, lease_token = NULL, lease_until = NULL
         WHERE order_id = $1 AND generation = $2",
        fence.subject.id(),
        i64::from(fence.generation),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn small(number: i64) -> Result<u32, CommandError> {
    u32::try_from(number)
        .map_err(|_| CommandError::Inconsistent(format!("write.pricing_jobs: {number}")))
}
