//! The envelope: CloudEvents 1.0, structured JSON.
//!
//! Parsing names the place of the first mistake as a JSON pointer. Unknown extension attributes are
//! tolerated, as CloudEvents asks; what stands in `data` is the contract and is checked to the letter.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::text::is_plain;

/// The media type of a message, in the AMQP property `content-type`.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

const SPEC_VERSION: &str = "1.0";
const DATA_CONTENT_TYPE: &str = "application/json";

/// The most characters of `id`, `source`, `type` and `subject`.
const LONGEST_ATTRIBUTE: usize = 200;

/// A message: who says what about which order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Envelope {
    specversion: &'static str,
    /// Unique within the source; a message sent again keeps it.
    pub id: String,
    /// Who sends it.
    pub source: String,
    /// What kind of message it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The order, as the producer names it.
    pub subject: String,
    /// When it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<DateTime<Utc>>,
    datacontenttype: &'static str,
    /// The name of the data's schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataschema: Option<String>,
    /// W3C trace context of the chain of hops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// One life of the producer's counter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Count>,
    /// The producer's counter within the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Count>,
    /// The contract proper.
    pub data: Value,
}

/// A counter: a string of digits on the wire, because the integers of CloudEvents have 32 bits. A number is read
/// as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "CountOnTheWire", into = "String")]
pub struct Count(pub u64);

#[derive(Deserialize)]
#[serde(untagged)]
enum CountOnTheWire {
    Number(u64),
    Digits(String),
}

impl TryFrom<CountOnTheWire> for Count {
    type Error = std::num::ParseIntError;

    fn try_from(wire: CountOnTheWire) -> Result<Self, Self::Error> {
        match wire {
            CountOnTheWire::Number(number) => Ok(Self(number)),
            CountOnTheWire::Digits(digits) => digits.parse().map(Self),
        }
    }
}

impl From<Count> for String {
    fn from(count: Count) -> Self {
        count.0.to_string()
    }
}

/// What is wrong with a message, and where. The text may quote what was sent: keep it, but do not log it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", if pointer.is_empty() { "the message" } else { pointer })]
pub struct Malformed {
    /// The kind of mistake.
    pub flaw: Flaw,
    /// Where, as a JSON pointer; empty for the message as a whole.
    pub pointer: String,
    /// What is wrong, for people.
    pub message: String,
}

/// Kinds of mistakes in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The body is not JSON.
    NotJson,
    /// The body is JSON and not a CloudEvent of version 1.0.
    NotACloudEvent,
    /// The type is not in the contract.
    UnknownType,
    /// The data does not follow the contract.
    BadData,
    /// Parts of the message contradict each other.
    Contradiction,
}

impl Flaw {
    /// A stable name for programs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotJson => "not-json",
            Self::NotACloudEvent => "not-a-cloudevent",
            Self::UnknownType => "unknown-type",
            Self::BadData => "bad-data",
            Self::Contradiction => "contradiction",
        }
    }
}

impl Malformed {
    /// A mistake at a place.
    pub fn at(flaw: Flaw, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { flaw, pointer: pointer.into(), message: message.into() }
    }
}

impl Envelope {
    /// A message with the attributes that every message has.
    pub fn new(id: String, source: &str, kind: &str, subject: String, data: Value) -> Self {
        Self {
            specversion: SPEC_VERSION,
            id,
            source: source.to_owned(),
            kind: kind.to_owned(),
            subject,
            time: None,
            datacontenttype: DATA_CONTENT_TYPE,
            dataschema: Some(schema_name(kind)),
            traceparent: None,
            epoch: None,
            sequence: None,
            data,
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`Malformed`] with the place of the first mistake. The data is checked by whoever knows the type.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let attributes = Attributes(object(body)?);
        attributes.must_be("specversion", SPEC_VERSION)?;
        if attributes.0.contains_key("datacontenttype") {
            attributes.must_be("datacontenttype", DATA_CONTENT_TYPE)?;
        }
        Ok(Self {
            specversion: SPEC_VERSION,
            id: attributes.text("id")?,
            source: attributes.text("source")?,
            kind: attributes.text("type")?,
            subject: attributes.text("subject")?,
            time: attributes.optional("time")?,
            datacontenttype: DATA_CONTENT_TYPE,
            dataschema: attributes.optional("dataschema")?,
            traceparent: attributes.optional("traceparent")?,
            epoch: attributes.optional("epoch")?,
            sequence: attributes.optional("sequence")?,
            data: attributes.required("data")?.clone(),
        })
    }

    /// The body of the message.
    ///
    /// # Panics
    /// Never: text, times and JSON values can be written as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text, times and JSON values can be written as JSON")
    }

    /// The same attributes as headers, for brokers and people that route by them. There is no official AMQP 0-9-1
    /// binding; the body is what counts.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("ce-specversion", SPEC_VERSION.to_owned()),
            ("ce-id", self.id.clone()),
            ("ce-source", self.source.clone()),
            ("ce-type", self.kind.clone()),
            ("ce-subject", self.subject.clone()),
        ];
        headers.extend(self.time.map(|time| ("ce-time", time.to_rfc3339())));
        headers.extend(self.traceparent.clone().map(|parent| ("traceparent", parent)));
        headers
    }

    /// The data as the type that the contract says it has.
    ///
    /// # Errors
    /// [`Malformed`] naming the field, below `/data`.
    pub fn data_as<T: DeserializeOwned>(&self) -> Result<T, Malformed> {
        serde_path_to_error::deserialize(&self.data).map_err(|error| {
            let pointer = pointer_to("/data", error.path(), &error.inner().to_string());
            Malformed::at(Flaw::BadData, pointer, error.inner().to_string())
        })
    }
}

/// The name of the schema of a type's data.
pub fn schema_name(kind: &str) -> String {
    format!("urn:mes:schema:{kind}")
}

/// Whatever can be read of a message that is not one, so that a person can find it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glimpse {
    /// Its id.
    pub id: Option<String>,
    /// Who seems to have sent it.
    pub source: Option<String>,
    /// What it claims to be.
    pub kind: Option<String>,
    /// Whose it seems to be.
    pub subject: Option<String>,
}

impl Glimpse {
    /// Looks at a body that may be anything.
    pub fn of(body: &[u8]) -> Self {
        let Ok(attributes) = object(body).map(Attributes) else { return Self::default() };
        let text = |name| attributes.text(name).ok();
        Self {
            id: text("id"),
            source: text("source"),
            kind: text("type"),
            subject: text("subject"),
        }
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Malformed> {
    let value = serde_json::from_slice(body)
        .map_err(|error| Malformed::at(Flaw::NotJson, "", error.to_string()))?;
    match value {
        Value::Object(attributes) => Ok(attributes),
        _ => Err(Malformed::at(Flaw::NotACloudEvent, "", "is not a JSON object")),
    }
}

struct Attributes(Map<String, Value>);

impl Attributes {
    fn required(&self, name: &str) -> Result<&Value, Malformed> {
        self.0.get(name).ok_or_else(|| Self::wrong(name, "is required"))
    }

    fn text(&self, name: &str) -> Result<String, Malformed> {
        match self.required(name)? {
            Value::String(text) if is_plain(text, 1, LONGEST_ATTRIBUTE) => Ok(text.clone()),
            _ => Err(Self::wrong(name, "must be 1 to 200 characters without control characters")),
        }
    }

    fn must_be(&self, name: &str, wanted: &str) -> Result<(), Malformed> {
        match self.required(name)? {
            Value::String(text) if text == wanted => Ok(()),
            _ => Err(Self::wrong(name, format!("must be \"{wanted}\""))),
        }
    }

    fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Malformed> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                T::deserialize(value).map(Some).map_err(|e| Self::wrong(name, e.to_string()))
            }
        }
    }

    fn wrong(name: &str, message: impl Into<String>) -> Malformed {
        Malformed::at(Flaw::NotACloudEvent, format!("/{name}"), message)
    }
}

/// A missing field's error stands at its parent: the name in the message completes the pointer.
fn pointer_to(root: &str, path: &serde_path_to_error::Path, message: &str) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = root.to_owned();
    let mut descend = |step: &str| {
        pointer.push('/');
        pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
    };
    let mut last = "";
    for segment in path {
        match segment {
            Segment::Seq { index } => descend(&index.to_string()),
            Segment::Map { key: step } | Segment::Enum { variant: step } => {
                last = step;
                descend(step);
            }
            Segment::Unknown => {}
        }
    }
    let named = ["missing field `", "unknown field `"]
        .into_iter()
        .find_map(|prefix| message.strip_prefix(prefix)?.split('`').next());
    if let Some(name) = named.filter(|name| *name != last) {
        descend(name);
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mistake(message: &Value) -> (Flaw, String) {
        let malformed = Envelope::parse(message.to_string().as_bytes()).unwrap_err();
        (malformed.flaw, malformed.pointer)
    }

    fn good() -> Value {
        json!({
            "specversion": "1.0", "id": "m-1", "source": "/shop", "type": "t", "subject": "S-1",
            "data": {}, "partnershipid": "an extension that nobody here knows"
        })
    }

    #[test]
    fn what_is_not_json_or_no_object_says_so() {
        assert_eq!(Envelope::parse(b"\xff\xfe").unwrap_err().flaw, Flaw::NotJson);
        assert_eq!(mistake(&json!([1])), (Flaw::NotACloudEvent, String::new()));
    }

    #[test]
    fn a_missing_or_wrong_attribute_is_named_by_a_pointer() {
        for (name, value) in [
            ("specversion", json!("0.3")),
            ("id", json!("")),
            ("source", json!(7)),
            ("type", json!(null)),
            ("subject", json!("a\u{0}b")),
            ("time", json!("yesterday")),
            ("datacontenttype", json!("text/plain")),
            ("sequence", json!("first")),
            ("traceparent", json!(1)),
        ] {
            let mut message = good();
            message[name] = value;
            assert_eq!(mistake(&message), (Flaw::NotACloudEvent, format!("/{name}")), "{name}");
        }
        let mut message = good();
        message.as_object_mut().unwrap().remove("data");
        assert_eq!(mistake(&message), (Flaw::NotACloudEvent, "/data".to_owned()));
    }

    #[test]
    fn unknown_extension_attributes_are_tolerated_and_counters_may_be_numbers() {
        let mut message = good();
        message["sequence"] = json!(7);
        message["epoch"] = json!("2");
        let envelope = Envelope::parse(message.to_string().as_bytes()).unwrap();
        assert_eq!((envelope.sequence, envelope.epoch), (Some(Count(7)), Some(Count(2))));
    }

    #[test]
    fn a_message_reads_back_what_it_writes() {
        let mut envelope =
            Envelope::new("m-1".into(), "/shop", "t", "S-1".into(), json!({ "a": 1 }));
        envelope.time = Some(crate::order::samples::moment());
        envelope.sequence = Some(Count(u64::MAX));
        assert_eq!(Envelope::parse(&envelope.to_json()), Ok(envelope));
    }

    #[test]
    fn a_glimpse_shows_what_there_is() {
        let mut message = good();
        message["id"] = json!(5);
        let glimpse = Glimpse::of(message.to_string().as_bytes());
        assert_eq!((glimpse.id, glimpse.subject.as_deref()), (None, Some("S-1")));
        assert_eq!(Glimpse::of(b"garbage"), Glimpse::default());
    }
}
