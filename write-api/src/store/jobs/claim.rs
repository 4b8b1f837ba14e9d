//! Taking the fairest next job of some lanes, together with the lease of the analysis that it needs.

use chrono::{DateTime, TimeDelta, Utc};
use shared::ids::QuoteId;
use shared::order::Order;
use shared::order::spec::WorkSpec;
use shared::platform::database::WITHOUT_WAITING;
use sqlx::PgConnection;
use uuid::Uuid;

use super::at_once::{MOST_AT_ONCE, PricedJob};
use super::fairest::{Busy, Due, lanes_with_work, lock_fairest};
use super::{JobFence, Lane, Subject, cancel, is_current, lock_order_of_job};
use crate::store::analyses::{self, AnalysisKey, Asked, Found, Known, Need};
use crate::store::{CommandError, Store, quotes};

/// Before an order that cannot be read is looked at again: by then it may be mended, or this program be newer.
const UNREADABLE_PAUSE: TimeDelta = TimeDelta::seconds(60);

/// On what terms jobs are claimed.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How long a job stays claimed without a heartbeat.
    pub lease: TimeDelta,
    /// How often the analysis of a file may be begun before it counts as one that kills workers.
    pub max_attempts: u32,
    /// Between the beginnings of two jobs of one partner in a lane, on all workers together.
    pub partner_pause: TimeDelta,
}

/// A job that a worker has claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedJob {
    /// Needed for every later word about the job.
    pub fence: JobFence,
    /// Where it waited.
    pub lane: Lane,
    /// What is to be priced.
    pub spec: WorkSpec,
    /// What the price needs first.
    pub need: Need,
    /// For how long it was in its lane, from the first time on.
    pub waited: TimeDelta,
    /// W3C `traceparent` of the submission.
    pub trace_context: Option<String>,
}

impl ClaimedJob {
    /// Which analysis the price is made from.
    pub fn key(&self) -> AnalysisKey {
        AnalysisKey::of(&self.spec)
    }
}

/// What became of the next job of some lanes.
#[derive(Debug, Clone, PartialEq)]
pub enum NextJob {
    /// None is due.
    Nothing,
    /// Jobs are due that are others' to begin, or whose partner had a turn just now.
    NotYet,
    /// It is the worker's to end.
    Claimed(Box<ClaimedJob>),
    /// These have ended, at least one: all that their prices need was known.
    Priced(Vec<PricedJob>),
}

/// A look into the lanes that may have to be repeated.
enum Look {
    /// A job that nobody wants, or that waits for another's analysis: look again.
    Passed,
    Over(NextJob),
}

impl NextJob {
    /// The job, if it is the worker's to end.
    pub fn claimed(self) -> Option<ClaimedJob> {
        match self {
            Self::Claimed(job) => Some(*job),
            Self::Nothing | Self::NotYet | Self::Priced(_) => None,
        }
    }
}

impl Store {
    /// Deals with the fairest next job of the first of `lanes` that has one for this worker: of the tenant with the
    /// fewest running jobs, among these of the one served longest ago, the job that is due longest. If all that its
    /// price needs is known it is priced in the transaction that takes it, together with those whose turn comes
    /// after it, and otherwise claimed.
    ///
    /// Of a partner a job begins at most every [`Terms::partner_pause`]: what follows a price (messages, the board)
    /// runs on the same machines as everybody else's orders, and taking turns in a lane does not share those.
    ///
    /// A job whose analysis is being made by another worker is set aside, and does not count as begun.
    #[tracing::instrument(name = "db.pricing_job.next", skip_all, err(level = "debug"))]
    pub async fn next_job(&self, lanes: &[Lane], terms: Terms) -> Result<NextJob, CommandError> {
        loop {
            if let Look::Over(next) = self.look_into(lanes, terms).await? {
                return Ok(next);
            }
        }
    }

    async fn look_into(&self, lanes: &[Lane], terms: Terms) -> Result<Look, CommandError> {
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let mut next = NextJob::Nothing;
        for Busy { lane, needs } in lanes_with_work(&mut transaction, lanes, now).await? {
            // Jobs that are to be claimed are not locked beyond the first: other workers would pass them over.
            let most = if self.remembers(needs.as_ref()) { MOST_AT_ONCE } else { 1 };
            let pause = terms.partner_pause;
            let mut due = lock_fairest(&mut transaction, lane, now, pause, most).await?;
            if due.is_empty() {
                next = NextJob::NotYet;
                continue;
            }
            let priced = self.price_known(&mut transaction, lane, &due, now).await?;
            let look = if priced.is_empty() {
                self.begin_job(&mut transaction, lane, terms, due.swap_remove(0), now).await?
            } else {
                Look::Over(NextJob::Priced(priced))
            };
            if let Look::Over(NextJob::Priced(_)) = look {
                transaction.commit().await?;
                self.bells.ring_followers();
            } else {
                // Whoever hears that the job was begun hears it by a commit that waits; if this one is lost, so is the
                // lease.
                sqlx::query(WITHOUT_WAITING).execute(&mut *transaction).await?;
                transaction.commit().await?;
            }
            return Ok(look);
        }
        Ok(Look::Over(next))
    }

    async fn begin_job(
        &self,
        connection: &mut PgConnection,
        lane: Lane,
        terms: Terms,
        due: Due,
        now: DateTime<Utc>,
    ) -> Result<Look, CommandError> {
        let fence = lease(connection, &due, self.ids.next(), now, terms.lease).await?;
        let Some(wanted) = self.still_wanted(connection, &fence, now).await? else {
            return Ok(Look::Passed);
        };
        let key = AnalysisKey::of(wanted.spec());
        let asked = Asked {
            key: &key,
            lease_token: fence.lease_token,
            lease_until: now + terms.lease,
            max_begun: terms.max_attempts,
            now,
        };
        let need = match self.ask_for_analysis(connection, &asked).await? {
            Found::Known(known) => Need::Nothing(known),
            Found::Yours => Need::Analysis,
            Found::Running { until } => {
                unlease(connection, &fence, &key, until).await?;
                analyses::set_aside(connection, &key, until).await?;
                return Ok(Look::Passed);
            }
        };
        let (trace_context, in_lane) = (due.trace_context, now - due.queued_at);
        if let (Need::Nothing(Known::Measured(analysis)), Wanted::Quote { spec, quote_id }) =
            (&need, &wanted)
            && self.price_quote_at_once(connection, &fence, *quote_id, spec, analysis).await?
        {
            let subject = fence.subject;
            let priced = PricedJob { subject, lane, waited: in_lane, trace_context };
            return Ok(Look::Over(NextJob::Priced(vec![priced])));
        }
        let spec = self.start(connection, &fence, wanted, trace_context.as_deref()).await?;
        let job = ClaimedJob { fence, lane, spec, need, waited: in_lane, trace_context };
        Ok(Look::Over(NextJob::Claimed(Box::new(job))))
    }

    /// What is to be priced, locked. `None` when the job is over herewith, or put off.
    async fn still_wanted(
        &self,
        connection: &mut PgConnection,
        fence: &JobFence,
        now: DateTime<Utc>,
    ) -> Result<Option<Wanted>, CommandError> {
        match self.wanted(connection, fence).await {
            Ok(None) => cancel(connection, fence, now).await?,
            // One order that cannot be read must not keep its lane from going on.
            Err(CommandError::Inconsistent(why)) => {
                put_off(connection, fence, now + UNREADABLE_PAUSE, &why).await?;
            }
            wanted => return wanted,
        }
        Ok(None)
    }

    /// What is to be priced, locked; `None` when nobody wants the price any more.
    async fn wanted(
        &self,
        connection: &mut PgConnection,
        fence: &JobFence,
    ) -> Result<Option<Wanted>, CommandError> {
        match fence.subject {
            Subject::Order(order_id) => {
                let order = lock_order_of_job(connection, order_id).await?;
                let startable = is_current(&order, fence.generation)
                    && order.start_pricing(fence.attempt).is_ok();
                let spec = order.stage.spec().filter(|_| startable).cloned();
                Ok(spec.map(|spec| Wanted::Order { spec, order: Box::new(order) }))
            }
            Subject::Quote(quote_id) => {
                let spec = quotes::start(connection, quote_id).await?;
                Ok(spec.map(|spec| Wanted::Quote { spec, quote_id }))
            }
        }
    }

    async fn start(
        &self,
        connection: &mut PgConnection,
        fence: &JobFence,
        wanted: Wanted,
        trace_context: Option<&str>,
    ) -> Result<WorkSpec, CommandError> {
        match wanted {
            Wanted::Order { spec, order } => {
                let started = order.start_pricing(fence.attempt)?;
                self.append_for_job(connection, fence, *order, trace_context, started).await?;
                Ok(spec)
            }
            Wanted::Quote { spec, .. } => Ok(spec),
        }
    }
}

/// A price that is wanted.
pub(super) enum Wanted {
    Order { spec: WorkSpec, order: Box<Order> },
    Quote { spec: WorkSpec, quote_id: QuoteId },
}

impl Wanted {
    pub(super) const fn spec(&self) -> &WorkSpec {
        match self {
            Self::Order { spec, .. } | Self::Quote { spec, .. } => spec,
        }
    }
}

/// The job becomes a worker's.
async fn lease(
    connection: &mut PgConnection,
    due: &Due,
    lease_token: Uuid,
    now: DateTime<Utc>,
    lease: TimeDelta,
) -> Result<JobFence, CommandError> {
    sqlx::query!(
        "UPDATE write.pricing_jobs
         SET state = 'running', attempts = attempts + 1, lease_token = $3, lease_until = $4,
             started_at = $5
         WHERE order_id = $1 AND generation = $2",
        due.subject.id(),
        i64::from(due.generation),
        lease_token,
        now + lease,
        now,
    )
    .execute(connection)
    .await?;
    let (subject, generation) = (due.subject, due.generation);
    Ok(JobFence { subject, generation, lease_token, attempt: due.attempts + 1 })
}

/// The job waits for an analysis that somebody else makes: as if it had not been leased. Jobs of older code learn
/// here which analysis they need.
async fn unlease(
    connection: &mut PgConnection,
    fence: &JobFence,
    key: &AnalysisKey,
    until: DateTime<Utc>,
) -> Result<(), CommandError> {
    sqlx::query!(
        "UPDATE write.pricing_jobs
         SET state = 'queued', attempts = attempts - 1, lease_token = NULL, lease_until = NULL,
             started_at = NULL, not_before = $3, model_id = $4, unit = $5
         WHERE order_id = $1 AND generation = $2",
        fence.subject.id(),
        i64::from(fence.generation),
        until,
        key.model_id.as_str(),
        key.unit_name(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The job waits until somebody has seen to its order; that counts as no attempt.
async fn put_off(
    connection: &mut PgConnection,
    fence: &JobFence,
    until: DateTime<Utc>,
    why: &str,
) -> Result<(), CommandError> {
    tracing::error!(order.id = %fence.subject.id(), error = why, "an order cannot be priced");
    sqlx::query!(
        "UPDATE write.pricing_jobs
         SET state = 'queued', attempts = attempts - 1, lease_token = NULL, lease_until = NULL,
             started_at = NULL, not_before = $3, last_error = $4
         WHERE order_id = $1 AND generation = $2",
        fence.subject.id(),
        i64::from(fence.generation),
        until,
        why,
    )
    .execute(connection)
    .await?;
    Ok(())
}
