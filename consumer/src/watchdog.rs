//! Finds lost orders before anybody calls: the role that looks at rows, never at messages, so that what came due while
//! it was down is found when it is back.
//!
//! Every few seconds each [`Watch`] makes one bounded look and tells what it found. A finding becomes an incident, one
//! per subject and cause, however often it is found. [`policy`] says what to do next: try its [`Remedy`] a few times
//! (each of them harmless when repeated), then leave it to its owner. An incident that a complete look does not find
//! any more is closed. Everything that was tried stands in the incident.
//!
//! One watchdog looks at a time, others stand by. Each round ends with a row that says so
//! ([`beat`]), and other processes alarm on its age.
//!
//! **To add a watch:** a file here with its causes and `look`, its lines in [`watches`], a remedy in [`heal`] if there is
//! one, and a sabotage in `tests/flow/watchdog.rs`.

mod acknowledgements;
pub mod beat;
mod census;
mod config;
mod deadlines;
mod deliveries;
mod followers;
mod heal;
mod jobs;
mod lanes;
pub mod lost_jobs;
mod messages;
mod metrics;
pub mod policy;
mod producers;
mod projection;
mod reproject;
mod resend;
mod round;
mod sent;
mod stations;
mod thorough;
mod watches;
mod webhooks;
mod windows;

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use shared::ids::OrderId;
use shared::incident::{Finding, Incident};
use shared::order::census::Bucket;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use write_api::store::{CommandError, Store};

use crate::follower::{Follower, FollowerError, LogAccess};
use crate::guard::survive;
use census::Census;
pub use config::WatchdogConfig;
use heal::Remedy;
use metrics::WatchdogMetrics;
use policy::{Next, Policy};
pub use round::Round;
use thorough::{Thorough, pause_after};
use watches::Watch;

/// The name of its lead, its beat and its word in orders' logs.
pub const NAME: &str = "watchdog";
/// Compared with the timelines in a round. Under load rounds are ten seconds apart, and none of the minutes is left out.
pub const EVENTS_AT_A_TIME: u32 = 10_000;
/// Longer than a round takes, by far; a server that hangs must not stop the watch unseen.
const ROUND_DEADLINE: Duration = Duration::from_mins(2);
/// The look for acknowledgements that nobody waits for reads all open orders: it is made in the first round, and then
/// every few minutes.
const RECALL_EVERY: u32 = 100;

/// Why a look or a remedy failed. The next round tries again.
#[derive(Debug, thiserror::Error)]
pub enum WatchdogError {
    /// The lead or the log.
    #[error(transparent)]
    Follower(#[from] FollowerError),
    /// The database failed.
    #[error("the watchdog's database failed")]
    Database(#[from] sqlx::Error),
    /// A remedy, or the incidents themselves.
    #[error(transparent)]
    Store(#[from] CommandError),
    /// An order's events do not make a row.
    #[error(transparent)]
    Projection(#[from] crate::projections::ProjectionError),
    /// A row that cannot be.
    #[error("inconsistent data: {0}")]
    Inconsistent(String),
}

/// What was found, and what may heal it.
#[derive(Debug, Clone)]
struct Trouble {
    finding: Finding,
    remedy: Option<Remedy>,
}

/// What a look saw.
#[derive(Debug, Default)]
struct Sight {
    troubles: Vec<Trouble>,
    /// The look was cut off at its limit: what it did not see may still be so.
    has_more: bool,
}

impl Sight {
    fn new(troubles: Vec<Trouble>, limit: u32) -> Self {
        let has_more = troubles.len() >= limit as usize;
        Self { troubles, has_more }
    }
}

/// What every look is made with.
struct Scene<'s> {
    pool: &'s PgPool,
    config: &'s WatchdogConfig,
    now: DateTime<Utc>,
    /// Orders that were looked at for their read rows: by the slow scan, and because a window did not fit.
    suspects: &'s [Uuid],
    /// Whether every open order is read.
    is_thorough: bool,
}

impl Scene<'_> {
    /// What began before this moment is over its time.
    fn before(&self, seconds: u32) -> DateTime<Utc> {
        self.now - TimeDelta::seconds(seconds.into())
    }

    /// Until when something that was found now should be healed.
    fn deadline(&self) -> DateTime<Utc> {
        let tries = i64::from(self.config.max_attempts) * i64::from(self.config.retry_seconds);
        self.now + TimeDelta::seconds(tries.max(60))
    }

    const fn limit(&self) -> i64 {
        self.config.limit as i64
    }
}

/// Looks for lost orders, if it leads.
pub struct Watchdog {
    access: LogAccess,
    store: Store,
    config: WatchdogConfig,
    metrics: WatchdogMetrics,
    lead: Option<Follower>,
    /// Rounds since orders were recalled that nobody waits for.
    since_recall: u32,
    thorough: Thorough,
    /// As it was when everything was read last.
    census: Census,
}

impl Watchdog {
    /// A watchdog over this store and its log, which does nothing yet.
    pub fn new(access: LogAccess, store: Store, config: WatchdogConfig) -> Self {
        Self {
            access,
            store,
            config,
            metrics: WatchdogMetrics::new(),
            lead: None,
            since_recall: RECALL_EVERY,
            thorough: Thorough::default(),
            census: Census::default(),
        }
    }

    /// Looks until the soft stop; whatever happens, it looks again.
    pub async fn run(mut self, stop: CancellationToken) {
        let usual = Duration::from_millis(self.config.poll_ms);
        while !stop.is_cancelled() {
            let began = Instant::now();
            let round = tokio::time::timeout(ROUND_DEADLINE, self.round());
            match survive(NAME, round).await {
                Some(Ok(Ok(Some(round)))) => tracing::debug!(?round, "looked"),
                Some(Ok(Ok(None))) => {}
                Some(Ok(Err(error))) => {
                    self.lead = None;
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "a round of the watchdog failed: it begins anew");
                }
                Some(Err(_)) | None => {
                    self.lead = None;
                    // A look at everything that never ends must not be all that is done.
                    self.thorough.round_took(ROUND_DEADLINE, usual);
                }
            }
            let pause = pause_after(began.elapsed(), usual);
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
        if let Some(lead) = self.lead.take() {
            lead.resign().await;
        }
    }

    /// One look at everything. `None` when another watchdog leads.
    ///
    /// # Errors
    /// When the lead or the incidents cannot be had. A watch that fails alone is named in the round instead.
    pub async fn round(&mut self) -> Result<Option<Round>, WatchdogError> {
        if self.lead.is_none() {
            self.lead = Follower::try_lead(&self.access, NAME).await?;
        }
        let Some(lead) = &mut self.lead else { return Ok(None) };
        // Whoever lost the lead unknowingly finds out here.
        lead.touch().await?;
        let (mut round, began) = (Round::default(), Instant::now());
        let now = self.store.clock().now();
        let older = now - TimeDelta::seconds(self.config.window_seconds.into());
        let suspects = windows::suspects(lead, older, self.config.limit, &mut round).await?;
        let scanned = projection::slow_scan(self.store.pool(), self.config.limit).await?;
        let missing = self.count_stations(now, &mut round).await;
        let suspects: Vec<Uuid> =
            suspects.into_iter().chain(missing).chain(scanned.orders).collect();
        self.recall(now).await?;
        for watch in Watch::ALL {
            // A future of all looks is as large as the largest: kept out of those that wait for it.
            let looked = Box::pin(self.watch(watch, now, &suspects, &mut round)).await;
            if let Err(error) = looked {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(watch = watch.name(), error, "a watch failed");
                round.failed.push(watch.name());
            }
        }
        if self.thorough.is_due() {
            self.census = census::count(self.store.pool()).await?;
        }
        round.unaccounted = self.census.unaccounted;
        round.buckets = Bucket::ALL.map(|b| (b.as_str(), self.census.of(b))).into();
        beat::note(self.store.pool(), NAME, now, &round, scanned.last).await?;
        self.metrics.note(&round);
        self.thorough.round_took(began.elapsed(), Duration::from_millis(self.config.poll_ms));
        Ok(Some(round))
    }

    const fn scene<'s>(&'s self, now: DateTime<Utc>, suspects: &'s [Uuid]) -> Scene<'s> {
        let (pool, config) = (self.store.pool(), &self.config);
        Scene { pool, config, now, suspects, is_thorough: self.thorough.is_due() }
    }

    /// Orders that are missing at a station that has no watch of its own.
    async fn count_stations(&self, now: DateTime<Utc>, round: &mut Round) -> Vec<Uuid> {
        match Box::pin(stations::count(&self.scene(now, &[]))).await {
            Ok(counted) => {
                (round.stations, round.differing) = (counted.last, counted.differing);
                counted.suspects
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the minutes were not counted");
                round.failed.push(stations::NAME);
                Vec::new()
            }
        }
    }

    async fn recall(&mut self, now: DateTime<Utc>) -> Result<(), WatchdogError> {
        self.since_recall += 1;
        if self.since_recall > RECALL_EVERY {
            let recalled = acknowledgements::recall(&self.scene(now, &[])).await?;
            if recalled > 0 {
                tracing::warn!(orders = recalled, "nobody waited for their acknowledgement");
            }
            self.since_recall = 0;
        }
        Ok(())
    }

    async fn watch(
        &self,
        watch: Watch,
        now: DateTime<Utc>,
        suspects: &[Uuid],
        round: &mut Round,
    ) -> Result<(), WatchdogError> {
        let sight = watch.look(&self.scene(now, suspects)).await?;
        self.act_on(watch, &sight, now, round).await
    }

    async fn act_on(
        &self,
        watch: Watch,
        sight: &Sight,
        now: DateTime<Utc>,
        round: &mut Round,
    ) -> Result<(), WatchdogError> {
        let findings: Vec<Finding> = sight.troubles.iter().map(|t| t.finding.clone()).collect();
        let incidents = self.store.open_incidents(&findings).await?;
        if sight.has_more {
            round.cut_off.push(watch.name());
        } else {
            let seen: Vec<Uuid> = incidents.iter().map(|incident| incident.incident_id).collect();
            round.healed += self.store.close_unseen_incidents(watch.causes(), &seen).await?;
        }
        let mut to_reproject = Vec::new();
        for incident in &incidents {
            let Some(trouble) = sight.troubles.iter().find(|t| is_of(t, incident)) else {
                continue;
            };
            *round.open.entry(trouble.finding.cause).or_default() += 1;
            match (self.policy().next(incident, trouble.remedy.is_some(), now), &trouble.remedy) {
                (Next::Heal, Some(Remedy::Reproject(order_id))) => {
                    to_reproject.push((incident.incident_id, *order_id));
                }
                (Next::Heal, Some(remedy)) => self.heal(incident, remedy, round).await?,
                (Next::Escalate(why), _) => self.escalate(incident, why, round).await?,
                _ => {}
            }
        }
        self.reproject(&to_reproject, round).await
    }

    const fn policy(&self) -> Policy {
        Policy {
            max_attempts: self.config.max_attempts,
            pause: TimeDelta::seconds(self.config.retry_seconds as i64),
        }
    }

    async fn heal(
        &self,
        incident: &Incident,
        remedy: &Remedy,
        round: &mut Round,
    ) -> Result<(), WatchdogError> {
        let outcome = match remedy.apply(&self.store, &self.config).await {
            Ok(outcome) => outcome,
            Err(error) => format!("failed: {error}"),
        };
        round.tried += 1;
        tracing::info!(
            incident.id = %incident.incident_id,
            incident.cause = incident.cause,
            remedy = remedy.name(),
            outcome,
            "an incident is being healed"
        );
        Ok(self.store.note_attempt(incident.incident_id, remedy.name(), &outcome).await?)
    }

    /// Orders are projected anew together: each time is another life of the read model.
    async fn reproject(
        &self,
        orders: &[(Uuid, OrderId)],
        round: &mut Round,
    ) -> Result<(), WatchdogError> {
        if orders.is_empty() {
            return Ok(());
        }
        let ids: Vec<OrderId> = orders.iter().map(|(_, order_id)| *order_id).collect();
        let outcome = match reproject::run(&self.access, &ids).await {
            Ok(position) => format!("done at {position}"),
            Err(error) => format!("failed: {error}"),
        };
        tracing::info!(orders = ids.len(), outcome, "orders are projected anew");
        for (incident_id, _) in orders {
            round.tried += 1;
            self.store.note_attempt(*incident_id, "reproject", &outcome).await?;
        }
        Ok(())
    }

    async fn escalate(
        &self,
        incident: &Incident,
        why: &str,
        round: &mut Round,
    ) -> Result<(), WatchdogError> {
        if self.store.escalate(incident.incident_id, why).await? {
            round.escalated += 1;
            tracing::warn!(
                incident.id = %incident.incident_id,
                incident.cause = incident.cause,
                incident.subject = incident.subject,
                owner = incident.owner,
                why,
                "an incident needs its owner"
            );
        }
        Ok(())
    }
}

fn is_of(trouble: &Trouble, incident: &Incident) -> bool {
    let finding = &trouble.finding;
    finding.cause == incident.cause
        && finding.subject.kind == incident.subject_kind
        && finding.subject.name == incident.subject
}

fn age_seconds(since: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
    (now - since).num_seconds()
}
