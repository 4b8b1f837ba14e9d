//! "Make order" by a partner.

use futures_util::future::join_all;
use serde_json::json;
use shared::order::Status;
use shared::order::stage::PricingState;

use crate::support::{TestApp, new_key, order_body, order_body_called};

#[tokio::test]
async fn a_partners_order_is_submitted_and_waits_for_its_price() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let model_id = app.small_model(&partner).await;
    let answer = app.submit(&partner, order_body_called("P-1", &model_id)).await;
    let order = answer.now(Status::Submitted).order;
    assert_eq!((order.external_id.as_str(), order.channel.as_str()), ("P-1", "partner"));
    assert_eq!(order.partner_id.map(|id| id.as_uuid()), Some(partner.id));
    assert_eq!((order.version, order.model_id.map(String::from)), (1, Some(model_id)));
    let pricing = order.pricing.expect("the pricing is told");
    assert!(matches!(pricing.state, PricingState::Queued { attempts: 0, .. }), "{pricing:?}");
    let promised = order.promised_at.expect("a promise") - order.submitted_at.expect("a moment");
    assert_eq!(promised.num_days(), 21);
}

#[tokio::test]
async fn an_unknown_model_is_named() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let problem = app.submit(&partner, order_body(&"ab".repeat(32))).await.invalid("/model_id");
    let message = problem["violations"][0]["message"].to_string();
    assert!(message.contains("upload it first"), "{message}");
}

#[tokio::test]
async fn the_same_submission_under_a_new_key_is_the_same_order() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let body = order_body(&app.small_model(&partner).await);
    let first = app.submit(&partner, body.clone()).await.done();
    let second = app.submit(&partner, body.clone()).await.done();
    assert!(!first.already_done && second.already_done);
    assert_eq!((second.order, second.position), (first.order.clone(), first.position));
    // It stays the same order after it has moved on.
    app.price(first.order.order_id.as_uuid()).await;
    let third = app.submit(&partner, body).await.now(Status::PriceCalculated);
    assert!(third.already_done && third.position.covers(&first.position));
}

#[tokio::test]
async fn another_submission_under_the_same_external_id_is_refused() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let mut body = order_body(&app.small_model(&partner).await);
    app.submit(&partner, body.clone()).await.done();
    body["quantity"] = json!(4);
    let answer = app.submit(&partner, body).await;
    answer.refused(409, "different-content", Status::Submitted);
}

#[tokio::test]
async fn concurrent_duplicates_with_different_keys_become_one_order() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let body = order_body(&app.small_model(&partner).await);
    let answers = join_all((0..20).map(|_| app.submit(&partner, body.clone()))).await;
    let answers: Vec<_> = answers.iter().map(|answer| answer.now(Status::Submitted)).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.already_done).count(), 1);
    let order_id = answers[0].order.order_id;
    assert!(answers.iter().all(|answer| answer.order.order_id == order_id));
    assert_eq!(app.count("SELECT count(*) FROM write.orders").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM write.order_events").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM write.pricing_jobs").await, 1);
}

#[tokio::test]
async fn two_partners_may_use_the_same_external_id() {
    let app = TestApp::start().await;
    let (goldmann, silber) = (app.partner("Goldmann").await, app.partner("Silber").await);
    let body = order_body(&app.small_model(&goldmann).await);
    let first = app.submit(&goldmann, body.clone()).await.done();
    let second = app.submit(&silber, body).await.done();
    assert!(!second.already_done);
    assert_ne!(first.order.order_id, second.order.order_id);
}

#[tokio::test]
async fn only_a_partner_with_the_scope_submits() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let body = order_body(&app.small_model(&partner).await);
    let reader = app.partner_with_scopes("Reader", &["orders:read"]).await;
    let shop = app.system("shop", &["orders:submit"]).await;
    for caller in [&reader, &shop, &app.seller, &app.admin] {
        app.submit(caller, body.clone()).await.problem(403, "forbidden");
    }
    assert_eq!(app.count("SELECT count(*) FROM write.orders").await, 0);
}

#[tokio::test]
async fn every_field_that_makes_no_sense_is_named() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let good = order_body(&app.small_model(&partner).await);
    let bad = [
        ("quantity", json!(0)),
        ("quantity", json!(10_001)),
        ("quantity", json!(1.5)),
        ("quantity", json!("three")),
        ("unit", json!("furlong")),
        ("material", json!("Silver 925")),
        ("finish", json!("")),
        ("model_id", json!("not a hash")),
        ("external_id", json!("")),
        ("external_id", json!("x".repeat(65))),
        ("external_id", json!(null)),
        ("colour", json!("red")),
    ];
    for (field, value) in bad {
        let mut body = good.clone();
        body[field] = value;
        app.submit(&partner, body).await.invalid(&format!("/{field}"));
    }
    for field in ["external_id", "model_id", "unit", "material", "finish", "quantity"] {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(field);
        app.submit(&partner, body).await.invalid(&format!("/{field}"));
    }
}

#[tokio::test]
async fn a_submission_that_was_refused_leaves_its_key_free() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let key = new_key();
    let submit = |body: serde_json::Value| {
        let request = app.request(reqwest::Method::POST, "/v1/orders");
        let request = partner.signs(request).header("Idempotency-Key", key.as_str());
        crate::support::Answer::to(request.json(&body))
    };
    submit(order_body(&"ab".repeat(32))).await.invalid("/model_id");
    let body = order_body(&app.small_model(&partner).await);
    submit(body).await.now(Status::Submitted);
}
