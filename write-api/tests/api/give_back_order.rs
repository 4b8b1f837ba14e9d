//! The operator returns the order to the pool, with a reason.

use shared::order::Status;
use shared::order::events::OrderEvent;

use crate::support::TestApp;

#[tokio::test]
async fn an_order_given_back_can_be_taken_by_another_operator() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingStarted).await;
    let answer = app.give_back(&scene.anna, scene.order_id, "  the kiln is broken ").await;
    let answer = answer.now(Status::ManufacturingApproved);
    assert_eq!((answer.order.holder, answer.order.give_backs), (None, 1));
    let boris = app.operator("Boris", 1).await;
    let answer = app.take(&boris, scene.order_id).await.now(Status::ManufacturingStarted);
    assert_eq!(answer.order.holder.expect("a holder").operator.name, "Boris");
    let events = app.events_of(scene.order_id).await;
    let reason = "the kiln is broken".to_owned();
    assert_eq!(events[5].event, OrderEvent::GivenBack { reason });
}

#[tokio::test]
async fn nobody_gives_back_what_another_has_but_an_administrator() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingStarted).await;
    let boris = app.operator("Boris", 1).await;
    let answer = app.give_back(&boris, scene.order_id, "not mine").await;
    let problem = answer.refused(409, "not-yours", Status::ManufacturingStarted);
    assert!(problem["detail"].as_str().is_some_and(|said| said.contains("Anna")), "{problem}");
    let answer = app.give_back(&app.admin, scene.order_id, "Anna is ill").await;
    answer.now(Status::ManufacturingApproved);
}

#[tokio::test]
async fn what_is_made_cannot_be_given_back() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingCompleted).await;
    let answer = app.give_back(&scene.anna, scene.order_id, "too late").await;
    answer.refused(409, "wrong-status", Status::ManufacturingCompleted);
}

#[tokio::test]
async fn sellers_and_partners_may_not_give_back() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingStarted).await;
    for caller in [&app.seller, &scene.partner] {
        let answer = app.give_back(caller, scene.order_id, "let me").await;
        answer.refused(403, "forbidden", Status::ManufacturingStarted);
    }
}
