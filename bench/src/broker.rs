//! The broker as our producers and recipients use it: publish until confirmed, acknowledge after acting, and come
//! back after every restart.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::future::try_join_all;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use shared::contracts::envelope::{CONTENT_TYPE, Envelope};
use shared::contracts::inbound::Inbound;
use shared::platform::shutdown::Shutdown;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::trouble::Trouble;

/// Where everything that we are told goes in.
const COMMANDS: &str = "mes.commands";
/// Where everybody may listen.
const EVENTS: &str = "mes.events";
const HEARTBEAT_SECONDS: u16 = 5;
const DEADLINE: Duration = Duration::from_secs(10);
/// Between two attempts to connect.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);
const PERSISTENT: u8 = 2;
/// Messages that wait for their turn; whoever sends more waits, too.
const QUEUE: usize = 1_000;
/// Messages under way at once.
const BATCH: usize = 100;

/// The process is stopping: leave everything as it is.
#[derive(Debug, thiserror::Error)]
#[error("stopping")]
pub struct Stopping;

/// A message on its way to the MES.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The key on `mes.commands`.
    pub routing_key: String,
    /// The same, however often it is sent.
    pub id: String,
    /// The AMQP headers.
    pub headers: Vec<(&'static str, String)>,
    /// The message.
    pub body: Vec<u8>,
}

impl Letter {
    /// A message of the contract.
    pub fn new(
        message: Inbound,
        id: String,
        time: DateTime<Utc>,
        traceparent: Option<&str>,
    ) -> Self {
        let routing_key = message.routing_key().to_owned();
        let source = format!("/{}", message.producer().as_str());
        let mut envelope = message.into_envelope(id, &source);
        envelope.time = Some(time);
        envelope.traceparent = traceparent.map(str::to_owned);
        let (headers, body) = (envelope.headers(), envelope.to_json());
        Self { routing_key, id: envelope.id, headers, body }
    }

    fn properties(&self) -> BasicProperties {
        let mut headers = FieldTable::default();
        for (name, value) in &self.headers {
            headers.insert((*name).into(), AMQPValue::LongString(value.as_str().into()));
        }
        BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_content_type(CONTENT_TYPE.into())
            .with_message_id(self.id.as_str().into())
            .with_headers(headers)
    }
}

/// A broker to connect to.
#[derive(Clone)]
pub struct Broker {
    uri: AMQPUri,
    trouble: Arc<Trouble>,
}

impl Broker {
    /// The broker at a URL.
    pub fn new(url: &str, trouble: &Arc<Trouble>) -> Result<Self> {
        let mut uri: AMQPUri = url.parse().map_err(anyhow::Error::msg).context("rabbitmq.url")?;
        uri.query.heartbeat = Some(HEARTBEAT_SECONDS);
        Ok(Self { uri, trouble: trouble.clone() })
    }

    /// Something went wrong; it is tried again.
    pub fn note(&self, what: &str, error: impl std::fmt::Display) {
        self.trouble.note(what, error);
    }

    /// A channel on a connection of its own.
    pub(crate) async fn channel(&self, name: &str) -> Result<(Connection, Channel)> {
        let properties =
            ConnectionProperties::default().with_connection_name(format!("simulate {name}").into());
        let connecting = Connection::connect_uri(self.uri.clone(), properties);
        let connection = timeout(DEADLINE, connecting).await.context("connecting")??;
        let channel =
            timeout(DEADLINE, connection.create_channel()).await.context("a channel")??;
        Ok((connection, channel))
    }
}

/// A producer's way to the broker; clones share it.
#[derive(Clone)]
pub struct Post(mpsc::Sender<Pending>);

struct Pending {
    letter: Letter,
    confirmed: oneshot::Sender<()>,
}

impl Post {
    /// Opens it; the connection is made when it is needed, and made again whenever it breaks.
    pub fn open(broker: &Broker, name: &'static str, shutdown: &Shutdown) -> Self {
        let (sender, letters) = mpsc::channel(QUEUE);
        let office = Office {
            broker: broker.clone(),
            name,
            letters,
            unsent: Vec::new(),
            shutdown: shutdown.clone(),
        };
        shutdown.spawn(office.run());
        Self(sender)
    }

    /// Sends a letter and waits until the broker has it.
    pub async fn send(&self, letter: Letter) -> Result<(), Stopping> {
        let (confirmed, confirmation) = oneshot::channel();
        self.0.send(Pending { letter, confirmed }).await.map_err(|_| Stopping)?;
        confirmation.await.map_err(|_| Stopping)
    }
}

/// The task behind a [`Post`].
struct Office {
    broker: Broker,
    name: &'static str,
    letters: mpsc::Receiver<Pending>,
    unsent: Vec<Pending>,
    shutdown: Shutdown,
}

impl Office {
    async fn run(mut self) {
        let stop = self.shutdown.soft().clone();
        while !stop.is_cancelled() {
            match self.session().await {
                // Nobody can send any more.
                Ok(()) => return,
                Err(error) => {
                    self.broker.trouble.note(&format!("publishing as {}", self.name), error);
                    stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                }
            }
        }
    }

    /// One connection's life. Letters leave `unsent` when the broker has confirmed them, and in no other way.
    async fn session(&mut self) -> Result<()> {
        let (connection, channel) = self.broker.channel(self.name).await?;
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        timeout(DEADLINE, confirms).await.context("asking for confirms")??;
        while self.collect().await {
            let letters: Vec<&Letter> = self.unsent.iter().map(|unsent| &unsent.letter).collect();
            let sent =
                timeout(DEADLINE, publish(&channel, &letters)).await.context("confirms")??;
            let mut sent = sent.into_iter();
            let (done, unsent) = std::mem::take(&mut self.unsent)
                .into_iter()
                .partition(|_| sent.next().unwrap_or_default());
            self.unsent = unsent;
            for Pending { confirmed, .. } in done {
                // Whoever sent it may have stopped waiting.
                let _ = confirmed.send(());
            }
            anyhow::ensure!(self.unsent.is_empty(), "the broker did not take a message");
        }
        // The connection goes away either way.
        let _ = timeout(DEADLINE, connection.close(200, "done".into())).await;
        Ok(())
    }

    /// Waits for letters; `false` when there is nothing more to send.
    async fn collect(&mut self) -> bool {
        if self.unsent.is_empty() {
            let next = self.shutdown.soft().run_until_cancelled(self.letters.recv()).await;
            let Some(Some(first)) = next else { return false };
            self.unsent.push(first);
        }
        while self.unsent.len() < BATCH {
            let Ok(next) = self.letters.try_recv() else { break };
            self.unsent.push(next);
        }
        true
    }
}

/// Publishes a batch; tells of each letter whether the broker has it. lapin may hand a returned message to another
/// message's confirm, so that all are looked at together.
async fn publish(channel: &Channel, letters: &[&Letter]) -> lapin::Result<Vec<bool>> {
    let publishing = letters.iter().map(|letter| {
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let key = letter.routing_key.as_str().into();
        channel.basic_publish(COMMANDS.into(), key, options, &letter.body, letter.properties())
    });
    // Together: one by one, each would wait for lapin's thread to have written it.
    let pending = try_join_all(publishing).await?;
    let confirmations = try_join_all(pending).await?;
    let acknowledged: Vec<bool> = confirmations.iter().map(Confirmation::is_ack).collect();
    let returned: HashSet<String> = confirmations
        .into_iter()
        .filter_map(Confirmation::take_message)
        .filter_map(|returned| {
            Some(returned.delivery.properties.message_id().as_ref()?.to_string())
        })
        .collect();
    let reached = |(letter, acknowledged): (&&Letter, bool)| {
        acknowledged && !returned.contains(letter.id.as_str())
    };
    Ok(letters.iter().zip(acknowledged).map(reached).collect())
}

/// A message from the MES.
#[derive(Debug, Clone)]
pub struct Received {
    /// What it says.
    pub envelope: Envelope,
    /// Whether somebody had it in hand before, and did not acknowledge it.
    pub again: bool,
}

/// Listens to a queue. Each message is acted upon in a task of its own and acknowledged afterwards, so that whatever
/// is still being thought about comes again after a crash; `prefetch` is the most at once.
pub async fn listen<Act, Acting>(
    broker: Broker,
    queue: &'static str,
    prefetch: u16,
    shutdown: Shutdown,
    act: Act,
) where
    Act: Fn(Received) -> Acting,
    Acting: Future<Output = Result<(), Stopping>> + Send + 'static,
{
    let stop = shutdown.soft().clone();
    while !stop.is_cancelled() {
        if let Err(error) = listening(&broker, queue, prefetch, &shutdown, &act).await {
            broker.trouble.note(&format!("listening to {queue}"), format!("{error:#}"));
            stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }
}

async fn listening<Act, Acting>(
    broker: &Broker,
    queue: &'static str,
    prefetch: u16,
    shutdown: &Shutdown,
    act: &Act,
) -> Result<()>
where
    Act: Fn(Received) -> Acting,
    Acting: Future<Output = Result<(), Stopping>> + Send + 'static,
{
    let (connection, channel) = broker.channel(queue).await?;
    let mut consumer = consume(&channel, queue, prefetch).await?;
    while let Some(next) = shutdown.soft().run_until_cancelled(consumer.next()).await {
        let delivery = next.context("the broker cancelled the consumer")??;
        match Envelope::parse(&delivery.data) {
            Ok(envelope) => {
                let acting = act(Received { envelope, again: delivery.redelivered });
                shutdown.spawn(async move {
                    if acting.await.is_ok() {
                        acknowledge(&delivery).await;
                    }
                });
            }
            Err(malformed) => {
                broker.trouble.note(&format!("reading a message of {queue}"), malformed);
                acknowledge(&delivery).await;
            }
        }
    }
    // The connection goes away either way; what is not acknowledged goes back to its queue.
    let _ = timeout(DEADLINE, connection.close(200, "done".into())).await;
    Ok(())
}

/// Listens to events of these kinds on `mes.events`, with a queue of one's own that goes away with the listener. It
/// listens when this returns; what it misses while the connection is down is missed.
///
/// # Errors
/// When the broker does not let us.
pub async fn eavesdrop(
    broker: &Broker,
    kinds: &[&str],
    shutdown: &Shutdown,
    hear: impl Fn(Envelope) + Send + 'static,
) -> Result<()> {
    let (connection, channel) = broker.channel("eavesdropping").await?;
    let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
    let declared = channel.queue_declare("".into(), options, FieldTable::default());
    let queue = timeout(DEADLINE, declared).await.context("a queue")??.name().clone();
    for kind in kinds {
        let binding = channel.queue_bind(
            queue.clone(),
            EVENTS.into(),
            (*kind).into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        timeout(DEADLINE, binding).await.context("binding")??;
    }
    let options = BasicConsumeOptions { no_ack: true, ..Default::default() };
    let consuming = channel.basic_consume(queue, "".into(), options, FieldTable::default());
    let mut consumer = timeout(DEADLINE, consuming).await.context("consuming")??;
    let (stop, trouble) = (shutdown.soft().clone(), broker.trouble.clone());
    shutdown.spawn(async move {
        let _connection = connection;
        while let Some(Some(Ok(delivery))) = stop.run_until_cancelled(consumer.next()).await {
            match Envelope::parse(&delivery.data) {
                Ok(event) => hear(event),
                Err(malformed) => trouble.note("reading an event", malformed),
            }
        }
        if !stop.is_cancelled() {
            trouble.note("eavesdropping", "the broker hung up");
        }
    });
    Ok(())
}

/// Consumes a queue, with at most so many messages in hand.
pub(crate) async fn consume(
    channel: &Channel,
    queue: &'static str,
    prefetch: u16,
) -> Result<Consumer> {
    let qos = channel.basic_qos(prefetch, BasicQosOptions::default());
    timeout(DEADLINE, qos).await.context("limiting deliveries")??;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let consume = channel.basic_consume(queue.into(), "".into(), options, arguments);
    Ok(timeout(DEADLINE, consume).await.context("consuming")??)
}

/// When it fails, the connection is gone and the message comes again.
async fn acknowledge(delivery: &Delivery) {
    let _ = delivery.ack(BasicAckOptions::default()).await;
}
