//! The role that fills the read model: reads a batch of the log, applies it with the cursor and the
//! checkpoint in one transaction, announces the new position, and goes on.
//!
//! An event that does not fit (a gap in an order's versions, an unknown kind) stops it loudly: a read model
//! that lags says so by its age, one that is wrong does not. It looks again every few seconds, so that a
//! repair or a `rebuild` sets it going without a restart.

use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shared::position::Position;
use tokio_util::sync::CancellationToken;

use crate::announcer::Announcer;
use crate::checkpoint;
use crate::follower::{Follower, FollowerError, LogAccess, Replayable};
use crate::log_reader::{Batch, Behind};
use crate::metrics::FollowerMetrics;
use crate::projections::{ProjectionError, ReadModel};

/// How often an idle projector tells that the read model is current.
const HEARTBEAT: TimeDelta = TimeDelta::seconds(1);
/// A hole is filled, or proves to be none, within the life of a short transaction.
const LONGEST_PAUSE_AT_A_HOLE: Duration = Duration::from_millis(20);
/// Longer than the server lets any statement run.
const BATCH_DEADLINE: Duration = Duration::from_mins(1);
const PAUSE_AFTER_TROUBLE: Duration = Duration::from_millis(500);
const PAUSE_AFTER_DAMAGE: Duration = Duration::from_secs(5);

/// How the projector works.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectorConfig {
    /// The most events in one transaction.
    pub batch: u32,
    /// How soon it looks again when it has seen all there was; doubles up to the other one while there is nothing.
    pub shortest_pause_ms: u64,
    /// The longest that a new event waits to be seen.
    pub longest_pause_ms: u64,
}

impl Default for ProjectorConfig {
    fn default() -> Self {
        Self { batch: 500, shortest_pause_ms: 20, longest_pause_ms: 100 }
    }
}

/// Why the projector cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ProjectorError {
    /// The log, the cursor or the lead.
    #[error(transparent)]
    Follower(#[from] FollowerError),
    /// The events.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    /// Cursor and checkpoint move in one transaction; apart, one of them was tampered with.
    #[error("the read model stands at {checkpoint}, its cursor at {cursor}: rebuild it")]
    Torn {
        /// The read model's position.
        checkpoint: u64,
        /// The follower's.
        cursor: u64,
    },
}

impl From<sqlx::Error> for ProjectorError {
    fn from(error: sqlx::Error) -> Self {
        Self::Follower(FollowerError::Database(error))
    }
}

impl ProjectorError {
    const fn lost_the_lead(&self) -> bool {
        matches!(self, Self::Follower(error) if error.lost_the_lead())
    }

    fn may_pass(&self) -> bool {
        match self {
            Self::Follower(error) => error.may_pass(),
            Self::Projection(ProjectionError::Database(error)) => {
                crate::follower::may_recover(error)
            }
            Self::Projection(_) | Self::Torn { .. } => false,
        }
    }
}

/// Fills the read model, if it leads.
pub struct Projector {
    access: LogAccess,
    announcer: Announcer,
    config: ProjectorConfig,
    metrics: FollowerMetrics,
    lead: Option<Lead>,
}

/// The one projector that leads, and where the read model stands.
struct Lead {
    follower: Follower,
    at: Position,
    current_at: DateTime<Utc>,
}

impl Projector {
    /// A projector of the log behind `access`, which does nothing yet.
    pub fn new(access: &LogAccess, config: ProjectorConfig, announcer: Announcer) -> Self {
        let metrics = FollowerMetrics::of(ReadModel::FOLLOWER);
        Self { access: access.in_schema("read"), announcer, config, metrics, lead: None }
    }

    /// Follows the log until asked to stop; whatever happens, it tries again.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let Err(error) = self.follow(&stop).await else { break };
            self.lead = None;
            let pause = self.report(&error);
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
        if let Some(lead) = self.lead.take() {
            lead.follower.resign().await;
        }
    }

    /// Applies everything that is committed by now, and tells where the read model stands. Waits for the
    /// lead, and for holes that somebody may still fill.
    pub async fn drain(&mut self) -> Result<Position, ProjectorError> {
        let never = CancellationToken::new();
        let mut pauses = self.pauses();
        loop {
            match self.apply_next(&never).await {
                Ok(Some(done)) if done.behind == Behind::Nothing => return Ok(done.at),
                Ok(Some(progress)) => pauses.after(progress, &never).await,
                Ok(None) => {}
                Err(error) => {
                    self.lead = None;
                    if !error.lost_the_lead() {
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn follow(&mut self, stop: &CancellationToken) -> Result<(), ProjectorError> {
        let mut pauses = self.pauses();
        while !stop.is_cancelled() {
            let Some(progress) = self.apply_next(stop).await? else { break };
            pauses.after(progress, stop).await;
        }
        Ok(())
    }

    /// One batch, if there is one. `None` when asked to stop before it leads.
    async fn apply_next(
        &mut self,
        stop: &CancellationToken,
    ) -> Result<Option<Progress>, ProjectorError> {
        if self.lead.is_none() {
            self.lead = Lead::take(&self.access, stop).await?;
            // A rebuild or a promotion may have begun another epoch.
            self.lead.iter().for_each(|lead| self.announcer.announce(lead.at));
        }
        let Some(lead) = &mut self.lead else { return Ok(None) };
        let batch = lead.follower.read().await?;
        self.metrics.note_hole(lead.follower.hole_age());
        let now = self.access.now();
        if batch.events.is_empty() {
            in_time(lead.beat(&batch, now)).await?;
        } else {
            in_time(lead.apply(&batch, now)).await?;
            self.metrics.note_batch(batch.reach(), now);
            self.announcer.announce(lead.at);
        }
        self.metrics.note_stopped(false);
        Ok(Some(Progress { events: batch.events.len(), behind: batch.behind, at: lead.at }))
    }

    /// Tells what happened, and how long to wait before the next attempt.
    fn report(&self, error: &ProjectorError) -> Duration {
        self.metrics.note_failure();
        if error.lost_the_lead() {
            tracing::info!(%error, "the projector leads anew");
            return Duration::ZERO;
        }
        let may_pass = error.may_pass();
        let error: &(dyn std::error::Error + 'static) = error;
        if may_pass {
            tracing::warn!(error, "the projector tries again");
            return PAUSE_AFTER_TROUBLE;
        }
        self.metrics.note_stopped(true);
        tracing::error!(
            error,
            "the projector STANDS STILL: the read model gets older until this is repaired"
        );
        PAUSE_AFTER_DAMAGE
    }

    fn pauses(&self) -> Pauses {
        Pauses {
            shortest: Duration::from_millis(self.config.shortest_pause_ms.max(1)),
            longest: Duration::from_millis(self.config.longest_pause_ms.max(1)),
            next: Duration::ZERO,
        }
    }
}

impl Lead {
    async fn take(
        access: &LogAccess,
        stop: &CancellationToken,
    ) -> Result<Option<Self>, ProjectorError> {
        let Some(mut follower) = Follower::lead(access, ReadModel::FOLLOWER, stop).await? else {
            return Ok(None);
        };
        let cursor = follower.cursor();
        let adopted = checkpoint::adopt_epoch(follower.connection(), ReadModel::FOLLOWER);
        let standing = in_time(async { Ok(adopted.await?) }).await?;
        let at = standing.checkpoint;
        if standing.cursor != at.position {
            return Err(ProjectorError::Torn { checkpoint: at.position, cursor: standing.cursor });
        }
        if standing.cursor != cursor {
            return Err(fenced(cursor));
        }
        Ok(Some(Self { follower, at, current_at: DateTime::UNIX_EPOCH }))
    }

    /// Events, cursor and checkpoint in one transaction.
    async fn apply(&mut self, batch: &Batch, now: DateTime<Utc>) -> Result<(), ProjectorError> {
        let to = batch.last_position().unwrap_or(self.at.position);
        let current_at = (batch.behind == Behind::Nothing).then_some(now);
        write_api::planted!(CheckpointBeforeRows, {
            let mut step = self.follower.begin(to).await?;
            checkpoint::advance(step.connection(), self.at, to, current_at).await?;
            step.commit().await?;
            self.at.position = to;
            tokio::time::sleep(Duration::from_millis(200)).await;
            ReadModel::apply(self.follower.connection(), &batch.events).await?;
            return Ok(());
        });
        let mut step = self.follower.begin(to).await?;
        ReadModel::apply(step.connection(), &batch.events).await?;
        if !checkpoint::advance(step.connection(), self.at, to, current_at).await? {
            return Err(fenced(self.at.position));
        }
        step.commit().await?;
        self.at.position = to;
        self.current_at = current_at.unwrap_or(self.current_at);
        Ok(())
    }

    /// Nothing to apply: says so once a second, if nothing is hidden behind a hole either.
    async fn beat(&mut self, batch: &Batch, now: DateTime<Utc>) -> Result<(), ProjectorError> {
        if batch.behind != Behind::Nothing || now - self.current_at < HEARTBEAT {
            return Ok(());
        }
        if !checkpoint::touch(self.follower.connection(), self.at, now).await? {
            return Err(fenced(self.at.position));
        }
        self.current_at = now;
        Ok(())
    }
}

/// sqlx has no deadlines, and a server that vanished without a word would hang the projector for ever.
async fn in_time<T>(
    work: impl Future<Output = Result<T, ProjectorError>>,
) -> Result<T, ProjectorError> {
    match tokio::time::timeout(BATCH_DEADLINE, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()),
    }
}

const fn fenced(cursor: u64) -> ProjectorError {
    ProjectorError::Follower(FollowerError::Fenced { name: ReadModel::FOLLOWER, cursor })
}

/// What one look at the log brought.
#[derive(Debug, Clone, Copy)]
struct Progress {
    events: usize,
    behind: Behind,
    at: Position,
}

/// How long to wait before the next look: not at all while there is more, a moment when that was all, then longer and
/// longer. What comes within a moment costs one transaction and not ten.
struct Pauses {
    shortest: Duration,
    longest: Duration,
    next: Duration,
}

impl Pauses {
    async fn after(&mut self, progress: Progress, stop: &CancellationToken) {
        if progress.events > 0 {
            self.next = Duration::ZERO;
        }
        if progress.behind == Behind::More {
            return;
        }
        let longest = match progress.behind {
            Behind::Hole => self.longest.min(LONGEST_PAUSE_AT_A_HOLE),
            Behind::More | Behind::Nothing => self.longest,
        };
        self.next = (self.next * 2).clamp(self.shortest.min(longest), longest);
        stop.run_until_cancelled(tokio::time::sleep(self.next)).await;
    }
}
