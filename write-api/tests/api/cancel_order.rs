//! The order is called off before shipping, with a reason.

use shared::actor::Actor;
use shared::ids::PartnerId;
use shared::order::Status;

use crate::support::TestApp;

#[tokio::test]
async fn a_partner_cancels_their_own_order() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingStarted).await;
    let answer = app.cancel(&scene.partner, scene.order_id, "the buyer left").await;
    let answer = answer.now(Status::Cancelled);
    let cancellation = answer.order.cancellation.expect("who, why and where");
    assert_eq!(cancellation.by, Actor::Partner { partner_id: PartnerId::new(scene.partner.id) });
    assert_eq!(cancellation.reason, "the buyer left");
    assert_eq!(cancellation.from, Status::ManufacturingStarted);
}

#[tokio::test]
async fn a_cancelled_order_leaves_the_operators_hands() {
    let app = TestApp::start().await;
    let (partner, anna) = (app.partner("Goldmann").await, app.operator("Anna", 1).await);
    let first = app.advanced(&partner, &anna, Status::ManufacturingStarted).await;
    let second = app.advanced(&partner, &anna, Status::ManufacturingApproved).await;
    app.cancel(&app.seller, first, "called off").await.now(Status::Cancelled);
    app.take(&anna, second).await.now(Status::ManufacturingStarted);
}

#[tokio::test]
async fn cancelling_again_changes_nothing() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Cancelled).await;
    let again = app.cancel(&app.admin, scene.order_id, "another reason").await;
    let again = again.now(Status::Cancelled);
    assert!(again.already_done);
    let reason = again.order.cancellation.expect("a cancellation").reason;
    assert_eq!(reason, "no longer wanted");
    assert_eq!(app.events_of(scene.order_id).await.len(), 2);
}

#[tokio::test]
async fn what_was_shipped_cannot_be_cancelled() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Shipped).await;
    let answer = app.cancel(&scene.partner, scene.order_id, "too late").await;
    answer.refused(409, "wrong-status", Status::Shipped);
}

#[tokio::test]
async fn a_key_without_the_scope_cancels_nothing() {
    let app = TestApp::start().await;
    let partner = app.partner_with_scopes("Thrifty", &["models:write", "orders:submit"]).await;
    let anna = app.operator("Anna", 1).await;
    let order_id = app.advanced(&partner, &anna, Status::Submitted).await;
    let problem = app.cancel(&partner, order_id, "let me").await.problem(403, "forbidden");
    assert_eq!(problem["required_scope"], "orders:cancel");
}

#[tokio::test]
async fn operators_and_the_shop_may_not_cancel_a_partners_order() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingStarted).await;
    let shop = app.system("shop", &["orders:cancel"]).await;
    for caller in [&scene.anna, &shop] {
        let answer = app.cancel(caller, scene.order_id, "let me").await;
        answer.refused(403, "forbidden", Status::ManufacturingStarted);
    }
}
