//! A rebuild beside the live read model: nobody notices but the epoch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use consumer::follower::Replayable;
use consumer::projections::ReadModel;
use consumer::rebuild::{self, RebuildError, Rebuilt};
use shared::position::Position;
use sqlx::{PgConnection, PgPool};
use testkit::{DatabaseRole, PATIENCE, TestDatabase, eventually};
use tokio_util::sync::CancellationToken;

use crate::log;
use crate::projector::{assert_true_to_the_log, projector, seed};

async fn rebuild(database: &TestDatabase) -> Result<Rebuilt, RebuildError> {
    rebuild::run::<ReadModel>(&log::access(database, 50)).await
}

/// Tables, columns, indexes, constraints and grants of schema `read`, as text.
async fn shape(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'read'
         UNION ALL
         SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
         FROM pg_constraint WHERE connamespace = 'read'::regnamespace
         UNION ALL
         SELECT format('%s %s %s %s', table_name, column_name, data_type, is_nullable)
         FROM information_schema.columns WHERE table_schema = 'read'
         UNION ALL
         SELECT format('%s %s %s', table_name, grantee, privilege_type)
         FROM information_schema.role_table_grants WHERE table_schema = 'read'
         ORDER BY 1",
    )
    .fetch_all(connection)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_damaged_read_model_is_made_anew_from_the_log() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    seed(&mut connection, 60).await;
    projector(&database, 100).drain().await.unwrap();
    let before = shape(&mut connection).await;
    let damage = "DELETE FROM read.orders WHERE order_id < '00000000-0000-0000-0000-000000000020';
         TRUNCATE read.timeline; UPDATE read.status_counts SET orders = 4711; TRUNCATE read.views";
    sqlx::raw_sql(damage).execute(&mut connection).await.unwrap();

    let rebuilt = rebuild(&database).await.unwrap();
    let last = log::last_position(&mut connection).await;
    assert_eq!(rebuilt.position, Position { epoch: 2, position: last });
    assert_eq!(rebuilt.events as u64, last);
    assert_true_to_the_log(&mut connection).await;
    assert_eq!(shape(&mut connection).await, before, "same names, same grants");
    let leftovers: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_namespace WHERE nspname IN ('read_next', 'read_past')",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(leftovers, 0);

    let mut reader = database.pool(DatabaseRole::Read).acquire().await.unwrap();
    for table in ReadModel::TABLES {
        let look = format!("SELECT count(*) FROM read.{table}");
        let rows: i64 = sqlx::query_scalar(shared::platform::database::built(look))
            .fetch_one(&mut *reader)
            .await
            .unwrap();
        assert!(rows > 0, "{table}");
    }
}

#[tokio::test]
async fn a_rebuild_that_died_is_swept_away_by_the_next() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    seed(&mut connection, 10).await;
    let died = "CREATE SCHEMA read_next; CREATE TABLE read_next.orders (); CREATE SCHEMA read_past;
         ALTER SCHEMA read_next OWNER TO mes_consumer; ALTER SCHEMA read_past OWNER TO mes_consumer";
    sqlx::raw_sql(died).execute(&mut connection).await.unwrap();
    // Without any projector before, too.
    assert_eq!(rebuild(&database).await.unwrap().position.epoch, 2);
    assert_true_to_the_log(&mut connection).await;
    log::live(&mut connection, 11, 3).await;
    assert_eq!(projector(&database, 10).drain().await.unwrap().epoch, 2);
    assert_true_to_the_log(&mut connection).await;
}

#[tokio::test]
async fn a_damaged_log_leaves_the_live_read_model_as_it_was() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    seed(&mut connection, 10).await;
    projector(&database, 100).drain().await.unwrap();
    sqlx::query("DELETE FROM write.order_events WHERE version = 2")
        .execute(&mut connection)
        .await
        .unwrap();
    let error = rebuild(&database).await.unwrap_err();
    assert!(matches!(error, RebuildError::Projection(_)), "{error}");
    let orders: i64 = sqlx::query_scalar("SELECT count(*) FROM read.orders")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(orders, 10);
}

/// Reads as the read API does, over and over, and finds the same orders every time.
async fn watch_the_board(pool: PgPool, over: Arc<AtomicBool>) -> usize {
    let mut looks = 0;
    while !over.load(Ordering::SeqCst) {
        let (orders, counted): (i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM read.orders),
                    (SELECT sum(orders)::bigint FROM read.status_counts WHERE scope = 'all')",
        )
        .fetch_one(&pool)
        .await
        .expect("the board answers");
        assert!(orders >= 200 && orders == counted, "{orders} on the board, {counted} counted");
        looks += 1;
    }
    looks
}

async fn go_on_living(mut connection: PgConnection, over: Arc<AtomicBool>) {
    let mut number = 200;
    while !over.load(Ordering::SeqCst) {
        number += 1;
        log::live(&mut connection, number, 11).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_board_stays_up_and_true_while_orders_flow_and_the_read_model_is_rebuilt_twice() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    seed(&mut connection, 200).await;
    projector(&database, 100).drain().await.unwrap();

    let (stop, over) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
    let running = tokio::spawn(projector(&database, 100).run(stop.clone()));
    let board = tokio::spawn(watch_the_board(database.pool(DatabaseRole::Read), over.clone()));
    let writers: Vec<_> = [database.connection().await]
        .into_iter()
        .map(|connection| tokio::spawn(go_on_living(connection, over.clone())))
        .collect();
    let first = rebuild(&database).await.unwrap();
    let second = rebuild(&database).await.unwrap();
    assert_eq!((first.position.epoch, second.position.epoch), (2, 3));
    assert!(first.position.position < second.position.position, "orders flowed meanwhile");

    over.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(board.await.unwrap() > 10);
    let last = log::last_position(&mut connection).await;
    let pool = database.pool(DatabaseRole::Read);
    let caught_up = || async {
        sqlx::query_scalar("SELECT epoch = 3 AND position = $1 FROM read.checkpoint")
            .bind(last.cast_signed())
            .fetch_one(&pool)
            .await
            .unwrap_or(false)
    };
    eventually("the live projector goes on, on the new tables", caught_up, PATIENCE).await;
    stop.cancel();
    running.await.unwrap();
    assert_true_to_the_log(&mut connection).await;
}

#[tokio::test]
async fn two_rebuilds_do_not_run_at_once() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    seed(&mut connection, 3).await;
    sqlx::query("SELECT pg_advisory_lock(hashtextextended('mes.rebuild', 0))")
        .execute(&mut connection)
        .await
        .unwrap();
    let error = rebuild(&database).await.unwrap_err();
    assert!(matches!(error, RebuildError::AlreadyRunning), "{error}");
}
