//! How often a caller may ask.

use crate::support::{Options, TestApp, new_id};

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
