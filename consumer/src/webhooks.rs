//! Tells partners of their orders: follows the log, keeps a queue for each webhook, and sends what is due.
//!
//! One leader does all of it. It turns events of the log into rows of `write.webhook_deliveries` in the transaction that
//! moves its cursor ([`fan_out`]), and sends rows ([`queue`], [`sender`]):
//!
//! - of an order, a webhook is sent the oldest event that waits and no other, so that order holds while one is
//!   tried again and again;
//! - before a message leaves the house, its row is moved into the future and the follower has touched its
//!   cursor: the standby has the event, this process leads, and whoever leads next waits until the message is
//!   given up or recorded. A crash repeats a message, with the same id, and loses none;
//! - an attempt that fails is made again, with growing pauses, for a day; then the event is given up, stays in the
//!   delivery log, and can be replayed. A webhook that took nothing for hours is paused, and nothing of it is given up;
//! - a connection is made to machines on the public internet only, which is checked on the very address that is
//!   connected to; redirects are not followed, answers are not kept.

mod fan_out;
mod queue;
mod sender;
mod signature;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use serde::{Deserialize, Serialize};
use shared::platform::shutdown::Shutdown;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::delivery::Backoff;
use crate::follower::{Follower, FollowerError, LogAccess};
use crate::guard::survive;
use crate::log_reader::Behind;
use crate::metrics::FollowerMetrics;

pub use signature::sign;

use queue::Due;
use sender::{Outcome, Sender};

/// The name of the cursor.
pub const FOLLOWER: &str = "webhooks";
/// Messages of one webhook on their way at the same time; of one that fails, just one.
const ABREAST: usize = 8;
/// Messages on their way at the same time.
const MOST_ABREAST: usize = 64;
/// How long a stopping process waits for messages on their way.
const LAST_MESSAGES: Duration = Duration::from_secs(8);
/// News that comes together is told together.
const MOMENT: Duration = Duration::from_millis(50);
/// How often old rows are looked for.
const TIDY_EVERY: TimeDelta = TimeDelta::minutes(10);

/// How webhooks are sent.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Whether addresses inside the house and without TLS are called: for development only.
    pub allow_private: bool,
    /// Events read at a time.
    pub batch: u32,
    /// How often to look for what is due.
    pub poll_ms: u64,
    /// How long a receiver may take to answer.
    pub timeout_ms: u64,
    /// The pause after each failed attempt; after as many as there are, the event is given up.
    pub pauses_seconds: Vec<f64>,
    /// A webhook that took nothing for so long is paused.
    pub pause_after_seconds: u32,
    /// What was delivered or given up is remembered for so long, and what waits for a paused webhook is kept.
    pub keep_days: u16,
}

/// Why the role begins anew.
#[derive(Debug, thiserror::Error)]
pub enum WebhooksError {
    /// The log, the cursor or the lead.
    #[error(transparent)]
    Follower(#[from] FollowerError),
    /// The database failed.
    #[error("the database of webhooks failed")]
    Database(#[from] sqlx::Error),
    /// The log or a row holds what cannot be told.
    #[error("inconsistent data: {0}")]
    Inconsistent(String),
    /// A message's task ended without saying how.
    #[error("a message was not sent to its end")]
    Lost(#[from] tokio::task::JoinError),
}

/// Tells partners.
pub struct Webhooks {
    access: LogAccess,
    config: WebhooksConfig,
    sender: Arc<Sender>,
    attempts: Counter<u64>,
}

/// A message that was sent, and what became of it.
struct Landed {
    due: Due,
    outcome: Outcome,
}

/// Messages on their way.
#[derive(Default)]
struct Flights {
    tasks: JoinSet<Landed>,
    abreast: HashMap<Uuid, usize>,
}

impl Webhooks {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(access: LogAccess, config: WebhooksConfig) -> Result<Self, reqwest::Error> {
        let timeout = Duration::from_millis(config.timeout_ms);
        let attempts = opentelemetry::global::meter("mes")
            .u64_counter("mes_webhook_attempts")
            .with_description("Messages to partners' webhooks, by what became of them")
            .build();
        let sender = Arc::new(Sender::new(timeout, config.allow_private)?);
        Ok(Self { access, config, sender, attempts })
    }

    /// Follows the log and sends until the soft stop. `wake` says that something happened.
    pub fn run(self, shutdown: &Shutdown, wake: Arc<Notify>) {
        let stop = shutdown.soft().clone();
        shutdown.spawn(async move { self.keep_telling(&stop, &wake).await });
    }

    async fn keep_telling(&self, stop: &CancellationToken, wake: &Notify) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            match survive(FOLLOWER, Box::pin(self.lead(&mut backoff, stop, wake))).await {
                Some(Ok(())) => break,
                Some(Err(error)) => tracing::warn!(
                    error = &error as &(dyn std::error::Error + 'static),
                    "webhooks begin anew"
                ),
                None => {}
            }
            FollowerMetrics::of(FOLLOWER).note_failure();
            backoff.pause(stop).await;
        }
    }

    async fn lead(
        &self,
        backoff: &mut Backoff,
        stop: &CancellationToken,
        wake: &Notify,
    ) -> Result<(), WebhooksError> {
        let Some(mut follower) = Follower::lead(&self.access, FOLLOWER, stop).await? else {
            return Ok(());
        };
        let metrics = FollowerMetrics::of(FOLLOWER);
        let mut flights = Flights::default();
        let mut tidied = DateTime::UNIX_EPOCH;
        let poll = Duration::from_millis(self.config.poll_ms);
        while !stop.is_cancelled() {
            let woken = wake.notified();
            let has_more = self.follow(&mut follower, &metrics).await?;
            self.launch(&mut follower, &mut flights).await?;
            if self.now() - tidied > TIDY_EVERY {
                queue::tidy(follower.connection(), self.now(), self.config.keep_days).await?;
                tidied = self.now();
            }
            backoff.reset();
            let pause = if has_more { Duration::ZERO } else { poll };
            tokio::select! {
                Some(landed) = flights.tasks.join_next() => {
                    self.record(&mut follower, &mut flights, landed?).await?;
                }
                () = together(woken) => {}
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
            while let Some(landed) = flights.tasks.try_join_next() {
                self.record(&mut follower, &mut flights, landed?).await?;
            }
        }
        self.land(&mut follower, flights).await?;
        follower.resign().await;
        Ok(())
    }

    /// One batch of the log into the queues. `true` when there is more to read.
    async fn follow(
        &self,
        follower: &mut Follower,
        metrics: &FollowerMetrics,
    ) -> Result<bool, WebhooksError> {
        if fan_out::has_nobody_to_tell(follower.connection()).await? {
            return self.pass_by(follower, metrics).await;
        }
        let batch = follower.read().await?;
        metrics.note_hole(follower.hole_age());
        let Some(last) = batch.last_position() else {
            follower.rest().await?;
            return Ok(batch.behind == Behind::More);
        };
        let now = self.now();
        let mut step = follower.begin(last).await?;
        fan_out::fan_out(step.connection(), &batch.events, now).await?;
        step.commit().await?;
        metrics.note_batch(batch.reach(), now);
        Ok(batch.behind == Behind::More)
    }

    /// As [`Self::follow`], as long as there is nobody to tell.
    async fn pass_by(
        &self,
        follower: &mut Follower,
        metrics: &FollowerMetrics,
    ) -> Result<bool, WebhooksError> {
        let batch = follower.read_heads().await?;
        metrics.note_hole(follower.hole_age());
        let Some(last) = batch.last_position() else {
            follower.rest().await?;
            return Ok(batch.behind == Behind::More);
        };
        // Whoever came while this was read wants what is in it.
        if !fan_out::has_nobody_to_tell(follower.connection()).await? {
            return Ok(true);
        }
        follower.pass(last).await?;
        metrics.note_batch(batch.reach(), self.now());
        Ok(batch.behind == Behind::More)
    }

    /// Sends what is due, as far as there is room.
    async fn launch(
        &self,
        follower: &mut Follower,
        flights: &mut Flights,
    ) -> Result<(), WebhooksError> {
        let now = self.now();
        let mut claimed = Vec::new();
        for webhook in queue::busy(follower.connection(), now).await? {
            let room = flights.room(webhook.webhook_id, webhook.is_failing, claimed.len());
            if room > 0 {
                let lease = now + self.lease();
                let connection = follower.connection();
                claimed
                    .extend(queue::claim(connection, webhook.webhook_id, room, now, lease).await?);
            }
        }
        if claimed.is_empty() {
            return Ok(());
        }
        // What the standby does not have yet must not leave the house, and only the leader sends.
        follower.touch().await?;
        for due in claimed {
            let message = queue::message(follower.connection(), &due, now).await?;
            *flights.abreast.entry(due.webhook_id).or_default() += 1;
            let sender = Arc::clone(&self.sender);
            flights.tasks.spawn(async move {
                let outcome = match message {
                    Some(message) => sender.send(&message, now).await,
                    None => Outcome::Dropped,
                };
                Landed { due, outcome }
            });
        }
        Ok(())
    }

    /// Longer than a message can be on its way.
    fn lease(&self) -> TimeDelta {
        TimeDelta::milliseconds(i64::try_from(self.config.timeout_ms).unwrap_or(i64::MAX / 4))
            + TimeDelta::seconds(2)
    }

    async fn record(
        &self,
        follower: &mut Follower,
        flights: &mut Flights,
        landed: Landed,
    ) -> Result<(), WebhooksError> {
        let Landed { due, outcome } = landed;
        flights.landed(due.webhook_id);
        self.attempts.add(1, &[KeyValue::new("outcome", outcome.name())]);
        let (connection, now) = (follower.connection(), self.now());
        match outcome {
            Outcome::Dropped => queue::dropped(connection, &due, now).await?,
            Outcome::Delivered { status } => {
                queue::delivered(connection, &due, status, now).await?;
            }
            Outcome::Failed(failure) => {
                let next = self.next_attempt(&due, failure.retry_after, now);
                queue::failed(connection, &due, &failure, next, now).await?;
                if failure.is_gone {
                    self.pause(follower, &due, "gone").await?;
                } else if self.is_failing_for_long(follower, &due, now).await? {
                    self.pause(follower, &due, "failing").await?;
                }
            }
        }
        Ok(())
    }

    async fn is_failing_for_long(
        &self,
        follower: &mut Follower,
        due: &Due,
        now: DateTime<Utc>,
    ) -> Result<bool, WebhooksError> {
        let since = queue::note_failing(follower.connection(), due.webhook_id, now).await?;
        let limit = TimeDelta::seconds(i64::from(self.config.pause_after_seconds));
        Ok(since.is_some_and(|since| now - since >= limit))
    }

    async fn pause(
        &self,
        follower: &mut Follower,
        due: &Due,
        reason: &'static str,
    ) -> Result<(), WebhooksError> {
        if queue::pause(follower.connection(), due.webhook_id, reason, self.now()).await? {
            tracing::warn!(webhook.id = %due.webhook_id, reason, "a webhook is paused: its events wait");
        }
        Ok(())
    }

    /// When to try again; `None` when it was tried often enough. Pauses differ by up to a fifth, so that what failed
    /// together does not come back together.
    fn next_attempt(
        &self,
        due: &Due,
        retry_after: Option<Duration>,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let step = usize::try_from(due.attempts).unwrap_or_default().saturating_sub(1);
        let pause = *self.config.pauses_seconds.get(step)?;
        let pause = Duration::try_from_secs_f64(pause * jitter(due)).ok()?;
        let pause = retry_after.map_or(pause, |asked| asked.max(pause));
        Some(now + TimeDelta::from_std(pause).unwrap_or(TimeDelta::days(1)))
    }

    /// Waits for what is on its way, for a while.
    async fn land(
        &self,
        follower: &mut Follower,
        mut flights: Flights,
    ) -> Result<(), WebhooksError> {
        let deadline = tokio::time::Instant::now() + LAST_MESSAGES;
        while let Ok(Some(landed)) =
            tokio::time::timeout_at(deadline, flights.tasks.join_next()).await
        {
            self.record(follower, &mut flights, landed?).await?;
        }
        Ok(())
    }

    fn now(&self) -> DateTime<Utc> {
        self.access.now()
    }
}

/// What comes within a moment is read at once: a look costs the same for one event as for twenty.
async fn together(news: impl Future<Output = ()>) {
    news.await;
    tokio::time::sleep(MOMENT).await;
}

impl Flights {
    /// How many more messages of this webhook may be sent now.
    fn room(&self, webhook_id: Uuid, is_failing: bool, claimed: usize) -> usize {
        let abreast = if is_failing { 1 } else { ABREAST };
        let own = self.abreast.get(&webhook_id).copied().unwrap_or_default();
        let all = self.tasks.len() + claimed;
        abreast.saturating_sub(own).min(MOST_ABREAST.saturating_sub(all))
    }

    fn landed(&mut self, webhook_id: Uuid) {
        if let Some(abreast) = self.abreast.get_mut(&webhook_id) {
            *abreast -= 1;
            if *abreast == 0 {
                self.abreast.remove(&webhook_id);
            }
        }
    }
}

/// From 0.8 to 1.2; the same for the same attempt.
fn jitter(due: &Due) -> f64 {
    let seed = due.position ^ (u64::from(due.attempts.unsigned_abs()) << 48);
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let share = u8::try_from(mixed >> 56).unwrap_or_default();
    0.8 + 0.4 * f64::from(share) / 256.0
}

#[cfg(test)]
mod tests {
    use shared::order::samples;

    use super::*;

    #[test]
    fn the_default_pauses_cover_a_day_and_jitter_stays_within_a_fifth() {
        let config: crate::config::Config = shared::platform::config::load_from(
            crate::config::DEFAULTS,
            &shared::platform::config::ConfigArgs::default(),
            vec![],
        )
        .unwrap();
        let pauses = &config.webhooks.pauses_seconds;
        let hours = pauses.iter().sum::<f64>() / 3_600.0;
        assert!((23.0..26.0).contains(&hours), "{hours}");
        assert!(pauses.is_sorted());
        for position in 0..1_000 {
            let due = Due {
                webhook_id: Uuid::nil(),
                position,
                order_id: samples::order_id(),
                attempts: 3,
            };
            assert!((0.8..=1.2).contains(&jitter(&due)));
        }
    }
}
