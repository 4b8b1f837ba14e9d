//! The OpenAPI document says what there is.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::TestApp;

async fn document() -> Value {
    let app = TestApp::start().await;
    let answer = app.get("/openapi.json").await;
    assert_eq!(answer.status, 200);
    answer.json()
}

#[tokio::test]
async fn it_is_openapi_3_1_and_holds_together() {
    let document = document().await;
    let version = document["openapi"].as_str().expect("a version");
    assert!(version.starts_with("3.1"), "{version}");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let mut ids = BTreeSet::new();
    for operation in operations(&document) {
        let id = operation["operationId"].as_str().expect("an operation has an id");
        assert!(ids.insert(id.to_owned()), "two operations are called {id}");
        let responses = operation["responses"].as_object().expect("responses");
        assert!(responses.contains_key("default"), "{id} does not mention problems");
        assert!(responses.keys().any(|status| status.starts_with('2')), "{id} never succeeds");
        assert!(operation["description"].is_string() || operation["summary"].is_string(), "{id}");
    }
    for reference in references(&document) {
        let pointer = reference.strip_prefix('#').expect("references stay in the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[tokio::test]
async fn every_route_is_in_it_and_it_has_no_other() {
    let document = document().await;
    let paths = document["paths"].as_object().expect("paths");
    let documented: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, operations)| {
            let methods = operations.as_object().expect("operations").keys();
            methods.map(move |method| format!("{method} {path}"))
        })
        .collect();
    assert_eq!(documented, routes());
}

#[tokio::test]
async fn every_command_wants_an_idempotency_key() {
    let document = document().await;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        if !path.starts_with("/v1/orders") {
            continue;
        }
        let parameters = operations["post"]["parameters"].as_array().expect("parameters");
        let key = parameters.iter().find(|parameter| parameter["name"] == "Idempotency-Key");
        let key = key.unwrap_or_else(|| panic!("{path} wants no key"));
        assert_eq!((&key["in"], &key["required"]), (&"header".into(), &true.into()), "{path}");
    }
}

/// The table of contents, read as text: `.route("/v1/models", post()…`.
fn routes() -> BTreeSet<String> {
    let source = include_str!("../../src/routes.rs");
    let routes = source.split(".route(\"").skip(1).map(|route| {
        let (path, rest) = route.split_once('"').expect("a path ends with a quote");
        let rest = rest.trim_start_matches([',', ' ', '\n']);
        let (method, _) = rest.split_once('(').expect("a method follows");
        format!("{method} {path}")
    });
    routes.filter(|route| route != "get /openapi.json").collect()
}

fn operations(document: &Value) -> Vec<&Value> {
    let paths = document["paths"].as_object().expect("paths").values();
    paths.flat_map(|path| path.as_object().expect("operations").values()).collect()
}

fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(text) if name == "$ref" => vec![text.as_str()],
                value => references(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
