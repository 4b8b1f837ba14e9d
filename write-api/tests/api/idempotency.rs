//! A command may be repeated with its key: it is carried out once and answered the same.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use shared::order::Status;
use sqlx::Row;

use crate::support::{Answer, TestApp, new_key, order_body};

#[tokio::test]
async fn a_repeated_command_is_answered_the_same_to_the_byte() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingApproved).await;
    let key = new_key();
    let take = || app.command_with_key(&scene.anna, scene.order_id, "take", &key, json!({}));
    let first = take().await;
    first.now(Status::ManufacturingStarted);
    assert!(!first.is_replayed());
    // The order moves on; the answer to the first sending does not.
    app.complete(&scene.anna, scene.order_id).await.now(Status::ManufacturingCompleted);
    let second = take().await;
    assert!(second.is_replayed());
    assert_eq!(second.text, first.text);
    assert_eq!(second.header("mes-position"), first.header("mes-position"));
    assert_eq!(second.header("content-type"), first.header("content-type"));
    assert_eq!(app.events_of(scene.order_id).await.len(), 6);
}

#[tokio::test]
async fn a_key_cannot_be_used_for_another_request() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Submitted).await;
    let key = new_key();
    let cancel = |order_id, reason: &str| {
        let body = json!({ "reason": reason });
        let (app, seller, key) = (&app, &app.seller, &key);
        async move { app.command_with_key(seller, order_id, "cancel", key, body).await }
    };
    let other = app.advanced(&scene.partner, &scene.anna, Status::Submitted).await;
    cancel(scene.order_id, "one reason").await.now(Status::Cancelled);
    let code = "idempotency-key-reused";
    cancel(scene.order_id, "another reason").await.problem(422, code);
    cancel(other, "one reason").await.problem(422, code);
    let close = json!({ "reason": "one reason" });
    let answer = app.command_with_key(&app.seller, scene.order_id, "close", &key, close).await;
    answer.problem(422, code);
    assert_eq!(app.row_of(other).await.status(), Status::Submitted);
}

#[tokio::test]
async fn a_key_belongs_to_its_caller_alone() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let key = new_key();
    let approve = |caller| app.command_with_key(caller, scene.order_id, "approve", &key, json!({}));
    assert!(!approve(&app.seller).await.done().already_done);
    let other = approve(&app.admin).await;
    assert!(other.done().already_done && !other.is_replayed());
}

#[tokio::test]
async fn a_missing_or_unusable_key_is_named_by_its_header() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let path = format!("/v1/orders/{}/approve", scene.order_id);
    let request = || app.seller.signs(app.request(Method::POST, &path));
    Answer::to(request()).await.invalid("Idempotency-Key");
    for key in ["", "short", "seven_7", "with a space", "ключ-ключ", &"x".repeat(101)] {
        let answer = Answer::to(request().header("Idempotency-Key", key)).await;
        answer.invalid("Idempotency-Key");
    }
    let submit = scene.partner.signs(app.request(Method::POST, "/v1/orders"));
    Answer::to(submit.json(&json!({}))).await.invalid("Idempotency-Key");
    let answer = Answer::to(request().header("Idempotency-Key", "x".repeat(100))).await;
    answer.now(Status::ManufacturingApproved);
}

#[tokio::test]
async fn twenty_concurrent_sendings_of_one_command_have_one_effect() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let key = new_key();
    let sendings = (0..20)
        .map(|_| app.command_with_key(&app.seller, scene.order_id, "approve", &key, json!({})));
    let answers = join_all(sendings).await;
    let first = &answers[0];
    for answer in &answers {
        answer.now(Status::ManufacturingApproved);
        assert_eq!(answer.text, first.text);
    }
    assert_eq!(answers.iter().filter(|answer| !answer.is_replayed()).count(), 1);
    assert_eq!(app.events_of(scene.order_id).await.len(), 4);
}

#[tokio::test]
async fn twenty_concurrent_sendings_of_one_submission_make_one_order() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let body = order_body(&app.small_model(&partner).await);
    let key = new_key();
    let sendings = (0..20).map(|_| {
        let request = partner.signs(app.request(Method::POST, "/v1/orders"));
        Answer::to(request.header("Idempotency-Key", &key).json(&body))
    });
    let answers = join_all(sendings).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.text == answers[0].text));
    assert_eq!(app.count("SELECT count(*) FROM write.order_events").await, 1);
}

/// Whatever was answered must be on the standby: a replay commits a write of its own, which waits for everything
/// before it.
#[tokio::test]
async fn a_replay_commits_a_write_of_its_own() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let key = new_key();
    let approve = || app.command_with_key(&app.seller, scene.order_id, "approve", &key, json!({}));
    approve().await.done();
    let row = || async {
        let mut connection = app.database.connection().await;
        let row = sqlx::query(
            "SELECT xmin::text AS xmin, last_seen_at::text AS seen FROM write.causes WHERE key = $1",
        )
        .bind(&key)
        .fetch_one(&mut connection)
        .await
        .expect("the cause is kept");
        (row.get::<String, _>("xmin"), row.get::<String, _>("seen"))
    };
    let before = row().await;
    assert!(approve().await.is_replayed());
    let after = row().await;
    assert_ne!(before.0, after.0, "the replay wrote nothing");
    assert!(before.1 < after.1, "{before:?} {after:?}");
}

#[tokio::test]
async fn a_refused_command_may_be_tried_again_with_its_key() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Submitted).await;
    let key = new_key();
    let approve = || app.command_with_key(&app.seller, scene.order_id, "approve", &key, json!({}));
    approve().await.refused(409, "wrong-status", Status::Submitted);
    app.price(scene.order_id).await;
    approve().await.now(Status::ManufacturingApproved);
}
