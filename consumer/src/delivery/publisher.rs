//! Publishing with confirms, many in flight at once.
//!
//! lapin 4.12.3 hands a returned message to whichever confirm comes next, not to its own: an unroutable message
//! may come back as a plain acknowledgement while its routable neighbour is blamed. So nobody may decide by one
//! confirm. The rule, for a batch as a whole: wait for *all* confirms, collect the message ids of *all* returned
//! messages, and take as sent what was acknowledged and is not among them.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::try_join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, PublisherConfirm};
use shared::contracts::envelope::{CONTENT_TYPE, Envelope};

use super::{CALL_DEADLINE, DeliveryError, close, in_time};

/// Messages under way at once. A larger batch goes out in parts, so that its deadline does not depend on its size.
const PART: usize = 1_000;
/// For a part, from the first byte to the last confirm.
const PART_DEADLINE: Duration = Duration::from_secs(10);
const PERSISTENT: u8 = 2;

/// A message on its way out.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Where to.
    pub exchange: &'static str,
    /// By which key.
    pub routing_key: String,
    /// Distinct within a batch, and the same however often it is sent.
    pub message_id: String,
    /// What it is, in a word.
    pub kind: String,
    /// The attributes, once more, for those who route by headers.
    pub headers: Vec<(&'static str, String)>,
    /// The message.
    pub body: Vec<u8>,
    /// Whether somebody must be bound.
    pub mandatory: bool,
}

impl Outgoing {
    /// A message of the contract.
    pub fn new(exchange: &'static str, routing_key: &str, envelope: &Envelope) -> Self {
        Self {
            exchange,
            routing_key: routing_key.to_owned(),
            message_id: envelope.id.clone(),
            kind: envelope.kind.clone(),
            headers: envelope.headers(),
            body: envelope.to_json(),
            mandatory: true,
        }
    }

    fn properties(&self) -> BasicProperties {
        let mut headers = FieldTable::default();
        for (name, value) in &self.headers {
            headers.insert((*name).into(), AMQPValue::LongString(value.as_str().into()));
        }
        BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_content_type(CONTENT_TYPE.into())
            .with_message_id(self.message_id.as_str().into())
            .with_type(self.kind.as_str().into())
            .with_app_id("mes".into())
            .with_headers(headers)
    }
}

impl AsRef<Self> for Outgoing {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The broker has it, in at least one queue when it was mandatory.
    Sent,
    /// Nobody is bound.
    Unroutable,
    /// The broker would not take it: its queue is full, most likely.
    Refused,
}

/// A channel in confirm mode with a connection of its own.
pub struct Publisher {
    connection: Connection,
    channel: Channel,
}

impl Publisher {
    pub(super) async fn open(
        connection: Connection,
        channel: Channel,
    ) -> Result<Self, DeliveryError> {
        let select = channel.confirm_select(ConfirmSelectOptions::default());
        in_time(CALL_DEADLINE, "confirm", select).await?;
        Ok(Self { connection, channel })
    }

    /// Publishes all of them and waits until each was confirmed. The fates are in the order of the messages.
    ///
    /// # Errors
    /// When any confirm fails or is late, the fate of all is unknown: drop the publisher and send them again.
    pub async fn publish_batch(
        &mut self,
        messages: &[impl AsRef<Outgoing>],
    ) -> Result<Vec<Fate>, DeliveryError> {
        let mut confirmations = Vec::with_capacity(messages.len());
        for part in messages.chunks(PART) {
            let confirmed = in_time(PART_DEADLINE, "confirm", self.confirmations(part));
            confirmations.extend(confirmed.await?);
        }
        Ok(fates(messages, confirmations))
    }

    async fn confirmations(
        &self,
        messages: &[impl AsRef<Outgoing>],
    ) -> lapin::Result<Vec<Confirmation>> {
        // Handed over together, in this order: lapin numbers and queues a message when its future is first polled, and
        // then waits until its own thread has written it. Awaited one by one, each would also cost a turn of the
        // scheduler there and one back.
        let pending =
            try_join_all(messages.iter().map(|message| self.publish(message.as_ref()))).await?;
        write_api::planted!(SentBeforeConfirm, {
            tokio::spawn(try_join_all(pending));
            return Ok(messages.iter().map(|_| Confirmation::Ack(None)).collect());
        });
        try_join_all(pending).await
    }

    async fn publish(&self, message: &Outgoing) -> lapin::Result<PublisherConfirm> {
        let options = BasicPublishOptions { mandatory: message.mandatory, ..Default::default() };
        let (exchange, key) = (message.exchange.into(), message.routing_key.as_str().into());
        let properties = message.properties();
        self.channel.basic_publish(exchange, key, options, &message.body, properties).await
    }

    /// Closes the connection in good order.
    pub async fn close(self) {
        close(&self.connection).await;
    }
}

fn fates(messages: &[impl AsRef<Outgoing>], confirmations: Vec<Confirmation>) -> Vec<Fate> {
    let acknowledged: Vec<bool> = confirmations.iter().map(Confirmation::is_ack).collect();
    let returned: HashSet<String> = confirmations
        .into_iter()
        .filter_map(Confirmation::take_message)
        .filter_map(|returned| {
            returned.delivery.properties.message_id().as_ref().map(ToString::to_string)
        })
        .collect();
    write_api::planted!(TrustEachConfirm, {
        let fate = |acknowledged| if acknowledged { Fate::Sent } else { Fate::Refused };
        return acknowledged.into_iter().map(fate).collect();
    });
    messages
        .iter()
        .zip(acknowledged)
        .map(|(message, acknowledged)| match acknowledged {
            _ if returned.contains(&message.as_ref().message_id) => Fate::Unroutable,
            true => Fate::Sent,
            false => Fate::Refused,
        })
        .collect()
}
