//! The broker is gone for minutes while partners order: nobody may notice. Then it comes back to everything that the CRM
//! was not told meanwhile.

use std::ops::Range;
use std::time::Duration;

use anyhow::Result;
use shared::platform::shutdown::Shutdown;

use super::arrivals::Arrivals;
use super::backlog::{Backlog, Observer};
use super::crm::Crm;
use super::samples::Summary;
use super::stage::{Findings, Stage, pause};
use crate::figures::Line;

/// How much load, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Orders a second, all the time.
    pub rate: f64,
    /// How long everything is well before.
    pub before: Duration,
    /// How long the broker is away.
    pub away: Duration,
}

/// Caches are filled and connections opened.
const WARM_UP: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_secs(1);
/// News younger than this are as good as told.
const FRESH: Duration = Duration::from_secs(5);
/// So many looks in a row must find fresh news only.
const FRESH_LOOKS: usize = 3;
const MOST_TO_DRAIN: Duration = Duration::from_mins(10);
/// From the broker's return to fresh news.
const WITHIN: Duration = Duration::from_mins(3);

/// What was seen of the log while the backlog was told.
struct Drain {
    /// When the broker let somebody in, and when news were fresh again.
    window: Range<Duration>,
    first: Backlog,
    last: Backlog,
    was_drained: bool,
}

/// Runs the scenario.
///
/// # Errors
/// When the stack does not do what any stack does.
pub async fn broker(stage: &Stage, settings: Settings, shutdown: &Shutdown) -> Result<Findings> {
    let (orders, mut observer) = (stage.partners("broker").await?, stage.observer().await?);
    let broker = stage.broker()?;
    let crm = Crm::start(&broker, shutdown);
    let partners = orders.clone();
    let load = Arrivals::start(settings.rate, move || partners.order());
    pause(WARM_UP, shutdown).await?;

    let (began, log_began) = (load.now(), observer.look().await?);
    pause(settings.before, shutdown).await?;
    let (killed, log_killed) = (load.now(), observer.look().await?);
    println!(
        "  {:>5.0} s: the broker is killed; the log is at {}",
        killed.as_secs_f32(),
        log_killed.head
    );
    stage.kill("rabbitmq")?;
    pause(settings.away, shutdown).await?;
    stage.let_go("rabbitmq")?;
    stage.broker_is_back(&broker).await?;
    let drain = drain(&mut observer, &load, shutdown).await?;
    let samples = load.stop().await;
    println!("  the load has ended; waiting until the CRM has heard of every order");
    let taken = orders.taken();
    let missing = heard_of_all(&crm, &taken, shutdown).await?;

    let phases = [began..killed, killed..drain.window.start, drain.window.clone()];
    let [before, away, draining] = phases.map(|phase| samples.within(phase));
    let arriving = per_second(log_killed.head - log_began.head, killed.saturating_sub(began));
    let mut lines = Vec::new();
    for (name, phase) in [("before", &before), ("away", &away), ("draining", &draining)] {
        lines.extend(requests(name, phase));
    }
    let slower = away.latency(99.0).as_secs_f64() / before.latency(99.0).as_secs_f64().max(1e-6);
    lines.push(Line::ratio("p99 while it is away / before", slower).at_most(1.5));
    lines.extend(told(&drain, arriving));
    lines.push(Line::count("messages to the CRM", crm.messages()));
    lines.push(Line::count("accepted orders", u64::try_from(taken.len())?));
    lines.push(Line::count("accepted orders that the CRM never heard of", missing).at_most(0.0));
    Ok(Findings { lines, series: vec![("orders", samples)] })
}

fn requests(name: &str, phase: &Summary) -> [Line; 4] {
    let refused = phase.busy + phase.failed();
    [
        Line::rate(format!("{name}: orders accepted"), phase.goodput()),
        Line::count(format!("{name}: orders not accepted{}", phase.told()), refused).at_most(0.0),
        Line::time(format!("{name}: p50"), phase.latency(50.0)),
        Line::time(format!("{name}: p99"), phase.latency(99.0)),
    ]
}

fn told(drain: &Drain, arriving: f64) -> Vec<Line> {
    let took = drain.window.end.saturating_sub(drain.window.start);
    let rate = per_second(drain.last.cursor() - drain.first.cursor(), took);
    let fresh = Line::seconds("from its return until the oldest unsent was younger than 5 s", took);
    let fresh = fresh.at_most(if drain.was_drained { WITHIN.as_secs_f64() } else { 0.0 });
    vec![
        Line::count("events to tell when it returned", drain.first.events().unsigned_abs()),
        Line::seconds("age of the oldest then", drain.first.oldest()),
        Line::rate("events arriving", arriving),
        Line::rate("events told to the CRM while draining", rate),
        Line::ratio("told / arriving", rate / arriving.max(1e-6)).at_least(5.0),
        fresh,
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn per_second(events: i64, time: Duration) -> f64 {
    events as f64 / time.as_secs_f64().max(0.001)
}

/// Looks every second until all that is unsent is fresh, or it takes too long.
async fn drain(observer: &mut Observer, load: &Arrivals, shutdown: &Shutdown) -> Result<Drain> {
    let (back, first) = (load.now(), observer.look().await?);
    println!("  {:>5.0} s: it is back; {} events to tell", back.as_secs_f32(), first.events());
    let mut drained: Option<(Duration, Backlog)> = None;
    let mut fresh = 0;
    loop {
        pause(LOOK, shutdown).await?;
        let (now, backlog) = (load.now(), observer.look().await?);
        println!(
            "  {:>5.0} s: {:>7} events to tell, the oldest {:>5.1} s old",
            now.as_secs_f32(),
            backlog.events(),
            backlog.oldest().as_secs_f32()
        );
        if backlog.oldest() < FRESH {
            fresh += 1;
            drained.get_or_insert((now, backlog.clone()));
        } else {
            (fresh, drained) = (0, None);
        }
        let gave_up = now > back + MOST_TO_DRAIN;
        if fresh >= FRESH_LOOKS || gave_up {
            let was_drained = !gave_up;
            let (end, last) = drained.filter(|_| was_drained).unwrap_or((now, backlog));
            return Ok(Drain { window: back..end, first, last, was_drained });
        }
    }
}

/// The last messages are on their way when the log has been told.
async fn heard_of_all(crm: &Crm, taken: &[String], shutdown: &Shutdown) -> Result<u64> {
    for _ in 0..30 {
        if crm.missing(taken) == 0 {
            break;
        }
        pause(LOOK, shutdown).await?;
    }
    Ok(crm.missing(taken))
}
