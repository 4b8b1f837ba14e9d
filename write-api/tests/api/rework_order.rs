//! The piece has to be made again, with a reason.

use shared::order::Status;
use shared::order::events::OrderEvent;

use crate::support::TestApp;

#[tokio::test]
async fn a_rework_returns_the_piece_to_the_same_operator() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingCompleted).await;
    let answer = app.rework(&scene.anna, scene.order_id, "a scratch").await;
    let answer = answer.now(Status::ManufacturingStarted);
    assert_eq!(answer.order.reworks, 1);
    assert_eq!(answer.order.holder.expect("a holder").operator.name, "Anna");
    let events = app.events_of(scene.order_id).await;
    assert_eq!(events[6].event, OrderEvent::ReworkRequested { reason: "a scratch".to_owned() });
    app.complete(&scene.anna, scene.order_id).await.now(Status::ManufacturingCompleted);
}

#[tokio::test]
async fn only_a_piece_that_is_made_can_be_reworked() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Packaging).await;
    let answer = app.rework(&scene.anna, scene.order_id, "too late").await;
    answer.refused(409, "wrong-status", Status::Packaging);
}

#[tokio::test]
async fn another_operator_a_seller_and_a_partner_may_not_rework() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingCompleted).await;
    let boris = app.operator("Boris", 1).await;
    let answer = app.rework(&boris, scene.order_id, "not mine").await;
    answer.refused(409, "not-yours", Status::ManufacturingCompleted);
    for caller in [&app.seller, &scene.partner] {
        let answer = app.rework(caller, scene.order_id, "let me").await;
        answer.refused(403, "forbidden", Status::ManufacturingCompleted);
    }
}
