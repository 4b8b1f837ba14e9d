//! The life of a process: telemetry, signals, work, a graceful end. Every binary's `main` goes through here.

use std::future::Future;
use std::time::Duration;

use super::shutdown::{Drained, Shutdown};
use super::telemetry::{self, TelemetryConfig, TelemetryError};

/// How long work in hand may take after the soft stop; shorter than an orchestrator's patience.
const GRACE: Duration = Duration::from_secs(10);

/// Runs `work` until it ends by itself or by a signal, waits for what it has in hand, and flushes telemetry
/// whatever happened.
///
/// # Errors
/// What `work` ends with, or that telemetry or signals cannot be set up.
pub async fn run<Work, E>(
    service: &'static str,
    config: &TelemetryConfig,
    work: impl FnOnce(Shutdown) -> Work,
) -> Result<(), E>
where
    Work: Future<Output = Result<(), E>>,
    E: From<TelemetryError> + From<std::io::Error>,
{
    let telemetry = telemetry::init(service, config)?;
    let shutdown = Shutdown::new();
    shutdown.listen_to_signals()?;
    let worked = work(shutdown.clone()).await;
    shutdown.stop();
    if shutdown.drain(GRACE).await != Drained::Softly {
        tracing::warn!("work in hand was dropped at the end of the grace period");
    }
    // Flushing blocks, and a task that panicked while doing so has nothing left to tell.
    let _ = tokio::task::spawn_blocking(|| telemetry.shutdown()).await;
    worked
}
