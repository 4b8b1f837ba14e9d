//! The CRM and the shop: they write down what they receive before they acknowledge it, and the CRM answers.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use shared::contracts::inbound::{Inbound, OrderAcknowledged, OrderApproved};
use shared::ids::OrderId;
use shared::platform::shutdown::Shutdown;
use uuid::Uuid;

use super::history::{Call, Entry, History};
use super::load::{is_approved, number_in, publish};
use crate::broker::{Broker, Letter, Post, Received, Stopping, listen};
use crate::sabotage::tampering::Tampering;

/// Messages in hand at once.
const PREFETCH: u16 = 200;

/// Both of them.
#[derive(Debug)]
pub struct Standins {
    /// Where everything is noted.
    pub history: History,
    /// Nothing is sent after this.
    pub give_up: Instant,
    /// Part of message ids.
    pub seed: u64,
    /// What the CRM does wrong, if anything.
    pub tampering: Arc<Tampering>,
}

/// What a message says.
struct News {
    order_id: Uuid,
    version: u64,
    kind: String,
    external_id: String,
    channel: String,
}

impl News {
    fn of(received: &Received) -> Option<Self> {
        let data = &received.envelope.data;
        let text = |field: &str| data[field].as_str().map(str::to_owned);
        let kind = received.envelope.kind.strip_prefix("ru.mes.order.")?.strip_suffix(".v1")?;
        Some(Self {
            order_id: text("order_id")?.parse().ok()?,
            version: data["version"].as_u64()?,
            kind: kind.to_owned(),
            external_id: text("external_id")?,
            channel: data.get("channel").and_then(Value::as_str)?.to_owned(),
        })
    }
}

impl Standins {
    /// Both listen until the soft stop.
    pub fn start(self: &Arc<Self>, broker: &Broker, post: &Post, shutdown: &Shutdown) {
        self.start_shop(broker, shutdown);
        self.start_crm(broker, post, shutdown);
    }

    /// The shop listens until the soft stop.
    pub fn start_shop(self: &Arc<Self>, broker: &Broker, shutdown: &Shutdown) {
        let shop = Arc::clone(self);
        // Noted before the task begins: what comes later must be noted later.
        let hear = move |received: Received| {
            if let Some(news) = News::of(&received) {
                shop.note("shop", &received, &news);
            }
            async { Ok(()) }
        };
        shutdown.spawn(listen(broker.clone(), "mes.to.shop", PREFETCH, shutdown.clone(), hear));
    }

    /// The CRM listens until the soft stop.
    pub fn start_crm(self: &Arc<Self>, broker: &Broker, post: &Post, shutdown: &Shutdown) {
        let (crm, post) = (Arc::clone(self), post.clone());
        let hear = move |received: Received| {
            let tampering = &crm.tampering;
            let dropped = |news: &News| tampering.drops(&news.external_id, &received.envelope.id);
            // What is dropped was not received, whatever the broker is told.
            let news = News::of(&received).filter(|news| !dropped(news));
            if let Some(news) = &news {
                crm.note("crm", &received, news);
            }
            Arc::clone(&crm).answer(news, post.clone())
        };
        shutdown.spawn(listen(broker.clone(), "mes.to.crm", PREFETCH, shutdown.clone(), hear));
    }

    fn note(&self, by: &str, received: &Received, news: &News) {
        self.history.note(Entry::Received {
            by: by.to_owned(),
            event: received.envelope.id.clone(),
            order_id: news.order_id,
            version: news.version,
            kind: news.kind.clone(),
        });
    }

    /// The CRM says at last that it has an order.
    pub async fn acknowledge(&self, order_id: Uuid, post: &Post) {
        let message = OrderAcknowledged { order_id: OrderId::new(order_id), crm_reference: None };
        let message = Inbound::CrmOrderAcknowledged(message);
        self.say("acknowledge", message, Call::Acknowledge { order_id }, order_id, post).await;
    }

    /// Takes partners' orders into its books, and confirms some of what has a price.
    async fn answer(self: Arc<Self>, news: Option<News>, post: Post) -> Result<(), Stopping> {
        let Some(news) = news else { return Ok(()) };
        let order_id = OrderId::new(news.order_id);
        let number = number_in(&news.external_id).unwrap_or(1);
        match news.kind.as_str() {
            "submitted"
                if news.channel == "partner" && !self.tampering.is_mute(&news.external_id) =>
            {
                self.acknowledge(news.order_id, &post).await;
            }
            "price-calculated" if is_approved(number) => {
                let message = OrderApproved { order_id, seller: None };
                let call = Call::Approve { order_id: news.order_id };
                let message = Inbound::CrmOrderApproved(message);
                self.say("approve", message, call, news.order_id, &post).await;
            }
            _ => {}
        }
        Ok(())
    }

    async fn say(&self, verb: &str, message: Inbound, call: Call, order_id: Uuid, post: &Post) {
        let op = format!("{verb}-{order_id}");
        let letter = Letter::new(message, op.clone(), chrono::DateTime::UNIX_EPOCH, None);
        publish(&self.history, &op, call, letter, false, post, self.give_up).await;
    }
}
