//! The log out to its recipients.

use chrono::{DateTime, TimeDelta, Utc};
use consumer::relay::Route;
use consumer::topology::{self, QUEUES};
use reqwest::Method;
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::contracts::outbound::Recipient;
use shared::platform::shutdown::Shutdown;
use testkit::{PATIENCE, eventually};

use crate::log;
use crate::world::World;

const SHOP: Route = Route::To(Recipient::Shop);
const CRM: Route = Route::To(Recipient::Crm);

fn versions(messages: &[Value], number: u128) -> Vec<u64> {
    let order_id = json!(log::order_id(number));
    messages
        .iter()
        .filter(|message| message["data"]["order_id"] == order_id)
        .map(|message| message["data"]["version"].as_u64().unwrap())
        .collect()
}

impl World {
    async fn unbind(&self, recipient: &str) {
        let path = format!(
            "bindings/{}/e/{}/q/mes.to.{recipient}/{recipient}",
            self.vhost.name(),
            topology::DELIVERIES
        );
        self.vhost.management(Method::DELETE, &path, None).await;
    }

    async fn bind(&self, recipient: &str) {
        assert!(QUEUES.iter().any(|queue| queue.key == recipient));
        self.broker.declare_topology().await.unwrap();
    }

    async fn parked(&self) -> Vec<(String, String)> {
        sqlx::query_as(
            "SELECT recipient, reason FROM write.parked_deliveries ORDER BY recipient, position",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// How often each parked event was tried, and when it is tried next.
    async fn attempts(&self) -> Vec<(i32, DateTime<Utc>)> {
        sqlx::query_as("SELECT attempts, next_attempt FROM write.parked_deliveries")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// It has room for one message, or a few.
    async fn narrow_the_shops_queue(&self) {
        let policy = json!({
            "pattern": "^mes\\.to\\.shop$", "definition": { "max-length": 1 }, "apply-to": "queues"
        });
        let path = format!("{}/narrow", self.vhost.path("policies"));
        self.vhost.management(Method::PUT, &path, Some(policy)).await;
    }

    async fn cursor(&self, follower: &str) -> i64 {
        let cursor = sqlx::query_scalar("SELECT cursor FROM write.followers WHERE name = $1")
            .bind(follower)
            .fetch_optional(&self.pool)
            .await
            .unwrap();
        cursor.unwrap_or(0)
    }

    async fn end_of_log(&self) -> i64 {
        sqlx::query_scalar("SELECT max(position) FROM write.order_events")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn relayed(&self, follower: &str) {
        let end = self.end_of_log().await;
        let caught_up = || async { self.cursor(follower).await == end };
        eventually(&format!("{follower} has caught up"), caught_up, PATIENCE).await;
    }
}

#[tokio::test]
async fn each_recipient_is_told_what_concerns_it_once_and_in_order() {
    let world = World::new().await;
    let mut connection = world.database.connection().await;
    log::live(&mut connection, 1, 11).await; // the shop's
    log::live(&mut connection, 3, 11).await; // a partner's
    let relay = world.relay();
    for route in [SHOP, CRM] {
        relay.drain(route).await.unwrap();
        relay.drain(route).await.unwrap();
    }
    world.vhost.management(Method::GET, &world.vhost.path("queues"), None).await;
    let shop = world.receive("mes.to.shop", 11).await;
    assert_eq!(versions(&shop, 1), (1..=11).collect::<Vec<u64>>());
    let crm = world.receive("mes.to.crm", 16).await;
    assert_eq!(versions(&crm, 1), [3, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(versions(&crm, 3), [3, 5, 6, 7, 8, 9, 10, 11]);
    let shipped = &shop[9];
    assert_eq!(shipped["type"], "ru.mes.order.shipped.v1");
    assert_eq!(shipped["id"], format!("{}:10", log::order_id(1)));
    assert_eq!(shipped["data"]["status"], "SHIPPED");
    assert_eq!(shipped["data"]["external_id"], "X-1");
    assert_eq!(shipped["traceparent"], "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
}

#[tokio::test]
async fn what_is_sent_follows_the_published_schemas() {
    let world = World::new().await;
    log::live(&mut world.database.connection().await, 1, 11).await;
    world.relay().drain(SHOP).await.unwrap();
    let schemas = shared::contracts::asyncapi::schemas();
    for message in world.receive("mes.to.shop", 11).await {
        let kind = message["type"].as_str().unwrap();
        let validator = jsonschema::draft202012::new(&schemas[kind]).unwrap();
        assert!(validator.is_valid(&message), "{message}");
    }
}

#[tokio::test]
async fn many_orders_at_once_keep_each_orders_order() {
    let world = World::new().await;
    let mut connection = world.database.connection().await;
    for events in [3, 7, 11] {
        for number in (1..40).filter(|number| number % 3 != 0) {
            log::live(&mut connection, number, events).await;
        }
    }
    world.relay().drain(SHOP).await.unwrap();
    let messages = world.receive("mes.to.shop", 26 * 11).await;
    for number in (1..40).filter(|number| number % 3 != 0) {
        assert_eq!(versions(&messages, number), (1..=11).collect::<Vec<u64>>(), "{number}");
    }
}

#[tokio::test]
async fn an_undeliverable_event_parks_its_order_alone_and_is_delivered_later_in_order() {
    let world = World::new().await;
    let mut connection = world.database.connection().await;
    let shutdown = Shutdown::new();
    world.relay().run(&shutdown);
    log::live(&mut connection, 1, 1).await;
    world.relayed("relay:shop").await;
    world.unbind("shop").await;
    log::live(&mut connection, 1, 2).await;
    world.relayed("relay:shop").await;
    assert_eq!(world.parked().await, [("shop".into(), "unroutable".into())]);
    world.bind("shop").await;
    log::live(&mut connection, 1, 3).await;
    log::live(&mut connection, 2, 3).await;
    world.relayed("relay:shop").await;
    world.relayed("relay:crm").await;
    let others = world.receive("mes.to.shop", 4).await;
    assert_eq!((versions(&others, 1), versions(&others, 2)), (vec![1], vec![1, 2, 3]));
    let parked = [("shop", "unroutable"), ("shop", "behind")];
    assert_eq!(world.parked().await, parked.map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!(versions(&world.receive("mes.to.crm", 2).await, 1), [3], "the CRM knows already");
    world.advance(TimeDelta::seconds(1));
    let late = world.receive("mes.to.shop", 2).await;
    assert_eq!(versions(&late, 1), [2, 3]);
    let empty = || async { world.parked().await.is_empty() };
    eventually("nothing is parked", empty, PATIENCE).await;
    shutdown.stop();
    shutdown.drain(PATIENCE).await;
}

#[tokio::test]
async fn a_broken_route_stops_and_parks_nothing_and_goes_on_when_mended() {
    let world = World::new().await;
    let mut connection = world.database.connection().await;
    world.unbind("shop").await;
    for number in [1, 2, 4, 5, 7, 8, 10] {
        log::live(&mut connection, number, 1).await;
    }
    let relay = world.relay();
    relay.drain(SHOP).await.unwrap();
    assert_eq!((world.parked().await, world.cursor("relay:shop").await), (vec![], 0));
    log::live(&mut connection, 3, 3).await;
    relay.drain(CRM).await.unwrap();
    assert_eq!(world.receive("mes.to.crm", 1).await.len(), 1, "the CRM's route is sound");
    world.bind("shop").await;
    relay.drain(SHOP).await.unwrap();
    assert_eq!(world.receive("mes.to.shop", 7).await.len(), 7);
}

#[tokio::test]
async fn what_is_refused_again_waits_longer_each_time_and_holds_nothing_else_back() {
    let world = World::new().await;
    world.narrow_the_shops_queue().await;
    let mut connection = world.database.connection().await;
    let relay = world.relay();
    // The queue takes the first ones, and nobody empties it.
    for number in [1, 2, 4, 5, 7, 8] {
        log::live(&mut connection, number, 1).await;
        relay.drain(SHOP).await.unwrap();
    }
    let parked = world.attempts().await;
    assert!(parked.len() > 1, "{parked:?}");
    for (attempts, after, pause) in [(1, 1, 5), (2, 5, 30), (3, 30, 120)] {
        world.advance(TimeDelta::seconds(after));
        relay.drain(SHOP).await.unwrap();
        let next = world.clock.now() + TimeDelta::seconds(pause);
        assert_eq!(world.attempts().await, vec![(attempts, next); parked.len()]);
    }
}

#[tokio::test]
async fn a_full_queue_stops_its_route_until_there_is_room() {
    let world = World::new().await;
    world.narrow_the_shops_queue().await;
    let mut connection = world.database.connection().await;
    let shutdown = Shutdown::new();
    world.relay().run(&shutdown);
    for number in [1, 2, 4, 5, 7, 8, 10, 11, 13, 14] {
        log::live(&mut connection, number, 1).await;
    }
    // The queue takes a few and refuses the rest; whoever empties it gets all of them, some perhaps twice.
    let mut heard = std::collections::HashSet::new();
    while heard.len() < 10 {
        world.advance(TimeDelta::minutes(11));
        for message in world.receive("mes.to.shop", 1).await {
            heard.insert(message["id"].as_str().unwrap().to_owned());
        }
    }
    shutdown.stop();
    shutdown.drain(PATIENCE).await;
}

#[tokio::test]
async fn listeners_hear_everything_by_the_events_name() {
    let world = World::new().await;
    let queue = world.vhost.path("queues") + "/mes.test.listener";
    world.vhost.management(Method::PUT, &queue, Some(json!({ "durable": true }))).await;
    let bindings =
        format!("bindings/{}/e/{}/q/mes.test.listener", world.vhost.name(), topology::EVENTS);
    let binding = json!({ "routing_key": "pricing-started" });
    world.vhost.management(Method::POST, &bindings, Some(binding)).await;
    log::live(&mut world.database.connection().await, 3, 6).await;
    world.relay().drain(Route::To(Recipient::Listeners)).await.unwrap();
    let heard = world.receive("mes.test.listener", 1).await;
    assert_eq!(heard[0]["type"], "ru.mes.order.pricing-started.v1");
}

#[tokio::test]
async fn a_submitted_order_wakes_the_workers_of_its_lane() {
    let world = World::new().await;
    world.tell(1, &[shared::contracts::samples::submitted()]).await;
    world.intake().take_in(1).await.unwrap();
    world.relay().drain(Route::WakePricers).await.unwrap();
    assert_eq!(world.receive("mes.pricing.shop-short", 1).await, [json!({})]);
}

#[tokio::test]
async fn connections_that_the_broker_closes_are_made_anew() {
    let world = World::new().await;
    let shutdown = Shutdown::new();
    world.relay().run(&shutdown);
    let mut connection = world.database.connection().await;
    log::live(&mut connection, 1, 1).await;
    world.relayed("relay:shop").await;
    let path = format!("vhosts/{}/connections", world.vhost.name());
    let listed = || async {
        let listed = world.vhost.management(Method::GET, &path, None).await;
        let listed = listed.as_array().unwrap().clone();
        (listed.len() >= Route::ALL.len()).then_some(listed)
    };
    for connection in eventually("the broker lists the relay's connections", listed, PATIENCE).await
    {
        let name = connection["name"].as_str().unwrap().replace(' ', "%20").replace('>', "%3E");
        world.vhost.management(Method::DELETE, &format!("connections/{name}"), None).await;
    }
    log::live(&mut connection, 1, 3).await;
    world.relayed("relay:shop").await;
    let heard = world.receive("mes.to.shop", 3).await;
    assert_eq!(versions(&heard, 1), [1, 2, 3]);
    shutdown.stop();
    shutdown.drain(PATIENCE).await;
}
