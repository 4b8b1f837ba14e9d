//! Replicas go away one by one and then all together: others take over, and at last the primary, a little.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use shared::platform::shutdown::Shutdown;
use tokio::task::JoinHandle;

use super::arrivals::Arrivals;
use super::backlog::Observer;
use super::redis::Settings;
use super::samples::{Samples, Source};
use super::stage::{Findings, Stage, pause};
use crate::figures::Line;

const WARM_UP: Duration = Duration::from_secs(10);
const SETTLED: Duration = Duration::from_secs(3);
const FIRST: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(100);
/// `database.primary_max_connections` of the read API, and one of the pool of a replica that was promoted, which knows keys
/// and the schema's version.
const MOST_ON_PRIMARY: f64 = 5.0;
/// With two that look how far the server is, as the primary and as a replica that was promoted, and one that asks whether it
/// is the primary.
const MOST_IN_ALL: f64 = MOST_ON_PRIMARY + 3.0;
/// As the stack's record calls them, and the processes' names are `postgres-` and this.
const REPLICAS: [&str; 2] = ["replica", "replica-2"];

/// Runs the scenario.
///
/// # Errors
/// When the stack does not do what any stack does.
pub async fn replicas(stage: &Stage, settings: Settings, shutdown: &Shutdown) -> Result<Findings> {
    let (orders, screens) = (stage.partners("replicas").await?, stage.screens()?);
    let changes = Arrivals::start(settings.orders, move || orders.order());
    let load = Arrivals::start(settings.reads, move || screens.look());
    pause(WARM_UP, shutdown).await?;
    let mut lines = Vec::new();
    for who in [&REPLICAS[..1], &REPLICAS[1..], &REPLICAS[..]] {
        for is_killed in [false, true] {
            pause(SETTLED, shutdown).await?;
            let how = if is_killed { "killed" } else { "frozen" };
            let name = format!("{} {how}", who.join(" and "));
            let readers = Readers::watch(stage.observer().await?);
            let broken = load.now();
            println!("  {:>5.0} s: {name}", broken.as_secs_f32());
            inflict(stage, who, is_killed, settings.each, shutdown).await?;
            for replica in who {
                stage.database_is_back(replica).await?;
            }
            pause(SETTLED, shutdown).await?;
            lines.extend(figures(&name, load.samples(), broken, load.now(), readers.most().await));
        }
    }
    let (reads, changes) = (load.stop().await, changes.stop().await);
    Ok(Findings { lines, series: vec![("screens", reads), ("orders", changes)] })
}

async fn inflict(
    stage: &Stage,
    who: &[&str],
    kill: bool,
    time: Duration,
    shutdown: &Shutdown,
) -> Result<()> {
    let names = || who.iter().map(|replica| format!("postgres-{replica}"));
    if !kill {
        let names: Vec<String> = names().collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let _frozen = stage.processes.freeze_all(&names).await?;
        return pause(time, shutdown).await;
    }
    names().try_for_each(|name| stage.kill(&name))?;
    pause(time, shutdown).await?;
    names().try_for_each(|name| stage.let_go(&name))
}

fn figures(
    name: &str,
    samples: &Samples,
    broken: Duration,
    end: Duration,
    (answering, all): (u64, u64),
) -> [Line; 7] {
    let first = samples.within(broken..broken + FIRST);
    let after = samples.within(broken + FIRST..end);
    let count = |source| after.answered.get(&source).copied().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    let share = 100.0 * count(Source::ReadOnPrimary) as f64 / after.requests.max(1) as f64;
    let (early, late) = (first.failed() + first.busy, after.failed() + after.busy);
    [
        Line::count(format!("{name}: errors in the first second{}", first.told()), early),
        Line::count(format!("{name}: errors after that{}", after.told()), late).at_most(0.0),
        Line::time(format!("{name}: p99 after that"), after.latency(99.0)),
        Line::percent(format!("{name}: answered by the primary"), share),
        Line::count(format!("{name}: answers marked as old"), count(Source::Stale)),
        Line::count(format!("{name}: most sessions that answer on the primary"), answering)
            .at_most(MOST_ON_PRIMARY),
        Line::count(format!("{name}: most sessions on the primary in all"), all)
            .at_most(MOST_IN_ALL),
    ]
}

/// Counts the read API's sessions on the primary.
struct Readers {
    most: Arc<(AtomicU64, AtomicU64)>,
    watch: JoinHandle<()>,
}

impl Readers {
    fn watch(mut observer: Observer) -> Self {
        let most = Arc::<(AtomicU64, AtomicU64)>::default();
        let seen = Arc::clone(&most);
        let watch = tokio::spawn(async move {
            // A look that fails says nothing; the next one comes soon.
            loop {
                if let Ok((answering, all)) = observer.readers().await {
                    seen.0.fetch_max(answering, Ordering::Relaxed);
                    seen.1.fetch_max(all, Ordering::Relaxed);
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { most, watch }
    }

    async fn most(self) -> (u64, u64) {
        self.watch.abort();
        // It was told to end.
        let _ = self.watch.await;
        (self.most.0.load(Ordering::Relaxed), self.most.1.load(Ordering::Relaxed))
    }
}
