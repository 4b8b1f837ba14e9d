//! The contract as documents: JSON Schemas and an AsyncAPI 3.0 description, made from the types.
//!
//! `docs/api/asyncapi.json` and `docs/api/schemas/` hold what this module makes; a check fails when they are stale.

use serde_json::{Map, Value, json};

use super::envelope::{CONTENT_TYPE, schema_name};
use super::inbound::{INBOUND, Inbound, InboundType};
use super::outbound::{OUTBOUND, OutboundType, Recipient, announce};
use super::outbound_quotes::{OUTBOUND_QUOTES, announce_quote};
use super::samples;
use crate::order::samples::{moment, origin};

/// The AsyncAPI 3.0 document.
pub fn asyncapi() -> Value {
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "MES: messages",
            "version": "1.0.0",
            "description": "What the shop, the CRM and the carrier tell the MES, and what it tells them. \
                CloudEvents 1.0 in structured JSON over RabbitMQ (AMQP 0-9-1). docs/api/producers.md explains."
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": channels(),
        "operations": operations(),
        "components": { "messages": messages(), "schemas": schemas() }
    })
}

/// The JSON Schema (2020-12) of each message, by CloudEvents type.
pub fn schemas() -> Map<String, Value> {
    let inbound = INBOUND.iter().map(|known| {
        (known.kind, envelope_schema(known.kind, known.summary, &data_schema(known.schema)))
    });
    let outbound = outbound_types().map(|told| {
        (told.kind, envelope_schema(told.kind, told.summary, &data_schema(told.schema)))
    });
    inbound.chain(outbound).map(|(kind, schema)| (kind.to_owned(), schema)).collect()
}

fn outbound_types() -> impl Iterator<Item = &'static OutboundType> {
    OUTBOUND.iter().chain(OUTBOUND_QUOTES)
}

/// An example of each message, by CloudEvents type.
///
/// # Panics
/// Never: the samples are valid.
pub fn examples() -> Map<String, Value> {
    let inbound = samples::inbound().into_iter().map(inbound_example);
    let outbound = samples::logged_events().into_iter().map(|logged| {
        let message = announce(&logged, &origin(), 1).expect("the sample price has finite numbers");
        (message.kind.clone(), as_json(&message.to_json()))
    });
    let quotes = samples::quotes().into_iter().map(|quote| {
        let message = announce_quote(&quote, None).expect("the sample price has finite numbers");
        (message.kind.clone(), as_json(&message.to_json()))
    });
    inbound.chain(outbound).chain(quotes).collect()
}

fn inbound_example(message: Inbound) -> (String, Value) {
    let source = format!("/{}", message.producer().as_str());
    let mut envelope =
        message.into_envelope("0193f0a2-4711-7000-8000-000000000001".into(), &source);
    envelope.time = Some(moment());
    envelope.traceparent =
        Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    (envelope.kind.clone(), as_json(&envelope.to_json()))
}

fn as_json(body: &[u8]) -> Value {
    serde_json::from_slice(body).expect("a message is JSON")
}

/// The schema of a type's data, with what it refers to beside it.
fn data_schema(schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema) -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true);
    schema(&mut settings.into_generator()).to_value()
}

fn envelope_schema(kind: &str, summary: &str, data: &Value) -> Value {
    let text = json!({ "type": "string", "minLength": 1, "maxLength": 200 });
    let count = json!({ "type": ["string", "integer"], "pattern": "^[0-9]+$", "minimum": 0 });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_name(kind),
        "title": kind,
        "description": summary,
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "data"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": text,
            "source": text,
            "type": { "const": kind },
            "subject": text,
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": { "const": "application/json" },
            "dataschema": { "type": "string" },
            "traceparent": { "type": "string" },
            "epoch": count,
            "sequence": count,
            "data": data
        },
        "additionalProperties": true
    })
}

fn messages() -> Map<String, Value> {
    let mut examples = examples();
    let described = INBOUND
        .iter()
        .map(|known| (known.kind, known.summary))
        .chain(outbound_types().map(|told| (told.kind, told.summary)));
    described
        .map(|(kind, summary)| {
            let message = json!({
                "name": kind,
                "title": kind,
                "summary": summary,
                "contentType": CONTENT_TYPE,
                "payload": { "$ref": reference("schemas", kind) },
                "examples": [{ "name": "sample", "payload": examples.remove(kind) }]
            });
            (kind.to_owned(), message)
        })
        .collect()
}

fn channels() -> Map<String, Value> {
    let inbound =
        INBOUND.iter().map(|known| (known.routing_key.to_owned(), inbound_channel(known)));
    let outbound = Recipient::ALL
        .map(|recipient| (format!("to.{}", recipient.as_str()), outbound_channel(recipient)));
    inbound.chain(outbound).collect()
}

fn inbound_channel(known: &InboundType) -> Value {
    json!({
        "address": known.routing_key,
        "description": format!("Published by the {}. {}", known.producer.as_str(), known.summary),
        "messages": { known.kind: { "$ref": reference("messages", known.kind) } },
        "bindings": { "amqp": exchange("mes.commands") }
    })
}

fn outbound_channel(recipient: Recipient) -> Value {
    let messages: Map<String, Value> = outbound_types()
        .filter(|told| is_told(recipient, told))
        .map(|told| (told.kind.to_owned(), json!({ "$ref": reference("messages", told.kind) })))
        .collect();
    let (address, description, bindings) = match recipient {
        Recipient::Shop => (
            "shop",
            "The shop's own orders and quotes; consume mes.to.shop.",
            exchange("mes.deliveries"),
        ),
        Recipient::Crm => ("crm", "All orders; consume mes.to.crm.", exchange("mes.deliveries")),
        Recipient::Listeners => (
            "{event}",
            "Everything, for anyone: bind a queue of your own. Without promises.",
            exchange("mes.events"),
        ),
    };
    let mut channel = json!({
        "address": address, "description": description, "messages": messages,
        "bindings": { "amqp": bindings }
    });
    if recipient == Recipient::Listeners {
        let description = "The event's name, such as price-calculated.";
        channel["parameters"] = json!({ "event": { "description": description } });
    }
    channel
}

const fn is_told(recipient: Recipient, told: &OutboundType) -> bool {
    match recipient {
        Recipient::Shop => told.shop,
        Recipient::Crm => told.crm,
        Recipient::Listeners => true,
    }
}

fn exchange(name: &str) -> Value {
    json!({
        "is": "routingKey",
        "exchange": {
            "name": name, "type": "topic", "durable": true, "autoDelete": false, "vhost": "/"
        },
        "bindingVersion": "0.3.0"
    })
}

fn operations() -> Map<String, Value> {
    let receive = INBOUND.iter().map(|known| {
        (format!("receive.{}", known.routing_key), operation("receive", known.routing_key))
    });
    let send = Recipient::ALL.map(|recipient| {
        let channel = format!("to.{}", recipient.as_str());
        (format!("send.{channel}"), operation("send", &channel))
    });
    receive.chain(send).collect()
}

fn operation(action: &str, channel: &str) -> Value {
    json!({ "action": action, "channel": { "$ref": format!("#/channels/{channel}") } })
}

fn reference(kind: &str, name: &str) -> String {
    format!("#/components/{kind}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    match field {
                        Value::String(target) if name == "$ref" => found.push(target),
                        field => references(field, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_example_follows_its_schema() {
        let examples = examples();
        for (kind, schema) in schemas() {
            let validator = jsonschema::draft202012::new(&schema).unwrap();
            let example = &examples[&kind];
            let mistakes: Vec<_> =
                validator.iter_errors(example).map(|error| format!("{error}")).collect();
            assert_eq!(mistakes, Vec::<String>::new(), "{kind}");
        }
    }

    #[test]
    fn a_schema_refuses_what_parsing_refuses() {
        let schemas = schemas();
        let kind = "ru.mes.shop.order.submitted.v1";
        let validator = jsonschema::draft202012::new(&schemas[kind]).unwrap();
        for (field, value) in [
            ("quantity", json!(0)),
            ("shop_order_id", json!("  ")),
            ("shop_order_id", json!("a\u{0}b")),
            ("unit", json!("furlong")),
            ("unknown", json!(1)),
        ] {
            let mut example = examples()[kind].clone();
            example["data"][field] = value;
            assert!(!validator.is_valid(&example), "{field}");
            assert!(Inbound::parse(example.to_string().as_bytes()).is_err(), "{field}");
        }
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let document = asyncapi();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > INBOUND.len() * 3);
        for reference in found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
    }

    #[test]
    fn the_document_has_the_shape_of_asyncapi_3() {
        let document = asyncapi();
        assert_eq!(document["asyncapi"], "3.0.0");
        assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
        for (name, operation) in document["operations"].as_object().unwrap() {
            assert!(["send", "receive"].contains(&operation["action"].as_str().unwrap()), "{name}");
            let channel = operation["channel"]["$ref"].as_str().unwrap();
            assert!(document.pointer(&channel[1..]).is_some(), "{name}");
        }
        for (name, channel) in document["channels"].as_object().unwrap() {
            assert!(channel["address"].is_string(), "{name}");
            assert!(!channel["messages"].as_object().unwrap().is_empty(), "{name}");
        }
    }
}
