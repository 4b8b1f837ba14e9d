//! "What would this cost?": the rough price at once, the exact one by waiting, and what one may do with it.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shared::order::price::{Price, PriceWarning};
use shared::order::samples;
use uuid::Uuid;
use write_api::store::{ClaimedJob, Known, Lane, Need, Subject};

use crate::support::{Answer, Caller, Options, TestApp, claimed, new_key, pricing_file};

const CUBE: &str = "tests/models/20mm-xyz-cube.stl";

/// A partner with a model, under a price book.
struct Shop {
    app: TestApp,
    partner: Caller,
    model_id: String,
}

impl Shop {
    async fn open() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let app = TestApp::with(options).await;
        app.publish_rate_card().await;
        let partner = app.partner("Goldmann").await;
        let model = app.upload(&partner, pricing_file(CUBE)).await;
        let model_id = model.json()["model_id"].as_str().expect("an id").to_owned();
        Self { app, partner, model_id }
    }

    fn question(&self) -> Value {
        json!({
            "model_id": self.model_id, "unit": "millimetre", "material": "silver-925",
            "finish": "polished", "quantity": 1,
        })
    }

    fn question_called(&self, reference: &str) -> Value {
        let mut question = self.question();
        question["reference"] = json!(reference);
        question
    }

    async fn ask(&self, body: &Value) -> Answer {
        self.app.quote(&self.partner, body).await
    }

    /// Ends the one job that waits with a price.
    async fn price(&self, price: Price) -> ClaimedJob {
        let job = claimed(&self.app.store(), Lane::PartnerShort).await;
        let kept = self.app.store().finish_job(&job.fence, price).await;
        assert!(kept.expect("the database answers"), "the price was dropped");
        job
    }

    /// A quote with the sample price.
    async fn priced(&self) -> Uuid {
        let quote_id = quote_id(&self.ask(&self.question()).await);
        self.price(samples::price()).await;
        quote_id
    }

    async fn order(&self, external_id: &str, quote_id: Uuid) -> Answer {
        let body = json!({ "external_id": external_id, "quote_id": quote_id });
        self.app.submit(&self.partner, body).await
    }
}

impl TestApp {
    async fn publish_rate_card(&self) {
        let card: Value = serde_json::from_slice(&pricing_file("rate_cards/first_version.json"))
            .expect("the card is JSON");
        let body = json!({ "rate_card": card });
        let answer = self.administer(Method::POST, "/v1/rate-cards", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    async fn quote(&self, caller: &Caller, body: &Value) -> Answer {
        Answer::to(self.post(caller, "/v1/quotes").json(body)).await
    }

    async fn quote_waiting(&self, caller: &Caller, body: &Value, prefer: &str) -> Answer {
        Answer::to(self.post(caller, "/v1/quotes").header("Prefer", prefer).json(body)).await
    }

    async fn to_quote(&self, caller: &Caller, quote_id: Uuid, command: &str) -> Answer {
        Answer::to(self.post(caller, &format!("/v1/quotes/{quote_id}/{command}"))).await
    }
}

#[track_caller]
fn quote_id(answer: &Answer) -> Uuid {
    assert!([201, 202].contains(&answer.status), "{}", answer.text);
    answer.json()["quote_id"].as_str().and_then(|id| id.parse().ok()).expect("a quote has an id")
}

/// A price of the most that the model can be.
fn provisional() -> Price {
    let (code, message) = (Price::NEEDS_A_PERSON.to_owned(), "the model has holes".to_owned());
    Price { warnings: vec![PriceWarning { code, message }], ..samples::price() }
}

#[tokio::test]
async fn a_question_is_answered_at_once_and_leaves_a_job() {
    let shop = Shop::open().await;
    let answer = shop.ask(&shop.question_called("Q-1")).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let quote = answer.json();
    assert_eq!((&quote["state"], &quote["reference"]), (&json!("requested"), &json!("Q-1")));
    assert_eq!((&quote["channel"], &quote["revision"]), (&json!("partner"), &json!(1)));
    assert_eq!(quote["rough"]["basis"], "closed_volume", "{quote}");
    let link = format!("/v1/quotes/{}", quote_id(&answer));
    assert_eq!(quote["links"]["self"], json!(link));
    assert_eq!(answer.header("location"), Some(link.as_str()));
    assert_eq!(answer.header("preference-applied"), None);
    let job = claimed(&shop.app.store(), Lane::PartnerShort).await;
    assert!(matches!(job.fence.subject, Subject::Quote(id) if id.as_uuid() == quote_id(&answer)));
}

#[tokio::test]
async fn whoever_is_ready_to_wait_gets_the_exact_price() {
    let shop = Shop::open().await;
    let question = shop.question();
    let asking = shop.app.quote_waiting(&shop.partner, &question, "respond-async, wait=20");
    let pricing = async {
        while shop.app.count("SELECT count(*) FROM write.pricing_jobs").await == 0 {
            tokio::task::yield_now().await;
        }
        shop.price(samples::price()).await;
    };
    let (answer, ()) = tokio::join!(asking, pricing);
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("preference-applied"), Some("wait=20"));
    let quote = answer.json();
    assert_eq!((&quote["state"], &quote["revision"]), (&json!("priced"), &json!(2)));
    assert_eq!(quote["price"], serde_json::to_value(samples::price()).expect("JSON"));
    assert!(quote["valid_until"].is_string(), "{quote}");
}

#[tokio::test]
async fn a_wait_that_is_too_long_or_finds_no_seat_ends_with_the_first_answer() {
    let shop = Shop::with(Options { quotes_max_waiting: 1, ..Options::default() }).await;
    let question = shop.question();
    let begun = Instant::now();
    let (one, other) = tokio::join!(
        shop.app.quote_waiting(&shop.partner, &question, "wait=1"),
        shop.app.quote_waiting(&shop.partner, &question, "wait=1"),
    );
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!((one.status, other.status), (202, 202));
    let applied = [one.header("preference-applied"), other.header("preference-applied")];
    assert!(applied.contains(&Some("wait=1")) && applied.contains(&None), "{applied:?}");
}

#[tokio::test]
async fn a_model_that_was_measured_is_priced_in_the_answer_without_a_job() {
    let shop = Shop::open().await;
    shop.ask(&shop.question()).await;
    let job = claimed(&shop.app.store(), Lane::PartnerShort).await;
    assert_eq!(job.need, Need::Analysis);
    let mesh = pricing::mesh::read(&pricing_file(CUBE)).expect("a model");
    let analysis = pricing::analysis::analyse(&mesh, pricing::analysis::Unit::Millimetre);
    let known = Known::Measured(std::sync::Arc::new(analysis));
    let kept = shop.app.store().finish_analysis(&job.fence, &job.key(), &known).await;
    assert!(kept.expect("the database answers"));
    let jobs = shop.app.count("SELECT count(*) FROM write.pricing_jobs").await;

    let mut question = shop.question();
    question["quantity"] = json!(3);
    let answer = shop.ask(&question).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let quote = answer.json();
    assert_eq!(quote["state"], "priced");
    assert_eq!(quote["price"]["model"]["facets"], 260);
    assert_eq!(quote["price"]["model_id"], json!(shop.model_id));
    assert_eq!(shop.app.count("SELECT count(*) FROM write.pricing_jobs").await, jobs);
    shop.order("P-1", quote_id(&answer)).await.now(shared::order::Status::PriceCalculated);
}

#[tokio::test]
async fn a_repeated_question_is_the_same_quote() {
    let shop = Shop::open().await;
    let (key, body) = (new_key(), shop.question_called("Q-1"));
    let ask = || {
        let request = shop.app.request(Method::POST, "/v1/quotes");
        let request = shop.partner.signs(request).header("Idempotency-Key", key.as_str());
        Answer::to(request.json(&body))
    };
    let (first, again) = (ask().await, ask().await);
    assert_eq!(first.text, again.text, "equal to the byte");
    assert!(!first.is_replayed() && again.is_replayed());
    let same = join_all((0..10).map(|_| shop.ask(&body))).await;
    assert!(same.iter().all(|answer| quote_id(answer) == quote_id(&first)));
    let mut other = body.clone();
    other["quantity"] = json!(2);
    shop.ask(&other).await.problem(409, "different-content");
    assert_eq!(shop.app.count("SELECT count(*) FROM write.quotes").await, 1);
    assert_eq!(shop.app.count("SELECT count(*) FROM write.pricing_jobs").await, 1);
    let silber = shop.app.partner("Silber").await;
    assert_ne!(quote_id(&shop.app.quote(&silber, &other).await), quote_id(&first));
}

#[tokio::test]
async fn a_wish_that_the_price_book_does_not_know_is_named() {
    let shop = Shop::open().await;
    for (field, value) in [
        ("material", json!("unobtainium")),
        ("finish", json!("fluffy")),
        ("settings", json!([{ "kind": "unknown-stones", "count": 3 }])),
        ("rush", json!(true)),
        ("quantity", json!(0)),
        ("model_id", json!("ab".repeat(32))),
        ("colour", json!("red")),
    ] {
        let mut question = shop.question();
        question[field] = value;
        shop.ask(&question).await.invalid(&format!("/{field}"));
    }
    assert_eq!(shop.app.count("SELECT count(*) FROM write.quotes").await, 0);
}

#[tokio::test]
async fn an_order_from_a_quote_has_the_quoted_price_and_no_job() {
    let shop = Shop::open().await;
    let quote_id = shop.priced().await;
    let jobs = shop.app.count("SELECT count(*) FROM write.pricing_jobs").await;
    let ordered = shop.order("P-1", quote_id).await;
    let order = ordered.now(shared::order::Status::PriceCalculated).order;
    assert_eq!((order.price, order.version), (Some(samples::price()), 3));
    let events = shop.app.events_of(order.order_id.as_uuid()).await;
    let kinds: Vec<_> = events.iter().map(|logged| logged.event.kind()).collect();
    assert_eq!(kinds, ["submitted", "pricing-started", "price-calculated"]);
    assert_eq!(shop.app.count("SELECT count(*) FROM write.pricing_jobs").await, jobs, "no job");

    let again = shop.order("P-1", quote_id).await.done();
    assert!(again.already_done && again.order.order_id == order.order_id);
    let problem = shop.order("P-2", quote_id).await.problem(409, "quote-already-ordered");
    assert_eq!(problem["order_id"], json!(order.order_id));
    shop.app
        .to_quote(&shop.partner, quote_id, "cancel")
        .await
        .problem(409, "quote-already-ordered");
    assert_eq!(shop.app.count("SELECT count(*) FROM write.orders").await, 1);
}

#[tokio::test]
async fn of_many_who_order_one_quote_at_once_one_gets_it() {
    let shop = Shop::open().await;
    let quote_id = shop.priced().await;
    let names: Vec<String> = (0..10).map(|number| format!("P-{number}")).collect();
    let answers = join_all(names.iter().map(|name| shop.order(name, quote_id))).await;
    let ordered = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(ordered, 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem(409, "quote-already-ordered");
    }
    assert_eq!(shop.app.count("SELECT count(*) FROM write.orders").await, 1);
}

#[tokio::test]
async fn a_quote_that_does_not_hold_is_not_ordered() {
    let shop = Shop::with(Options { quotes_valid_seconds: 0, ..Options::default() }).await;
    let quote_id = quote_id(&shop.ask(&shop.question()).await);
    let problem = shop.order("P-1", quote_id).await.problem(409, "quote-not-priced-yet");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("not known yet")));
    shop.price(samples::price()).await;
    shop.order("P-1", quote_id).await.problem(409, "quote-expired");
    assert_eq!(shop.app.count("SELECT count(*) FROM write.orders").await, 0);
    assert_eq!(shop.app.count("SELECT count(*) FROM write.order_references").await, 0);
}

#[tokio::test]
async fn a_provisional_price_is_ordered_when_a_seller_has_accepted_it() {
    let shop = Shop::open().await;
    let quote_id = quote_id(&shop.ask(&shop.question()).await);
    shop.app
        .to_quote(&shop.app.seller, quote_id, "accept")
        .await
        .problem(409, "quote-not-priced-yet");
    shop.price(provisional()).await;
    shop.order("P-1", quote_id).await.problem(409, "quote-not-accepted-yet");
    shop.app.to_quote(&shop.partner, quote_id, "accept").await.problem(403, "forbidden");
    let accepted = shop.app.to_quote(&shop.app.seller, quote_id, "accept").await;
    assert_eq!((accepted.status, &accepted.json()["state"]), (200, &json!("priced")));
    let order = shop.order("P-1", quote_id).await.now(shared::order::Status::PriceCalculated);
    assert_eq!(order.order.price, Some(provisional()));
}

#[tokio::test]
async fn another_partners_quote_does_not_exist() {
    let shop = Shop::open().await;
    let quote_id = shop.priced().await;
    let silber = shop.app.partner("Silber").await;
    let body = json!({ "external_id": "S-1", "quote_id": quote_id });
    shop.app.submit(&silber, body).await.problem(404, "not-found");
    shop.app.to_quote(&silber, quote_id, "cancel").await.problem(404, "not-found");
    shop.order("P-1", Uuid::nil()).await.problem(404, "not-found");
    shop.order("P-1", quote_id).await.now(shared::order::Status::PriceCalculated);
}

#[tokio::test]
async fn a_cancelled_question_takes_its_job_along() {
    let shop = Shop::open().await;
    let quote_id = quote_id(&shop.ask(&shop.question()).await);
    for _ in 0..2 {
        let cancelled = shop.app.to_quote(&shop.partner, quote_id, "cancel").await;
        assert_eq!((cancelled.status, &cancelled.json()["state"]), (200, &json!("cancelled")));
    }
    let waiting = "SELECT count(*) FROM write.pricing_jobs WHERE state = 'queued'";
    assert_eq!(shop.app.count(waiting).await, 0);
    shop.order("P-1", quote_id).await.problem(409, "quote-without-offer");
}

#[tokio::test]
async fn an_order_says_what_it_is_for_once() {
    let shop = Shop::open().await;
    let quote_id = shop.priced().await;
    let body = json!({ "external_id": "P-1", "quote_id": quote_id, "material": "silver-925" });
    shop.app.submit(&shop.partner, body).await.invalid("/material");
    let mut body = shop.question();
    body["external_id"] = json!("P-1");
    shop.app.submit(&shop.partner, body).await.now(shared::order::Status::Submitted);
    let answer = shop.order("P-1", quote_id).await;
    answer.refused(409, "different-content", shared::order::Status::Submitted);
}

#[tokio::test]
async fn people_of_the_house_and_partners_ask_and_nobody_else() {
    let shop = Shop::open().await;
    let question = shop.question();
    assert_eq!(shop.app.quote(&shop.app.seller, &question).await.json()["channel"], "staff");
    let operator = shop.app.operator("Anna", 1).await;
    let reader = shop.app.partner_with_scopes("Reader", &["orders:read"]).await;
    for caller in [&operator, &reader] {
        shop.app.quote(caller, &question).await.problem(403, "forbidden");
    }
}
