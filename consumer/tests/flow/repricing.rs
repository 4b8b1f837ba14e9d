//! A price made again is the same to the kopeck, and a new card is tried on past orders without touching them.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use consumer::repricing::{reprice, what_if};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use pricing::analysis::analyse;
use pricing::rate_card::{FixingRule, GramPrice, RateCard};
use shared::actor::Actor;
use shared::ids::OrderId;
use shared::order::events::OrderEvent;
use shared::order::samples;
use shared::order::spec::{RateCardKey, StoneSetting, StoneSettings, WorkSpec};
use sqlx::types::Json;
use write_api::models::path_of;
use write_api::prices;
use write_api::store::Store;

use crate::log;
use crate::metals::gold;
use crate::world::World;

const RING: &[u8] = include_bytes!("../../../pricing/models/wedding_band.stl");

/// Gold by the fixing, everything else as in the demonstration.
fn card() -> RateCard {
    let mut card = RateCard::sample();
    let gold = card.materials.iter_mut().find(|material| material.id == "gold-585").unwrap();
    gold.price_per_gram = GramPrice::ByFixing(FixingRule {
        metal: pricing::fixing::Metal::Gold,
        fineness: "0.585".parse().unwrap(),
        markup: "0.12".parse().unwrap(),
    });
    card
}

fn key(text: &str) -> RateCardKey {
    RateCardKey::try_from(text.to_owned()).unwrap()
}

fn wish() -> WorkSpec {
    let settings = vec![StoneSetting { kind: key("pave"), count: 12 }];
    let settings = StoneSettings::try_from(settings).unwrap();
    WorkSpec { material: key("gold-585"), rush: true, settings, ..samples::spec() }
}

struct Shop {
    world: World,
    store: Store,
    models: Arc<dyn ObjectStore>,
}

impl Shop {
    /// A card, a price of gold, and a model that lies in the object store.
    async fn open() -> Self {
        let world = World::new().await;
        world.tell(1, &[gold("1000000", 0)]).await;
        world.intake().take_in(1).await.unwrap();
        world.confirm(1).await;
        let models: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        models.put(&path_of(&samples::spec().model_id), RING.into()).await.unwrap();
        let store = world.store();
        let shop = Self { world, store, models };
        shop.publish(&card(), samples::moment() - TimeDelta::days(1)).await;
        shop
    }

    async fn publish(&self, card: &RateCard, valid_from: DateTime<Utc>) {
        sqlx::query(
            "INSERT INTO write.rate_cards (document, valid_from, created_by, created_at)
             VALUES ($1, $2, '{\"role\": \"crm\"}', $2)",
        )
        .bind(Json(card))
        .bind(valid_from)
        .execute(&self.world.pool)
        .await
        .unwrap();
    }

    /// An order that was priced now, with the book in force.
    async fn order(&self, number: u128, spec: WorkSpec) -> OrderId {
        let mut connection = self.world.database.connection().await;
        let mut order = log::live(&mut connection, number, 2).await;
        let now = self.store.clock().now();
        let book = self.store.price_book(now).await.unwrap().unwrap();
        let mesh = pricing::mesh::read(RING).unwrap();
        let analysis = analyse(&mesh, prices::stated_unit(spec.unit).unwrap());
        let breakdown = pricing::quote::price(&analysis, &book, &prices::item(&spec)).unwrap();
        let price = prices::price(&breakdown, &analysis, &spec.model_id, now).unwrap();
        let events = [
            OrderEvent::Submitted { origin: log::origin(number), spec },
            OrderEvent::PricingStarted { attempt: 1 },
            OrderEvent::PriceCalculated { price },
        ];
        for event in events {
            let actor = match event {
                OrderEvent::Submitted { .. } => Actor::Shop,
                _ => Actor::system("pricer"),
            };
            order = log::happen(&mut connection, number, Some(order), &event, &actor).await;
        }
        order.id
    }

    async fn reprice(&self, order_id: OrderId, as_of: Option<DateTime<Utc>>) -> reprice::Compared {
        reprice::run(&self.store, &self.models, order_id, as_of).await.unwrap()
    }
}

#[tokio::test]
async fn a_price_is_the_same_again_whatever_was_published_since() {
    let shop = Shop::open().await;
    let order_id = shop.order(1, wish()).await;
    let priced_at = shop.store.clock().now();

    shop.world.advance(TimeDelta::hours(2));
    shop.world.tell(2, &[gold("1090000", 60)]).await;
    shop.world.intake().take_in(1).await.unwrap();
    let mut dearer = card();
    dearer.setup_per_order += 10_000;
    shop.publish(&dearer, shop.store.clock().now()).await;

    for as_of in [None, Some(priced_at)] {
        let compared = shop.reprice(order_id, as_of).await;
        assert!(compared.same, "{}", compared.report);
    }
    let today = shop.reprice(order_id, Some(shop.store.clock().now())).await;
    assert!(!today.same);
    let changed: Vec<&str> = today
        .report
        .lines()
        .skip_while(|line| !line.trim_start().starts_with("line "))
        .filter_map(|line| line.strip_prefix("! "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(changed[..2], ["metal", "melt_loss"], "{}", today.report);
    assert!(changed.contains(&"setup") && changed.contains(&"vat"), "{}", today.report);
}

#[tokio::test]
async fn a_new_card_is_tried_on_past_orders_and_changes_none() {
    let shop = Shop::open().await;
    let silver = WorkSpec { rush: false, settings: StoneSettings::default(), ..samples::spec() };
    for number in 1..=4 {
        let spec = if number % 2 == 0 { wish() } else { silver.clone() };
        shop.order(number, spec).await;
    }
    log::live(&mut shop.world.database.connection().await, 5, 2).await; // not submitted
    let range = what_if::Range {
        to: Some(shop.store.clock().now() + TimeDelta::days(1)),
        ..what_if::Range::default()
    };
    let same = what_if::run(&shop.store, card(), range).await.unwrap();
    assert_eq!((same.priced.orders, same.changed()), (4, 0));
    assert_eq!(same.priced.before_minor, same.priced.after_minor);

    let mut card = card();
    let silver = card.materials.iter_mut().find(|material| material.id == "silver-925").unwrap();
    silver.casting_per_gram = "18000".parse().unwrap();
    card.rush = None;
    let changed = what_if::run(&shop.store, card.clone(), range).await.unwrap();
    assert_eq!((changed.priced.orders, changed.dearer), (2, changed.priced));
    let unpriced: Vec<_> =
        changed.unpriced.iter().map(|(code, unpriced)| (*code, unpriced.orders)).collect();
    assert_eq!(unpriced, [("no_rush", 2)]);
    let priced = changed.priced;
    assert!(
        changed.percentiles([50]).unwrap()[0] > 0.0 && priced.after_minor > priced.before_minor
    );

    let cut = what_if::run(&shop.store, card, what_if::Range { limit: 1, ..range }).await.unwrap();
    assert!(cut.cut_off && cut.seen() == 1);
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM write.order_events")
        .fetch_one(&shop.world.pool)
        .await
        .unwrap();
    assert_eq!(events, 4 * 5 + 2, "it only reads");
}
