//! How many commands may be in hand at once.

use shared::order::Status;
use sqlx::Connection;

use crate::support::{Options, TestApp};

#[tokio::test]
async fn when_systems_have_too_much_in_hand_they_are_told_to_come_back_and_people_go_on() {
    let options = Options { commands_of_systems: 1, ..Options::default() };
    let app = TestApp::with(options).await;
    let held = app.order_in(Status::PriceCalculated).await;
    let other = app.order_in(Status::PriceCalculated).await;
    let door = app.lock_order_row(held.order_id).await;
    let cancel = serde_json::json!({ "reason": "changed their mind" });
    let waits = app.command(&held.partner, held.order_id, "cancel", cancel.clone());
    let meanwhile = async {
        app.eventually_waiting_for_locks(1).await;
        let answer = app.command(&other.partner, other.order_id, "cancel", cancel.clone()).await;
        answer.problem(503, "unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
        app.approve(&app.seller, other.order_id).await.now(Status::ManufacturingApproved);
        door.close().await.expect("the row is given back");
    };
    let (first, ()) = tokio::join!(waits, meanwhile);
    first.now(Status::Cancelled);
    // There is a place again.
    app.command(&other.partner, other.order_id, "cancel", cancel).await.now(Status::Cancelled);
}
