//! A message as it came, and what was understood of it.

use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Map, Value, json};
use shared::contracts::envelope::{Envelope, Flaw, Glimpse, Malformed};
use shared::contracts::inbound::{INBOUND, Inbound};

use crate::failure::Why;

/// A message from the queue, or from the table of those that wait.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Its bytes, whatever they are.
    pub body: Vec<u8>,
    /// How it travelled: exchange, routing key, properties, headers.
    pub headers: Value,
    /// What was understood.
    pub understood: Result<Understood, Malformed>,
    /// How often the broker delivered it before, to somebody who did not live to acknowledge it.
    pub earlier_deliveries: u64,
}

/// A message of the contract.
#[derive(Debug, Clone)]
pub struct Understood {
    /// Its attributes.
    pub envelope: Envelope,
    /// What it says.
    pub message: Inbound,
    /// Messages of one key keep their order.
    pub order_key: String,
    /// The chain of hops that it belongs to.
    pub traceparent: Option<String>,
}

impl From<&Delivery> for Incoming {
    fn from(delivery: &Delivery) -> Self {
        let headers = headers(delivery);
        let counted = headers.pointer("/headers/x-delivery-count").and_then(Value::as_u64);
        // Anyone can send the header; the flag is the broker's.
        let earlier_deliveries =
            if delivery.redelivered { counted.unwrap_or_default().max(1) } else { 0 };
        Self { earlier_deliveries, ..Self::new(delivery.data.clone(), headers) }
    }
}

impl Incoming {
    /// A message, read.
    pub fn new(body: Vec<u8>, headers: Value) -> Self {
        let understood = understand(&body, &headers);
        Self { body, headers, understood, earlier_deliveries: 0 }
    }

    /// Why the broker gave it up, if it did.
    pub fn death(&self) -> Why {
        let queue = self.headers.pointer("/headers/x-death/0/queue").and_then(Value::as_str);
        let reason = self.headers.pointer("/headers/x-death/0/reason").and_then(Value::as_str);
        let sentence = format!(
            "the broker gave it up in {}: {}",
            queue.unwrap_or("a queue"),
            reason.unwrap_or("it does not say why")
        );
        Why::new("dead-letter", sentence)
    }

    /// The type, if it is one that we know: whatever a stranger writes there is no label for a metric.
    pub fn known_kind(&self) -> &'static str {
        match &self.understood {
            Ok(understood) => understood.message.kind(),
            Err(_) => "unknown",
        }
    }

    /// Whatever can be said of it.
    pub fn glimpse(&self) -> Glimpse {
        Glimpse::of(&self.body)
    }

    /// The order's key, if it was understood.
    pub fn order_key(&self) -> Option<&str> {
        self.understood.as_ref().ok().map(|understood| understood.order_key.as_str())
    }
}

fn understand(body: &[u8], headers: &Value) -> Result<Understood, Malformed> {
    let (envelope, message) = Inbound::parse(body)?;
    keeps_to_its_keys(&message, headers)?;
    let header = headers.pointer("/headers/traceparent").and_then(Value::as_str);
    let traceparent = header.map(ToOwned::to_owned).or_else(|| envelope.traceparent.clone());
    let order_key = message.order().key();
    Ok(Understood { envelope, message, order_key, traceparent })
}

/// The broker lets each producer publish by keys of its own name only, so a key proves who sent it.
fn keeps_to_its_keys(message: &Inbound, headers: &Value) -> Result<(), Malformed> {
    let key = headers["routing_key"].as_str().unwrap_or_default();
    let sender = key.split('.').next().unwrap_or_default();
    if sender == message.producer().as_str() {
        return Ok(());
    }
    let wanted = INBOUND.iter().find(|known| known.kind == message.kind());
    let wanted = wanted.map_or("another one", |known| known.routing_key);
    let told = format!("came by the routing key {key:?}; this type travels by {wanted}");
    Err(Malformed::at(Flaw::Contradiction, "/type", told))
}

fn headers(delivery: &Delivery) -> Value {
    let properties = &delivery.properties;
    let text = |text: Option<&lapin::types::ShortString>| text.map(|text| clean(text.as_str()));
    json!({
        "exchange": clean(delivery.exchange.as_str()),
        "routing_key": clean(delivery.routing_key.as_str()),
        "redelivered": delivery.redelivered,
        "content_type": text(properties.content_type().as_ref()),
        "message_id": text(properties.message_id().as_ref()),
        "app_id": text(properties.app_id().as_ref()),
        "headers": properties.headers().as_ref().map(table),
    })
}

fn table(table: &FieldTable) -> Value {
    let fields = table.inner().iter();
    Value::Object(
        fields.map(|(name, field)| (clean(name.as_str()), value(field))).collect::<Map<_, _>>(),
    )
}

fn value(field: &AMQPValue) -> Value {
    match field {
        AMQPValue::LongString(text) => Value::String(clean(&text.to_string())),
        AMQPValue::ShortString(text) => Value::String(clean(text.as_str())),
        AMQPValue::FieldArray(items) => items.as_slice().iter().map(value).collect(),
        AMQPValue::FieldTable(fields) => table(fields),
        AMQPValue::Boolean(flag) => json!(flag),
        AMQPValue::ShortShortInt(number) => json!(number),
        AMQPValue::ShortShortUInt(number) => json!(number),
        AMQPValue::ShortInt(number) => json!(number),
        AMQPValue::ShortUInt(number) => json!(number),
        AMQPValue::LongInt(number) => json!(number),
        AMQPValue::LongUInt(number) => json!(number),
        AMQPValue::LongLongInt(number) => json!(number),
        AMQPValue::Timestamp(seconds) => json!(seconds),
        other => Value::String(clean(&format!("{other:?}"))),
    }
}

/// PostgreSQL keeps no NUL, not even in JSON.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
