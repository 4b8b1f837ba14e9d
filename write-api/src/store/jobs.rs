//! Pricing jobs: rows with a lease are the truth about the work, messages only wake workers up.
//!
//! Locks are always taken job first, then order. Every end of a job is fenced by its lease token: a worker that
//! was paused past its lease finds the token gone and its result is dropped.

use chrono::{DateTime, TimeDelta, Utc};
use shared::actor::Actor;
use shared::ids::OrderId;
use shared::order::Order;
use shared::order::decisions::{Decided, Decision};
use shared::order::price::Price;
use shared::order::spec::WorkSpec;
use shared::order::stage::{PricingState, Stage};
use sqlx::PgConnection;
use uuid::Uuid;

use super::work::append_events;
use super::{CommandError, Store, log, rows};

/// From this many facets on a model is priced in the long lane.
const LONG_FROM_FACETS: i64 = 200_000;

/// Who waits behind whom: a long job never blocks short ones, a partner's flood never starves the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "channel × length, as the names say")]
pub enum Lane {
    ShopShort,
    ShopLong,
    PartnerShort,
    PartnerLong,
}

impl Lane {
    /// All lanes.
    pub const ALL: [Self; 4] =
        [Self::ShopShort, Self::ShopLong, Self::PartnerShort, Self::PartnerLong];

    /// The name in rows, queues and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ShopShort => "shop-short",
            Self::ShopLong => "shop-long",
            Self::PartnerShort => "partner-short",
            Self::PartnerLong => "partner-long",
        }
    }

    const fn of(order: &Order, facets: i64) -> Self {
        let long = facets >= LONG_FROM_FACETS;
        match (order.origin.partner_id(), long) {
            (None, false) => Self::ShopShort,
            (None, true) => Self::ShopLong,
            (Some(_), false) => Self::PartnerShort,
            (Some(_), true) => Self::PartnerLong,
        }
    }
}

/// What proves that a worker still holds its job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFence {
    /// Whose job.
    pub order_id: OrderId,
    /// Which of the order's jobs.
    pub generation: u32,
    /// Given at the claim, gone when the lease is lost.
    pub lease_token: Uuid,
    /// 1 for the first attempt.
    pub attempt: u32,
}

/// A job that a worker has claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedJob {
    /// Needed for every later word about the job.
    pub fence: JobFence,
    /// What is to be priced.
    pub spec: WorkSpec,
    /// W3C `traceparent` of the submission.
    pub trace_context: Option<String>,
}

/// Puts the order's pricing into its lane, in the transaction that asks for it.
pub(super) async fn enqueue(
    connection: &mut PgConnection,
    order: &Order,
    trace_context: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), CommandError> {
    let Stage::Submitted { spec, pricing } = &order.stage else {
        return Err(CommandError::Inconsistent(format!("pricing job of {} unasked", order.id)));
    };
    let facets = rows::model_facets(connection, &spec.model_id).await?;
    let facets = facets.ok_or_else(|| CommandError::UnknownModel(spec.model_id.clone()))?;
    sqlx::query!(
        "INSERT INTO write.pricing_jobs
             (order_id, generation, lane, tenant, state, not_before, trace_context, queued_at)
         VALUES ($1, $2, $3, $4, 'queued', $5, $6, $5)",
        order.id.as_uuid(),
        i64::from(pricing.generation),
        Lane::of(order, facets).as_str(),
        order.origin.tenant(),
        at,
        trace_context,
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Claims the fairest next job of a lane: the tenant with the fewest running jobs, then its oldest job.
    ///
    /// `None` when nothing is due.
    #[tracing::instrument(name = "db.pricing_job.claim", skip(self), err(level = "debug"))]
    pub async fn claim_job(
        &self,
        lane: Lane,
        lease: TimeDelta,
    ) -> Result<Option<ClaimedJob>, CommandError> {
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let Some(fence) =
            lease_fairest(&mut transaction, lane, self.ids.next(), now, now + lease).await?
        else {
            return Ok(None);
        };
        let job = lock_order_of(&mut transaction, &fence).await?;
        let (attempt, trace_context) = (fence.attempt, job.trace_context.clone());
        let spec = job.order.stage.spec().cloned();
        let start = |order: &Order| order.start_pricing(attempt);
        let started = self.settle(&mut transaction, &fence, job, start).await?;
        transaction.commit().await?;
        match (started, spec) {
            (true, Some(spec)) => Ok(Some(ClaimedJob { fence, spec, trace_context })),
            // The order was cancelled meanwhile, and its job with it: look again.
            _ => Box::pin(self.claim_job(lane, lease)).await,
        }
    }

    /// The worker's heartbeat. `false` when the lease is lost: drop the work.
    pub async fn renew_lease(
        &self,
        fence: &JobFence,
        lease: TimeDelta,
    ) -> Result<bool, CommandError> {
        let renewed = sqlx::query!(
            "UPDATE write.pricing_jobs SET lease_until = $4
             WHERE order_id = $1 AND generation = $2 AND lease_token = $3",
            fence.order_id.as_uuid(),
            i64::from(fence.generation),
            fence.lease_token,
            self.clock.now() + lease,
        )
        .execute(&self.pool)
        .await?
        .rows_affected();
        Ok(renewed == 1)
    }

    /// The price is known. `false` when the lease was lost or the order cancelled: the result is dropped.
    pub async fn finish_job(&self, fence: &JobFence, price: Price) -> Result<bool, CommandError> {
        self.end_job(fence, "done", None, |order| order.set_price(price)).await
    }

    /// No price can be made of this model. `false` as for [`Store::finish_job`].
    pub async fn fail_job(
        &self,
        fence: &JobFence,
        code: &str,
        reason: &str,
    ) -> Result<bool, CommandError> {
        let (attempts, code) = (fence.attempt, code.to_owned());
        self.end_job(fence, "failed", Some(reason), |order| {
            order.fail_pricing(attempts, code, reason.to_owned())
        })
        .await
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
        let mut transaction = self.pool.begin().await?;
        let released = sqlx::query!(
            "UPDATE write.pricing_jobs
             SET state = 'queued', lease_token = NULL, lease_until = NULL,
                 last_error = $4, not_before = $5, attempts = attempts - 1 + $6
             WHERE order_id = $1 AND generation = $2 AND lease_token = $3",
            fence.order_id.as_uuid(),
            i64::from(fence.generation),
            fence.lease_token,
            reason,
            self.clock.now() + delay,
            counted_attempts,
        )
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if released == 0 {
            return Ok(false);
        }
        let job = lock_order_of(&mut transaction, fence).await?;
        let interrupt = |order: &Order| order.interrupt_pricing(reason.to_owned());
        let settled = self.settle(&mut transaction, fence, job, interrupt).await?;
        transaction.commit().await?;
        Ok(settled)
    }

    /// Puts jobs whose lease ran out back to their lanes, and fails those that have used up `max_attempts`.
    /// Answers how many it found, at most `limit`.
    #[tracing::instrument(name = "db.pricing_job.rescue", skip_all, err(level = "debug"))]
    pub async fn rescue_jobs(&self, max_attempts: u32, limit: i64) -> Result<usize, CommandError> {
        let expired = sqlx::query!(
            r#"SELECT order_id, generation, attempts, lease_token AS "lease_token!"
               FROM write.pricing_jobs WHERE state = 'running' AND lease_until < $1
               ORDER BY lease_until LIMIT $2"#,
            self.clock.now(),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let found = expired.len();
        for row in expired {
            let fence = JobFence {
                order_id: OrderId::new(row.order_id),
                generation: small(row.generation)?,
                lease_token: row.lease_token,
                attempt: small(row.attempts.into())?,
            };
            self.rescue(&fence, max_attempts).await?;
        }
        Ok(found)
    }

    async fn rescue(&self, fence: &JobFence, max_attempts: u32) -> Result<bool, CommandError> {
        if fence.attempt >= max_attempts {
            let reason = format!("{} attempts ended without an answer", fence.attempt);
            self.fail_job(fence, "attempts-exhausted", &reason).await
        } else {
            self.put_back(fence, "the worker's lease ran out", TimeDelta::zero(), 1).await
        }
    }

    async fn end_job(
        &self,
        fence: &JobFence,
        state: &str,
        last_error: Option<&str>,
        decide: impl FnOnce(&Order) -> Decision + Send,
    ) -> Result<bool, CommandError> {
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let ended = sqlx::query!(
            "UPDATE write.pricing_jobs
             SET state = $4, last_error = $5, finished_at = $6, lease_token = NULL, lease_until = NULL
             WHERE order_id = $1 AND generation = $2 AND lease_token = $3",
            fence.order_id.as_uuid(),
            i64::from(fence.generation),
            fence.lease_token,
            state,
            last_error,
            now,
        )
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if ended == 0 {
            return Ok(false);
        }
        let job = lock_order_of(&mut transaction, fence).await?;
        let settled = self.settle(&mut transaction, fence, job, decide).await?;
        transaction.commit().await?;
        Ok(settled)
    }

    /// Records what the job means for its order. An order that has moved on (cancelled, say) cancels the job.
    async fn settle(
        &self,
        connection: &mut PgConnection,
        fence: &JobFence,
        LockedJob { order, trace_context }: LockedJob,
        decide: impl FnOnce(&Order) -> Decision + Send,
    ) -> Result<bool, CommandError> {
        let decided = if is_current(&order, fence) { decide(&order).ok() } else { None };
        let Some(decided) = decided else {
            cancel(connection, fence, self.clock.now()).await?;
            return Ok(false);
        };
        let Decided::Events(events) = decided else { return Ok(true) };
        let record = log::Append {
            order_id: order.id,
            before: order.version,
            events: &events,
            actor: &Actor::system("pricer"),
            cause: &format!("pricing/{}/{}", fence.generation, fence.attempt),
            trace_context: trace_context.as_deref(),
            at: self.clock.now(),
        };
        append_events(connection, Some(order), record).await?;
        Ok(true)
    }
}

/// A job's order, locked, and the trace that the job belongs to.
struct LockedJob {
    order: Order,
    trace_context: Option<String>,
}

async fn lock_order_of(
    connection: &mut PgConnection,
    fence: &JobFence,
) -> Result<LockedJob, CommandError> {
    let trace_context = sqlx::query_scalar!(
        "SELECT trace_context FROM write.pricing_jobs WHERE order_id = $1 AND generation = $2",
        fence.order_id.as_uuid(),
        i64::from(fence.generation),
    )
    .fetch_one(&mut *connection)
    .await?;
    let order = rows::lock(connection, fence.order_id).await?.ok_or_else(|| {
        CommandError::Inconsistent(format!("pricing job of unknown order {}", fence.order_id))
    })?;
    Ok(LockedJob { order, trace_context })
}

/// A job speaks for its order only while the order's pricing has the job's generation.
fn is_current(order: &Order, fence: &JobFence) -> bool {
    match &order.stage {
        Stage::Submitted { pricing, .. } => {
            let failed = matches!(pricing.state, PricingState::Failed { .. });
            pricing.generation == fence.generation && !failed
        }
        _ => false,
    }
}

async fn lease_fairest(
    connection: &mut PgConnection,
    lane: Lane,
    lease_token: Uuid,
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
) -> Result<Option<JobFence>, CommandError> {
    // The recursive part hops from tenant to tenant along the index instead of reading every queued job.
    let leased = sqlx::query!(
        r#"WITH RECURSIVE tenants AS (
               (SELECT tenant FROM write.pricing_jobs
                WHERE lane = $1 AND state = 'queued' ORDER BY tenant LIMIT 1)
               UNION ALL
               SELECT (SELECT j.tenant FROM write.pricing_jobs AS j
                       WHERE j.lane = $1 AND j.state = 'queued' AND j.tenant > t.tenant
                       ORDER BY j.tenant LIMIT 1)
               FROM tenants AS t WHERE t.tenant IS NOT NULL
           ),
           fairest AS (
               SELECT job.order_id, job.generation
               FROM tenants AS t
               CROSS JOIN LATERAL (
                   SELECT j.order_id, j.generation, j.queued_at FROM write.pricing_jobs AS j
                   WHERE j.lane = $1 AND j.state = 'queued' AND j.tenant = t.tenant
                     AND j.not_before <= $2
                   ORDER BY j.queued_at LIMIT 1 FOR UPDATE SKIP LOCKED
               ) AS job
               ORDER BY (SELECT count(*) FROM write.pricing_jobs AS r
                         WHERE r.state = 'running' AND r.lane = $1 AND r.tenant = t.tenant),
                        job.queued_at
               LIMIT 1
           )
           UPDATE write.pricing_jobs AS j
           SET state = 'running', attempts = j.attempts + 1, lease_token = $3, lease_until = $4
           FROM fairest WHERE j.order_id = fairest.order_id AND j.generation = fairest.generation
           RETURNING j.order_id, j.generation, j.attempts"#,
        lane.as_str(),
        now,
        lease_token,
        lease_until,
    )
    .fetch_optional(connection)
    .await?;
    leased
        .map(|row| {
            Ok(JobFence {
                order_id: OrderId::new(row.order_id),
                generation: small(row.generation)?,
                lease_token,
                attempt: small(row.attempts.into())?,
            })
        })
        .transpose()
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
        fence.order_id.as_uuid(),
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
