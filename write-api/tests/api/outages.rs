//! What is away is away for a while: commands say so, and are safe to repeat.

use serde_json::json;
use shared::order::Status;
use testkit::{PATIENCE, TestDatabase, eventually};

use crate::support::{TestApp, binary_stl, new_key, through};

#[tokio::test]
async fn without_its_database_every_request_is_told_to_come_back() {
    let database = TestDatabase::create().await;
    let (proxy, options) = through(&database).await;
    let app = TestApp::on(database, options).await;
    let scene = app.order_in(Status::PriceCalculated).await;
    proxy.cut();
    let put = json!({ "display_name": "Boris", "wip_limit": 1 });
    let path = format!("/v1/operators/{}", scene.anna.id);
    let answers = [
        app.approve(&app.seller, scene.order_id).await,
        app.take(&scene.anna, scene.order_id).await,
        app.administer(reqwest::Method::PUT, &path, put).await,
        app.upload(&app.seller, binary_stl(5, 5)).await,
    ];
    for answer in answers {
        answer.problem(503, "unavailable");
        assert!(answer.header("retry-after").is_some_and(|wait| wait.parse::<u32>().is_ok()));
    }
}

/// The server ends every session, as at a restart or a failover: the next command, with the same key, goes through.
#[tokio::test]
async fn a_command_goes_through_after_the_database_was_restarted() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let terminated = app.count(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    assert!(terminated.await > 0, "the application was connected");
    let key = new_key();
    let approve = || async {
        let command = "approve";
        let answer = app.command_with_key(&app.seller, scene.order_id, command, &key, json!({}));
        let answer = answer.await;
        assert!(matches!(answer.status, 200 | 503), "{}", answer.text);
        answer.status == 200
    };
    eventually("the command goes through", approve, PATIENCE).await;
    assert_eq!(app.events_of(scene.order_id).await.len(), 4);
}

/// Somebody holds the order for longer than a command waits.
#[tokio::test]
async fn a_command_on_a_locked_order_is_told_to_come_back() {
    use sqlx::Connection;
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let mut blocker = app.database.connection().await;
    let mut lock = blocker.begin().await.expect("a transaction");
    sqlx::query("SELECT 1 FROM write.orders FOR UPDATE").execute(&mut *lock).await.expect("locked");
    let answer = app.approve(&app.seller, scene.order_id).await;
    answer.problem(409, "in-progress");
    assert_eq!(answer.header("retry-after"), Some("1"));
    lock.rollback().await.expect("let go");
    app.approve(&app.seller, scene.order_id).await.now(Status::ManufacturingApproved);
}
