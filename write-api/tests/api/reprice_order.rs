//! A person has mended what made the pricing fail; it is tried again.

use shared::order::Status;
use shared::order::stage::PricingState;
use write_api::store::Lane;

use crate::support::{Scene, TestApp, claimed};

async fn order_whose_pricing_failed(app: &TestApp) -> Scene {
    let scene = app.order_in(Status::Submitted).await;
    let store = app.store();
    let job = claimed(&store, Lane::PartnerShort).await;
    let failed = store.fail_job(&job.fence, "not-closed", "the surface has 3 holes").await;
    assert!(failed.expect("the database answers"));
    scene
}

#[tokio::test]
async fn a_failed_pricing_is_tried_again_as_the_next_generation() {
    let app = TestApp::start().await;
    let scene = order_whose_pricing_failed(&app).await;
    let pricing = app.reprice(&app.seller, scene.order_id).await.now(Status::Submitted);
    let pricing = pricing.order.pricing.expect("the pricing is told");
    assert_eq!(pricing.generation, 2);
    assert!(matches!(pricing.state, PricingState::Queued { attempts: 0, .. }), "{pricing:?}");
    let job = claimed(&app.store(), Lane::PartnerShort).await;
    assert_eq!((job.fence.generation, job.fence.attempt), (2, 1));
    app.finish(&job).await;
    app.approve(&app.seller, scene.order_id).await.now(Status::ManufacturingApproved);
}

#[tokio::test]
async fn asking_again_while_the_job_waits_changes_nothing() {
    let app = TestApp::start().await;
    let scene = order_whose_pricing_failed(&app).await;
    app.reprice(&app.admin, scene.order_id).await.done();
    assert!(app.reprice(&app.seller, scene.order_id).await.done().already_done);
    assert_eq!(app.count("SELECT count(*) FROM write.pricing_jobs").await, 2);
}

#[tokio::test]
async fn a_pricing_that_runs_or_has_ended_is_not_repeated() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Submitted).await;
    let job = claimed(&app.store(), Lane::PartnerShort).await;
    let answer = app.reprice(&app.seller, scene.order_id).await;
    answer.refused(409, "wrong-pricing-state", Status::Submitted);
    app.finish(&job).await;
    let answer = app.reprice(&app.seller, scene.order_id).await;
    answer.refused(409, "wrong-status", Status::PriceCalculated);
}

#[tokio::test]
async fn operators_and_partners_may_not_reprice() {
    let app = TestApp::start().await;
    let scene = order_whose_pricing_failed(&app).await;
    for caller in [&scene.anna, &scene.partner] {
        let answer = app.reprice(caller, scene.order_id).await;
        answer.refused(403, "forbidden", Status::Submitted);
    }
}
