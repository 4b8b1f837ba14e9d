//! The feed of metal prices: what it says is kept, holds when it may, and grows old.

use std::sync::Arc;

use chrono::TimeDelta;
use pricing::fixing::{Freshness, Metal};
use serde_json::json;
use shared::contracts::inbound::{FixingPublished, Inbound};
use shared::contracts::samples as messages;
use shared::order::samples;
use shared::platform::telemetry::current_traceparent;
use testkit::DatabaseRole;
use write_api::commands::ConfirmFixing;
use write_api::store::{Cause, CommandContext, FixingsConfig, Store};

use crate::world::World;

impl World {
    pub fn store(&self) -> Store {
        let ids = Arc::new(shared::ids::TimeOrderedIds);
        Store::new(self.database.pool(DatabaseRole::Consumer), Arc::new(self.clock.clone()), ids)
    }

    /// State and reason of everything that was said, in its order.
    async fn fixings(&self) -> Vec<(String, Option<String>)> {
        sqlx::query_as("SELECT state, reason FROM write.metal_fixings ORDER BY fixing_id")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    pub async fn confirm(&self, fixing_id: i64) {
        let admin_id = uuid::Uuid::from_u128(0xAD);
        let context = CommandContext {
            actor: shared::actor::Actor::Admin { admin_id, name: "Olga".to_owned() },
            cause: Cause::new("test", format!("confirm-{fixing_id}"), &[]),
            trace_context: current_traceparent(),
            expected_version: None,
        };
        self.store().execute(&context, &ConfirmFixing { fixing_id, reason: None }).await.unwrap();
    }
}

/// Gold as the feed says it, so many minutes after the sample moment.
pub fn gold(minor: &str, minutes: i64) -> Inbound {
    let Inbound::MetalFixingPublished(sample) = messages::fixing() else { unreachable!() };
    Inbound::MetalFixingPublished(FixingPublished {
        price_per_gram_minor: minor.to_owned().try_into().unwrap(),
        observed_at: samples::moment() + TimeDelta::minutes(minutes),
        ..sample
    })
}

fn state(word: &str, reason: Option<&str>) -> (String, Option<String>) {
    (word.to_owned(), reason.map(ToOwned::to_owned))
}

#[tokio::test]
async fn the_feed_is_believed_within_the_limit_once_a_person_has_confirmed_the_first_price() {
    let world = World::new().await;
    world.tell(1, &[gold("1000000", 0)]).await;
    world.intake().take_in(1).await.unwrap();
    assert_eq!(world.fixings().await, [state("waiting", Some("first"))]);
    assert!(world.store().fixing_at(samples::moment()).await.unwrap().is_none());

    world.confirm(1).await;
    world.advance(TimeDelta::hours(1));
    world.tell(2, &[gold("1050000", 10), gold("2100000", 20)]).await;
    // The same message again changes nothing; the broker gives it twice.
    world.tell(2, &[gold("1050000", 10)]).await;
    world.intake().take_in(3).await.unwrap();
    let told =
        [state("accepted", Some("first")), state("accepted", None), state("waiting", Some("jump"))];
    assert_eq!(world.fixings().await, told);
    let now = samples::moment() + TimeDelta::hours(1);
    let fixing = world.store().fixing_at(now).await.unwrap().unwrap();
    assert_eq!((fixing.id, fixing.prices[&Metal::Gold].per_gram), (2, 1_050_000.into()));
    assert_eq!(world.kept().await, []);
}

#[tokio::test]
async fn a_message_that_is_no_price_is_parked_with_the_place_of_the_mistake() {
    let world = World::new().await;
    let mut envelope = gold("1000000", 0).into_envelope("m-1".to_owned(), "/metals");
    let key = gold("1", 0).routing_key();
    envelope.data["price_per_gram_minor"] = json!("-5");
    let negative = envelope.to_json();
    envelope.data["price_per_gram_minor"] = json!("5");
    envelope.subject = "silver".to_owned();
    let contradiction = envelope.to_json();
    world.publish(vec![(key, negative), (key, contradiction)]).await;
    // Nobody but the feed says what metals cost.
    let forged = gold("1000000", 0).into_envelope("m-2".to_owned(), "/shop").to_json();
    world.publish(vec![("shop.order.initiated", forged)]).await;
    world.intake().take_in(3).await.unwrap();
    let reasons: Vec<String> = world.kept().await.into_iter().map(|kept| kept.1).collect();
    assert_eq!(reasons, ["bad-data", "contradiction", "contradiction"]);
    assert_eq!(world.fixings().await, []);
}

#[tokio::test]
async fn a_price_grows_stale_and_then_too_old() {
    let world = World::new().await;
    world.tell(1, &[gold("1000000", 0)]).await;
    world.intake().take_in(1).await.unwrap();
    world.confirm(1).await;
    let limits =
        FixingsConfig { stale_after_hours: 24, too_old_after_hours: 48, ..Default::default() };
    let mut seen = Vec::new();
    for hours in [24, 1, 24] {
        world.advance(TimeDelta::hours(hours));
        let store = world.store().with_fixings(limits);
        let (ages, waiting) = store.metal_ages().await.unwrap();
        assert_eq!((ages.len(), waiting), (1, 0));
        let fixing = store.fixing_at(store.clock().now()).await.unwrap().unwrap();
        assert_eq!(fixing.prices[&Metal::Gold].freshness, ages[0].freshness);
        seen.push(ages[0].freshness);
    }
    assert_eq!(seen, [Freshness::Fresh, Freshness::Stale, Freshness::TooOld]);
}
