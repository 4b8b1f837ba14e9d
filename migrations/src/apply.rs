//! Applying migrations without stopping the shop: short lock waits, retried.

use std::time::Duration;

use sqlx::migrate::{Migrate, MigrateError, Migration};
use sqlx::{PgConnection, PgPool};

use crate::{HISTORY, MIGRATOR, invalid_indexes};

/// A key of our own for the advisory lock that lets one migrator work at a time.
const LOCK_KEY: i64 = 0x6d65_735f_6d69_6772;
/// A statement that waits for a lock makes everybody behind it wait too, so it waits briefly, often.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '1s'";
const LOCK_ATTEMPTS: u32 = 60;
const LOCK_PAUSE: Duration = Duration::from_secs(2);
const TURN_ATTEMPTS: u32 = 1_200;
const TURN_PAUSE: Duration = Duration::from_millis(250);

/// A migration that was applied just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its timestamp.
    pub version: i64,
    /// Its name, from the file.
    pub description: String,
    /// How long it took, waiting for locks left out.
    pub took: Duration,
}

/// What happens while migrations are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Another migrator is at work: waiting for it to end.
    WaitingForOtherMigrator,
    /// A migration could not get its lock in time and will be tried again.
    WaitingForLock {
        /// Which migration.
        version: i64,
        /// How many attempts have failed so far.
        attempt: u32,
    },
    /// A migration is in.
    Applied(Applied),
}

/// Why the schema could not be brought up to date. What was applied before stays applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("another migrator held the lock for {} s", TURN_PAUSE.saturating_mul(TURN_ATTEMPTS).as_secs())]
    OtherMigrator,
    #[error(
        "migration {version} did not get its lock in {attempts} attempts; look for a long transaction"
    )]
    Locked { version: i64, attempts: u32 },
    #[error("migration {0} was changed after it was applied; add a new one instead")]
    Changed(i64),
    #[error(
        "migration {0} was begun and did not finish; see migrations/README.md, \"When one fails\""
    )]
    Unfinished(i64),
    #[error("these indexes are invalid, drop them and apply again: {}", .0.join(", "))]
    InvalidIndexes(Vec<String>),
    #[error("migration {version} failed")]
    Failed {
        version: i64,
        #[source]
        source: MigrateError,
    },
    #[error("the database does not answer as expected")]
    Database(#[from] sqlx::Error),
    #[error("the list of applied migrations cannot be read")]
    History(#[from] MigrateError),
}

/// Applies every migration that is pending.
pub async fn apply(pool: &PgPool) -> Result<Vec<Applied>, ApplyError> {
    let mut connection = pool.acquire().await?.detach();
    let mut applied = Vec::new();
    apply_reporting(&mut connection, &mut |progress| {
        if let Progress::Applied(migration) = progress {
            applied.push(migration);
        }
    })
    .await?;
    Ok(applied)
}

/// As [`apply`], on one connection, telling `report` what happens. The connection's time-outs are
/// changed: close it afterwards.
pub async fn apply_reporting(
    connection: &mut PgConnection,
    report: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), ApplyError> {
    wait_for_turn(connection, report).await?;
    let outcome = apply_pending(connection, report).await;
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(LOCK_KEY).execute(&mut *connection).await?;
    outcome
}

/// Asks again and again instead of blocking: a blocked statement holds a snapshot, and a concurrent
/// index build of the other migrator would wait for it for ever.
async fn wait_for_turn(
    connection: &mut PgConnection,
    report: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), ApplyError> {
    for attempt in 0..TURN_ATTEMPTS {
        let mine: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(LOCK_KEY)
            .fetch_one(&mut *connection)
            .await?;
        if mine {
            return Ok(());
        }
        if attempt == 0 {
            report(Progress::WaitingForOtherMigrator);
        }
        tokio::time::sleep(TURN_PAUSE).await;
    }
    Err(ApplyError::OtherMigrator)
}

async fn apply_pending(
    connection: &mut PgConnection,
    report: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), ApplyError> {
    connection.ensure_migrations_table(HISTORY).await?;
    if let Some(version) = connection.dirty_version(HISTORY).await? {
        return Err(ApplyError::Unfinished(version));
    }
    let history = connection.list_applied_migrations(HISTORY).await?;
    for migration in MIGRATOR.iter().filter(|m| m.migration_type.is_up_migration()) {
        match history.iter().find(|applied| applied.version == migration.version) {
            Some(applied) if applied.checksum != migration.checksum => {
                return Err(ApplyError::Changed(migration.version));
            }
            Some(_) => {}
            None => {
                let applied = apply_one(connection, migration, report).await?;
                report(Progress::Applied(applied));
            }
        }
    }
    let invalid = invalid_indexes(connection).await?;
    if !invalid.is_empty() {
        return Err(ApplyError::InvalidIndexes(invalid));
    }
    // The services ask whether the schema is current, with their own roles.
    sqlx::query("GRANT SELECT ON public._sqlx_migrations TO mes_write, mes_consumer, mes_read")
        .execute(connection)
        .await?;
    Ok(())
}

async fn apply_one(
    connection: &mut PgConnection,
    migration: &Migration,
    report: &mut (dyn FnMut(Progress) + Send),
) -> Result<Applied, ApplyError> {
    let version = migration.version;
    set_timeouts(connection, migration.no_tx).await?;
    for attempt in 1..=LOCK_ATTEMPTS {
        match connection.apply(HISTORY, migration).await {
            Ok(took) => {
                return Ok(Applied {
                    version,
                    description: migration.description.to_string(),
                    took,
                });
            }
            Err(error) if timed_out_waiting_for_lock(&error) => {
                report(Progress::WaitingForLock { version, attempt });
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            Err(source) => return Err(ApplyError::Failed { version, source }),
        }
    }
    Err(ApplyError::Locked { version, attempts: LOCK_ATTEMPTS })
}

/// A concurrent index build takes as long as it takes and blocks nobody; everything else is short.
async fn set_timeouts(connection: &mut PgConnection, concurrent: bool) -> Result<(), sqlx::Error> {
    let (lock, statement) = if concurrent {
        ("SET lock_timeout = 0", "SET statement_timeout = 0")
    } else {
        (LOCK_TIMEOUT, "SET statement_timeout = '5s'")
    };
    sqlx::query(lock).execute(&mut *connection).await?;
    sqlx::query(statement).execute(connection).await?;
    Ok(())
}

fn timed_out_waiting_for_lock(error: &MigrateError) -> bool {
    let (MigrateError::ExecuteMigration(error, _) | MigrateError::Execute(error)) = error else {
        return false;
    };
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == "55P03")
}
