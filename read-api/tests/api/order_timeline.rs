use shared::views::TimelineEntry;

use crate::support::{Actors, ReadModel, TestApp, order_id, partner_id};

#[tokio::test]
async fn the_timeline_tells_every_step_when_and_who() {
    let mut app = TestApp::start().await;
    app.read_model.submit(1).await;
    app.read_model.approve(1).await;
    app.read_model.take(1, Actors::operator(1)).await;
    app.read_model.give_back(1).await;
    app.caught_up().await;
    let timeline = app.timeline(1).await.ok();
    let entries: Vec<TimelineEntry> = serde_json::from_value(timeline["entries"].clone()).unwrap();
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "submitted",
            "pricing-started",
            "price-calculated",
            "manufacturing-approved",
            "manufacturing-started",
            "given-back"
        ]
    );
    assert_eq!(entries.last().unwrap().status.as_str(), "MANUFACTURING_APPROVED");
    assert_eq!(entries[0].occurred_at, ReadModel::time_of(1));
    assert_eq!(timeline["has_more"], false);
}

#[tokio::test]
async fn a_long_timeline_says_that_there_is_more() {
    let mut app = TestApp::start().await;
    app.read_model.submit(1).await;
    app.read_model.approve(1).await;
    app.caught_up().await;
    let path = format!("/v1/orders/{}/timeline", order_id(1));
    let first = app.get(&format!("{path}?limit=3")).await.ok();
    assert_eq!((first["entries"].as_array().unwrap().len(), &first["has_more"]), (3, &true.into()));
    let rest = app.get(&format!("{path}?after_version=3")).await.ok();
    assert_eq!(rest["entries"][0]["version"], 4);
    assert_eq!((rest["entries"].as_array().unwrap().len(), &rest["has_more"]), (1, &false.into()));
}

#[tokio::test]
async fn the_timeline_of_anothers_order_is_not_found() {
    let mut app = TestApp::start().await;
    app.read_model.submit_for(partner_id(1), 1).await;
    app.caught_up().await;
    assert_eq!(app.timeline(1).await.status, 200);
    assert_eq!(app.timeline(2).await.status, 404);
    app.sign_in_partner(partner_id(2)).await;
    assert_eq!(app.timeline(1).await.status, 404);
}
