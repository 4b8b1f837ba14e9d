use shared::order::Origin;

use crate::support::{TestApp, order_id, partner_id};

#[tokio::test]
async fn an_order_is_found_by_its_id_and_by_what_others_call_it() {
    let mut app = TestApp::start().await;
    app.read_model.submit(1).await;
    app.read_model.submit_for(partner_id(1), 2).await;
    app.caught_up().await;
    assert_eq!(app.search("S-1").await.orders(), [order_id(1).to_string()]);
    assert_eq!(app.search(" P-2 ").await.orders(), [order_id(2).to_string()]);
    assert_eq!(app.search(&order_id(2).to_string()).await.orders(), [order_id(2).to_string()]);
    assert!(app.search("S-").await.orders().is_empty(), "only the whole reference");
    assert_eq!(app.search("S-1").await.ok()["has_more"], false);
}

#[tokio::test]
async fn a_partner_finds_only_its_own() {
    let mut app = TestApp::start().await;
    for number in 1..=2 {
        let origin = Origin::Partner {
            partner_id: partner_id(number),
            external_id: "same number".to_owned(),
        };
        app.read_model.submit_from(number, origin).await;
    }
    app.caught_up().await;
    assert_eq!(app.search("same number").await.orders().len(), 2);
    app.sign_in_partner(partner_id(1)).await;
    assert_eq!(app.search("same number").await.orders(), [order_id(1).to_string()]);
    assert!(app.search(&order_id(2).to_string()).await.orders().is_empty());
}

#[tokio::test]
async fn a_search_that_finds_more_than_it_shows_says_so() {
    let mut app = TestApp::start().await;
    for number in 1..=21 {
        let origin =
            Origin::Partner { partner_id: partner_id(number), external_id: "1".to_owned() };
        app.read_model.submit_from(number, origin).await;
    }
    app.caught_up().await;
    let found = app.search("1").await;
    assert_eq!(found.orders().len(), 20);
    assert_eq!(found.ok()["has_more"], true);
}

#[tokio::test]
async fn what_cannot_be_a_reference_is_refused() {
    let app = TestApp::start().await;
    for reference in ["", "   ", "a\0b", &"x".repeat(201)] {
        let answer = app.search(reference).await;
        assert_eq!(answer.status, 422, "{reference:?}");
        assert_eq!(answer.json()["violations"][0]["field"], "reference");
    }
    assert!(app.search("'; DROP TABLE read.orders; --").await.orders().is_empty());
}
