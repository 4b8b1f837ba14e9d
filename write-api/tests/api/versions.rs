//! What every command promises about which order it acts on: the one that the caller saw, theirs, and existing.

use serde_json::{Value, json};
use shared::order::Status;
use uuid::Uuid;

use crate::support::{Caller, Scene, TestApp, new_id};

/// An untroubled life after the price, and who does each step.
fn life<'a>(app: &'a TestApp, scene: &'a Scene) -> [(&'static str, &'a Caller, Value); 9] {
    let anna = &scene.anna;
    let tracking_number = "RA123456785RU";
    [
        ("approve", &app.seller, json!({})),
        ("take", anna, json!({})),
        ("give-back", anna, json!({ "reason": "lunch" })),
        ("take", anna, json!({})),
        ("complete", anna, json!({})),
        ("rework", anna, json!({ "reason": "a scratch" })),
        ("complete", anna, json!({})),
        ("pack", anna, json!({})),
        ("ship", anna, json!({ "tracking_number": tracking_number })),
    ]
}

fn seen(body: &Value, version: u64) -> Value {
    let mut body = body.clone();
    body["expected_version"] = json!(version);
    body
}

#[tokio::test]
async fn every_command_acts_only_on_the_version_that_the_caller_saw() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let close = ("close", &app.seller, json!({ "reason": "delivered" }));
    let mut version = 3;
    for (command, caller, body) in life(&app, &scene).into_iter().chain([close]) {
        for stale in [version - 1, version + 1] {
            let answer = app.command(caller, scene.order_id, command, seen(&body, stale)).await;
            let problem = answer.problem(409, "stale-version");
            assert_eq!(problem["current_version"], version, "{command}: {problem}");
            assert!(problem["allowed"].is_array() && problem["current_status"].is_string());
        }
        let answer = app.command(caller, scene.order_id, command, seen(&body, version)).await;
        version += 1;
        assert_eq!(answer.done().order.version, version, "{command}");
    }
    let events = app.events_of(scene.order_id).await;
    assert_eq!(events.len() as u64, version, "a refused command leaves no event");
}

#[tokio::test]
async fn cancelling_and_repricing_act_only_on_the_version_that_the_caller_saw() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Submitted).await;
    for (command, body) in [("reprice", json!({})), ("cancel", json!({ "reason": "why not" }))] {
        let answer = app.command(&app.seller, scene.order_id, command, seen(&body, 7)).await;
        let problem = answer.refused(409, "stale-version", Status::Submitted);
        assert_eq!(problem["current_version"], 1);
    }
}

#[tokio::test]
async fn an_order_that_does_not_exist_is_not_found_by_any_command() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Submitted).await;
    let more = [
        ("close", &app.seller, json!({ "reason": "why not" })),
        ("cancel", &app.seller, json!({ "reason": "why not" })),
        ("reprice", &app.seller, json!({})),
    ];
    for (command, caller, body) in life(&app, &scene).into_iter().chain(more) {
        for nobody in [Uuid::nil(), new_id()] {
            let answer = app.command(caller, nobody, command, body.clone()).await;
            answer.problem(404, "not-found");
        }
    }
}

#[tokio::test]
async fn another_partners_order_does_not_exist() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Packaging).await;
    let nosy = app.partner("Nosy").await;
    let unknown = app.cancel(&nosy, new_id(), "let me see").await.problem(404, "not-found");
    let bodies = [
        ("approve", json!({})),
        ("give-back", json!({ "reason": "let me see" })),
        ("complete", json!({})),
        ("rework", json!({ "reason": "let me see" })),
        ("pack", json!({})),
        ("ship", json!({ "tracking_number": "RA123456785RU" })),
        ("close", json!({ "reason": "let me see" })),
        ("cancel", json!({ "reason": "let me see" })),
        ("reprice", json!({})),
    ];
    for (command, body) in bodies {
        for body in [body.clone(), seen(&body, 1)] {
            let answer = app.command(&nosy, scene.order_id, command, body).await;
            let problem = answer.problem(404, "not-found");
            assert_eq!(problem["detail"], unknown["detail"], "{command} tells the two apart");
        }
    }
    assert_eq!(app.row_of(scene.order_id).await.status(), Status::Packaging);
}
