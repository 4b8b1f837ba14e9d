//! Who asks must be known; nothing else of a request is looked at before.

use reqwest::Method;
use serde_json::json;
use shared::order::Status;
use testkit::new_api_key;

use crate::support::{Answer, Caller, TestApp, new_id, new_key};

#[tokio::test]
async fn nobody_gets_anywhere_without_credentials() {
    let app = TestApp::start().await;
    let document = app.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().expect("paths").clone();
    for (path, operations) in paths {
        let path = path.replace(['{', '}'], "").replace("order_id", &new_id().to_string());
        let path = path.replace("operator_id", &new_id().to_string());
        let path = path.replace("api_key_id", &new_id().to_string());
        for method in operations.as_object().expect("operations").keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let answer = Answer::to(app.request(method, &path).body("{}")).await;
            answer.problem(401, "unauthenticated");
            assert!(answer.header("www-authenticate").is_some(), "{path}");
        }
    }
}

#[tokio::test]
async fn credentials_that_do_not_hold_are_refused() {
    let app = TestApp::start().await;
    let (unknown_key, _) = new_api_key();
    let forged = {
        let mut parts: Vec<String> =
            app.admin.credential.split('.').map(ToOwned::to_owned).collect();
        parts[1] = Caller::person("admin", "Mallory")
            .credential
            .split('.')
            .nth(1)
            .expect("a payload")
            .to_owned();
        parts.join(".")
    };
    for credential in ["nonsense", "a.b.c", "mes_", &unknown_key, &forged] {
        let caller = Caller { credential: credential.to_owned(), ..app.admin.clone() };
        app.approve(&caller, new_id()).await.problem(401, "unauthenticated");
    }
    let basic = app.request(Method::POST, "/v1/orders").basic_auth("admin", Some("admin"));
    Answer::to(basic).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_key_works_in_either_header() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Submitted).await;
    let path = format!("/v1/orders/{}/cancel", scene.order_id);
    let request = app.request(Method::POST, &path).header("X-API-Key", &scene.partner.credential);
    let request = request.header("Idempotency-Key", new_key());
    let answer = Answer::to(request.json(&json!({ "reason": "no longer wanted" }))).await;
    answer.now(Status::Cancelled);
}
