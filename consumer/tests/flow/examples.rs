//! What we show to the teams that produce messages is what we understand.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use consumer::relay::Route;
use serde_json::Value;
use shared::contracts::asyncapi;
use shared::contracts::inbound::{INBOUND, Inbound};
use shared::contracts::outbound::{OUTBOUND, Recipient};
use shared::order::{Status, samples};

use crate::log;
use crate::world::World;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api")
}

fn read(file: &str) -> String {
    let path = docs().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn follows_its_schema(message: &Value) {
    let kind = message["type"].as_str().unwrap();
    let schemas = asyncapi::schemas();
    let schema = schemas.get(kind).unwrap_or_else(|| panic!("{kind} is not in the contract"));
    let validator = jsonschema::draft202012::new(schema).unwrap();
    let mistakes: Vec<_> = validator.iter_errors(message).map(|error| error.to_string()).collect();
    assert_eq!(mistakes, Vec::<String>::new(), "{message:#}");
}

/// Python with whatever it can import; `None` where there is no Python at all.
fn python(script: &str, arguments: &[&str]) -> Option<Output> {
    let interpreter = std::env::var("MES_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = docs().join("examples/python").join(script);
    Command::new(interpreter).arg("-B").arg(script).args(arguments).output().ok()
}

fn has_pika() -> bool {
    let interpreter = std::env::var("MES_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let tried = Command::new(interpreter).args(["-c", "import pika"]).output();
    tried.is_ok_and(|output| output.status.success())
}

#[test]
fn every_message_on_the_producers_page_follows_its_schema() {
    let page = read("producers.md");
    let blocks = page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let messages: Vec<Value> = blocks.map(|block| serde_json::from_str(block).unwrap()).collect();
    assert_eq!(messages.len(), 4);
    messages.iter().for_each(follows_its_schema);
}

#[test]
fn the_producers_page_names_every_type_with_its_routing_key() {
    let page = read("producers.md");
    for known in INBOUND {
        let line = format!("| `{}` | `{}` |", known.kind, known.routing_key);
        assert!(page.contains(&line), "{line}");
    }
}

#[test]
fn the_java_examples_message_is_understood() {
    let body = read("examples/java-spring/src/test/resources/order-submitted.json");
    follows_its_schema(&serde_json::from_str(&body).unwrap());
    let (_, message) = Inbound::parse(body.as_bytes()).unwrap();
    let source = read("examples/java-spring/src/main/java/shop/orders/OrderSubmitted.java");
    assert!(source.contains(message.kind()) && source.contains(message.routing_key()));
}

#[test]
fn the_python_examples_message_is_understood() {
    let model = samples::spec().model_id;
    let arguments = ["--shop-order-id", "S-1", "--model-id", model.as_str(), "--print"];
    let Some(printed) = python("submit_order.py", &arguments) else {
        let source = read("examples/python/submit_order.py");
        assert!(INBOUND.iter().any(|known| source.contains(&format!("\"{}\"", known.kind))));
        return;
    };
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    follows_its_schema(&serde_json::from_slice(&printed.stdout).unwrap());
    Inbound::parse(&printed.stdout).unwrap();
}

/// Where Python has pika, the examples run against the broker.
#[tokio::test]
async fn the_python_examples_send_and_hear() {
    let world = World::new().await;
    let url = world.vhost.url();
    let model = samples::spec().model_id.as_str().to_owned();
    if !has_pika() {
        return;
    }
    let sent = tokio::task::spawn_blocking({
        let url = url.clone();
        move || {
            let order = ["--shop-order-id", "S-1", "--model-id", &model, "--url", &url];
            python("submit_order.py", &order).unwrap()
        }
    })
    .await
    .unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    world.intake().take_in(1).await.unwrap();
    assert_eq!(world.shop_order("S-1").await.unwrap().status(), Status::Submitted);
    log::live(&mut world.database.connection().await, 1, 5).await;
    world.relay().drain(Route::To(Recipient::Shop)).await.unwrap();
    let heard = tokio::task::spawn_blocking(move || {
        python("hear_of_orders.py", &["--url", &url, "--count", "6"]).unwrap()
    })
    .await
    .unwrap();
    let lines = String::from_utf8(heard.stdout).unwrap();
    assert!(heard.status.success(), "{}", String::from_utf8_lossy(&heard.stderr));
    let priced = OUTBOUND.iter().find(|told| told.event == "price-calculated").unwrap();
    assert!(lines.contains("S-1 is SUBMITTED (ru.mes.order.submitted.v1)"), "{lines}");
    assert!(lines.contains(&format!("X-1 is PRICE_CALCULATED ({})", priced.kind)), "{lines}");
}
