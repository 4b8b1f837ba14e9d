//! Deletes what has served: see `write_api::store` for what that is. Several processes may do it at once.

use std::time::Duration;

use chrono::TimeDelta;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use serde::{Deserialize, Serialize};
use shared::platform::shutdown::Shutdown;
use write_api::store::{CommandError, HOUSEKEEPING_BATCH, Store};

/// Rows become old day by day.
const PAUSE: Duration = Duration::from_mins(10);
/// A round ends after so many batches, so that a backlog of years costs a little for a while and not much at once.
const BATCHES: usize = 50;

/// For how long rows are kept.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HousekeepingConfig {
    /// Answers to retries, days since they were last asked for.
    pub causes_days: u32,
    /// Settled quotes, days since they changed and their offer ended.
    pub quotes_days: u32,
    /// Healed incidents, days since they were healed.
    pub incidents_days: u32,
}

/// What one round deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tidied {
    /// Answers.
    pub causes: u64,
    /// Quotes.
    pub quotes: u64,
    /// Incidents.
    pub incidents: u64,
}

/// Tidies up now and then until the soft stop.
pub fn run(store: Store, config: HousekeepingConfig, shutdown: &Shutdown) {
    let deleted = opentelemetry::global::meter("mes")
        .u64_counter("mes_housekeeping_deleted")
        .with_description("Rows that were deleted because they are old, by what they were")
        .build();
    let stop = shutdown.soft().clone();
    shutdown.spawn(async move {
        stop.run_until_cancelled(keep_tidy(&store, config, &deleted)).await;
    });
}

async fn keep_tidy(store: &Store, config: HousekeepingConfig, deleted: &Counter<u64>) {
    loop {
        match tidy(store, config).await {
            Ok(Tidied { causes, quotes, incidents }) => {
                deleted.add(causes, &[KeyValue::new("what", "causes")]);
                deleted.add(quotes, &[KeyValue::new("what", "quotes")]);
                deleted.add(incidents, &[KeyValue::new("what", "incidents")]);
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "old rows stay for now");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One round.
///
/// # Errors
/// When the database fails; what was deleted by then stays deleted.
pub async fn tidy(store: &Store, config: HousekeepingConfig) -> Result<Tidied, CommandError> {
    let before = |days: u32| store.clock().now() - TimeDelta::days(days.into());
    let (causes, quotes) = (before(config.causes_days), before(config.quotes_days));
    let incidents = before(config.incidents_days);
    let mut tidied = Tidied { causes: 0, quotes: 0, incidents: 0 };
    for _ in 0..BATCHES {
        let batch = Tidied {
            causes: store.delete_causes_before(causes).await?,
            quotes: store.delete_quotes_before(quotes).await?,
            incidents: store.delete_incidents_before(incidents).await?,
        };
        tidied.causes += batch.causes;
        tidied.quotes += batch.quotes;
        tidied.incidents += batch.incidents;
        if batch.causes.max(batch.quotes).max(batch.incidents) < HOUSEKEEPING_BATCH {
            break;
        }
    }
    Ok(tidied)
}
