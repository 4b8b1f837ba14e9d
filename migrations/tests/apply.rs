//! Applying the schema to real databases.

use migrations::{Progress, SchemaError};
use sqlx::Connection;
use testkit::{DatabaseRole, TestDatabase};

#[tokio::test]
async fn an_empty_database_is_behind_until_everything_is_applied() {
    let database = TestDatabase::empty().await;
    let pool = database.pool(DatabaseRole::Superuser);
    let known = migrations::MIGRATOR.iter().count();
    match migrations::ensure_current(&pool).await {
        Err(SchemaError::Behind(pending)) => assert_eq!(pending.len(), known),
        other => panic!("an empty database is behind, not {other:?}"),
    }
    assert_eq!(migrations::apply(&pool).await.unwrap().len(), known);
    assert_eq!(migrations::apply(&pool).await.unwrap(), []);
    for role in [DatabaseRole::Write, DatabaseRole::Consumer, DatabaseRole::Read] {
        migrations::ensure_current(&database.pool(role)).await.unwrap();
    }
}

#[tokio::test]
async fn a_database_that_is_ahead_is_current() {
    let database = TestDatabase::create().await;
    sqlx::query(
        "INSERT INTO public._sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99991231235959, 'of a later release', true, '', 0)",
    )
    .execute(&mut database.connection().await)
    .await
    .unwrap();
    migrations::ensure_current(&database.pool(DatabaseRole::Read)).await.unwrap();
    migrations::apply(&database.pool(DatabaseRole::Superuser)).await.unwrap();
}

#[tokio::test]
async fn a_changed_migration_is_refused() {
    let database = TestDatabase::create().await;
    sqlx::query("UPDATE public._sqlx_migrations SET checksum = '\\x00'")
        .execute(&mut database.connection().await)
        .await
        .unwrap();
    let error = migrations::apply(&database.pool(DatabaseRole::Superuser)).await.unwrap_err();
    assert!(error.to_string().contains("changed after it was applied"), "{error}");
}

/// The last migration is taken back and applied again while a long transaction holds its table.
#[tokio::test]
async fn a_migration_waits_briefly_for_a_lock_and_is_tried_again() {
    let database = TestDatabase::create().await;
    let mut migrator = database.connection().await;
    sqlx::query("DELETE FROM public._sqlx_migrations WHERE description LIKE 'read grants add'")
        .execute(&mut migrator)
        .await
        .unwrap();
    let mut holder = database.connection().await;
    let mut holding = Some(holder.begin().await.unwrap());
    if let Some(transaction) = holding.as_mut() {
        sqlx::query("LOCK TABLE read.orders IN ACCESS SHARE MODE")
            .execute(&mut **transaction)
            .await
            .unwrap();
    }
    // Dropping the transaction only queues its rollback, so the connection is closed with it.
    let (free, mut freed) = tokio::sync::mpsc::channel::<()>(1);
    let holder = async move {
        freed.recv().await;
        if let Some(transaction) = holding.take() {
            transaction.rollback().await.unwrap();
        }
    };
    let mut seen = Vec::new();
    let mut report = |progress: Progress| {
        if matches!(progress, Progress::WaitingForLock { .. }) {
            let _ = free.try_send(());
        }
        seen.push(progress);
    };
    let (outcome, ()) =
        tokio::join!(migrations::apply_reporting(&mut migrator, &mut report), holder);
    outcome.unwrap();
    assert!(matches!(seen[0], Progress::WaitingForLock { attempt: 1, .. }), "{seen:?}");
    assert!(matches!(seen.last(), Some(Progress::Applied(_))), "{seen:?}");
}

#[tokio::test]
async fn two_migrators_at_once_apply_everything_once() {
    let database = TestDatabase::empty().await;
    let pool = database.pool(DatabaseRole::Superuser);
    let (one, two) = tokio::join!(migrations::apply(&pool), migrations::apply(&pool));
    let known = migrations::MIGRATOR.iter().count();
    assert_eq!(one.unwrap().len() + two.unwrap().len(), known);
}
