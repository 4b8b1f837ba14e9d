//! How far a database's schema is.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use sqlx::{PgConnection, PgPool};

use crate::MIGRATOR;

const DEADLINE: Duration = Duration::from_secs(5);
const UNDEFINED_TABLE: &str = "42P01";

/// A migration that this program knows and the database does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its timestamp.
    pub version: i64,
    /// Its name, from the file.
    pub description: String,
    /// What it would do.
    pub sql: String,
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.version, self.description)
    }
}

/// Why a service must not start on this database.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("the schema is behind by {} migration(s), the first is {}; run `migrate apply`", .0.len(), .0[0])]
    Behind(Vec<Pending>),
    #[error("whether the schema is current could not be read")]
    Unreadable(#[from] sqlx::Error),
    #[error("the database did not say within {} s whether its schema is current", DEADLINE.as_secs())]
    TimedOut,
}

/// Refuses a schema that is behind this program. One that is ahead is fine. Works for the services' own
/// roles and on replicas.
pub async fn ensure_current(pool: &PgPool) -> Result<(), SchemaError> {
    let pending = tokio::time::timeout(DEADLINE, pending(pool))
        .await
        .map_err(|_| SchemaError::TimedOut)??;
    if pending.is_empty() { Ok(()) } else { Err(SchemaError::Behind(pending)) }
}

/// The migrations that the database does not have yet, oldest first.
pub async fn pending(pool: &PgPool) -> Result<Vec<Pending>, sqlx::Error> {
    let applied = applied_versions(pool).await?;
    let missing = MIGRATOR
        .iter()
        .filter(|m| m.migration_type.is_up_migration() && !applied.contains(&m.version))
        .map(|m| Pending {
            version: m.version,
            description: m.description.to_string(),
            sql: m.sql.as_str().to_owned(),
        });
    Ok(missing.collect())
}

async fn applied_versions(pool: &PgPool) -> Result<HashSet<i64>, sqlx::Error> {
    let versions = sqlx::query_scalar("SELECT version FROM public._sqlx_migrations WHERE success")
        .fetch_all(pool)
        .await;
    match versions {
        Ok(versions) => Ok(versions.into_iter().collect()),
        Err(error) if is_undefined_table(&error) => Ok(HashSet::new()),
        Err(error) => Err(error),
    }
}

fn is_undefined_table(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == UNDEFINED_TABLE)
}

/// Indexes that an interrupted concurrent build left behind: they cost writes and serve nobody.
pub async fn invalid_indexes(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT format('%I.%I', n.nspname, c.relname)
         FROM pg_index AS i
         JOIN pg_class AS c ON c.oid = i.indexrelid
         JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE NOT i.indisvalid AND n.nspname IN ('read', 'write')
         ORDER BY 1",
    )
    .fetch_all(connection)
    .await
}
