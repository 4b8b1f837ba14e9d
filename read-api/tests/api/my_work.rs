use crate::support::{Actors, TestApp, order_id};

#[tokio::test]
async fn an_operator_sees_what_is_in_hand_longest_waiting_first() {
    let mut app = TestApp::start().await;
    for number in 1..=3 {
        app.read_model.submit(number).await;
        app.read_model.approve(number).await;
    }
    app.read_model.take(3, Actors::operator(1)).await;
    app.read_model.take(2, Actors::operator(2)).await;
    app.read_model.take(1, Actors::operator(1)).await;
    app.caught_up().await;

    app.sign_in_operator(&Actors::operator(1));
    let mine = app.my_work().await.orders();
    assert_eq!(mine, [order_id(3).to_string(), order_id(1).to_string()]);

    app.read_model.give_back(3).await;
    app.caught_up().await;
    assert_eq!(app.my_work().await.orders(), [order_id(1).to_string()]);
}

#[tokio::test]
async fn it_is_paged_like_the_board() {
    let mut app = TestApp::start().await;
    for number in 1..=3 {
        app.read_model.submit(number).await;
        app.read_model.approve(number).await;
        app.read_model.take(number, Actors::operator(1)).await;
    }
    app.caught_up().await;
    app.sign_in_operator(&Actors::operator(1));
    let first = app.get("/v1/my-work?limit=2").await;
    assert_eq!(first.orders().len(), 2);
    let cursor = first.ok()["next_cursor"].as_str().unwrap().to_owned();
    let second = app.get(&format!("/v1/my-work?limit=2&cursor={cursor}")).await;
    assert_eq!(second.orders(), [order_id(3).to_string()]);

    app.sign_in_operator(&Actors::operator(2));
    let others = app.get(&format!("/v1/my-work?cursor={cursor}")).await;
    assert_eq!(others.status, 422, "a cursor belongs to its operator's list");
}

#[tokio::test]
async fn only_operators_have_work_in_hand() {
    let app = TestApp::start().await;
    assert_eq!(app.my_work().await.status, 403);
}
