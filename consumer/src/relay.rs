//! Tells others what happened: follows the log and publishes each event to each recipient that wants it.
//!
//! Every [`Route`] has a follower of its own, so that one recipient's trouble stops nobody else. On a route:
//!
//! - at most one event of an order is in flight ([`waves`]), so that order holds even when one comes back;
//! - the log's cursor moves after all are confirmed, so that a crash repeats and never loses; a repeated event
//!   has the same id;
//! - an event that cannot be delivered parks its order for this recipient, and later events of that order park
//!   behind it, while other orders pass ([`parked`]); due ones are tried again, in order;
//! - a recipient's queue that is not bound is bound again, and an incident says so ([`mend`]);
//! - what was sent is in a [`book`], so that a parked event that somebody deleted is missed;
//! - when many cannot be delivered at once it is the route that is broken: it stops, with pauses, and tries with
//!   a few messages until one gets through.
//!
//! Quotes have no log; [`QuoteRelay`] tells of them from their rows.

pub(crate) mod book;
pub(crate) mod mend;
mod pace;
mod packing;
mod parked;
mod quotes;
mod route;
mod session;
mod waves;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge};
use serde::{Deserialize, Serialize};
use shared::platform::shutdown::Shutdown;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use write_api::store::Store;

use crate::delivery::{Backoff, Broker, DeliveryError};
use crate::follower::{FollowerError, LogAccess};
use crate::guard::survive;
use crate::metrics::FollowerMetrics;

use pace::Pace;
pub use quotes::QuoteRelay;
pub use route::Route;
use session::{Progress, Session};

/// How the relay works.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayConfig {
    /// Events read at a time.
    pub batch: u32,
    /// How often to look for new events without being told of any, milliseconds.
    pub poll_ms: u64,
    /// From this many undeliverable orders on, it is the route that is broken.
    pub many: usize,
}

/// Why a route cannot go on. It begins anew after a pause.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The log cannot be followed.
    #[error(transparent)]
    Follower(#[from] FollowerError),
    /// The broker cannot be used.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The database failed.
    #[error("the relay's database failed")]
    Database(#[from] sqlx::Error),
    /// The log or a row holds what cannot be told.
    #[error("inconsistent data: {0}")]
    Inconsistent(String),
}

/// Publishes the log.
pub struct Relay {
    access: LogAccess,
    broker: Broker,
    config: RelayConfig,
    pace: Pace,
    store: Store,
    metrics: RelayMetrics,
}

struct RelayMetrics {
    messages: Counter<u64>,
    stopped: Gauge<u64>,
}

impl Relay {
    /// A relay from this log to this broker, which looks when there is `news`, and now and then. Incidents go to
    /// `store`.
    pub fn new(
        access: LogAccess,
        broker: Broker,
        config: RelayConfig,
        store: Store,
        news: Arc<Notify>,
    ) -> Self {
        let pace = Pace::new(news, config.poll_ms);
        let meter = opentelemetry::global::meter("mes");
        let metrics = RelayMetrics {
            messages: meter
                .u64_counter("mes_relay_messages")
                .with_description("Messages to recipients, by what became of them")
                .build(),
            stopped: meter
                .u64_gauge("mes_relay_route_stopped")
                .with_description("1 while a route takes no messages")
                .build(),
        };
        Self { access, broker, config, pace, store, metrics }
    }

    /// Relays on all routes until the soft stop.
    pub fn run(self, shutdown: &Shutdown) {
        let relay = Arc::new(self);
        for route in Route::ALL {
            let (relay, stop) = (relay.clone(), shutdown.soft().clone());
            shutdown.spawn(async move { relay.keep_relaying(route, &stop).await });
        }
    }

    /// Relays everything that is in the log now and every parked event that is due, on one route.
    ///
    /// # Errors
    /// When the route cannot go on.
    pub async fn drain(&self, route: Route) -> Result<(), RelayError> {
        let never = CancellationToken::new();
        let Some(mut session) = Session::lead(self, route, &never).await? else { return Ok(()) };
        loop {
            match session.step().await? {
                Progress::Moved | Progress::CaughtUp => {}
                Progress::BehindAHole => tokio::time::sleep(Duration::from_millis(5)).await,
                Progress::Idle | Progress::Stopped => break,
            }
        }
        session.resign().await;
        Ok(())
    }

    async fn keep_relaying(&self, route: Route, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            match survive(route.follower(), Box::pin(self.relay(route, &mut backoff, stop))).await {
                Some(Ok(())) => break,
                Some(Err(error)) => tracing::warn!(
                    follower.name = route.follower(),
                    error = &error as &(dyn std::error::Error + 'static),
                    "the relay begins anew"
                ),
                None => {}
            }
            FollowerMetrics::of(route.follower()).note_failure();
            backoff.pause(stop).await;
        }
    }

    async fn relay(
        &self,
        route: Route,
        backoff: &mut Backoff,
        stop: &CancellationToken,
    ) -> Result<(), RelayError> {
        self.broker.declare_topology().await?;
        let Some(mut session) = Session::lead(self, route, stop).await? else { return Ok(()) };
        while !stop.is_cancelled() {
            let look = self.pace.look();
            let progress = session.step().await?;
            if progress == Progress::Stopped {
                backoff.pause(stop).await;
                continue;
            }
            backoff.reset();
            if progress != Progress::Moved {
                self.pace.wait_after(look, stop).await;
            }
        }
        session.resign().await;
        Ok(())
    }
}

impl RelayMetrics {
    fn note(&self, route: Route, outcome: &'static str, messages: usize) {
        let labels = [KeyValue::new("route", route.name()), KeyValue::new("outcome", outcome)];
        self.messages.add(messages as u64, &labels);
    }

    fn note_stopped(&self, route: Route, stopped: bool) {
        self.stopped.record(u64::from(stopped), &[KeyValue::new("route", route.name())]);
    }
}
