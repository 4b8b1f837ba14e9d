//! Quotes by message: asked straight from the site, answered to whoever asked, ordered at the quoted price.

use std::sync::Arc;

use chrono::TimeDelta;
use consumer::relay::{QuoteRelay, RelayConfig};
use consumer::topology;
use reqwest::Method;
use serde_json::{Value, json};
use shared::contracts::inbound::{Inbound, OrderSubmitted, QuoteRequested};
use shared::contracts::samples::quote_requested;
use shared::contracts::text::{ShopOrderId, ShopQuoteId};
use shared::ids::QuoteId;
use shared::order::spec::WorkSpec;
use shared::order::{Status, samples};
use shared::quote::Quote;
use sqlx::types::Json;
use testkit::DatabaseRole;
use write_api::store::{Lane, Subject, Terms};

use crate::world::World;

const TERMS: Terms =
    Terms { lease: TimeDelta::seconds(30), max_attempts: 3, partner_pause: TimeDelta::zero() };

impl World {
    fn quote_relay(&self) -> QuoteRelay {
        let pool = self.database.pool(DatabaseRole::Consumer);
        let config = RelayConfig { batch: 100, poll_ms: 10, many: 5 };
        QuoteRelay::new(
            pool,
            self.broker.clone(),
            Arc::new(self.clock.clone()),
            &config,
            Arc::default(),
        )
    }

    async fn told(&self) -> usize {
        self.quote_relay().drain().await.unwrap()
    }

    async fn take_in(&self, first: u32, messages: &[Inbound]) {
        self.tell(first, messages).await;
        self.intake().take_in(messages.len()).await.unwrap();
    }

    /// Prices the one quote that waits, as the pricer does.
    async fn price_quote(&self) -> QuoteId {
        let job =
            self.store().next_job(&[Lane::ShopShort], TERMS).await.unwrap().claimed().unwrap();
        assert!(self.store().finish_job(&job.fence, samples::price()).await.unwrap());
        match job.fence.subject {
            Subject::Quote(quote_id) => quote_id,
            other @ Subject::Order(_) => panic!("{other} is no quote"),
        }
    }

    async fn only_quote(&self) -> Quote {
        let quotes: Vec<Json<Quote>> = sqlx::query_scalar("SELECT quote FROM write.quotes")
            .fetch_all(&self.pool)
            .await
            .unwrap();
        assert_eq!(quotes.len(), 1);
        quotes.into_iter().next().unwrap().0
    }
}

fn follows_its_schema(message: &Value) {
    let schemas = shared::contracts::asyncapi::schemas();
    let kind = message["type"].as_str().unwrap();
    let validator = jsonschema::draft202012::new(&schemas[kind]).unwrap();
    assert!(validator.is_valid(message), "{message:#}");
}

fn submitted_at(quote_id: QuoteId, spec: WorkSpec) -> Inbound {
    let number = ShopOrderId::try_from("S-1".to_owned()).unwrap();
    let message = OrderSubmitted::new(number, spec);
    Inbound::ShopOrderSubmitted(OrderSubmitted { quote_id: Some(quote_id), ..message })
}

#[tokio::test]
async fn a_question_from_the_site_is_answered_to_the_shop() {
    let world = World::new().await;
    world.take_in(1, &[quote_requested()]).await;
    assert_eq!(world.told().await, 1);
    let quote_id = world.price_quote().await;
    assert_eq!((world.told().await, world.told().await), (1, 0));
    let messages = world.receive("mes.to.shop", 2).await;
    messages.iter().for_each(follows_its_schema);
    let kinds: Vec<&str> = messages.iter().map(|m| m["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ru.mes.quote.requested.v1", "ru.mes.quote.priced.v1"]);
    let answer = &messages[1];
    assert_eq!(answer["id"], format!("{quote_id}:2"));
    assert_eq!(answer["data"]["reference"], "Q-4711");
    assert_eq!(answer["data"]["price"]["total"]["minor"], 420_000);
    assert!(answer["data"]["valid_until"].is_string());
}

#[tokio::test]
async fn a_question_that_comes_again_is_one_quote_and_one_answer() {
    let world = World::new().await;
    world.take_in(1, &[quote_requested()]).await;
    world.take_in(1, &[quote_requested()]).await;
    world.take_in(2, &[quote_requested()]).await;
    assert_eq!(world.only_quote().await.reference.as_deref(), Some("Q-4711"));
    let jobs: i64 = sqlx::query_scalar("SELECT count(*) FROM write.pricing_jobs")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!((jobs, world.told().await, world.told().await), (1, 1, 0));
    world.receive("mes.to.shop", 1).await;
    assert_eq!(world.kept().await, vec![]);
    // Another question under the same number is a mistake that people must see.
    let Inbound::ShopQuoteRequested(asked) = quote_requested() else { panic!("no question") };
    let other = QuoteRequested { rush: true, ..asked };
    world.take_in(3, &[Inbound::ShopQuoteRequested(other)]).await;
    assert_eq!(world.kept().await, [("parked".into(), "different-content".into(), 0)]);
}

#[tokio::test]
async fn a_relay_that_died_before_noting_tells_the_same_once_more() {
    let world = World::new().await;
    world.take_in(1, &[quote_requested()]).await;
    world.price_quote().await;
    assert_eq!(world.told().await, 1, "the newest revision says all");
    sqlx::query("UPDATE write.quotes SET announced_revision = 0, announce_at = $1")
        .bind(samples::moment() + TimeDelta::seconds(30))
        .execute(&world.pool)
        .await
        .unwrap();
    assert_eq!(world.told().await, 0, "its claim still holds");
    world.advance(TimeDelta::seconds(31));
    assert_eq!(world.told().await, 1);
    let messages = world.receive("mes.to.shop", 2).await;
    assert_eq!(messages[0]["id"], messages[1]["id"]);
    assert_eq!(messages[0], messages[1]);
}

#[tokio::test]
async fn several_relays_share_the_work() {
    let world = World::new().await;
    let questions: Vec<Inbound> = (0..30)
        .map(|number| {
            let number = ShopQuoteId::try_from(format!("Q-{number}")).unwrap();
            Inbound::ShopQuoteRequested(QuoteRequested::new(number, samples::spec()))
        })
        .collect();
    world.take_in(1, &questions).await;
    let relays = [world.quote_relay(), world.quote_relay(), world.quote_relay()];
    let told = futures_util::future::join_all(relays.iter().map(QuoteRelay::drain)).await;
    assert_eq!(told.into_iter().map(Result::unwrap).sum::<usize>(), 30);
    let messages = world.receive("mes.to.shop", 30).await;
    let mut ids: Vec<&str> = messages.iter().map(|m| m["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 30);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_holds_back_no_other() {
    let world = World::new().await;
    world.take_in(1, &[quote_requested()]).await;
    sqlx::query("UPDATE write.quotes SET quote = '{}'").execute(&world.pool).await.unwrap();
    let number = ShopQuoteId::try_from("Q-2".to_owned()).unwrap();
    let other = QuoteRequested::new(number, samples::spec());
    world.take_in(2, &[Inbound::ShopQuoteRequested(other)]).await;
    assert_eq!(world.told().await, 1);
    assert_eq!(world.receive("mes.to.shop", 1).await[0]["data"]["reference"], "Q-2");
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_told_later() {
    let world = World::new().await;
    let path =
        format!("bindings/{}/e/{}/q/mes.to.shop/shop", world.vhost.name(), topology::DELIVERIES);
    world.vhost.management(Method::DELETE, &path, None).await;
    world.take_in(1, &[quote_requested()]).await;
    for _ in 0..3 {
        assert_eq!(world.told().await, 0);
    }
    let attempts = || async {
        let attempts: i32 = sqlx::query_scalar("SELECT announce_attempts FROM write.quotes")
            .fetch_one(&world.pool)
            .await
            .unwrap();
        attempts
    };
    assert_eq!(attempts().await, 1, "it is not tried again and again");
    world.advance(TimeDelta::seconds(2));
    assert_eq!((world.told().await, attempts().await), (0, 2));
    world.broker.declare_topology().await.unwrap();
    world.advance(TimeDelta::minutes(1));
    assert_eq!(world.told().await, 1);
    world.receive("mes.to.shop", 1).await;
}

#[tokio::test]
async fn an_order_names_its_quote_and_has_its_price_at_once() {
    let world = World::new().await;
    world.take_in(1, &[quote_requested()]).await;
    let quote_id = world.only_quote().await.id;
    world.take_in(2, &[submitted_at(quote_id, samples::spec())]).await;
    assert_eq!(world.kept().await, [("waiting".into(), "too-early".into(), 0)]);
    world.price_quote().await;
    world.advance(TimeDelta::seconds(2));
    world.intake().retry_due().await.unwrap();
    let order = world.shop_order("S-1").await.unwrap();
    assert_eq!(order.status(), Status::PriceCalculated);
    assert_eq!(order.stage.price(), Some(&samples::price()));
    assert_eq!(world.kinds(order.id).await, ["submitted", "pricing-started", "price-calculated"]);
    let jobs: i64 = sqlx::query_scalar("SELECT count(*) FROM write.pricing_jobs")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(jobs, 1, "the quote's own");
    world.take_in(3, &[submitted_at(quote_id, samples::spec())]).await;
    assert_eq!(world.kinds(order.id).await.len(), 3, "again is no mistake");
}

#[tokio::test]
async fn an_order_of_something_else_or_after_expiry_parks() {
    let world = World::new().await;
    world.take_in(1, &[quote_requested()]).await;
    let quote_id = world.price_quote().await;
    let other = WorkSpec { rush: true, ..samples::spec() };
    world.take_in(2, &[submitted_at(quote_id, other)]).await;
    world.advance(TimeDelta::days(8));
    world.take_in(3, &[submitted_at(quote_id, samples::spec())]).await;
    let nobodys = QuoteId::new(uuid::Uuid::from_u128(1));
    world.take_in(4, &[submitted_at(nobodys, samples::spec())]).await;
    let codes: Vec<String> = world.kept().await.into_iter().map(|(_, code, _)| code).collect();
    assert_eq!(codes, ["quote-of-something-else", "quote-expired", "unknown-quote"]);
    assert!(world.shop_order("S-1").await.is_none());
    assert_eq!(json!(world.only_quote().await.state.name()), "priced");
}
