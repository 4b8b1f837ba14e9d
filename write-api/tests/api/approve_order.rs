//! A seller, or the CRM's rule, confirms manufacturing.

use shared::actor::Actor;
use shared::order::Status;

use crate::support::TestApp;

#[tokio::test]
async fn a_seller_approves_a_priced_order() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let answer = app.approve(&app.seller, scene.order_id).await;
    let answer = answer.now(Status::ManufacturingApproved);
    assert!(!answer.already_done);
    assert_eq!(answer.order.order_id.as_uuid(), scene.order_id);
    assert_eq!(answer.order.version, 4);
    let Some(Actor::Seller { name, .. }) = answer.order.approved_by else {
        panic!("approved by {:?}", answer.order.approved_by);
    };
    assert_eq!(name, "Sergei");
}

#[tokio::test]
async fn the_crm_approves_with_its_key() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let crm = app.system("crm", &["orders:approve"]).await;
    let answer = app.approve(&crm, scene.order_id).await.now(Status::ManufacturingApproved);
    assert_eq!(answer.order.approved_by, Some(Actor::Crm));
}

#[tokio::test]
async fn a_key_of_the_crm_without_the_scope_approves_nothing() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let crm = app.system("crm", &["orders:read", "orders:close"]).await;
    let problem = app.approve(&crm, scene.order_id).await.problem(403, "forbidden");
    assert_eq!(problem["required_scope"], "orders:approve");
}

#[tokio::test]
async fn approving_again_changes_nothing() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingApproved).await;
    let before = app.approve(&app.admin, scene.order_id).await.done();
    let again = app.approve(&app.seller, scene.order_id).await.done();
    assert!(before.already_done && again.already_done);
    assert_eq!((again.position, again.order.version), (before.position, before.order.version));
}

#[tokio::test]
async fn an_order_without_a_price_cannot_be_approved() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Submitted).await;
    let answer = app.approve(&app.seller, scene.order_id).await;
    answer.refused(409, "wrong-status", Status::Submitted);
}

#[tokio::test]
async fn operators_and_partners_may_not_approve() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    for caller in [&scene.anna, &scene.partner] {
        let answer = app.approve(caller, scene.order_id).await;
        answer.refused(403, "forbidden", Status::PriceCalculated);
    }
}
