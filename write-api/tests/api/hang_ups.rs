//! A client that hangs up does not stop its command.

use reqwest::Method;
use shared::order::Status;
use sqlx::Connection;
use testkit::{PATIENCE, eventually};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Answer, TestApp, new_key};

/// The order's row is locked by somebody else, the command waits for it, the client resets the connection, the row
/// is let go: the order must be approved, and its answer kept for the retry.
#[tokio::test]
async fn a_command_is_finished_although_its_client_reset_the_connection() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let lock = app.lock_order_row(scene.order_id).await;
    let key = new_key();
    let mut client = TcpStream::connect(app.address).await.expect("the server listens");
    let request = format!(
        "POST /v1/orders/{}/approve HTTP/1.1\r\nHost: mes\r\nAuthorization: Bearer {}\r\n\
         Idempotency-Key: {key}\r\nContent-Length: 0\r\n\r\n",
        scene.order_id, app.seller.credential,
    );
    client.write_all(request.as_bytes()).await.expect("the request is sent");
    app.eventually_waiting_for_locks(1).await;
    client.set_zero_linger().expect("a reset instead of a goodbye");
    drop(client);
    // The one worker serves this only after it has seen the reset.
    assert_eq!(app.get("/livez").await.status, 200);

    lock.close().await.expect("the row is let go");
    let approved =
        || async { app.row_of(scene.order_id).await.status() == Status::ManufacturingApproved };
    eventually("the command is finished", approved, PATIENCE).await;
    let path = format!("/v1/orders/{}/approve", scene.order_id);
    let retry = app.seller.signs(app.request(Method::POST, &path));
    let retry = Answer::to(retry.header("Idempotency-Key", &key)).await;
    assert!(retry.is_replayed(), "{}", retry.text);
    retry.now(Status::ManufacturingApproved);
}

/// Nothing of an upload that broke off is kept.
#[tokio::test]
async fn an_upload_that_broke_off_leaves_nothing() {
    let app = TestApp::start().await;
    let mut client = TcpStream::connect(app.address).await.expect("the server listens");
    let head = format!(
        "POST /v1/models HTTP/1.1\r\nHost: mes\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 100000\r\n\r\nsolid ",
        app.seller.credential,
    );
    client.write_all(head.as_bytes()).await.expect("the head is sent");
    let begun = || async { !app.stored_files().is_empty() };
    eventually("the upload has begun", begun, PATIENCE).await;
    client.set_zero_linger().expect("a reset instead of a goodbye");
    drop(client);
    let gone = || async { app.stored_files().is_empty() };
    eventually("what had arrived is gone", gone, PATIENCE).await;
    assert_eq!(app.count("SELECT count(*) FROM write.models").await, 0);
}
