//! The projector: the read model is a fold of the log, whatever dies in between.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use consumer::announcer::Announcer;
use consumer::follower::{Follower, Replayable};
use consumer::projections::{ProjectionError, ReadModel};
use consumer::projector::{Projector, ProjectorConfig, ProjectorError};
use consumer::{checkpoint, recount};
use futures_util::StreamExt;
use shared::actor::Actor;
use shared::clock::{Clock, SystemClock};
use shared::order::events::OrderEvent;
use shared::order::{Order, samples};
use shared::position::Position;
use sqlx::PgConnection;
use sqlx::types::Json;
use testkit::{PATIENCE, TestDatabase, eventually, key_prefix, redis_url};
use tokio_util::sync::CancellationToken;

use crate::log::{self, Chance};

/// A projector of a test's database, so many events at a time.
pub fn projector(database: &TestDatabase, batch: u32) -> Projector {
    announcing(database, batch, Announcer::silent())
}

fn announcing(database: &TestDatabase, batch: u32, announcer: Announcer) -> Projector {
    let config = ProjectorConfig { batch, ..ProjectorConfig::default() };
    Projector::new(&log::access(database, batch), config, announcer)
}

/// Nothing in the read model is unlike the log.
pub async fn assert_true_to_the_log(connection: &mut PgConnection) {
    let differences = recount::differences(connection).await.unwrap();
    let told: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{told:#?}");
}

/// Orders in every stage, cancelled and given back ones among them.
pub async fn seed(connection: &mut PgConnection, orders: u128) {
    for number in 1..=orders {
        let events = usize::try_from(number % 11).unwrap() + 1;
        let order = log::live(connection, number, events).await;
        let ending = match number % 5 {
            0 if order.status().is_cancellable() => OrderEvent::Cancelled { reason: "test".into() },
            1 if events == 7 => OrderEvent::GivenBack { reason: "wrong metal".into() },
            _ => continue,
        };
        log::happen(connection, number, Some(order), &ending, &Actor::Shop).await;
    }
}

async fn checkpoint_of(connection: &mut PgConnection) -> (i64, i64, DateTime<Utc>) {
    sqlx::query_as("SELECT epoch, position, current_at FROM read.checkpoint")
        .fetch_one(connection)
        .await
        .unwrap()
}

async fn count(connection: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

async fn version_of(connection: &mut PgConnection, view: &str) -> Option<i64> {
    sqlx::query_scalar("SELECT version FROM read.views WHERE view = $1")
        .bind(view)
        .fetch_optional(connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_read_model_is_a_fold_of_the_log_and_equal_to_what_the_write_side_decided_on() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    seed(&mut connection, 60).await;

    let position = projector(&database, 17).drain().await.unwrap();
    let last = log::last_position(&mut connection).await;
    assert_eq!(position, Position { epoch: 1, position: last });
    let (epoch, at, current_at) = checkpoint_of(&mut connection).await;
    assert_eq!((epoch, at.cast_unsigned()), (1, last));
    assert!(current_at > DateTime::UNIX_EPOCH);

    assert_true_to_the_log(&mut connection).await;
    let states: Vec<(Json<Order>, Json<Order>)> = sqlx::query_as(
        "SELECT w.state, r.state FROM write.orders AS w LEFT JOIN read.orders AS r USING (order_id)",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(states.len(), 60);
    for (decided, shown) in states {
        assert_eq!(decided, shown);
    }
    let traced =
        "SELECT count(*) FROM read.timeline WHERE trace_id = '4bf92f3577b34da6a3ce929d0e0e4736'";
    let logged = "SELECT count(*) FROM write.order_events";
    assert_eq!(count(&mut connection, traced).await, count(&mut connection, logged).await);
}

#[tokio::test]
async fn a_views_version_is_the_position_of_the_last_event_that_it_shows() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    let mut projector = projector(&database, 100);
    let operator = format!("operator:{}", samples::anna().operator_id);

    log::live(&mut connection, 1, 4).await;
    projector.drain().await.unwrap();
    assert_eq!(version_of(&mut connection, "status:SUBMITTED").await, Some(4));
    assert_eq!(version_of(&mut connection, "counts:all").await, Some(4));
    assert_eq!(version_of(&mut connection, &operator).await, None);

    // Pricing is a sub-state: the list shows something else, the counts do not.
    let interrupted =
        OrderEvent::PricingInterrupted { reason: "worker died".to_owned(), uncounted: false };
    let order = log::live(&mut connection, 1, 4).await;
    log::happen(&mut connection, 1, Some(order), &interrupted, &Actor::system("pricer")).await;
    projector.drain().await.unwrap();
    assert_eq!(version_of(&mut connection, "status:SUBMITTED").await, Some(5));
    assert_eq!(version_of(&mut connection, "counts:all").await, Some(4));

    // A partner's order, taken by an operator (positions 6 to 12).
    log::live(&mut connection, 3, 7).await;
    projector.drain().await.unwrap();
    let partner = log::origin(3).partner_id().unwrap();
    assert_eq!(version_of(&mut connection, &format!("partner:{partner}")).await, Some(12));
    assert_eq!(version_of(&mut connection, &format!("counts:partner:{partner}")).await, Some(12));
    assert_eq!(version_of(&mut connection, &operator).await, Some(12));
    assert_eq!(version_of(&mut connection, "status:SUBMITTED").await, Some(5));
    // It was approved in between, which nobody could see.
    assert_eq!(version_of(&mut connection, "status:MANUFACTURING_APPROVED").await, None);

    // Shipped, it leaves the operator's hands, whose view must change too.
    log::live(&mut connection, 3, 10).await;
    projector.drain().await.unwrap();
    assert_eq!(version_of(&mut connection, &operator).await, Some(15));
}

#[tokio::test]
async fn a_projector_that_dies_between_or_within_batches_applies_everything_exactly_once() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    seed(&mut connection, 40).await;
    let access = log::access(&database, 7).in_schema("read");
    let (mut chance, mut crashes) = (Chance(5), 0);
    loop {
        let never = CancellationToken::new();
        let name = ReadModel::FOLLOWER;
        let mut follower = Follower::lead(&access, name, &never).await.unwrap().unwrap();
        let batch = follower.read().await.unwrap();
        let Some(to) = batch.last_position() else { break };
        let standing = checkpoint::adopt_epoch(follower.connection(), name).await.unwrap();
        let mut step = follower.begin(to).await.unwrap();
        ReadModel::apply(step.connection(), &batch.events).await.unwrap();
        let from = standing.checkpoint;
        assert!(checkpoint::advance(step.connection(), from, to, None).await.unwrap());
        if chance.below(2) == 0 {
            // The process dies with the transaction open.
            drop(step);
            drop(follower);
            crashes += 1;
        } else {
            step.commit().await.unwrap();
            follower.resign().await;
        }
    }
    assert!(crashes > 5, "{crashes}");
    assert_eq!(
        projector(&database, 7).drain().await.unwrap().position,
        log::last_position(&mut connection).await
    );
    assert_true_to_the_log(&mut connection).await;
}

#[tokio::test]
async fn events_that_were_seen_before_change_nothing() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    seed(&mut connection, 30).await;
    projector(&database, 100).drain().await.unwrap();
    sqlx::raw_sql("UPDATE write.followers SET cursor = 0; UPDATE read.checkpoint SET position = 0")
        .execute(&mut connection)
        .await
        .unwrap();
    projector(&database, 100).drain().await.unwrap();
    assert_true_to_the_log(&mut connection).await;
}

#[tokio::test]
async fn a_gap_in_an_orders_versions_stops_the_projector_and_names_the_order() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    seed(&mut connection, 5).await;
    let mut projector = projector(&database, 100);
    let before = projector.drain().await.unwrap();

    log::live(&mut connection, 6, 1).await;
    let priced = OrderEvent::PricingStarted { attempt: 1 };
    log::append(&mut connection, log::order_id(6), 3, &priced, &Actor::system("pricer")).await;
    let error = projector.drain().await.unwrap_err();
    let gap = ProjectorError::Projection(ProjectionError::VersionGap {
        order_id: log::order_id(6),
        position: before.position + 2,
        known: 1,
        found: 3,
    });
    assert_eq!(error.to_string(), gap.to_string());
    assert!(error.to_string().contains(&log::order_id(6).to_string()));
    let (_, position, _) = checkpoint_of(&mut connection).await;
    assert_eq!(position.cast_unsigned(), before.position, "nothing of the batch is applied");
}

#[tokio::test]
async fn a_read_model_that_stands_elsewhere_than_its_cursor_is_not_written_to() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    seed(&mut connection, 3).await;
    projector(&database, 100).drain().await.unwrap();
    sqlx::query("UPDATE read.checkpoint SET position = position - 1")
        .execute(&mut connection)
        .await
        .unwrap();
    let error = projector(&database, 100).drain().await.unwrap_err();
    assert!(matches!(error, ProjectorError::Torn { .. }), "{error}");
}

#[tokio::test]
async fn the_role_follows_the_log_tells_its_age_and_leaves_the_lead_when_it_stops() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(projector(&database, 10).run(stop.clone()));
    // A second one waits behind it and does no harm.
    let standby = tokio::spawn(projector(&database, 10).run(stop.clone()));
    seed(&mut connection, 20).await;
    let last = log::last_position(&mut connection).await;
    let pool = database.pool(testkit::DatabaseRole::Read);
    let (_, _, first) = checkpoint_of(&mut connection).await;
    let current = || async {
        sqlx::query_scalar("SELECT position = $1 AND current_at > $2 FROM read.checkpoint")
            .bind(last.cast_signed())
            .bind(first)
            .fetch_one(&pool)
            .await
            .unwrap_or(false)
    };
    eventually("the read model is current", current, PATIENCE).await;
    assert_true_to_the_log(&mut connection).await;

    let (_, _, seen) = checkpoint_of(&mut connection).await;
    let older = || async {
        sqlx::query_scalar("SELECT current_at > $1 FROM read.checkpoint")
            .bind(seen)
            .fetch_one(&pool)
            .await
            .unwrap_or(false)
    };
    eventually("an idle projector tells that it is current", older, PATIENCE).await;

    stop.cancel();
    running.await.unwrap();
    standby.await.unwrap();
    let access = log::access(&database, 10);
    let free = Follower::try_lead(&access, ReadModel::FOLLOWER).await.unwrap();
    assert!(free.is_some(), "a stopped projector gives up the lead");
}

#[tokio::test]
async fn a_projector_that_finds_another_epoch_leads_anew_and_goes_on() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    seed(&mut connection, 4).await;
    let mut projector = projector(&database, 10);
    projector.drain().await.unwrap();
    // As a promotion does: another epoch, the same place.
    sqlx::query("UPDATE write.system SET epoch = 7").execute(&mut connection).await.unwrap();
    sqlx::query("UPDATE read.checkpoint SET epoch = 7").execute(&mut connection).await.unwrap();
    log::live(&mut connection, 5, 3).await;
    let position = projector.drain().await.unwrap();
    assert_eq!((position.epoch, position.position), (7, log::last_position(&mut connection).await));
    assert_true_to_the_log(&mut connection).await;
}

#[tokio::test]
async fn whoever_leads_first_after_a_promotion_begins_another_epoch() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    seed(&mut connection, 2).await;
    assert_eq!(projector(&database, 10).drain().await.unwrap().epoch, 1);
    assert_eq!(projector(&database, 10).drain().await.unwrap().epoch, 1);
    // The epoch began on a timeline that is not the server's any more.
    sqlx::query("UPDATE write.system SET timeline = timeline + 1")
        .execute(&mut connection)
        .await
        .unwrap();
    let second = SystemClock.now().timestamp();
    let begun = projector(&database, 10).drain().await.unwrap().epoch;
    // A restore does not know which epochs the future had that it gives up, but that there was less than one a second.
    assert!(i64::from(begun) >= second, "{begun}");
    assert_eq!(projector(&database, 10).drain().await.unwrap().epoch, begun);
    let told: i64 = sqlx::query_scalar("SELECT epoch FROM read.checkpoint")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(told, i64::from(begun));
}

#[tokio::test]
async fn a_new_position_is_announced_and_an_absent_redis_delays_nothing() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    let prefix = key_prefix();
    let client = redis::Client::open(redis_url()).unwrap();
    let mut subscriber = client.get_async_pubsub().await.unwrap();
    subscriber.subscribe(format!("{prefix}positions")).await.unwrap();
    seed(&mut connection, 3).await;
    let announcer = Announcer::start(&redis_url(), &prefix).unwrap();
    let position = announcing(&database, 100, announcer).drain().await.unwrap();
    // Where it began to lead may have been announced before.
    let messages = subscriber.on_message().map(|message| message.get_payload::<String>().unwrap());
    let mut reached = messages.filter(|told| std::future::ready(*told == position.to_string()));
    tokio::time::timeout(PATIENCE, reached.next()).await.expect("the position is announced");
    drop(reached);

    seed(&mut connection, 33).await;
    // Nothing listens on port 1; 203.0.113.1 is an address that never answers.
    for url in ["redis://127.0.0.1:1/0", "redis://203.0.113.1:6379/0"] {
        let announcer = Announcer::start(url, &prefix).unwrap();
        let began = Instant::now();
        announcer.announce(position);
        assert!(began.elapsed() < Duration::from_millis(50), "{url}");
    }
    let announcer = Announcer::start("redis://127.0.0.1:1/0", &prefix).unwrap();
    announcing(&database, 5, announcer).drain().await.unwrap();
    assert_true_to_the_log(&mut connection).await;
}

#[tokio::test]
async fn a_recount_finds_what_was_tampered_with() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    seed(&mut connection, 12).await;
    projector(&database, 100).drain().await.unwrap();
    let tamper = "UPDATE read.status_counts SET orders = orders + 1 WHERE scope = 'all' AND status = 'SUBMITTED';
         DELETE FROM read.timeline WHERE order_id = '00000000-0000-0000-0000-000000000002' AND version = 2;
         DELETE FROM read.orders WHERE order_id = '00000000-0000-0000-0000-000000000004';
         UPDATE read.orders SET status = 'CLOSED' WHERE order_id = '00000000-0000-0000-0000-000000000003'";
    sqlx::raw_sql(tamper).execute(&mut connection).await.unwrap();
    let found = recount::differences(&mut connection).await.unwrap();
    let told: Vec<String> = found.iter().map(ToString::to_string).collect();
    for part in [
        "SUBMITTED for all",
        "order 00000000-0000-0000-0000-000000000002: 2 entries on the timeline, 3 events",
        "order 00000000-0000-0000-0000-000000000003: has columns unlike its state",
        "order 00000000-0000-0000-0000-000000000004: is in the log and not in the read model",
    ] {
        assert!(told.iter().any(|line| line.contains(part)), "{part} is not in {told:#?}");
    }
}
