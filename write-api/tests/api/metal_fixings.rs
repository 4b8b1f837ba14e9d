//! Metal prices: what a person publishes holds at once, but for a jump, which waits for a word.

use chrono::{DateTime, TimeDelta, Utc};
use pricing::fixing::Metal;
use reqwest::Method;
use serde_json::{Value, json};
use shared::clock::{Clock, SystemClock};

use crate::support::{Answer, Caller, TestApp, new_key};

fn minutes_ago(minutes: i64) -> DateTime<Utc> {
    SystemClock.now() - TimeDelta::minutes(minutes)
}

fn gold(price: &str, observed_at: DateTime<Utc>) -> Value {
    json!({
        "metal": "gold", "price_per_gram_minor": price, "currency": "RUB",
        "source": "LBMA Gold PM", "observed_at": observed_at
    })
}

impl TestApp {
    async fn publish(&self, body: Value) -> Answer {
        Answer::to(self.post(&self.admin, "/v1/metal-fixings").json(&body)).await
    }

    async fn decide(&self, caller: &Caller, fixing: &Value, decision: &str) -> Answer {
        let path = format!("/v1/metal-fixings/{}/{decision}", fixing["fixing_id"]);
        Answer::to(self.post(caller, &path).json(&json!({}))).await
    }

    /// What gold costs in the book in force.
    async fn gold_price(&self) -> String {
        let store = self.store();
        let fixing = store.fixing_at(SystemClock.now()).await.expect("the database answers");
        fixing.expect("a price holds").prices[&Metal::Gold].per_gram.to_string()
    }
}

fn fixing(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["fixing"].clone()
}

#[tokio::test]
async fn a_change_within_the_limit_holds_at_once_and_a_jump_waits_for_a_word() {
    let app = TestApp::start().await;
    let first = fixing(&app.publish(gold("1000000", minutes_ago(60))).await);
    assert_eq!((&first["state"], &first["set_id"]), (&json!("accepted"), &json!(1)));
    let near = fixing(&app.publish(gold("1100000", minutes_ago(50))).await);
    assert_eq!((&near["state"], &near["change_percent"]), (&json!("accepted"), &json!("10.00")));

    let far = fixing(&app.publish(gold("1210000.01", minutes_ago(40))).await);
    assert_eq!((&far["state"], &far["reason"]), (&json!("waiting"), &json!("jump")));
    assert_eq!(far["set_id"], Value::Null);
    assert_eq!(app.gold_price().await, "1100000", "the last one holds until somebody says so");

    let confirmed = fixing(&app.decide(&app.admin, &far, "confirm").await);
    assert_eq!((&confirmed["state"], &confirmed["set_id"]), (&json!("accepted"), &json!(3)));
    assert_eq!(confirmed["decided_by"]["name"], "Ada");
    assert_eq!(app.gold_price().await, "1210000.01");
    let again = app.decide(&app.admin, &far, "confirm").await;
    assert_eq!(again.json()["already_done"], true, "{}", again.text);
    app.decide(&app.admin, &far, "reject").await.problem(409, "not-waiting");
    assert_eq!(confirmed["decided_because"], Value::Null, "nobody said why");
}

#[tokio::test]
async fn why_a_person_decided_is_kept_with_the_price() {
    let app = TestApp::start().await;
    app.publish(gold("1000000", minutes_ago(60))).await;
    for (price, minutes, decision) in [("2000000", 50, "confirm"), ("9000000", 40, "reject")] {
        let jump = fixing(&app.publish(gold(price, minutes_ago(minutes))).await);
        let path = format!("/v1/metal-fixings/{}/{decision}", jump["fixing_id"]);
        for (field, value) in [("reason", json!("no")), ("reason", json!(5)), ("why", json!("so"))]
        {
            let request = app.post(&app.admin, &path).json(&json!({ field: value }));
            Answer::to(request).await.invalid(&format!("/{field}"));
        }
        let said = json!({ "reason": "Compared with the exchange's own page" });
        let decided = fixing(&Answer::to(app.post(&app.admin, &path).json(&said)).await);
        assert_eq!(decided["decided_because"], said["reason"]);
        let late = json!({ "reason": "Somebody else's second thought" });
        let again = Answer::to(app.post(&app.admin, &path).json(&late)).await;
        assert_eq!(fixing(&again)["decided_because"], said["reason"], "the first word stands");
    }
}

#[tokio::test]
async fn a_rejected_jump_is_history_and_a_newer_price_overtakes_one_that_waits() {
    let app = TestApp::start().await;
    app.publish(gold("1000000", minutes_ago(60))).await;
    let wrong_unit = fixing(&app.publish(gold("31103500", minutes_ago(50))).await);
    let rejected = fixing(&app.decide(&app.admin, &wrong_unit, "reject").await);
    assert_eq!(
        (&rejected["state"], &rejected["reason"]),
        (&json!("rejected"), &json!("by_a_person"))
    );
    app.decide(&app.admin, &wrong_unit, "confirm").await.problem(409, "not-waiting");

    let jump = fixing(&app.publish(gold("2000000", minutes_ago(40))).await);
    app.publish(gold("1010000", minutes_ago(30))).await;
    app.decide(&app.admin, &jump, "confirm").await.problem(409, "not-waiting");
    assert_eq!(app.gold_price().await, "1010000");
    assert_eq!(app.count("SELECT count(*) FROM write.metal_fixings").await, 4, "nothing is lost");
}

#[tokio::test]
async fn the_same_word_twice_is_one_and_another_word_for_the_same_moment_is_refused() {
    let app = TestApp::start().await;
    let at = minutes_ago(60);
    let key = new_key();
    let send = |body: Value| {
        let request = app.admin.signs(app.request(Method::POST, "/v1/metal-fixings"));
        Answer::to(request.header("Idempotency-Key", &key).json(&body))
    };
    let first = send(gold("1000000", at)).await;
    let replayed = send(gold("1000000", at)).await;
    assert!(replayed.is_replayed() && replayed.text == first.text, "{}", replayed.text);
    let again = app.publish(gold("1000000.0", at)).await;
    assert_eq!(again.json()["already_done"], true, "{}", again.text);
    assert_eq!(fixing(&again), fixing(&first));
    app.publish(gold("1000001", at)).await.problem(409, "different-content");
    let older = fixing(&app.publish(gold("1000001", minutes_ago(61))).await);
    assert_eq!((&older["state"], &older["reason"]), (&json!("rejected"), &json!("older")));
    let early = fixing(&app.publish(gold("1000001", minutes_ago(-60))).await);
    assert_eq!(early["reason"], "from_the_future");
    assert_eq!(app.gold_price().await, "1000000");
}

#[tokio::test]
async fn prices_published_at_once_get_sets_of_their_own() {
    let app = TestApp::start().await;
    let metals = ["gold", "silver", "platinum", "palladium"];
    let bodies = metals.map(|metal| {
        let mut body = gold("5000", minutes_ago(5));
        body["metal"] = metal.into();
        body
    });
    let answers = futures_util::future::join_all(bodies.map(|body| app.publish(body))).await;
    let mut sets: Vec<i64> =
        answers.iter().map(|answer| fixing(answer)["set_id"].as_i64().expect("a set")).collect();
    sets.sort_unstable();
    assert_eq!(sets, [1, 2, 3, 4]);
    let fixing = app.store().fixing_of(4, SystemClock.now()).await.expect("the database answers");
    assert_eq!(fixing.prices.len(), 4);
}

#[tokio::test]
async fn only_administrators_say_what_metals_cost_and_only_what_makes_sense() {
    let app = TestApp::start().await;
    let fixing = fixing(&app.publish(gold("1000000", minutes_ago(60))).await);
    for caller in [&app.seller, &app.operator("Anna", 1).await, &app.partner("Goldmann").await] {
        let request = app.post(caller, "/v1/metal-fixings").json(&gold("1", minutes_ago(1)));
        Answer::to(request).await.problem(403, "forbidden");
        app.decide(caller, &fixing, "confirm").await.problem(403, "forbidden");
    }
    let bad = [
        ("metal", json!("unobtainium")),
        ("price_per_gram_minor", json!("0")),
        ("price_per_gram_minor", json!("1e6")),
        ("price_per_gram_minor", json!(5)),
        ("currency", json!("roubles")),
        ("source", json!("")),
        ("observed_at", json!("yesterday")),
        ("colour", json!("red")),
    ];
    for (field, value) in bad {
        let mut body = gold("1000000", minutes_ago(1));
        body[field] = value;
        app.publish(body).await.invalid(&format!("/{field}"));
    }
    let nobody = json!({ "fixing_id": 4711 });
    app.decide(&app.admin, &nobody, "confirm").await.problem(404, "not-found");
}
