//! The operator has made the piece.

use shared::order::Status;

use crate::support::TestApp;

#[tokio::test]
async fn the_operator_completes_what_they_have_in_hand() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingStarted).await;
    let answer = app.complete(&scene.anna, scene.order_id).await;
    let answer = answer.now(Status::ManufacturingCompleted);
    assert_eq!(answer.order.version, 6);
    assert_eq!(answer.order.holder.expect("a holder").operator.name, "Anna");
}

#[tokio::test]
async fn nobody_completes_what_another_has_but_an_administrator() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingStarted).await;
    let boris = app.operator("Boris", 1).await;
    let answer = app.complete(&boris, scene.order_id).await;
    answer.refused(409, "not-yours", Status::ManufacturingStarted);
    app.complete(&app.admin, scene.order_id).await.now(Status::ManufacturingCompleted);
}

#[tokio::test]
async fn what_nobody_has_taken_cannot_be_completed() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingApproved).await;
    let answer = app.complete(&scene.anna, scene.order_id).await;
    answer.refused(409, "wrong-status", Status::ManufacturingApproved);
}

#[tokio::test]
async fn sellers_and_partners_may_not_complete() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingStarted).await;
    for caller in [&app.seller, &scene.partner] {
        let answer = app.complete(caller, scene.order_id).await;
        answer.refused(403, "forbidden", Status::ManufacturingStarted);
    }
}
