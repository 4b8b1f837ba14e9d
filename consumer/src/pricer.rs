//! Prices submitted orders. The job row with its lease is the truth; a message only wakes a worker up, and workers
//! also look without being woken, so that no lost wake-up strands a job.

mod calculation;
pub mod wake_ups;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use object_store::ObjectStore;
use serde::{Deserialize, Serialize};
use shared::platform::shutdown::Shutdown;
use shared::platform::telemetry;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use write_api::store::{ClaimedJob, CommandError, JobFence, Lane, Progress, Store, Terms};

use calculation::{Calculation, Outcome};

/// How the pricer works.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PricerConfig {
    /// Jobs calculated at once by this process; each may hold one model in memory.
    pub threads: usize,
    /// How long a claimed job stays claimed without a heartbeat, seconds.
    pub lease_seconds: u32,
    /// How often a job may be begun before it fails for good.
    pub max_attempts: u32,
    /// How often to look for jobs without being woken, milliseconds.
    pub poll_ms: u64,
    /// How long a job waits when something it needs is away, seconds.
    pub away_seconds: u32,
}

/// Takes jobs from the lanes and ends each with a price or a reason.
#[derive(Clone)]
pub struct Pricer {
    store: Store,
    calculation: Calculation,
    config: PricerConfig,
}

impl Pricer {
    /// A pricer that reads models from `models`.
    pub fn new(store: Store, models: Arc<dyn ObjectStore>, config: PricerConfig) -> Self {
        let calculation = Calculation::new(store.clone(), models);
        Self { store, calculation, config }
    }

    /// Works until the soft stop; `wake` is notified by the lanes' queues.
    pub fn run(self, shutdown: &Shutdown, wake: &Arc<Notify>) {
        let pricer = Arc::new(self);
        for first in 0..pricer.config.threads {
            let (pricer, wake) = (pricer.clone(), wake.clone());
            let stop = shutdown.soft().clone();
            shutdown.spawn(async move { pricer.work_until_stopped(first, &stop, &wake).await });
        }
        let stop = shutdown.soft().clone();
        shutdown.spawn(async move { stop.run_until_cancelled(pricer.rescue_for_ever()).await });
    }

    /// Prices everything that is due and answers how many jobs that were.
    ///
    /// # Errors
    /// When the database fails; jobs in hand go back when their lease runs out.
    pub async fn drain(&self) -> Result<usize, CommandError> {
        let mut jobs = 0;
        while self.price_next(0).await? {
            jobs += 1;
        }
        Ok(jobs)
    }

    /// Each worker begins with a lane of its own and goes round, so that no lane waits for another. The job in
    /// hand is finished before the worker stops.
    async fn work_until_stopped(&self, first: usize, stop: &CancellationToken, wake: &Notify) {
        let pause = Duration::from_millis(self.config.poll_ms);
        let mut turn = first;
        while !stop.is_cancelled() {
            let found = self.price_next(turn).await.unwrap_or_else(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, "the pricer pauses");
                false
            });
            turn += 1;
            if !found {
                let woken = tokio::time::timeout(pause, wake.notified());
                stop.run_until_cancelled(woken).await;
            }
        }
    }

    async fn rescue_for_ever(&self) {
        let pause = Duration::from_secs(u64::from(self.config.lease_seconds).div_ceil(3));
        loop {
            match self.store.rescue_jobs(self.config.max_attempts, 100).await {
                Ok(0) => {}
                Ok(jobs) => tracing::warn!(jobs, "leases ran out; jobs went back to their lanes"),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "no rescue");
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn price_next(&self, turn: usize) -> Result<bool, CommandError> {
        for lane in (0..Lane::ALL.len()).map(|step| Lane::ALL[(turn + step) % Lane::ALL.len()]) {
            if let Some(job) = self.store.claim_job(lane, self.terms()).await? {
                let span = tracing::info_span!("price.order", lane = lane.as_str());
                telemetry::continue_trace(&span, job.trace_context.as_deref());
                self.work_on(job).instrument(span).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn work_on(&self, job: ClaimedJob) -> Result<(), CommandError> {
        let outcome = tokio::select! {
            outcome = self.calculation.of(&job) => outcome?,
            () = self.until_lease_is_lost(&job.fence) => {
                tracing::warn!(subject = %job.fence.subject, "lease lost; the result is dropped");
                return Ok(());
            }
        };
        let fence = &job.fence;
        let kept = match outcome {
            Outcome::Priced { price, report } => {
                self.store.finish_job(fence, *price, report.as_ref()).await?
            }
            Outcome::Hopeless { code, reason } => {
                self.store.fail_job(fence, &code, &reason).await?
            }
            Outcome::Away { reason } => {
                let delay = TimeDelta::seconds(self.config.away_seconds.into());
                self.store.release_job(fence, &reason, delay).await?
            }
        };
        if !kept {
            tracing::info!(subject = %fence.subject, "the order has moved on; the result is dropped");
        }
        Ok(())
    }

    /// The heartbeat: renews the lease three times within its length, and returns when it is lost. A database
    /// that does not answer does not lose it: only time does.
    async fn until_lease_is_lost(&self, fence: &JobFence) {
        let pause = Duration::from_secs(self.config.lease_seconds.into()) / 3;
        let progress = Progress { phase: "analysing", percent: 50 };
        loop {
            tokio::time::sleep(pause).await;
            if matches!(self.store.renew_lease(fence, self.lease(), progress).await, Ok(false)) {
                return;
            }
        }
    }

    fn terms(&self) -> Terms {
        Terms { lease: self.lease(), max_attempts: self.config.max_attempts }
    }

    fn lease(&self) -> TimeDelta {
        TimeDelta::seconds(self.config.lease_seconds.into())
    }
}
