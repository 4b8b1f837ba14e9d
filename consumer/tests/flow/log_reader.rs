//! The reader of the log against a real server: what others lose, it delivers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use consumer::follower::{Follower, FollowerError, LogAccess};
use consumer::log_reader::{Behind, LogReader};
use shared::actor::Actor;
use shared::order::events::OrderEvent;
use shared::order::{Order, samples};
use sqlx::{Connection, PgConnection};
use testkit::TestDatabase;
use uuid::Uuid;

use crate::log::{self, Chance};

/// Reads until nothing is left and nothing is hidden.
async fn read_all(reader: &mut LogReader) -> Vec<u64> {
    let mut delivered = Vec::new();
    loop {
        let batch = reader.read().await.unwrap();
        let positions: Vec<u64> = batch.events.iter().map(|event| event.position).collect();
        if let Some(last) = batch.last_position() {
            reader.move_to(last);
        }
        delivered.extend(positions);
        if batch.behind == Behind::Nothing {
            return delivered;
        }
        tokio::task::yield_now().await;
    }
}

async fn xid(connection: &mut PgConnection) -> u64 {
    let xid: i64 = sqlx::query_scalar("SELECT pg_current_xact_id()::text::bigint")
        .fetch_one(connection)
        .await
        .unwrap();
    xid.cast_unsigned()
}

/// A new order's row: the transaction has its id, and no position yet.
async fn save_new_order(connection: &mut PgConnection, number: u128) -> Order {
    let (event, actor) = log::life(number).swap_remove(0);
    let at = samples::moment();
    let order = Order::apply(None, log::order_id(number), &event, &actor, at).unwrap();
    log::save(connection, &order).await;
    order
}

async fn append_first(connection: &mut PgConnection, order: &Order, number: u128) -> u64 {
    let (event, actor) = log::life(number).swap_remove(0);
    log::append(connection, order.id, 1, &event, &actor).await
}

/// The rule that looks right: wait until all transactions below `pg_snapshot_xmax` have ended. But
/// xmax is only "last completed + 1": a transaction that runs, and has an id from there on, is overlooked.
struct XmaxReader {
    connection: PgConnection,
    cursor: u64,
    horizon: Option<u64>,
    delivered: Vec<u64>,
}

impl XmaxReader {
    fn begin_after(&mut self, cursor: u64) {
        (self.cursor, self.horizon, self.delivered) = (cursor, None, Vec::new());
    }

    async fn read(&mut self) {
        let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
            "SELECT position, pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
                    pg_snapshot_xmax(pg_current_snapshot())::text::bigint
             FROM write.order_events WHERE position > $1 ORDER BY position",
        )
        .bind(self.cursor.cast_signed())
        .fetch_all(&mut self.connection)
        .await
        .unwrap();
        for (position, xmin, xmax) in rows {
            let position = position.cast_unsigned();
            let settled = self.horizon.is_some_and(|horizon| xmin.cast_unsigned() >= horizon);
            if position != self.cursor + 1 && !settled {
                self.horizon.get_or_insert(xmax.cast_unsigned());
                return;
            }
            self.delivered.push(position);
            self.cursor = position;
        }
        self.horizon = None;
    }
}

/// Transaction ids belong to the whole server, and other tests use it, too.
const ATTEMPTS: u128 = 2_000;

/// Two transactions: the second one to get an id takes the first position and commits last. `None` when
/// another database's transaction, on the same server, got in between.
async fn interleave(
    (quick, slow): (&mut PgConnection, &mut PgConnection),
    (ours, theirs): (&mut LogReader, &mut XmaxReader),
    numbers: (u128, u128),
) -> Option<()> {
    theirs.begin_after(ours.gaps().cursor());
    let mut quick = quick.begin().await.unwrap();
    let mut slow = slow.begin().await.unwrap();
    let quick_order = save_new_order(&mut quick, numbers.0).await;
    let slow_order = save_new_order(&mut slow, numbers.1).await;
    let slow_xid = xid(&mut slow).await;
    assert!(xid(&mut quick).await < slow_xid, "the quick one got its id first");
    let hole = append_first(&mut slow, &slow_order, numbers.1).await;
    let seen = append_first(&mut quick, &quick_order, numbers.0).await;
    quick.commit().await.unwrap();

    theirs.read().await;
    let horizon = theirs.horizon.expect("they see the hole as well");
    theirs.read().await;
    for _ in 0..3 {
        let batch = ours.read().await.unwrap();
        assert!(batch.events.is_empty(), "we wait while the slow one runs");
        assert_eq!(batch.behind, Behind::Hole);
    }
    assert!(ours.gaps().hole_since().is_some(), "and the age of the hole is measured");
    slow.commit().await.unwrap();

    theirs.read().await;
    assert_eq!(read_all(ours).await, [hole, seen], "we deliver both, in order");
    if horizon > slow_xid || theirs.delivered.contains(&hole) {
        return None;
    }
    assert_eq!(theirs.delivered, [seen], "they have lost the slow one, for ever");
    Some(())
}

#[tokio::test]
async fn a_horizon_from_xmax_loses_an_interleaving_that_the_barrier_survives() {
    let database = TestDatabase::create().await;
    let (mut quick, mut slow) = (database.connection().await, database.connection().await);
    let mut ours = log::access(&database, 100).reader(0).await.unwrap();
    let connection = database.connection().await;
    let mut theirs = XmaxReader { connection, cursor: 0, horizon: None, delivered: Vec::new() };
    for attempt in 0..ATTEMPTS {
        let numbers = (2 * attempt + 1, 2 * attempt + 2);
        let found = interleave((&mut quick, &mut slow), (&mut ours, &mut theirs), numbers).await;
        if found.is_some() {
            return;
        }
    }
    panic!("a foreign transaction got in between {ATTEMPTS} times");
}

#[tokio::test]
async fn a_position_that_was_rolled_back_is_passed_once_nobody_can_fill_it() {
    let database = TestDatabase::create().await;
    let (mut first, mut second) = (database.connection().await, database.connection().await);
    let mut reader = log::access(&database, 100).reader(0).await.unwrap();

    let mut abandoned = first.begin().await.unwrap();
    let order = save_new_order(&mut abandoned, 1).await;
    let hole = append_first(&mut abandoned, &order, 1).await;
    log::live(&mut second, 2, 1).await;
    assert!(reader.read().await.unwrap().events.is_empty());
    abandoned.rollback().await.unwrap();
    assert_eq!(read_all(&mut reader).await, [hole + 1]);
}

#[tokio::test]
async fn what_follows_behind_a_hole_is_delivered_up_to_it() {
    let database = TestDatabase::create().await;
    let (mut first, mut second) = (database.connection().await, database.connection().await);
    let mut reader = log::access(&database, 100).reader(0).await.unwrap();
    log::live(&mut first, 1, 2).await;
    let mut slow = first.begin().await.unwrap();
    let order = save_new_order(&mut slow, 2).await;
    append_first(&mut slow, &order, 2).await;
    log::live(&mut second, 3, 1).await;

    let batch = reader.read().await.unwrap();
    assert_eq!((batch.last_position(), batch.behind), (Some(2), Behind::Hole));
    let heads = reader.read_heads().await.unwrap();
    assert_eq!((heads.last_position(), heads.behind), (Some(2), Behind::Hole));
    slow.commit().await.unwrap();
    reader.move_to(2);
    assert_eq!(read_all(&mut reader).await, [3, 4]);
}

#[tokio::test]
async fn an_event_of_an_unknown_kind_stops_the_reader_and_is_named() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    log::live(&mut connection, 1, 1).await;
    sqlx::query("UPDATE write.order_events SET kind = 'teleported'")
        .execute(&mut connection)
        .await
        .unwrap();
    let mut reader = log::access(&database, 100).reader(0).await.unwrap();
    let error = reader.read().await.unwrap_err().to_string();
    assert!(error.contains("teleported") && error.contains("position 1"), "{error}");
    // Whoever only passes by is told its name, and decides.
    let heads = reader.read_heads().await.unwrap();
    assert_eq!(heads.events[0].kind, "teleported");
}

const WRITERS: u64 = 12;
const ORDERS: u64 = 40;
const EVENTS: usize = 6_000;

/// What writers, reader and onlooker share.
#[derive(Default)]
struct Run {
    committed: AtomicUsize,
    over: AtomicBool,
}

/// Takes positions, dawdles, and sometimes changes its mind.
async fn write(mut connection: PgConnection, run: Arc<Run>, mut chance: Chance) {
    while run.committed.load(Ordering::Relaxed) < EVENTS {
        let events = 1 + chance.below(3);
        let order = log::order_id(1 + u128::from(chance.below(ORDERS)));
        let mut transaction = connection.begin().await.unwrap();
        let version: i64 = sqlx::query_scalar(
            "UPDATE write.orders SET version = version + $2 WHERE order_id = $1 RETURNING version",
        )
        .bind(order.as_uuid())
        .bind(events.cast_signed())
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
        for event in 1..=events {
            dawdle(&mut chance).await;
            let version = version.cast_unsigned() - events + event;
            let actor = Actor::system("test");
            let event = OrderEvent::RepricingRequested;
            log::append(&mut transaction, order, version, &event, &actor).await;
        }
        dawdle(&mut chance).await;
        if chance.below(5) == 0 {
            transaction.rollback().await.unwrap();
        } else {
            transaction.commit().await.unwrap();
            run.committed.fetch_add(usize::try_from(events).unwrap(), Ordering::Relaxed);
        }
    }
}

async fn dawdle(chance: &mut Chance) {
    let pause = Duration::from_micros(chance.below(3) * chance.below(2_000));
    tokio::time::sleep(pause).await;
}

/// Follows with a fenced cursor, and loses its connection, with the barrier on it, now and then.
async fn follow(access: LogAccess, run: Arc<Run>, mut chance: Chance) -> Vec<(u64, Uuid, u64)> {
    let mut delivered = Vec::new();
    loop {
        let Some(mut follower) = Follower::try_lead(&access, "test").await.unwrap() else {
            tokio::task::yield_now().await; // the server has not noticed yet
            continue;
        };
        for _ in 0..50 + chance.below(200) {
            let over = run.over.load(Ordering::SeqCst);
            let batch = follower.read().await.unwrap();
            if let Some(last) = batch.last_position() {
                follower.advance(last).await.unwrap();
                let events = batch.events.iter();
                delivered.extend(events.map(|e| (e.position, e.order_id.as_uuid(), e.version)));
            } else if over && batch.behind == Behind::Nothing {
                return delivered;
            }
        }
    }
}

/// What a plain cursor sees of the same log.
async fn look_on(mut connection: PgConnection, run: Arc<Run>) -> usize {
    let (mut cursor, mut seen) = (0_i64, 0);
    loop {
        let over = run.over.load(Ordering::SeqCst);
        let positions: Vec<i64> = sqlx::query_scalar(
            "SELECT position FROM write.order_events WHERE position > $1 ORDER BY position LIMIT 500",
        )
        .bind(cursor)
        .fetch_all(&mut connection)
        .await
        .unwrap();
        seen += positions.len();
        match positions.last() {
            Some(last) => cursor = *last,
            None if over => return seen,
            None => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_with_delays_and_rollbacks_lose_nothing_and_keep_their_order() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    for number in 1..=u128::from(ORDERS) {
        save_new_order(&mut connection, number).await;
    }
    sqlx::query("UPDATE write.orders SET version = 1").execute(&mut connection).await.unwrap();

    let run = Arc::new(Run::default());
    let follower = tokio::spawn(follow(log::access(&database, 100), run.clone(), Chance(99)));
    let onlooker = tokio::spawn(look_on(database.connection().await, run.clone()));
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let connection = database.connection().await;
        writers.push(tokio::spawn(write(connection, run.clone(), Chance(number))));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    run.over.store(true, Ordering::SeqCst);
    let (delivered, seen) = (follower.await.unwrap(), onlooker.await.unwrap());

    let logged: Vec<(i64, Uuid, i64)> = sqlx::query_as(
        "SELECT position, order_id, version FROM write.order_events ORDER BY position",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let logged: Vec<(u64, Uuid, u64)> = logged
        .into_iter()
        .map(|(position, order, version)| {
            (position.cast_unsigned(), order, version.cast_unsigned())
        })
        .collect();
    assert!(logged.len() >= EVENTS);
    assert_eq!(delivered, logged, "exactly the log, in its order, once");

    let mut versions: HashMap<Uuid, u64> = HashMap::new();
    for (position, order, version) in delivered {
        let before = versions.insert(order, version).unwrap_or(1);
        assert_eq!(version, before + 1, "order {order} at position {position}");
    }
    let holes = logged.last().map_or(0, |last| last.0) - logged.len() as u64;
    let lost = logged.len() - seen;
    println!("{} events, {holes} holes, a plain cursor lost {lost}", logged.len());
    assert!(holes > 0 && lost > 0, "a run without trouble proves nothing: {holes}, {lost}");
}

#[tokio::test]
async fn one_follower_leads_and_a_hot_standby_takes_over() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    log::live(&mut connection, 1, 3).await;
    let access = log::access(&database, 100);
    let mut leader = Follower::try_lead(&access, "test").await.unwrap().unwrap();
    assert!(Follower::try_lead(&access, "test").await.unwrap().is_none());
    assert!(Follower::try_lead(&access, "another").await.unwrap().is_some());

    let standby = tokio::spawn(async move {
        Follower::lead(&access, "test", &tokio_util::sync::CancellationToken::new()).await
    });
    leader.read().await.unwrap();
    leader.touch().await.unwrap();
    leader.advance(2).await.unwrap();
    leader.resign().await;
    let mut next = standby.await.unwrap().unwrap().unwrap();
    assert_eq!(next.cursor(), 2);
    assert_eq!(next.read().await.unwrap().last_position(), Some(3));
}

#[tokio::test]
async fn a_leader_whose_cursor_was_moved_can_do_nothing_more() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    log::live(&mut connection, 1, 3).await;
    let access = log::access(&database, 100);
    let mut leader = Follower::try_lead(&access, "test").await.unwrap().unwrap();
    leader.read().await.unwrap();
    sqlx::query("UPDATE write.followers SET cursor = 1").execute(&mut connection).await.unwrap();

    let fenced = |error| matches!(error, FollowerError::Fenced { cursor: 0, name: "test" });
    assert!(fenced(leader.touch().await.unwrap_err()));
    assert!(fenced(leader.advance(3).await.unwrap_err()));
    let cursor: i64 = sqlx::query_scalar("SELECT cursor FROM write.followers")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(cursor, 1);
}
