//! Bodies that make no sense: the field is named, nothing is done, nothing crashes.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, TestApp, new_id, new_key};

const COMMANDS: [&str; 10] = [
    "approve",
    "take",
    "give-back",
    "complete",
    "rework",
    "pack",
    "ship",
    "close",
    "cancel",
    "reprice",
];

/// What each command needs beside what the caller saw.
fn needed(command: &str) -> Option<&'static str> {
    match command {
        "give-back" | "rework" | "cancel" => Some("reason"),
        "ship" => Some("tracking_number"),
        _ => None,
    }
}

async fn send(app: &TestApp, caller: &Caller, command: &str, body: impl Into<String>) -> Answer {
    let path = format!("/v1/orders/{}/{command}", new_id());
    let request = app.post(caller, &path).header("Content-Type", "application/json");
    Answer::to(request.body(body.into())).await
}

/// Somebody whom no command turns away for their role alone before it has read the body.
async fn callers(app: &TestApp) -> [(Caller, Vec<&'static str>); 2] {
    let operator = app.operator("Anna", 1).await;
    let others = COMMANDS.into_iter().filter(|command| *command != "cancel").collect();
    [(operator, others), (app.seller.clone(), vec!["cancel"])]
}

#[tokio::test]
async fn what_is_not_json_is_refused_with_line_and_column() {
    let app = TestApp::start().await;
    for (caller, commands) in callers(&app).await {
        for command in commands {
            for body in ["not json", "{", "{\"expected_version\": }", "[1", "\u{feff}{}"] {
                let problem = send(&app, &caller, command, body).await;
                let problem = problem.problem(400, "malformed-json");
                assert!(problem["line"].is_u64() && problem["column"].is_u64(), "{problem}");
            }
        }
    }
}

#[tokio::test]
async fn unknown_missing_and_mistyped_fields_are_named() {
    let app = TestApp::start().await;
    for (caller, commands) in callers(&app).await {
        for command in commands {
            let mut good = json!({});
            if let Some(field) = needed(command) {
                good[field] = json!("quite long enough");
                let answer = send(&app, &caller, command, "{}").await;
                answer.invalid(&format!("/{field}"));
                for bad in [json!(7), json!(null), json!(["x"]), json!(""), json!("a\nb\nc")] {
                    let body = json!({ field: bad }).to_string();
                    send(&app, &caller, command, body).await.invalid(&format!("/{field}"));
                }
            }
            let with = |field: &str, value: Value| {
                let mut body = good.clone();
                body[field] = value;
                body.to_string()
            };
            let answer = send(&app, &caller, command, with("colour", json!("red"))).await;
            answer.invalid("/colour");
            for version in [json!("3"), json!(-1), json!(1.5), json!([]), json!(1e300)] {
                let answer = send(&app, &caller, command, with("expected_version", version)).await;
                answer.invalid("/expected_version");
            }
        }
    }
}

#[tokio::test]
async fn a_field_given_twice_is_named() {
    let app = TestApp::start().await;
    let body = r#"{"reason":"one reason","reason":"another"}"#;
    send(&app, &app.seller, "cancel", body).await.invalid("/reason");
}

#[tokio::test]
async fn something_behind_the_body_is_refused() {
    let app = TestApp::start().await;
    for body in ["{} {}", "{}x", "{},"] {
        send(&app, &app.seller, "approve", body).await.problem(400, "malformed-json");
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused() {
    let app = TestApp::start().await;
    for body in ["[]", "[1]", "[null]", "\"text\"", "7", "null", "true"] {
        send(&app, &app.seller, "approve", body).await.invalid("");
    }
}

#[tokio::test]
async fn a_command_longer_than_any_command_is_refused() {
    let app = TestApp::start().await;
    let reason = "x".repeat(70_000);
    let answer = send(&app, &app.seller, "cancel", json!({ "reason": reason }).to_string()).await;
    let problem = answer.problem(413, "too-large");
    assert_eq!(problem["limit_bytes"], 65_536);
    let answer =
        send(&app, &app.seller, "cancel", json!({ "reason": "x".repeat(501) }).to_string());
    answer.await.invalid("/reason");
}

#[tokio::test]
async fn an_order_id_that_is_none_is_refused() {
    let app = TestApp::start().await;
    for id in ["4711", "x", "00000000-0000-0000-0000-00000000000g"] {
        let path = format!("/v1/orders/{id}/approve");
        Answer::to(app.post(&app.seller, &path)).await.problem(422, "invalid");
    }
}

#[tokio::test]
async fn a_path_or_method_that_does_not_exist_is_a_problem_too() {
    let app = TestApp::start().await;
    let answer = Answer::to(app.post(&app.seller, "/v1/orders/1/melt/down")).await;
    answer.problem(404, "not-found");
    let get = app.seller.signs(app.request(Method::GET, "/v1/orders"));
    let answer = Answer::to(get).await;
    assert!(matches!(answer.status, 404 | 405), "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
}

#[tokio::test]
async fn no_body_at_all_reads_as_an_empty_object() {
    let app = TestApp::start().await;
    let request = app.request(Method::POST, &format!("/v1/orders/{}/approve", new_id()));
    let request = app.seller.signs(request).header("Idempotency-Key", new_key());
    Answer::to(request).await.problem(404, "not-found");
}
