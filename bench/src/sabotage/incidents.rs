//! What the system says is wrong, read from its table of incidents.

use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;

const LOOK: Duration = Duration::from_millis(200);

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Incident {
    /// What is wrong.
    pub cause: String,
    /// With which kind of thing.
    pub subject_kind: String,
    /// With which one.
    pub subject: String,
    /// How far it is.
    pub status: String,
    /// When it was found.
    pub opened_at: DateTime<Utc>,
    /// When it was gone.
    pub closed_at: Option<DateTime<Utc>>,
}

/// The incident that a sabotage must lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// What the system must call it.
    pub cause: &'static str,
    /// What it is about.
    pub subject: String,
    /// Not before this.
    pub since: DateTime<Utc>,
}

impl Expected {
    /// Whether this is it.
    pub fn is(&self, incident: &Incident) -> bool {
        incident.cause == self.cause
            && incident.subject == self.subject
            && incident.opened_at >= self.since
    }
}

/// Every incident there ever was.
///
/// # Errors
/// When the database cannot be asked.
pub async fn all(pool: &PgPool) -> Result<Vec<Incident>> {
    let rows = sqlx::query_as(
        "SELECT cause, subject_kind, subject, status, opened_at, closed_at FROM write.incidents
         ORDER BY opened_at",
    );
    Ok(rows.fetch_all(pool).await?)
}

/// Waits for an incident that is expected and has come as far as wanted. `None` when it does not in time.
///
/// # Errors
/// When the database cannot be asked.
pub async fn wait_for(
    pool: &PgPool,
    expected: &Expected,
    limit: Duration,
    far_enough: impl Fn(&Incident) -> bool,
) -> Result<Option<Incident>> {
    let deadline = Instant::now() + limit;
    loop {
        let found: Option<Incident> = sqlx::query_as(
            "SELECT cause, subject_kind, subject, status, opened_at, closed_at FROM write.incidents
             WHERE cause = $1 AND subject = $2 AND opened_at >= $3 ORDER BY opened_at LIMIT 1",
        )
        .bind(expected.cause)
        .bind(&expected.subject)
        .bind(expected.since)
        .fetch_optional(pool)
        .await?;
        match found {
            Some(incident) if far_enough(&incident) => return Ok(Some(incident)),
            _ if Instant::now() > deadline => return Ok(None),
            _ => tokio::time::sleep(LOOK).await,
        }
    }
}
