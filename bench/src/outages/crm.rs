//! The CRM as it should be: it takes every message, and says of each order of a partner that it has it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use futures_util::future::join_all;
use lapin::message::Delivery;
use lapin::options::BasicAckOptions;
use shared::clock::{Clock, SystemClock};
use shared::contracts::envelope::Envelope;
use shared::contracts::inbound::{Inbound, OrderAcknowledged};
use shared::ids::OrderId;
use shared::platform::shutdown::Shutdown;

use crate::broker::{Broker, Letter, PAUSE, Post, consume};

const QUEUE: &str = "mes.to.crm";
/// Messages in hand at once.
const PREFETCH: u16 = 500;
/// Taken and acknowledged together.
const CHUNK: usize = 200;
const SUBMITTED: &str = "ru.mes.order.submitted.v1";

/// What the CRM has heard of; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Crm(Arc<Mutex<Heard>>);

#[derive(Debug, Default)]
struct Heard {
    orders: HashSet<String>,
    messages: u64,
}

impl Crm {
    /// Listens until the soft stop.
    pub fn start(broker: &Broker, shutdown: &Shutdown) -> Self {
        let crm = Self::default();
        let post = Post::open(broker, "crm", shutdown);
        let (listening, broker, stop) = (crm.clone(), broker.clone(), shutdown.soft().clone());
        shutdown.spawn(async move {
            while !stop.is_cancelled() {
                let session = stop.run_until_cancelled(listening.session(&broker, &post)).await;
                if let Some(Err(error)) = session {
                    broker.note("the CRM", format!("{error:#}"));
                    stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                }
            }
        });
        crm
    }

    /// How many of these orders it has not heard of.
    pub fn missing(&self, external_ids: &[String]) -> u64 {
        let heard = self.heard();
        let missing = external_ids.iter().filter(|id| !heard.orders.contains(*id)).count();
        u64::try_from(missing).unwrap_or(u64::MAX)
    }

    /// Messages so far, repetitions included.
    pub fn messages(&self) -> u64 {
        self.heard().messages
    }

    /// One connection's life.
    async fn session(&self, broker: &Broker, post: &Post) -> anyhow::Result<()> {
        let (_connection, channel) = broker.channel("crm").await?;
        let consumer = consume(&channel, QUEUE, PREFETCH).await?;
        let mut chunks = consumer.ready_chunks(CHUNK);
        while let Some(chunk) = chunks.next().await {
            let chunk: Vec<Delivery> = chunk.into_iter().collect::<Result<_, _>>()?;
            let letters = chunk.iter().filter_map(|delivery| self.take(&delivery.data));
            // What the broker did not confirm comes again with the message.
            let sent = join_all(letters.map(|letter| post.send(letter))).await;
            sent.into_iter().collect::<Result<(), _>>()?;
            if let Some(last) = chunk.last() {
                last.ack(BasicAckOptions { multiple: true }).await?;
            }
        }
        anyhow::bail!("the broker hung up")
    }

    /// Writes a message down; answers what is to be said.
    fn take(&self, message: &[u8]) -> Option<Letter> {
        let envelope = Envelope::parse(message).ok()?;
        let mut heard = self.heard();
        heard.messages += 1;
        if envelope.kind != SUBMITTED || envelope.data["channel"] != "partner" {
            return None;
        }
        heard.orders.insert(envelope.data["external_id"].as_str()?.to_owned());
        let order_id = OrderId::new(envelope.data["order_id"].as_str()?.parse().ok()?);
        let message = OrderAcknowledged { order_id, crm_reference: None };
        let id = format!("acknowledge-{order_id}");
        Some(Letter::new(Inbound::CrmOrderAcknowledged(message), id, SystemClock.now(), None))
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
