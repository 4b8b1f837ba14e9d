//! Quotes: one, a requester's own, and the stream that ends with the answer.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use shared::clock::{Clock, SystemClock};
use shared::ids::QuoteId;
use shared::order::samples::spec;
use shared::quote::decisions::Request;
use shared::quote::samples::calculated;
use shared::quote::{Quote, Requester};
use sqlx::types::Json;
use uuid::Uuid;

use crate::support::{Setup, TestApp, partner_id};

const WEEK: u32 = 7 * 24 * 3_600;

fn quote_id(number: u128) -> QuoteId {
    QuoteId::new(Uuid::from_u128(0xC_0000 + number))
}

/// A question that the requester calls `Q-<number>`, asked so many seconds ago.
fn asked(number: u128, requester: Requester, seconds_ago: i64) -> Quote {
    let request = Request { requester, reference: Some(format!("Q-{number}")), spec: spec() };
    let at = SystemClock.now() - TimeDelta::seconds(seconds_ago);
    Quote::requested(quote_id(number), request, None, WEEK, at)
}

fn partner(number: u128) -> Requester {
    Requester::Partner { partner_id: partner_id(number) }
}

fn priced(quote: &Quote) -> Quote {
    let at = quote.created_at;
    quote.clone().priced(calculated(), at).unwrap()
}

impl TestApp {
    /// Writes the row as the write side does; the replica gets it by itself.
    async fn keep_quote(&self, quote: &Quote) {
        sqlx::query(
            "INSERT INTO write.quotes (quote_id, requester, reference, model_id, state, revision,
                 quote, created_at, changed_at, announce_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8)
             ON CONFLICT (quote_id) DO UPDATE
             SET state = EXCLUDED.state, revision = EXCLUDED.revision, quote = EXCLUDED.quote",
        )
        .bind(quote.id.as_uuid())
        .bind(quote.requester.key())
        .bind(&quote.reference)
        .bind(quote.spec.model_id.as_str())
        .bind(quote.state.name())
        .bind(i64::from(quote.revision))
        .bind(Json(quote))
        .bind(quote.created_at)
        .execute(&mut self.database.connection().await)
        .await
        .unwrap();
    }

    async fn quote(&self, number: u128) -> crate::support::Answer {
        self.get(&format!("/v1/quotes/{}", quote_id(number))).await
    }
}

fn references(list: &Value) -> Vec<&str> {
    let quotes = list["quotes"].as_array().unwrap();
    quotes.iter().map(|quote| quote["reference"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_quote_is_shown_as_soon_as_it_was_asked_for() {
    let app = TestApp::start().await;
    let quote = asked(1, Requester::Shop, 0);
    app.keep_quote(&quote).await;
    // The replica may not have it yet: the primary has.
    let shown = app.quote(1).await.ok();
    assert_eq!((&shown["state"], &shown["revision"]), (&json!("requested"), &json!(1)));
    assert_eq!(shown["links"]["events"], json!(format!("/v1/quotes/{}/events", quote_id(1))));
    app.keep_quote(&priced(&quote)).await;
    app.database.replicated().await;
    let answer = app.quote(1).await;
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    let shown = answer.ok();
    assert_eq!((&shown["state"], &shown["revision"]), (&json!("priced"), &json!(2)));
    assert_eq!(shown["price"]["total"]["minor"], 420_000);
    let until: DateTime<Utc> = shown["valid_until"].as_str().unwrap().parse().unwrap();
    assert_eq!(until, quote.created_at + TimeDelta::days(7));
}

#[tokio::test]
async fn an_old_offer_is_shown_as_expired() {
    let app = TestApp::start().await;
    app.keep_quote(&priced(&asked(1, Requester::Shop, 8 * 24 * 3_600))).await;
    assert_eq!(app.quote(1).await.ok()["state"], "expired");
}

#[tokio::test]
async fn another_partners_quote_does_not_exist() {
    let mut app = TestApp::start().await;
    app.keep_quote(&asked(1, partner(1), 2)).await;
    app.keep_quote(&asked(2, Requester::Shop, 1)).await;
    app.database.replicated().await;
    assert_eq!(app.quote(1).await.ok()["reference"], "Q-1", "a seller sees all");
    app.sign_in_partner(partner_id(1)).await;
    assert_eq!(app.quote(1).await.ok()["partner_id"], json!(partner_id(1)));
    assert_eq!(app.quote(2).await.status, 404);
    assert_eq!(references(&app.get("/v1/quotes").await.ok()), ["Q-1"]);
    app.sign_in_partner(partner_id(2)).await;
    for path in ["", "/events"] {
        let path = format!("/v1/quotes/{}{path}", quote_id(1));
        assert_eq!(app.get(&path).await.status, 404, "{path}");
    }
    assert_eq!(app.quote(7).await.status, 404);
    assert_eq!(references(&app.get("/v1/quotes").await.ok()), Vec::<&str>::new());
    assert_eq!(references(&app.get("/v1/quotes?reference=Q-1").await.ok()), Vec::<&str>::new());
}

#[tokio::test]
async fn who_waits_is_told_the_place_in_the_queue() {
    let app = TestApp::start().await;
    for number in [1, 2] {
        app.keep_quote(&asked(number, Requester::Shop, 0)).await;
        sqlx::query(
            "INSERT INTO write.pricing_jobs
                 (order_id, generation, lane, tenant, state, not_before, queued_at, subject)
             VALUES ($1, 1, 'shop-short', 'shop', 'queued', $2, $2, 'quote')",
        )
        .bind(quote_id(number).as_uuid())
        .bind(SystemClock.now() + TimeDelta::seconds(i64::try_from(number).unwrap()))
        .execute(&mut app.database.connection().await)
        .await
        .unwrap();
    }
    app.database.replicated().await;
    let second = app.quote(2).await.ok();
    assert_eq!(
        (&second["pricing"]["state"], &second["pricing"]["place"]),
        (&json!("queued"), &json!(2))
    );
    let path = format!("/v1/quotes/{}/events", quote_id(1));
    let mut stream = crate::support::EventStream::open(app.request(&path)).await;
    assert_eq!(stream.next().await.unwrap().data["pricing"]["place"], 1);
}

#[tokio::test]
async fn a_list_is_bounded_and_searched_by_reference() {
    let mut app = TestApp::start().await;
    for number in 1..=4 {
        app.keep_quote(&asked(number, partner(1), 100 - i64::try_from(number).unwrap())).await;
    }
    let same_name = Quote { id: quote_id(9), ..asked(4, Requester::Shop, 1) };
    app.keep_quote(&same_name).await;
    app.database.replicated().await;
    assert_eq!(app.get("/v1/quotes").await.status, 422, "staff must say which");
    let both = app.get("/v1/quotes?reference=Q-4").await.ok();
    assert_eq!(references(&both), ["Q-4", "Q-4"]);
    app.sign_in_partner(partner_id(1)).await;
    let page = app.get("/v1/quotes?limit=3").await.ok();
    assert_eq!((references(&page), &page["has_more"]), (vec!["Q-4", "Q-3", "Q-2"], &json!(true)));
    let own = app.get("/v1/quotes?reference=Q-4").await.ok();
    assert_eq!((references(&own), &own["has_more"]), (vec!["Q-4"], &json!(false)));
    for query in ["limit=0", "limit=201", "reference=", "colour=red"] {
        assert_eq!(app.get(&format!("/v1/quotes?{query}")).await.status, 422, "{query}");
    }
}

#[tokio::test]
async fn a_stream_tells_what_becomes_of_a_quote_and_ends_with_the_answer() {
    let app = TestApp::start().await;
    let quote = asked(1, Requester::Shop, 0);
    app.keep_quote(&quote).await;
    let path = format!("/v1/quotes/{}/events", quote_id(1));
    let mut stream = crate::support::EventStream::open(app.request(&path)).await;
    let first = stream.next().await.unwrap();
    assert_eq!((first.name.as_str(), first.id.as_str()), ("requested", "1"));
    app.keep_quote(&priced(&quote)).await;
    let last = stream.next().await.unwrap();
    assert_eq!((last.name.as_str(), last.id.as_str()), ("priced", "2"));
    assert_eq!(last.data["price"]["total"]["minor"], 420_000);
    assert!(stream.next().await.is_none(), "the stream has ended");

    let mut late = crate::support::EventStream::open(app.request(&path)).await;
    assert_eq!(late.next().await.unwrap().name, "priced", "who comes late gets the answer at once");
    assert!(late.next().await.is_none());
}

#[tokio::test]
async fn streams_have_a_limit() {
    let app = Setup::usual().await.with("live.max_quote_streams", 1).start().await;
    app.keep_quote(&asked(1, Requester::Shop, 0)).await;
    let path = format!("/v1/quotes/{}/events", quote_id(1));
    let open = crate::support::EventStream::open(app.request(&path)).await;
    let refused = app.get(&path).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(open);
}
