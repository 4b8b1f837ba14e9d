//! Packing begins.

use shared::order::Status;

use crate::support::TestApp;

#[tokio::test]
async fn the_operator_packs_what_they_have_made() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingCompleted).await;
    let answer = app.pack(&scene.anna, scene.order_id).await.now(Status::Packaging);
    assert_eq!(answer.order.version, 7);
}

#[tokio::test]
async fn what_is_not_made_yet_cannot_be_packed() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingStarted).await;
    let answer = app.pack(&scene.anna, scene.order_id).await;
    answer.refused(409, "wrong-status", Status::ManufacturingStarted);
}

#[tokio::test]
async fn another_operator_a_seller_and_a_partner_may_not_pack() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingCompleted).await;
    let boris = app.operator("Boris", 1).await;
    let answer = app.pack(&boris, scene.order_id).await;
    answer.refused(409, "not-yours", Status::ManufacturingCompleted);
    for caller in [&app.seller, &scene.partner] {
        let answer = app.pack(caller, scene.order_id).await;
        answer.refused(403, "forbidden", Status::ManufacturingCompleted);
    }
}
