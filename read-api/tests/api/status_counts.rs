use crate::support::{Actors, TestApp, partner_id};

#[tokio::test]
async fn every_status_is_counted_also_those_without_orders() {
    let mut app = TestApp::start().await;
    for number in 1..=3 {
        app.read_model.submit(number).await;
    }
    app.read_model.approve(1).await;
    app.read_model.take(1, Actors::operator(1)).await;
    app.caught_up().await;
    let counts = app.counts().await.ok()["counts"].clone();
    assert_eq!(counts.as_object().unwrap().len(), 11);
    assert_eq!(counts["SUBMITTED"], 2);
    assert_eq!(counts["MANUFACTURING_STARTED"], 1);
    assert_eq!(counts["MANUFACTURING_APPROVED"], 0);
    assert_eq!(counts["CANCELLED"], 0);
}

#[tokio::test]
async fn a_partner_is_told_the_counts_of_its_own_orders() {
    let mut app = TestApp::start().await;
    app.read_model.submit(1).await;
    app.read_model.submit_for(partner_id(1), 2).await;
    app.read_model.submit_for(partner_id(2), 3).await;
    app.caught_up().await;
    assert_eq!(app.counts().await.ok()["counts"]["SUBMITTED"], 3);
    app.sign_in_partner(partner_id(1)).await;
    assert_eq!(app.counts().await.ok()["counts"]["SUBMITTED"], 1);
    app.sign_in_partner(partner_id(3)).await;
    assert_eq!(app.counts().await.ok()["counts"]["SUBMITTED"], 0);
}
