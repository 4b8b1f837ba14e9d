//! Three times what the system can do: the rest is refused quickly, and what is accepted is kept.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use shared::platform::shutdown::Shutdown;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::arrivals::Arrivals;
use super::crm::Crm;
use super::orders::Orders;
use super::samples::{Sample, Samples};
use super::stage::{Findings, Stage, pause};
use crate::figures::Line;

/// How much load, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How many times the peak.
    pub times: f64,
    /// How long, and how long each search for the peak takes.
    pub each: Duration,
}

const WARM_UP: Duration = Duration::from_secs(10);
const WARM_UP_RATE: f64 = 20.0;
/// So many customers at once, one order after another: where throughput ends to grow is the peak.
const AT_ONCE: [usize; 3] = [8, 16, 32];
/// Queues fill and the peak of the moment passes.
const ONSET: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(500);

/// Runs the scenario.
///
/// # Errors
/// When the stack does not do what any stack does.
pub async fn overload(stage: &Stage, settings: Settings, shutdown: &Shutdown) -> Result<Findings> {
    let orders = stage.partners("overload").await?;
    let broker = stage.broker()?;
    let _crm = Crm::start(&broker, shutdown);
    let partners = orders.clone();
    let warm_up = Arrivals::start(WARM_UP_RATE, move || partners.order());
    pause(WARM_UP, shutdown).await?;
    warm_up.stop().await;
    let mut lines = Vec::new();
    let mut peak = 0.0_f64;
    for customers in AT_ONCE {
        let goodput = closed(&orders, customers, settings.each).await;
        lines.push(Line::rate(format!("orders accepted, {customers} customers at once"), goodput));
        peak = peak.max(goodput);
    }
    let rate = peak * settings.times;
    println!("  the peak is {peak:.0} orders/s; now {rate:.0}/s for {:?}", settings.each);
    let partners = orders.clone();
    let load = Arrivals::start(rate, move || partners.order());
    pause(settings.each, shutdown).await?;
    let end = load.now();
    let samples = load.stop().await;
    let (quiet, open) = stage.quiet().await?;
    let taken = orders.taken();
    let (known, shown) = projected(stage, &taken, shutdown).await?;

    let all = samples.within(ONSET..end);
    let accepted = u64::try_from(taken.len())?;
    lines.extend([
        Line::rate("the peak", peak),
        Line::rate("orders asked for in overload", rate),
        Line::rate("orders accepted in overload", all.goodput()),
        Line::ratio("accepted / the peak", all.goodput() / peak.max(1e-6)).at_least(0.8),
        Line::time("accepted: p50", all.latency(50.0)),
        Line::time("accepted: p99", all.latency(99.0)),
        Line::count("refused with Retry-After", all.busy).at_least(1.0),
        Line::time("refused: p50", all.refusal(50.0)),
        Line::time("refused: p99", all.refusal(99.0)).at_most(100.0),
        Line::time("refused: slowest", all.refusal(100.0)),
        Line::count(format!("other answers{}", all.told()), all.failed()).at_most(0.0),
        Line::seconds("waited for what was left to do", quiet),
        Line::count("pricing jobs still open then", open),
        Line::count("accepted orders in all", accepted),
        Line::count("accepted orders that the write side lacks", accepted - known).at_most(0.0),
        Line::count("accepted orders that the board lacks", accepted - shown).at_most(0.0),
    ]);
    Ok(Findings { lines, series: vec![("overload", samples)] })
}

/// So many customers who order one after another; answers the successes a second.
async fn closed(orders: &Orders, customers: usize, time: Duration) -> f64 {
    let (began, samples) = (Instant::now(), Samples::default());
    let orders = Arc::new(orders.clone());
    let mut tasks = JoinSet::new();
    for _ in 0..customers {
        let (orders, samples) = (Arc::clone(&orders), samples.clone());
        tasks.spawn(async move {
            while began.elapsed() < time {
                let asked = Instant::now();
                let outcome = orders.order().await;
                let due = asked.duration_since(began);
                samples.note(Sample { due, took: asked.elapsed(), outcome });
            }
        });
    }
    tasks.join_all().await;
    samples.within(ONSET.min(time / 4)..time).goodput()
}

/// How many of these orders the write side and the board have, when the board has had time.
async fn projected(stage: &Stage, taken: &[String], shutdown: &Shutdown) -> Result<(u64, u64)> {
    let mut observer = stage.observer().await?;
    let wanted = u64::try_from(taken.len())?;
    let mut found = observer.orders(taken).await?;
    for _ in 0..60 {
        if found == (wanted, wanted) {
            break;
        }
        pause(LOOK, shutdown).await?;
        found = observer.orders(taken).await?;
    }
    Ok(found)
}
