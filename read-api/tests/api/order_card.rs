use shared::order::Order;
use shared::order::events::OrderEvent;
use shared::order::samples;
use shared::views::OrderView;

use crate::support::{Actors, TestApp, order_id, partner_id};

#[tokio::test]
async fn a_card_shows_everything_that_is_true_of_an_order() {
    let mut app = TestApp::start().await;
    app.read_model.submit(1).await;
    app.read_model.approve(1).await;
    let position = app.read_model.take(1, Actors::operator(1)).await;
    app.caught_up().await;
    let card = app.card(1).await.ok();
    assert_eq!(card["position"], position.to_string());
    let order: OrderView = serde_json::from_value(card["order"].clone()).unwrap();
    assert_eq!(order.order_id, order_id(1));
    assert_eq!(order.status.as_str(), "MANUFACTURING_STARTED");
    assert_eq!(order.version, 5);
    assert_eq!(order.holder.unwrap().operator, Actors::operator(1));
    assert_eq!(order.price, Some(samples::price()));
    assert!(!order.allowed.is_empty());
}

#[tokio::test]
async fn a_card_that_was_shown_before_is_current_after_a_change() {
    let mut app = TestApp::start().await;
    app.read_model.submit(1).await;
    app.read_model.submit(2).await;
    app.caught_up().await;
    assert_eq!(app.card(1).await.ok()["order"]["status"], "SUBMITTED");
    let again = app.card(1).await;
    assert_eq!(again.served_by(), "cache");

    app.read_model.approve(2).await;
    app.caught_up().await;
    let untouched = app.card(1).await;
    assert_eq!(untouched.served_by(), "cache", "nothing happened to it");
    assert_eq!(untouched.position(), app.read_model.position(), "and that is known");

    app.read_model.approve(1).await;
    app.caught_up().await;
    assert_eq!(app.card(1).await.ok()["order"]["status"], "MANUFACTURING_APPROVED");
}

#[tokio::test]
async fn an_order_that_is_not_there_or_not_ones_own_is_not_found() {
    let mut app = TestApp::start().await;
    app.read_model.submit_for(partner_id(1), 1).await;
    app.caught_up().await;
    assert_eq!(app.card(7).await.status, 404);
    assert_eq!(app.get("/v1/orders/no-id").await.status, 422);

    app.sign_in_partner(partner_id(1)).await;
    assert_eq!(app.card(1).await.ok()["order"]["external_id"], "P-1");
    app.sign_in_partner(partner_id(2)).await;
    for _ in 0..2 {
        assert_eq!(app.card(1).await.status, 404, "also when it is in the cache of others");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_our_fault_and_nobody_elses_business() {
    let mut app = TestApp::start().await;
    app.read_model.submit(1).await;
    app.read_model.submit(2).await;
    let mut connection = app.database.connection().await;
    sqlx::query("UPDATE read.orders SET state = '{\"damaged\": true}' WHERE order_id = $1")
        .bind(order_id(1).as_uuid())
        .execute(&mut connection)
        .await
        .unwrap();
    app.database.replicated().await;
    app.caught_up().await;
    let answer = app.card(1).await;
    assert_eq!(answer.status, 500);
    assert!(!String::from_utf8_lossy(&answer.body).contains("damaged"));
    assert_eq!(app.card(2).await.status, 200);
}

#[tokio::test]
async fn the_card_folds_the_same_order_as_the_write_side() {
    let mut app = TestApp::start().await;
    let events: Vec<OrderEvent> =
        samples::whole_life().into_iter().map(|(event, _)| event).collect();
    app.read_model.happen(1, events).await;
    app.caught_up().await;
    let card = app.card(1).await.ok();
    assert_eq!(card["order"]["status"], "CLOSED");
    let row: Order = {
        let mut connection = app.database.connection().await;
        let state: serde_json::Value = sqlx::query_scalar("SELECT state FROM read.orders")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        serde_json::from_value(state).unwrap()
    };
    let expected = serde_json::to_value(OrderView::from(&row)).unwrap();
    assert_eq!(card["order"], expected);
}
