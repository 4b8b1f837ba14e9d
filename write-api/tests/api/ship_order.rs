//! The piece leaves for the buyer.

use shared::order::Status;

use crate::support::TestApp;

const NUMBER: &str = "RA123456785RU";

#[tokio::test]
async fn the_operator_ships_what_is_packed() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Packaging).await;
    let answer = app.ship(&scene.anna, scene.order_id, NUMBER).await.now(Status::Shipped);
    assert_eq!(answer.order.tracking_number.as_deref(), Some(NUMBER));
    assert_eq!(answer.order.holder.expect("who made it").operator.name, "Anna");
}

#[tokio::test]
async fn what_is_not_packed_cannot_be_shipped() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingCompleted).await;
    let answer = app.ship(&scene.anna, scene.order_id, NUMBER).await;
    answer.refused(409, "wrong-status", Status::ManufacturingCompleted);
}

#[tokio::test]
async fn another_operator_a_seller_and_a_partner_may_not_ship() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Packaging).await;
    let boris = app.operator("Boris", 1).await;
    let answer = app.ship(&boris, scene.order_id, NUMBER).await;
    answer.refused(409, "not-yours", Status::Packaging);
    for caller in [&app.seller, &scene.partner] {
        let answer = app.ship(caller, scene.order_id, NUMBER).await;
        answer.refused(403, "forbidden", Status::Packaging);
    }
}

#[tokio::test]
async fn a_tracking_number_has_four_to_sixty_four_characters() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Packaging).await;
    for number in ["", "   RA1   ", &"9".repeat(65), "RA12\u{0}34"] {
        app.ship(&scene.anna, scene.order_id, number).await.invalid("/tracking_number");
    }
}
