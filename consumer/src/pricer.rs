//! Prices what waits in the lanes. The job row with its lease is the truth; a message only wakes a worker up, and workers
//! also look without being woken, so that no lost wake-up strands a job.
//!
//! A process has a few *slots*, each with one job in hand ([`lanes`]: which slot serves which lanes), a budget of
//! [`memory`] for all models in hand, and threads for geometry ([`engine`]). What is known of a model already is
//! not measured again: see `write_api::store::AnalysisKey`. The printability report comes after the price
//! ([`inspection`]).

mod calculation;
mod engine;
mod inspection;
mod lanes;
mod memory;
mod metrics;
mod model_files;
mod stage;
pub mod wake_ups;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use object_store::ObjectStore;
use serde::{Deserialize, Serialize};
use shared::platform::shutdown::Shutdown;
use shared::platform::telemetry;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use write_api::store::{
    ClaimedJob, CommandError, JobFence, Lane, MOST_AT_ONCE, NextJob, PricedJob, Store, Subject,
    Terms,
};

use crate::watchdog::lost_jobs;
use calculation::{Calculation, Outcome};
use metrics::PricerMetrics;
use stage::Stage;

/// A running job tells how far it is, and hears that it is not wanted any more, this often at least.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A slot that found fewer known jobs than it may price together looks again so long after it began: what comes together is
/// priced together.
const WINDOW: Duration = Duration::from_millis(50);

/// How the pricer works.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PricerConfig {
    /// The lanes that this process serves.
    pub lanes: Vec<Lane>,
    /// Jobs in hand at once.
    pub slots: usize,
    /// Threads of geometry; 0 is one a core.
    pub threads: usize,
    /// Memory for all models in hand together, MiB.
    pub memory_mb: u32,
    /// How long a claimed job stays claimed without a heartbeat, seconds.
    pub lease_seconds: u32,
    /// How often a job may be begun before it fails for good.
    pub max_attempts: u32,
    /// How often to look for jobs without being woken, milliseconds.
    pub poll_ms: u64,
    /// Between the beginnings of two jobs of one partner in a lane, on all workers together, milliseconds: so that a
    /// batch leaves the machines to others as well.
    pub partner_pause_ms: u32,
    /// How long a job waits when something it needs is away, seconds.
    pub away_seconds: u32,
}

/// A pricer that cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum PricerError {
    /// Nothing to do.
    #[error("`pricer.lanes` is empty")]
    NoLanes,
    /// The threads for geometry cannot be had.
    #[error("the threads cannot be started")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// What a slot's turn brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// A job that took its time, and has ended.
    Worked,
    /// So many jobs, priced at once.
    Priced(usize),
    /// See [`NextJob::NotYet`].
    NotYet,
    Nothing,
}

/// Takes jobs from the lanes and ends each with a price or a reason.
#[derive(Clone)]
pub struct Pricer {
    store: Store,
    calculation: Calculation,
    config: PricerConfig,
    metrics: PricerMetrics,
}

impl Pricer {
    /// A pricer that reads models from `models`.
    ///
    /// # Errors
    /// When it has no lanes or gets no threads.
    pub fn new(
        store: Store,
        models: Arc<dyn ObjectStore>,
        config: PricerConfig,
    ) -> Result<Self, PricerError> {
        if config.lanes.is_empty() {
            return Err(PricerError::NoLanes);
        }
        let metrics = PricerMetrics::new();
        let calculation = Calculation::new(store.clone(), models, &config, metrics.clone())?;
        Ok(Self { store, calculation, config, metrics })
    }

    /// Works until the soft stop; `wake` is notified when there may be a job.
    pub fn run(self, shutdown: &Shutdown, wake: &Arc<Notify>) {
        let pricer = Arc::new(self);
        let slots = lanes::of_slots(&pricer.config.lanes, pricer.config.slots);
        for (first, lanes) in slots.into_iter().enumerate() {
            let (pricer, wake) = (pricer.clone(), wake.clone());
            let stop = shutdown.soft().clone();
            shutdown.spawn(async move {
                pricer.work_until_stopped(&lanes, first, &stop, &wake).await;
            });
        }
        let (stop, reporter) = (shutdown.soft().clone(), pricer.calculation.clone());
        shutdown
            .spawn(async move { stop.run_until_cancelled(reporter.make_overdue_reports()).await });
        let stop = shutdown.soft().clone();
        shutdown.spawn(async move { stop.run_until_cancelled(pricer.rescue_for_ever()).await });
    }

    /// Prices everything that is due and answers how many jobs that were.
    ///
    /// # Errors
    /// When the database fails; jobs in hand go back when their lease runs out.
    pub async fn drain(&self) -> Result<usize, CommandError> {
        let (mut jobs, mut turn) = (0, 0);
        loop {
            match self.price_next(&lanes::at_turn(&self.config.lanes, turn)).await? {
                Turn::Worked => jobs += 1,
                Turn::Priced(priced) => jobs += priced,
                Turn::NotYet | Turn::Nothing => return Ok(jobs),
            }
            turn += 1;
        }
    }

    /// The job in hand is finished before the worker stops.
    async fn work_until_stopped(
        &self,
        lanes: &[Lane],
        first: usize,
        stop: &CancellationToken,
        wake: &Notify,
    ) {
        let pause = Duration::from_millis(self.config.poll_ms);
        let partners_turn = Duration::from_millis(self.config.partner_pause_ms.max(1).into());
        let mut turn = first;
        while !stop.is_cancelled() {
            // Who is called while it looks must look again.
            let mut woken = pin!(wake.notified());
            woken.as_mut().enable();
            let began = Instant::now();
            let taken =
                self.price_next(&lanes::at_turn(lanes, turn)).await.unwrap_or_else(|error| {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the pricer pauses");
                    Turn::Nothing
                });
            turn += 1;
            let pause = match taken {
                Turn::Priced(jobs) if jobs < MOST_AT_ONCE => {
                    stop.run_until_cancelled(tokio::time::sleep_until(began + WINDOW)).await;
                    continue;
                }
                Turn::Worked | Turn::Priced(_) => continue,
                Turn::NotYet => partners_turn,
                Turn::Nothing => pause,
            };
            stop.run_until_cancelled(tokio::time::timeout(pause, woken)).await;
        }
    }

    async fn rescue_for_ever(&self) {
        let pause = Duration::from_secs(u64::from(self.config.lease_seconds).div_ceil(3));
        loop {
            match self.store.rescue_jobs(self.config.max_attempts, 100).await {
                Ok(lost) if lost.is_empty() => {}
                Ok(lost) => {
                    tracing::warn!(
                        jobs = lost.len(),
                        "leases ran out; jobs went back to their lanes"
                    );
                    lost_jobs::tell(&self.store, &lost).await;
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "no rescue");
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn price_next(&self, lanes: &[Lane]) -> Result<Turn, CommandError> {
        let begun = Instant::now();
        match self.store.next_job(lanes, self.terms()).await? {
            NextJob::Nothing => return Ok(Turn::Nothing),
            NextJob::NotYet => return Ok(Turn::NotYet),
            NextJob::Priced(jobs) => {
                let each = begun.elapsed() / u32::try_from(jobs.len()).unwrap_or(u32::MAX).max(1);
                for job in &jobs {
                    self.note_priced(job, each);
                }
                // Quotes come by themselves: nothing is gained by waiting for more of them.
                let are_orders = jobs.iter().all(|job| matches!(job.subject, Subject::Order(_)));
                return Ok(if are_orders { Turn::Priced(jobs.len()) } else { Turn::Worked });
            }
            NextJob::Claimed(job) => {
                let span = span_of(job.lane, job.trace_context.as_deref());
                self.work_on(*job).instrument(span).await?;
            }
        }
        Ok(Turn::Worked)
    }

    fn note_priced(&self, job: &PricedJob, after: Duration) {
        let _hop = span_of(job.lane, job.trace_context.as_deref()).entered();
        self.metrics.note_analysis("reused");
        self.metrics.begin(job.lane, job.waited).end("priced", after);
        tracing::debug!(subject = %job.subject, "priced at once");
    }

    async fn work_on(&self, job: ClaimedJob) -> Result<(), CommandError> {
        let (running, begun) = (self.metrics.begin(job.lane, job.waited), Instant::now());
        let stage = Stage::default();
        let outcome = tokio::select! {
            outcome = self.calculation.of(&job, &stage) => outcome?,
            () = self.until_lease_is_lost(&job.fence, &stage) => {
                stage.stop();
                tracing::warn!(subject = %job.fence.subject, "lease lost; the result is dropped");
                running.end("dropped", begun.elapsed());
                return Ok(());
            }
        };
        let how = outcome.name();
        let kept = self.settle(&job.fence, outcome).await?;
        running.end(if kept { how } else { "dropped" }, begun.elapsed());
        if !kept {
            tracing::info!(subject = %job.fence.subject, "nobody wants the price any more");
        }
        Ok(())
    }

    async fn settle(&self, fence: &JobFence, outcome: Outcome) -> Result<bool, CommandError> {
        match outcome {
            Outcome::Priced { price } => self.store.finish_job(fence, *price).await,
            Outcome::Hopeless { code, reason } => self.store.fail_job(fence, &code, &reason).await,
            Outcome::Away { reason } => {
                let delay = TimeDelta::seconds(self.config.away_seconds.into());
                self.store.release_job(fence, &reason, delay).await
            }
        }
    }

    /// The heartbeat: renews the lease often within its length, tells how far the job is, and returns when the lease
    /// is lost. A database that does not answer does not lose it: only time does.
    async fn until_lease_is_lost(&self, fence: &JobFence, stage: &Stage) {
        let pause = (Duration::from_secs(self.config.lease_seconds.into()) / 3).min(HEARTBEAT);
        loop {
            tokio::time::sleep(pause).await;
            let renewed = self.store.renew_lease(fence, self.lease(), stage.progress()).await;
            if matches!(renewed, Ok(false)) {
                return;
            }
        }
    }

    fn terms(&self) -> Terms {
        Terms {
            lease: self.lease(),
            max_attempts: self.config.max_attempts,
            partner_pause: TimeDelta::milliseconds(self.config.partner_pause_ms.into()),
        }
    }

    fn lease(&self) -> TimeDelta {
        TimeDelta::seconds(self.config.lease_seconds.into())
    }
}

/// The next hop of the submission's trace.
fn span_of(lane: Lane, trace_context: Option<&str>) -> tracing::Span {
    let span = tracing::info_span!("price.order", lane = lane.as_str());
    telemetry::continue_trace(&span, trace_context);
    span
}
