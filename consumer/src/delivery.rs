//! The broker, with everything that lapin leaves to its user.
//!
//! - A connection that breaks is thrown away and made anew by whoever uses it, with growing pauses ([`Backoff`]).
//!   lapin's own recovery ends after some attempts, and does not cover a channel that the broker closed.
//! - Nothing waits for ever: connecting, declaring, publishing and confirms have deadlines. While an alarm
//!   blocks the connection even a publish stays pending.
//! - Publishing and consuming never share a connection: a blocked publisher would stop acknowledgements.
//! - A channel belongs to one task, which is why [`Publisher`] publishes by `&mut self`.
//! - A heartbeat of 5 s notices a frozen broker in 10 s; the default takes 120 s.

mod backoff;
mod inbox;
mod publisher;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::topology;

pub use backoff::Backoff;
pub use inbox::Inbox;
pub use publisher::{Fate, Outgoing, Publisher};

const HEARTBEAT_SECONDS: u16 = 5;
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// Where the broker is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerConfig {
    /// `amqp://user:password@host:port/vhost`.
    #[serde(serialize_with = "shared::platform::config::hidden_url")]
    pub url: SecretString,
}

/// Text that is not the URL of a broker. It may hold a password, so it is not shown.
#[derive(Debug, thiserror::Error)]
#[error("`rabbitmq.url` is not of the form amqp://user:password@host:port/vhost: {0}")]
pub struct NotABroker(String);

/// The broker cannot be used now: whatever was under way has an unknown outcome. Throw the connection away.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The connection or the channel broke, or could not be made.
    #[error("the broker failed")]
    Broker(#[from] lapin::Error),
    /// The broker did not answer in time.
    #[error("the broker did not {0} in time")]
    Deadline(&'static str),
    /// The broker cancelled the consumer: its queue was deleted, or its leader went away.
    #[error("the broker cancelled the consumer of {0}")]
    Cancelled(&'static str),
    /// Messages are there and none is delivered.
    #[error("messages are waiting in {0} and none is delivered")]
    Stalled(&'static str),
}

/// A broker that connections are made to.
#[derive(Clone)]
pub struct Broker {
    uri: AMQPUri,
    process: String,
    /// Whether this process has declared [`topology`] since it began.
    declared: Arc<AtomicBool>,
}

impl Broker {
    /// The broker at a URL; connections are named after the process.
    pub fn new(config: &BrokerConfig, process: &str) -> Result<Self, NotABroker> {
        let mut uri: AMQPUri = config.url.expose_secret().parse().map_err(NotABroker)?;
        uri.query.heartbeat = Some(HEARTBEAT_SECONDS);
        uri.query.connection_timeout = u64::try_from(CONNECT_DEADLINE.as_millis()).ok();
        Ok(Self { uri, process: process.to_owned(), declared: Arc::default() })
    }

    /// The same broker for a part of the process, which names its connections.
    #[must_use]
    pub fn named(&self, part: &str) -> Self {
        Self { process: part.to_owned(), ..self.clone() }
    }

    /// A channel that confirms, on a connection of its own.
    pub async fn publisher(&self, purpose: &str) -> Result<Publisher, DeliveryError> {
        let (connection, channel) = self.channel(purpose).await?;
        Publisher::open(connection, channel).await
    }

    /// A consumer of a queue, on a connection of its own, with at most `prefetch` messages in hand.
    pub async fn inbox(&self, queue: &'static str, prefetch: u16) -> Result<Inbox, DeliveryError> {
        let (connection, channel) = self.channel(queue).await?;
        Inbox::open(connection, channel, queue, prefetch).await
    }

    /// Makes the broker look like [`topology`].
    pub async fn declare_topology(&self) -> Result<(), DeliveryError> {
        let (connection, channel) = self.channel("topology").await?;
        in_time(CALL_DEADLINE, "declare", topology::declare(&channel)).await?;
        close(&connection).await;
        self.declared.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether this process has made the broker look like [`topology`], by this value or one [`Self::named`] after it:
    /// before that, what a producer publishes to a new broker may go nowhere.
    pub fn has_declared(&self) -> bool {
        self.declared.load(Ordering::Relaxed)
    }

    /// Whether the broker lets us in, for readiness.
    pub async fn ping(&self) -> Result<(), DeliveryError> {
        // Dropped at once, the channel would still be closing when the connection is.
        let (connection, _channel) = self.channel("ping").await?;
        close(&connection).await;
        Ok(())
    }

    async fn channel(&self, purpose: &str) -> Result<(Connection, Channel), DeliveryError> {
        let name = format!("{} {purpose}", self.process);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connecting = Connection::connect_uri(self.uri.clone(), properties);
        let connection = in_time(CONNECT_DEADLINE, "connect", connecting).await?;
        let channel = in_time(CALL_DEADLINE, "open a channel", connection.create_channel()).await?;
        Ok((connection, channel))
    }
}

async fn close(connection: &Connection) {
    // It goes away either way.
    let _ = in_time(CALL_DEADLINE, "close", connection.close(200, "done".into())).await;
}

async fn in_time<T>(
    deadline: Duration,
    what: &'static str,
    call: impl Future<Output = lapin::Result<T>>,
) -> Result<T, DeliveryError> {
    match tokio::time::timeout(deadline, call).await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(DeliveryError::Deadline(what)),
    }
}
