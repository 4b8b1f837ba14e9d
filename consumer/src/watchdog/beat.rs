//! The watchers' own heartbeat: a row that each of them moves when it has finished a round, and its age as a metric of
//! every other process of this program. A detector that died must not look like a day without trouble.

use std::time::Duration;

use chrono::{DateTime, Utc};
use opentelemetry::KeyValue;
use serde::Serialize;
use shared::clock::{Clock, SystemClock};
use shared::platform::shutdown::Shutdown;
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

const PAUSE: Duration = Duration::from_secs(15);
/// Many rounds of a watchdog, and more than one of a heartbeat.
const SILENT: Duration = Duration::from_mins(3);

/// A round was finished.
///
/// # Errors
/// When the database fails.
pub async fn note(
    pool: &PgPool,
    name: &str,
    now: DateTime<Utc>,
    report: &impl Serialize,
    scanned: Option<Uuid>,
) -> Result<(), sqlx::Error> {
    let report = serde_json::to_value(report).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query!(
        "INSERT INTO write.watchdog_beats AS b (name, beat_at, rounds, report, scanned)
         VALUES ($1, $2, 1, $3, $4)
         ON CONFLICT (name) DO UPDATE
         SET beat_at = excluded.beat_at, rounds = b.rounds + 1, report = excluded.report,
             scanned = excluded.scanned",
        name,
        now,
        Json(report) as _,
        scanned,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// How long ago each watcher finished a round.
///
/// # Errors
/// When the database fails.
pub async fn ages(
    pool: &PgPool,
    now: DateTime<Utc>,
) -> Result<Vec<(String, Duration)>, sqlx::Error> {
    let rows = sqlx::query!("SELECT name, beat_at FROM write.watchdog_beats ORDER BY name")
        .fetch_all(pool)
        .await?;
    let age = |at: DateTime<Utc>| (now - at).to_std().unwrap_or_default();
    Ok(rows.into_iter().map(|row| (row.name, age(row.beat_at))).collect())
}

/// Measures the ages until the soft stop, and says when somebody falls silent.
pub fn watch(pool: PgPool, shutdown: &Shutdown) {
    let gauge = opentelemetry::global::meter("mes")
        .f64_gauge("mes_watcher_age_seconds")
        .with_description("Since a watcher over lost orders has finished a round")
        .build();
    let stop = shutdown.soft().clone();
    shutdown.spawn(async move {
        stop.run_until_cancelled(async {
            loop {
                for (name, age) in ages(&pool, SystemClock.now()).await.unwrap_or_default() {
                    if age > SILENT {
                        let seconds = age.as_secs();
                        tracing::warn!(watcher = name, seconds, "nobody looks for lost orders");
                    }
                    gauge.record(age.as_secs_f64(), &[KeyValue::new("watcher", name)]);
                }
                tokio::time::sleep(PAUSE).await;
            }
        })
        .await;
    });
}
