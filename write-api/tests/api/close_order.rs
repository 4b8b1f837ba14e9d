//! The parcel arrived, or a person closes the order by hand with a reason.

use serde_json::json;
use shared::order::Status;
use shared::order::events::OrderEvent;
use shared::order::stage::Closing;

use crate::support::TestApp;

#[tokio::test]
async fn a_seller_closes_a_shipped_order_by_hand() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Shipped).await;
    let answer = app.close(&app.seller, scene.order_id, "the buyer called").await;
    let closing = answer.now(Status::Closed).order.closing;
    assert_eq!(closing, Some(Closing::ByHand { reason: "the buyer called".to_owned() }));
}

#[tokio::test]
async fn a_person_who_closes_must_say_why_and_the_crm_need_not() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Shipped).await;
    let answer = app.command(&app.seller, scene.order_id, "close", json!({})).await;
    answer.invalid("/reason");
    answer.refused(422, "invalid", Status::Shipped);
    let crm = app.system("crm", &["orders:close"]).await;
    let answer = app.command(&crm, scene.order_id, "close", json!({})).await;
    assert_eq!(answer.now(Status::Closed).order.closing, Some(Closing::Confirmed));
}

#[tokio::test]
async fn closing_again_changes_nothing_but_the_timeline() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Closed).await;
    let before = app.events_of(scene.order_id).await;
    let answer = app.close(&app.admin, scene.order_id, "once more").await.now(Status::Closed);
    let first = Closing::ByHand { reason: "collected in person".to_owned() };
    assert_eq!(answer.order.closing, Some(first));
    let after = app.events_of(scene.order_id).await;
    assert_eq!(after.len(), before.len() + 1);
    let last = &after.last().expect("events").event;
    assert!(matches!(last, OrderEvent::ClosingRepeated { .. }), "{last:?}");
}

#[tokio::test]
async fn what_was_not_shipped_cannot_be_closed() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Packaging).await;
    let answer = app.close(&app.seller, scene.order_id, "too early").await;
    answer.refused(409, "wrong-status", Status::Packaging);
}

#[tokio::test]
async fn operators_partners_and_the_shop_may_not_close() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Shipped).await;
    let shop = app.system("shop", &["orders:close"]).await;
    for caller in [&scene.anna, &scene.partner, &shop] {
        let answer = app.close(caller, scene.order_id, "let me").await;
        answer.refused(403, "forbidden", Status::Shipped);
    }
}
