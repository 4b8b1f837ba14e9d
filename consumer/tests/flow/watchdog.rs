//! Sabotages: each is found, called by its right name, and healed or escalated; nothing is found where all is well.

mod acknowledgements;

use std::sync::Arc;

use chrono::TimeDelta;
use consumer::announcer::Announcer;
use consumer::follower::LogAccess;
use consumer::projector::{Projector, ProjectorConfig};
use consumer::relay::Route;
use consumer::topology;
use consumer::watchdog::{Round, Watchdog, WatchdogConfig, beat, lost_jobs};
use reqwest::Method;
use serde_json::{Value, json};
use shared::actor::Actor;
use shared::clock::Clock;
use shared::contracts::inbound::{Inbound, OrderAcknowledged, OrderApproved};
use shared::ids::{OrderId, PartnerId, TimeOrderedIds};
use shared::order::{Origin, samples};
use std::str::FromStr;
use testkit::DatabaseRole;
use uuid::Uuid;
use write_api::commands::{CommandAnswer, SubmitOrder};
use write_api::store::{Cause, CommandContext, Lane, NextJob, Store, Terms};

use crate::projector::assert_true_to_the_log;
use crate::world::World;

/// An incident as the tests look at it: cause, subject's kind, status, and the names of what was tried.
type Seen = (String, String, String, Vec<String>);

pub struct Watched {
    pub world: World,
    watchdog: Watchdog,
    projector: Projector,
}

impl Watched {
    pub async fn new() -> Self {
        let world = World::new().await;
        let config = ProjectorConfig { batch: 50, ..ProjectorConfig::default() };
        let projector = Projector::new(&access(&world), config, Announcer::silent());
        let watchdog = watchdog(&world);
        Self { world, watchdog, projector }
    }

    pub async fn submit(&self, number: u32, origin: Origin) -> OrderId {
        let command = SubmitOrder { origin, spec: samples::spec() };
        let context = CommandContext {
            actor: Actor::Shop,
            cause: Cause::new("shop", format!("submit-{number}"), &[]),
            trace_context: None,
            expected_version: None,
        };
        let handled = store(&self.world).execute(&context, &command).await.unwrap();
        handled.parse::<CommandAnswer>().unwrap().order.order_id
    }

    pub async fn submit_of_shop(&self, number: u32) -> OrderId {
        self.submit(number, Origin::Shop { external_id: format!("S-{number}") }).await
    }

    pub async fn submit_of_partner(&self, number: u32) -> OrderId {
        let partner_id = PartnerId::new(Uuid::from_u128(0xBEEF));
        self.submit(number, Origin::Partner { partner_id, external_id: format!("P-{number}") })
            .await
    }

    /// Whatever follows the log has dealt with all of it.
    pub async fn settle(&mut self) {
        self.projector.drain().await.unwrap();
        self.relay_all().await;
    }

    pub async fn relay_all(&self) {
        for route in Route::ALL {
            self.world.relay().drain(route).await.unwrap();
        }
    }

    pub async fn acknowledge(&self, id: u32, order_id: OrderId) {
        acknowledge(&self.world, id, order_id).await;
    }

    pub async fn look(&mut self) -> Round {
        let round = self.watchdog.round().await.unwrap().expect("it leads");
        assert_eq!((&round.failed[..], &round.cut_off[..]), (&[][..], &[][..]));
        round
    }

    pub async fn look_after(&mut self, seconds: i64) -> Round {
        self.world.advance(TimeDelta::seconds(seconds));
        self.look().await
    }

    pub async fn incidents(&self) -> Vec<Seen> {
        let rows: Vec<(String, String, String, Value)> = sqlx::query_as(
            "SELECT cause, subject_kind, status, attempts FROM write.incidents
             ORDER BY opened_at, cause, subject",
        )
        .fetch_all(&self.world.pool)
        .await
        .unwrap();
        let tried = |attempts: Value| {
            let attempts = attempts.as_array().unwrap().clone();
            attempts.iter().map(|each| each["what"].as_str().unwrap().to_owned()).collect()
        };
        rows.into_iter().map(|(c, k, s, attempts)| (c, k, s, tried(attempts))).collect()
    }

    pub async fn unbind(&self, recipient: &str) {
        let (vhost, exchange) = (self.world.vhost.name(), topology::DELIVERIES);
        let path = format!("bindings/{vhost}/e/{exchange}/q/mes.to.{recipient}/{recipient}");
        self.world.vhost.management(Method::DELETE, &path, None).await;
    }
}

async fn acknowledge(world: &World, id: u32, order_id: OrderId) {
    let message =
        Inbound::CrmOrderAcknowledged(OrderAcknowledged { order_id, crm_reference: None });
    world.tell(id, &[message]).await;
    world.intake().take_in(1).await.unwrap();
}

fn seen(cause: &str, kind: &str, status: &str, tried: &[&str]) -> Seen {
    let tried = tried.iter().map(|what| (*what).to_owned()).collect();
    (cause.to_owned(), kind.to_owned(), status.to_owned(), tried)
}

fn access(world: &World) -> LogAccess {
    let url = world.database.url(DatabaseRole::Consumer);
    let options = sqlx::postgres::PgConnectOptions::from_str(&url).unwrap();
    LogAccess::new(&options, 100, Arc::new(world.clock.clone()))
}

fn store(world: &World) -> Store {
    let pool = world.database.pool(DatabaseRole::Consumer);
    Store::new(pool, Arc::new(world.clock.clone()), Arc::new(TimeOrderedIds))
}

fn watchdog(world: &World) -> Watchdog {
    // However slow the machine is, every look is a thorough one.
    let config = WatchdogConfig { poll_ms: 3_600_000, ..WatchdogConfig::default() };
    Watchdog::new(access(world), store(world), config)
}

#[tokio::test]
async fn where_all_is_well_nothing_is_found() {
    let mut watched = Watched::new().await;
    watched.submit_of_shop(1).await;
    let partners = watched.submit_of_partner(2).await;
    let mut connection = watched.world.database.connection().await;
    crate::log::live(&mut connection, 4, 11).await; // closed
    crate::log::live(&mut connection, 5, 7).await; // in an operator's hand
    watched.settle().await;
    watched.acknowledge(1, partners).await;
    for _ in 0..8 {
        let round = watched.look_after(60).await;
        assert_eq!((round.unaccounted, &round.open), (0, &[].into()));
        assert_eq!((round.buckets["pricing-queue"], round.buckets["making"]), (2, 1));
    }
    assert_eq!(watched.incidents().await, []);
}

#[tokio::test]
async fn a_job_that_vanished_is_queued_again_and_an_attempt_that_ran_is_interrupted() {
    let mut watched = Watched::new().await;
    let queued = watched.submit_of_shop(1).await;
    let running = watched.submit_of_shop(2).await;
    let terms =
        Terms { lease: TimeDelta::seconds(30), max_attempts: 3, partner_pause: TimeDelta::zero() };
    let store = store(&watched.world);
    let claimed = store.next_job(&[Lane::ShopShort], terms).await.unwrap().claimed().unwrap();
    assert_eq!(claimed.fence.subject.id(), queued.as_uuid(), "the oldest comes first");
    watched.settle().await;
    watched.world.run("DELETE FROM write.pricing_jobs").await;

    let round = watched.look_after(1).await;
    assert_eq!((round.open["job-missing"], round.tried), (2, 2));
    assert_eq!(round.unaccounted, 0, "both are in their lanes again");
    let kinds = watched.world.kinds(queued).await;
    assert_eq!(kinds, ["submitted", "pricing-started", "pricing-interrupted"]);
    assert_eq!(watched.world.kinds(running).await, ["submitted"]);
    watched.settle().await;
    assert_eq!(watched.look_after(1).await.healed, 2);
    let healed = seen("job-missing", "order", "healed", &["requeue"]);
    assert_eq!(watched.incidents().await, [healed.clone(), healed]);
    // Both need one analysis, and the lost worker's lease of it must run out.
    watched.world.advance(TimeDelta::seconds(31));
    assert_ne!(store.next_job(&[Lane::ShopShort], terms).await.unwrap(), NextJob::Nothing);
}

#[tokio::test]
async fn a_job_that_ended_without_a_word_is_done_again() {
    let mut watched = Watched::new().await;
    watched.submit_of_shop(1).await;
    watched.settle().await;
    watched.world.run("UPDATE write.pricing_jobs SET state = 'done', finished_at = now()").await;
    watched.look().await;
    assert_eq!(watched.look_after(1).await.healed, 1);
    let healed = seen("job-without-outcome", "order", "healed", &["requeue"]);
    assert_eq!(watched.incidents().await, [healed]);
}

#[tokio::test]
async fn a_job_whose_worker_died_is_put_back_when_no_other_worker_does() {
    let mut watched = Watched::new().await;
    watched.submit_of_shop(1).await;
    let terms =
        Terms { lease: TimeDelta::seconds(30), max_attempts: 3, partner_pause: TimeDelta::zero() };
    store(&watched.world).next_job(&[Lane::ShopShort], terms).await.unwrap().claimed().unwrap();
    watched.settle().await;
    assert_eq!(watched.look_after(31).await.open, [].into(), "a pricer would do it by itself");
    watched.look_after(30).await;
    watched.settle().await;
    let round = watched.look_after(1).await;
    assert_eq!((round.healed, round.buckets["pricing-queue"]), (1, 1));
    assert_eq!(watched.incidents().await, [seen("lease-expired", "order", "healed", &["rescue"])]);
}

#[tokio::test]
async fn a_lane_that_nobody_serves_is_one_incident_and_goes_to_a_person() {
    let mut watched = Watched::new().await;
    for number in 0..5 {
        watched.submit_of_shop(number).await;
    }
    watched.settle().await;
    watched.look_after(601).await;
    for _ in 0..3 {
        watched.look_after(31).await;
    }
    let tried = ["wake", "wake", "wake", "escalate"];
    assert_eq!(watched.incidents().await, [seen("lane-waits", "lane", "escalated", &tried)]);
}

#[tokio::test]
async fn a_lost_read_row_is_made_anew_and_the_projector_goes_on() {
    let mut watched = Watched::new().await;
    let mut connection = watched.world.database.connection().await;
    for number in [1, 2, 3, 4] {
        crate::log::live(&mut connection, number, 5).await;
    }
    crate::log::live(&mut connection, 5, 11).await;
    watched.settle().await;
    watched.look().await;
    // Two open orders, of which one is a partner's, one whose row is old, a closed one, and a hole in a timeline.
    watched.world.run("DELETE FROM read.orders WHERE external_id IN ('X-1', 'X-3', 'X-5')").await;
    watched.world.run("UPDATE read.orders SET version = 2 WHERE external_id = 'X-2'").await;
    watched
        .world
        .run(
            "DELETE FROM read.timeline t USING read.orders o
              WHERE o.order_id = t.order_id AND o.external_id = 'X-4' AND t.version = 3",
        )
        .await;
    let round = watched.look().await;
    assert_eq!((round.open["read-row-missing"], round.open["read-row-wrong"]), (3, 2));
    assert_eq!(watched.look().await.healed, 5);
    assert_true_to_the_log(&mut connection).await;
    crate::log::live(&mut connection, 1, 8).await;
    watched.projector.drain().await.unwrap();
    assert_true_to_the_log(&mut connection).await;
    let healed = watched.incidents().await;
    assert!(healed.iter().all(|i| i.2 == "healed" && i.3 == ["reproject"]), "{healed:?}");
}

#[tokio::test]
async fn where_there_are_too_many_orders_to_read_all_each_time_they_are_read_page_by_page() {
    let mut watched = Watched::new().await;
    for number in 1..=3 {
        watched.submit_of_shop(number).await;
    }
    watched.settle().await;
    // Without a pause, any round takes longer than its share.
    let config = WatchdogConfig { poll_ms: 0, limit: 1, ..WatchdogConfig::default() };
    let mut watchdog = Watchdog::new(access(&watched.world), store(&watched.world), config);
    watchdog.round().await.unwrap().expect("it leads");
    watched.world.run("DELETE FROM read.orders WHERE external_id = 'S-3'").await;
    let second = watchdog.round().await.unwrap().unwrap();
    assert_eq!((second.open, second.buckets["pricing-queue"]), ([].into(), 3));
    let third = watchdog.round().await.unwrap().unwrap();
    assert_eq!((third.open["read-row-missing"], third.tried), (1, 1));
    assert_true_to_the_log(&mut watched.world.database.connection().await).await;
}

#[tokio::test]
async fn more_lost_orders_than_a_round_looks_at_are_left_for_the_next() {
    let mut watched = Watched::new().await;
    for number in 1..=3 {
        watched.submit_of_shop(number).await;
    }
    watched.settle().await;
    watched.world.run("DELETE FROM read.timeline").await;
    watched.world.advance(TimeDelta::seconds(11));
    let config = WatchdogConfig { limit: 2, ..WatchdogConfig::default() };
    let mut watchdog = Watchdog::new(access(&watched.world), store(&watched.world), config);
    watchdog.round().await.unwrap().expect("it leads");
    let (cursor, second): (i64, i64) = sqlx::query_as(
        "SELECT f.cursor, (SELECT min(e.position) FROM write.order_events AS e GROUP BY e.order_id
                           ORDER BY 1 OFFSET 1 LIMIT 1)
         FROM write.followers AS f WHERE f.name = 'watchdog'",
    )
    .fetch_one(&watched.world.pool)
    .await
    .unwrap();
    assert_eq!(cursor, second);
    watchdog.round().await.unwrap().unwrap();
    assert_true_to_the_log(&mut watched.world.database.connection().await).await;
}

#[tokio::test]
async fn a_projector_that_is_only_behind_has_lost_nothing() {
    let mut watched = Watched::new().await;
    watched.submit_of_shop(1).await;
    watched.settle().await;
    watched.submit_of_shop(2).await;
    watched.relay_all().await;
    assert_eq!(watched.look_after(8).await.open, [].into());
    watched.look_after(8).await;
    watched.projector.drain().await.unwrap();
    assert_eq!(watched.look().await.healed, 1);
    let behind = seen("follower-behind", "follower", "healed", &["escalate"]);
    assert_eq!(watched.incidents().await, [behind]);
}

#[tokio::test]
async fn a_stopped_relay_is_found_on_each_of_its_ways() {
    let mut watched = Watched::new().await;
    watched.submit_of_shop(1).await;
    watched.projector.drain().await.unwrap();
    let round = watched.look_after(31).await;
    assert_eq!((round.open["follower-behind"], round.escalated), (4, 4));
    watched.relay_all().await;
    assert_eq!(watched.look().await.healed, 4);
}

#[tokio::test]
async fn a_queue_that_was_unbound_parks_an_order_which_is_sent_when_it_is_back() {
    let mut watched = Watched::new().await;
    watched.unbind("crm").await;
    watched.submit_of_shop(1).await;
    watched.settle().await;
    assert_eq!(watched.look().await.open["route-unbound"], 1);
    let bound = seen("route-unbound", "route", "healing", &["bind"]);
    assert_eq!(watched.incidents().await, [bound], "the relay said so, and bound it again");
    // The clock stands: what was parked is not due yet.
    watched.look_after(11).await;
    watched.relay_all().await;
    assert_eq!(watched.look_after(1).await.healed, 2);
    let healed = watched.incidents().await;
    assert_eq!(healed[1], seen("delivery-parked", "delivery", "healed", &["retry"]));
    assert_eq!(watched.world.receive("mes.to.crm", 1).await.len(), 1);
}

#[tokio::test]
async fn an_outgoing_message_that_somebody_deleted_is_missed_and_sent() {
    let mut watched = Watched::new().await;
    watched.submit_of_shop(1).await;
    watched.settle().await;
    watched.unbind("shop").await;
    watched.submit_of_shop(2).await;
    watched.settle().await;
    assert!(!watched.look().await.open.contains_key("not-sent"), "it is parked");
    watched.world.run("DELETE FROM write.parked_deliveries").await;
    watched.submit_of_shop(3).await;
    watched.settle().await;
    let round = watched.look().await;
    assert_eq!((round.open["not-sent"], round.tried), (1, 1));
    watched.relay_all().await;
    watched.look().await;
    let incidents = watched.incidents().await;
    let healed = seen("not-sent", "delivery", "healed", &["resend"]);
    assert!(incidents.contains(&healed), "{incidents:?}");
    assert_eq!(watched.world.receive("mes.to.shop", 3).await.len(), 3);
}

#[tokio::test]
async fn what_a_cursor_jumped_over_is_missed_and_sent_and_what_came_before_the_book_is_not() {
    let mut watched = Watched::new().await;
    let mut connection = watched.world.database.connection().await;
    crate::log::live(&mut connection, 7, 6).await;
    // As on the day when the book came: the relay has sent something already.
    watched
        .world
        .run(
            "INSERT INTO write.followers (name, cursor, moved_at, touched_at)
             VALUES ('relay:shop', 6, now(), now()), ('relay:crm', 6, now(), now())",
        )
        .await;
    watched.settle().await;
    assert_eq!(watched.look().await.open, [].into());
    watched.submit_of_shop(1).await;
    watched.submit_of_partner(2).await;
    watched
        .world
        .run(
            "UPDATE write.followers SET cursor = (SELECT max(position) FROM write.order_events)
             WHERE name IN ('relay:crm', 'relay:shop')",
        )
        .await;
    watched.settle().await;
    assert_eq!(watched.look().await.open["not-sent"], 4, "two orders, two recipients");
    watched.relay_all().await;
    assert_eq!(watched.look().await.healed, 4);
    assert_eq!(watched.world.receive("mes.to.crm", 2).await.len(), 2);
    assert_eq!(watched.world.receive("mes.to.shop", 1).await.len(), 1);
}

#[tokio::test]
async fn a_job_that_a_pricer_put_back_is_an_incident_too() {
    let mut watched = Watched::new().await;
    watched.submit_of_shop(1).await;
    watched.settle().await;
    let terms =
        Terms { lease: TimeDelta::seconds(30), max_attempts: 3, partner_pause: TimeDelta::zero() };
    let store = store(&watched.world);
    store.next_job(&[Lane::ShopShort], terms).await.unwrap().claimed().unwrap();
    watched.world.advance(TimeDelta::seconds(31));
    lost_jobs::tell(&store, &store.rescue_jobs(3, 10).await.unwrap()).await;
    assert_eq!(watched.incidents().await, [seen("lease-expired", "order", "healing", &["rescue"])]);
    watched.settle().await;
    assert_eq!(watched.look().await.healed, 1);
}

#[tokio::test]
async fn a_webhook_that_the_system_paused_is_its_partners_business() {
    let mut watched = Watched::new().await;
    watched
        .world.run(
            "INSERT INTO write.webhooks (webhook_id, partner_id, url, event_types, state, paused_reason,
                                         paused_at, created_at, changed_at)
             SELECT gen_random_uuid(), gen_random_uuid(), 'https://example.org/hook', '{}', 'paused',
                    reason, now(), now(), now()
             FROM unnest(ARRAY['failing', 'asked']) AS n (reason)",
        )
        .await;
    assert_eq!(watched.look().await.open["webhook-paused"], 1, "a person may pause theirs");
    watched.world.run("UPDATE write.webhooks SET state = 'active', paused_reason = NULL").await;
    assert_eq!(watched.look().await.healed, 1);
}

#[tokio::test]
async fn messages_that_wait_too_long_or_cannot_be_read_are_found() {
    let mut watched = Watched::new().await;
    let unknown = OrderApproved { order_id: crate::log::order_id(77), seller: None };
    watched.world.tell(1, &[Inbound::CrmOrderApproved(unknown)]).await;
    watched.world.publish(vec![("shop.order.submitted", b"nonsense".to_vec())]).await;
    watched.world.intake().take_in(2).await.unwrap();
    watched.look().await;
    let parked = seen("message-parked", "message", "escalated", &["escalate"]);
    assert_eq!(watched.incidents().await, std::slice::from_ref(&parked));
    watched.look_after(301).await;
    let waits = seen("message-waits", "message", "healing", &["apply"]);
    assert_eq!(watched.incidents().await, [parked, waits]);
}

#[tokio::test]
async fn a_number_that_a_producer_passed_over_is_missed_until_it_comes() {
    let mut watched = Watched::new().await;
    let order_id = watched.submit_of_shop(1).await;
    watched.settle().await;
    let numbered = |sequence: u64| {
        let message =
            Inbound::CrmOrderAcknowledged(OrderAcknowledged { order_id, crm_reference: None });
        let envelope = message.into_envelope(format!("m-{sequence}"), "/crm");
        let mut body: Value = serde_json::from_slice(&envelope.to_json()).unwrap();
        body["sequence"] = json!(sequence);
        ("crm.order.acknowledged", body.to_string().into_bytes())
    };
    watched.world.publish(vec![numbered(10), numbered(14), numbered(12)]).await;
    watched.world.intake().take_in(3).await.unwrap();
    assert_eq!(watched.look().await.open, [].into(), "it may still be on its way");
    assert_eq!(watched.look_after(61).await.escalated, 1);
    let evidence: Value =
        sqlx::query_scalar("SELECT evidence FROM write.incidents WHERE cause = 'sequence-gap'")
            .fetch_one(&watched.world.pool)
            .await
            .unwrap();
    assert_eq!((&evidence["missing"], &evidence["first"]), (&json!(2), &json!(11)));
    watched.world.publish(vec![numbered(13), numbered(11), numbered(11)]).await;
    watched.world.intake().take_in(3).await.unwrap();
    assert_eq!(watched.look().await.healed, 1);
}

#[tokio::test]
async fn what_came_due_while_nobody_looked_is_found_by_the_first_look() {
    let mut watched = Watched::new().await;
    let mut connection = watched.world.database.connection().await;
    crate::log::live(&mut connection, 1, 6).await; // approved, waits for an operator
    crate::log::live(&mut connection, 2, 7).await;
    watched.world.run("UPDATE write.orders SET operator_id = NULL WHERE order_id = '00000000-0000-0000-0000-000000000002'").await;
    watched.settle().await;
    let round = watched.look_after(5 * 24 * 3600).await;
    assert_eq!((round.open["overdue"], round.open["nobodys"]), (1, 1));
    assert_eq!(round.unaccounted, 1, "it is in making, and in nobody's hand");
    let owners: Vec<(String, String)> =
        sqlx::query_as("SELECT cause, owner FROM write.incidents ORDER BY cause")
            .fetch_all(&watched.world.pool)
            .await
            .unwrap();
    let workshop = |cause: &str| (cause.to_owned(), "workshop".to_owned());
    assert_eq!(owners, [workshop("nobodys"), workshop("overdue")]);
}

#[tokio::test]
async fn a_watchdog_that_died_is_an_incident_of_any_other_process_until_another_looks() {
    let mut watched = Watched::new().await;
    let other = store(&watched.world);
    watched.look().await;
    beat::check(&other).await.unwrap();
    watched.world.advance(TimeDelta::seconds(40));
    beat::check(&other).await.unwrap();
    assert_eq!(watched.incidents().await, [], "a round may be long");
    watched.world.advance(TimeDelta::seconds(10));
    for _ in 0..2 {
        beat::check(&other).await.unwrap();
    }
    let silent = seen("watcher-silent", "system", "escalated", &["escalate"]);
    assert_eq!(watched.incidents().await, [silent]);
    watched.look().await;
    beat::check(&other).await.unwrap();
    let healed = seen("watcher-silent", "system", "healed", &["escalate"]);
    assert_eq!(watched.incidents().await, [healed]);
}

#[tokio::test]
async fn one_watchdog_looks_at_a_time_and_says_so() {
    let mut watched = Watched::new().await;
    watched.look().await;
    let mut standby = watchdog(&watched.world);
    assert_eq!(standby.round().await.unwrap(), None);
    let now = watched.world.clock.now() + TimeDelta::seconds(90);
    let ages = beat::ages(&watched.world.pool, now).await.unwrap();
    assert_eq!(ages, [("watchdog".to_owned(), std::time::Duration::from_secs(90))]);
    drop(watched.watchdog);
    let leads = async || standby.round().await.unwrap().is_some();
    let mut leads = leads;
    let end = tokio::time::Instant::now() + testkit::PATIENCE;
    while !leads().await {
        assert!(tokio::time::Instant::now() < end, "the standby takes over");
        tokio::task::yield_now().await;
    }
}
