//! From the queue to commands: what the shop, the CRM and the carrier tell us becomes what the order does.
//!
//! A batch of messages is applied in one transaction, committed, and then acknowledged at once. Every message
//! ends in one of three ways, and only then is it acknowledged: it was applied (its source and id are the
//! command's cause, so that a repetition changes nothing), it waits in a table ([`waiting`]), or it is parked there for a human. Nothing is ever
//! given back to the queue: [`failure`](crate::failure) says what a failing step asks for.
//!
//! While one message of an order waits, later ones of that order wait behind it.

mod batch;
mod commands;
mod incoming;
mod mortician;
mod retry;
mod sequences;
mod suspects;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use lapin::message::Delivery;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge};
use serde::{Deserialize, Serialize};
use shared::platform::shutdown::Shutdown;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use write_api::store::Store;

use crate::delivery::{Backoff, Broker, DeliveryError, Inbox};
use crate::failure::{Failure, Why};
use crate::guard::survive;
use crate::topology;

pub use incoming::Incoming;

/// How the intake works.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntakeConfig {
    /// The most messages in one transaction.
    pub batch: u16,
    /// From one batch to the next, milliseconds, while messages keep coming: what comes together is applied together.
    pub window_ms: u64,
    /// How often to look for waiting messages that are due, milliseconds.
    pub retry_ms: u64,
}

/// Why the intake cannot go on. It begins anew after a pause; unacknowledged messages come again.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The broker cannot be used.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The database cannot be used.
    #[error("the intake's database failed: {}", .0.sentence)]
    Away(Why),
}

/// Applies messages.
#[derive(Clone)]
pub struct Intake {
    store: Store,
    broker: Broker,
    config: IntakeConfig,
    metrics: IntakeMetrics,
    /// The waiting message whose try this process broke off, because the database went away.
    held_retry: Arc<AtomicI64>,
}

#[derive(Clone)]
struct IntakeMetrics {
    messages: Counter<u64>,
    kept: Gauge<u64>,
}

impl Intake {
    /// An intake from this broker into this store.
    pub fn new(store: Store, broker: Broker, config: IntakeConfig) -> Self {
        let meter = opentelemetry::global::meter("mes");
        let metrics = IntakeMetrics {
            messages: meter
                .u64_counter("mes_intake_messages")
                .with_description("Messages taken in, by what became of them")
                .build(),
            kept: meter
                .u64_gauge("mes_intake_kept_messages")
                .with_description("Messages that wait, and messages that need a human")
                .build(),
        };
        let held_retry = Arc::new(AtomicI64::new(retry::NOBODY));
        Self { store, broker, config, metrics, held_retry }
    }

    /// Takes messages in, tries waiting ones again and buries dead ones, until the soft stop.
    pub fn run(self, shutdown: &Shutdown) {
        let (reader, stop) = (self.clone(), shutdown.soft().clone());
        shutdown.spawn(async move { reader.keep_reading(topology::INTAKE, &stop).await });
        let (mortician, stop) = (self.clone(), shutdown.soft().clone());
        shutdown.spawn(async move { mortician.keep_reading(topology::DEAD, &stop).await });
        let stop = shutdown.soft().clone();
        shutdown.spawn(async move { self.keep_retrying(&stop).await });
    }

    /// Takes in exactly the next `count` messages of the queue, waiting for them.
    ///
    /// # Errors
    /// When the broker or the database fails.
    pub async fn take_in(&self, count: usize) -> Result<(), IntakeError> {
        self.settle_next(topology::INTAKE, count).await
    }

    /// Buries exactly the next `count` dead messages, waiting for them.
    ///
    /// # Errors
    /// When the broker or the database fails.
    pub async fn bury(&self, count: usize) -> Result<(), IntakeError> {
        self.settle_next(topology::DEAD, count).await
    }

    async fn settle_next(&self, queue: &'static str, count: usize) -> Result<(), IntakeError> {
        let never = CancellationToken::new();
        let mut inbox = self.broker.inbox(queue, self.prefetch()).await?;
        let mut left = count;
        while left > 0 {
            let most = left.min(self.config.batch.into());
            let deliveries = inbox.collect(most, self.window()).await?;
            left -= deliveries.len();
            self.settle(queue, &inbox, deliveries, &never).await?;
        }
        inbox.close().await;
        Ok(())
    }

    async fn keep_reading(&self, queue: &'static str, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            match survive("intake", self.read(queue, &mut backoff, stop)).await {
                Some(Ok(())) => break,
                Some(Err(error)) => tracing::warn!(
                    queue.name = queue,
                    error = &error as &(dyn std::error::Error + 'static),
                    "the intake begins anew"
                ),
                None => {}
            }
            backoff.pause(stop).await;
        }
    }

    async fn read(
        &self,
        queue: &'static str,
        backoff: &mut Backoff,
        stop: &CancellationToken,
    ) -> Result<(), IntakeError> {
        self.broker.declare_topology().await?;
        if queue == topology::INTAKE && !self.read_suspects(queue, backoff, stop).await? {
            return Ok(());
        }
        let mut inbox = self.broker.inbox(queue, self.prefetch()).await?;
        let (most, mut next) = (self.config.batch.into(), Instant::now());
        while let Some(deliveries) = stop.run_until_cancelled(inbox.collect_until(most, next)).await
        {
            next = Instant::now() + self.window();
            self.settle(queue, &inbox, deliveries?, stop).await?;
            backoff.reset();
        }
        inbox.close().await;
        Ok(())
    }

    /// Applies or keeps every message, and acknowledges: those that come for the first time together, any other
    /// one by itself.
    async fn settle(
        &self,
        queue: &'static str,
        inbox: &Inbox,
        deliveries: Vec<Delivery>,
        stop: &CancellationToken,
    ) -> Result<(), IntakeError> {
        let incoming: Vec<Incoming> = deliveries.iter().map(Incoming::from).collect();
        write_api::planted!(AcknowledgeBeforeApplying, {
            self.acknowledge_all(inbox, &deliveries).await?;
            tokio::time::sleep(Duration::from_millis(300)).await;
            return self.apply_all(&incoming, stop).await;
        });
        write_api::planted!(RequeueLoop, {
            if queue != topology::DEAD && incoming.iter().any(|one| one.understood.is_err()) {
                for delivery in &deliveries {
                    let again = lapin::options::BasicNackOptions { requeue: true, multiple: false };
                    let _ = delivery.nack(again).await;
                }
                return Ok(());
            }
        });
        write_api::planted!(DropWhenFull, {
            self.apply_all(&incoming[..incoming.len().min(2)], stop).await?;
            return self.acknowledge_all(inbox, &deliveries).await;
        });
        write_api::planted!(DropPoison, {
            let all = deliveries.iter().map(Incoming::from);
            let known: Vec<Incoming> = all.filter(|one| one.understood.is_ok()).collect();
            self.apply_all(&known, stop).await?;
            return self.acknowledge_all(inbox, &deliveries).await;
        });
        let is_dead = queue == topology::DEAD;
        let together =
            |one: &Incoming, next: &Incoming| is_dead || !(one.is_suspect() || next.is_suspect());
        let mut settled = 0;
        for part in incoming.chunk_by(together) {
            match part {
                dead if is_dead => self.bury_all(dead, stop).await?,
                [alone] if alone.is_beyond_trying() => self.set_aside(alone, stop).await?,
                part => self.apply_all(part, stop).await?,
            }
            if !is_dead {
                self.note_numbers(part).await?;
            }
            settled += part.len();
            inbox.acknowledge_up_to(&deliveries[settled - 1]).await?;
        }
        Ok(())
    }

    #[cfg(feature = "planted-bugs")]
    async fn acknowledge_all(
        &self,
        inbox: &Inbox,
        deliveries: &[Delivery],
    ) -> Result<(), IntakeError> {
        if let Some(last) = deliveries.last() {
            inbox.acknowledge_up_to(last).await?;
        }
        Ok(())
    }

    /// Before the acknowledgement: a message that comes again changes nothing.
    async fn note_numbers(&self, messages: &[Incoming]) -> Result<(), IntakeError> {
        let now = self.store.clock().now();
        let noted = sequences::note(self.store.pool(), messages, now).await;
        noted.map_err(|error| IntakeError::Away(error.into()))
    }

    /// Holds what is in hand while the database is away: `Err` only when asked to stop meanwhile.
    async fn hold(
        &self,
        why: Why,
        backoff: &mut Backoff,
        stop: &CancellationToken,
    ) -> Result<(), IntakeError> {
        tracing::warn!(reason = why.code, "the intake holds its messages: the database is away");
        backoff.pause(stop).await;
        if stop.is_cancelled() { Err(IntakeError::Away(why)) } else { Ok(()) }
    }

    fn prefetch(&self) -> u16 {
        self.config.batch.saturating_mul(2)
    }

    const fn window(&self) -> Duration {
        Duration::from_millis(self.config.window_ms)
    }
}

impl IntakeMetrics {
    fn note(&self, message: &Incoming, outcome: &'static str, reason: &'static str) {
        self.messages.add(
            1,
            &[
                KeyValue::new("type", message.known_kind()),
                KeyValue::new("outcome", outcome),
                KeyValue::new("reason", reason),
            ],
        );
    }

    fn note_kept(&self, waiting: u64, parked: u64) {
        self.kept.record(waiting, &[KeyValue::new("state", "waiting")]);
        self.kept.record(parked, &[KeyValue::new("state", "parked")]);
    }

    fn note_failure(&self, message: &Incoming, failure: &Failure) {
        match failure {
            Failure::Wait(why) => self.note(message, "waits", why.code),
            Failure::Park(why) => self.note(message, "parked", why.code),
            Failure::Hold(_) => {}
        }
    }
}
