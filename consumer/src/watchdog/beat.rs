//! The watchers' own heartbeat: a row that each of them moves when it has finished a round, and its age as a metric of
//! every other process of this program, which also opens an incident when it is too old. A detector that died must not
//! look like a day without trouble.

use std::time::Duration;

use chrono::{DateTime, Utc};
use opentelemetry::KeyValue;
use serde::Serialize;
use serde_json::json;
use shared::incident::{Finding, Owner, Subject};
use shared::platform::shutdown::Shutdown;
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;
use write_api::store::{CommandError, Store};

const PAUSE: Duration = Duration::from_secs(10);
/// Many rounds of a watchdog.
const SILENT_WATCHDOG: Duration = Duration::from_secs(45);
/// More than one beat of a heartbeat.
const SILENT: Duration = Duration::from_mins(3);
/// What any other process says of a watcher that does not watch.
const CAUSE: &str = "watcher-silent";

fn longest_silence(watcher: &str) -> Duration {
    if watcher == super::NAME { SILENT_WATCHDOG } else { SILENT }
}

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

/// Opens an incident for each watcher that has fallen silent, and closes it when it is back: whoever looks, however many
/// look. Answers with the age of each.
///
/// # Errors
/// When the database fails.
pub async fn check(store: &Store) -> Result<Vec<(String, Duration)>, CommandError> {
    let now = store.clock().now();
    let ages = ages(store.pool(), now).await?;
    let silent = ages.iter().filter(|(name, age)| *age > longest_silence(name));
    let findings: Vec<Finding> = silent
        .map(|(name, age)| Finding {
            subject: Subject::new("system", name.as_str()),
            cause: CAUSE,
            owner: Owner::OnCall,
            evidence: json!({ "watcher": name, "seconds": age.as_secs() }),
            deadline: now,
        })
        .collect();
    let mut seen = Vec::new();
    for incident in store.open_incidents(&findings).await? {
        let (watcher, id) = (&incident.subject, incident.incident_id);
        if store.escalate(id, "the system cannot start a process").await? {
            tracing::error!(watcher, "nobody looks for lost orders");
        }
        seen.push(id);
    }
    store.close_unseen_incidents(&[CAUSE], &seen).await?;
    Ok(ages)
}

/// Checks and measures until the soft stop.
pub fn watch(store: Store, shutdown: &Shutdown) {
    let gauge = opentelemetry::global::meter("mes")
        .f64_gauge("mes_watcher_age_seconds")
        .with_description("Since a watcher over lost orders has finished a round")
        .build();
    let stop = shutdown.soft().clone();
    shutdown.spawn(async move {
        stop.run_until_cancelled(async {
            loop {
                match check(&store).await {
                    Ok(ages) => {
                        for (name, age) in ages {
                            gauge.record(age.as_secs_f64(), &[KeyValue::new("watcher", name)]);
                        }
                    }
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "nobody knows whether the watchers watch");
                    }
                }
                tokio::time::sleep(PAUSE).await;
            }
        })
        .await;
    });
}
