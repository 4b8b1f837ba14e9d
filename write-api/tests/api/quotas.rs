//! How often a caller may ask.

use futures_util::future::join_all;

use crate::support::{Options, TestApp, new_id, order_body_called};

#[tokio::test]
async fn a_caller_who_asks_too_often_is_told_when_to_come_back() {
    let options = Options { requests_per_second: 1, burst: 3, ..Options::default() };
    let app = TestApp::with(options).await;
    for left in [2, 1, 0] {
        let answer = app.approve(&app.seller, new_id()).await;
        answer.problem(404, "not-found");
        let limit = answer.header("ratelimit").expect("what is left is told");
        assert!(limit.contains(&format!("r={left}")), "{limit}");
        let policy = answer.header("ratelimit-policy").expect("the rule is told");
        assert_eq!(policy, "\"caller\";q=3;w=3");
    }
    let answer = app.approve(&app.seller, new_id()).await;
    answer.problem(429, "too-many-requests");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(answer.header("ratelimit").is_some_and(|limit| limit.contains("r=0")));
    // Somebody else's quota is their own; probes have none.
    app.approve(&app.admin, new_id()).await.problem(404, "not-found");
    for _ in 0..10 {
        assert_eq!(app.get("/livez").await.status, 200);
    }
}

#[tokio::test]
async fn a_partners_orders_that_come_too_fast_are_refused_and_nobody_elses() {
    let app = TestApp::with(Options { partner_orders_per_second: 1, ..Options::default() }).await;
    let (fast, slow) = (app.partner("Goldmann").await, app.partner("Silberstein").await);
    let model_id = app.small_model(&fast).await;
    let orders = (0..8).map(|number| order_body_called(&format!("P-{number}"), &model_id));
    let answers = join_all(orders.map(|order| app.submit(&fast, order))).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(refused.len() >= 4, "{} of eight that came at once", refused.len());
    for answer in refused {
        answer.problem(429, "too-many-requests");
        assert!(answer.header("retry-after").is_some());
    }
    app.submit(&slow, order_body_called("P-1", &model_id)).await.done();
}
