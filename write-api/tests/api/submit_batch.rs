//! Up to 1,000 orders in one request.

use futures_util::future::join_all;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use write_api::commands::CommandAnswer;
use write_api::commands::submit_batch::{BatchAnswer, Outcome};

use crate::support::{Answer, Caller, Options, TestApp, new_key, order_body, order_body_called};

impl TestApp {
    async fn batch(&self, caller: &Caller, orders: &[Value]) -> Answer {
        self.batch_with_key(caller, &new_key(), orders).await
    }

    async fn batch_with_key(&self, caller: &Caller, key: &str, orders: &[Value]) -> Answer {
        let request = self.request(reqwest::Method::POST, "/v1/orders/batch");
        let request = caller.signs(request).header("Idempotency-Key", key);
        Answer::to(request.json(&json!({ "orders": orders }))).await
    }

    /// As a partner does: on a slow machine the first answer may be "not known yet, send it again".
    async fn batch_until_answered(&self, caller: &Caller, orders: &[Value]) -> BatchAnswer {
        for _ in 0..10 {
            let answer = self.batch(caller, orders).await;
            if answer.status != 503 {
                return rows(&answer);
            }
        }
        panic!("the batch is never answered");
    }

    async fn orders(&self) -> i64 {
        self.count("SELECT count(*) FROM write.orders").await
    }
}

fn rows(answer: &Answer) -> BatchAnswer {
    assert_eq!(answer.status, 200, "{}", answer.text);
    serde_json::from_str(&answer.text).expect("an answer to a batch")
}

fn outcomes(answer: &BatchAnswer) -> Vec<Outcome> {
    answer.rows.iter().map(|row| row.outcome).collect()
}

fn bytes(answer: &BatchAnswer) -> Vec<&str> {
    let text = |raw: &RawValue| raw.get().to_owned().leak() as &str;
    answer.rows.iter().map(|row| text(row.answer.as_deref().expect("an answer"))).collect()
}

/// What is wrong with a row: the code, and the fields.
fn wrong(answer: &BatchAnswer, row: usize) -> (String, Vec<String>) {
    let raw = answer.rows[row].problem.as_deref().expect("a problem");
    let problem: Value = serde_json::from_str(raw.get()).expect("JSON");
    let violations = problem["violations"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&problem["code"]), violations.iter().map(|v| text(&v["field"])).collect())
}

fn numbered(model_id: &str, numbers: std::ops::Range<usize>) -> Vec<Value> {
    numbers.map(|number| order_body_called(&format!("B-{number}"), model_id)).collect()
}

#[tokio::test]
async fn a_thousand_orders_are_taken_and_sent_again_they_are_the_same_to_the_byte() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let orders = numbered(&app.small_model(&partner).await, 0..1_000);
    let first = app.batch_until_answered(&partner, &orders).await;
    assert_eq!((first.created + first.replayed, first.refused), (1_000, 0));
    assert_eq!(app.orders().await, 1_000);
    let second = rows(&app.batch(&partner, &orders).await);
    assert_eq!((second.created, second.replayed, second.refused), (0, 1_000, 0));
    assert_eq!(bytes(&first), bytes(&second));
    let named = first.rows.iter().enumerate().all(|(number, row)| {
        row.row == number && row.external_id.as_deref() == Some(&format!("B-{number}")[..])
    });
    assert!(named);
    assert_eq!(app.orders().await, 1_000);
    assert_eq!(app.count("SELECT count(*) FROM write.order_events").await, 1_000);
    assert_eq!(app.count("SELECT count(*) FROM write.pricing_jobs").await, 1_000);
}

#[tokio::test]
async fn a_bad_row_is_named_with_its_field_and_spoils_no_other() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let model_id = app.small_model(&partner).await;
    let mut orders = numbered(&model_id, 0..6);
    orders[1]["quantity"] = json!(0);
    orders[2].as_object_mut().expect("an object").remove("external_id");
    orders[3]["model_id"] = json!("ab".repeat(32));
    orders[4] = json!("an order");
    let answer = rows(&app.batch(&partner, &orders).await);
    assert_eq!(
        outcomes(&answer),
        [
            Outcome::Created,
            Outcome::Refused,
            Outcome::Refused,
            Outcome::Refused,
            Outcome::Refused,
            Outcome::Created,
        ]
    );
    let invalid = |field: &str| ("invalid".to_owned(), vec![field.to_owned()]);
    assert_eq!(wrong(&answer, 1), invalid("/orders/1/quantity"));
    assert_eq!(wrong(&answer, 2), invalid("/orders/2/external_id"));
    assert_eq!(wrong(&answer, 3), invalid("/orders/3/model_id"));
    assert_eq!(wrong(&answer, 4), invalid("/orders/4"));
    assert_eq!(app.orders().await, 2);
    // Mended, the same batch brings the rest.
    let answer = rows(&app.batch(&partner, &numbered(&model_id, 0..6)).await);
    assert_eq!((answer.created, answer.replayed, answer.refused), (4, 2, 0));
}

#[tokio::test]
async fn duplicates_inside_a_batch_are_one_order_and_contradictions_are_refused() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let model_id = app.small_model(&partner).await;
    let mut orders = vec![order_body_called("B-0", &model_id); 3];
    orders[2]["quantity"] = json!(7);
    let answer = rows(&app.batch(&partner, &orders).await);
    assert_eq!(outcomes(&answer), [Outcome::Created, Outcome::Replayed, Outcome::Refused]);
    let first = answer.rows[0].answer.as_deref().map(RawValue::get);
    assert_eq!(first, answer.rows[1].answer.as_deref().map(RawValue::get));
    assert_eq!(wrong(&answer, 2).1, ["/orders/2/external_id"]);
    assert_eq!(app.orders().await, 1);
}

#[tokio::test]
async fn an_order_that_was_submitted_alone_is_the_same_order_in_a_batch() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let body = order_body_called("P-1", &app.small_model(&partner).await);
    let alone = app.submit(&partner, body.clone()).await.done();
    let answer = rows(&app.batch(&partner, std::slice::from_ref(&body)).await);
    assert_eq!(outcomes(&answer), [Outcome::Replayed]);
    let raw = answer.rows[0].answer.as_deref().expect("an answer");
    let together: CommandAnswer = serde_json::from_str(raw.get()).expect("a command's answer");
    assert!(together.already_done);
    assert_eq!(together.order, alone.order);
    let mut other = body;
    other["quantity"] = json!(9);
    let answer = rows(&app.batch(&partner, &[other]).await);
    assert_eq!(outcomes(&answer), [Outcome::Refused]);
    assert_eq!(app.orders().await, 1);
}

#[tokio::test]
async fn the_same_batch_many_times_at_once_makes_each_order_once() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let orders = numbered(&app.small_model(&partner).await, 0..120);
    let backwards: Vec<Value> = orders.iter().rev().cloned().collect();
    let sent = [&orders, &backwards, &orders, &backwards];
    let answers = join_all(sent.map(|orders| app.batch(&partner, orders))).await;
    let answers: Vec<BatchAnswer> = answers.iter().map(rows).collect();
    // A row that met another's lock for too long says so, and sent again it is answered.
    let last = rows(&app.batch(&partner, &orders).await);
    assert_eq!((last.created + last.replayed, last.refused), (120, 0));
    let created: usize = answers.iter().chain([&last]).map(|answer| answer.created).sum();
    assert_eq!(created, 120);
    assert_eq!(app.orders().await, 120);
    assert_eq!(app.count("SELECT count(*) FROM write.order_events").await, 120);
}

#[tokio::test]
async fn another_partners_rows_under_the_same_ids_are_other_orders() {
    let app = TestApp::start().await;
    let (goldmann, silber) = (app.partner("Goldmann").await, app.partner("Silber").await);
    let orders = numbered(&app.small_model(&goldmann).await, 0..3);
    let first = rows(&app.batch(&goldmann, &orders).await);
    let second = rows(&app.batch(&silber, &orders).await);
    assert_eq!((first.created, second.created), (3, 3));
    assert!(bytes(&first).iter().zip(bytes(&second)).all(|(one, other)| *one != other));
    let reader = app.partner_with_scopes("Reader", &["orders:read"]).await;
    for caller in [&reader, &app.seller, &app.admin] {
        app.batch(caller, &orders).await.problem(403, "forbidden");
    }
    assert_eq!(app.orders().await, 6);
}

#[tokio::test]
async fn too_many_rows_too_few_and_too_much_are_refused_as_a_whole() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let orders = numbered(&app.small_model(&partner).await, 0..1_001);
    let problem = app.batch(&partner, &orders).await.invalid("/orders");
    assert!(problem["violations"][0]["message"].to_string().contains("1001"), "{problem}");
    app.batch(&partner, &[]).await.invalid("/orders");
    let mut long = order_body("x");
    long["external_id"] = json!("x".repeat(2_100_000));
    app.batch(&partner, &[long]).await.problem(413, "too-large");
    assert_eq!(app.orders().await, 0);
}

#[tokio::test]
async fn a_key_that_was_used_with_another_batch_is_refused() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let orders = numbered(&app.small_model(&partner).await, 0..2);
    let key = new_key();
    let first = rows(&app.batch_with_key(&partner, &key, &orders[..1]).await);
    let again = rows(&app.batch_with_key(&partner, &key, &orders[..1]).await);
    assert_eq!(bytes(&first), bytes(&again));
    let other = app.batch_with_key(&partner, &key, &orders).await;
    other.problem(422, "idempotency-key-reused");
    assert_eq!(app.orders().await, 1);
}

#[tokio::test]
async fn ten_rows_count_as_a_request_of_the_quota() {
    let options = Options { requests_per_second: 1, burst: 12, ..Options::default() };
    let app = TestApp::with(options).await;
    let partner = app.partner("Goldmann").await;
    let orders = numbered(&app.small_model(&partner).await, 0..100);
    // The upload was one, this is one and ten more.
    assert_eq!(rows(&app.batch(&partner, &orders).await).created, 100);
    let answer = app.batch(&partner, &orders).await;
    answer.problem(429, "too-many-requests");
    assert!(answer.header("retry-after").is_some());
}
