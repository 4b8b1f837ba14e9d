//! Whatever is wrong with Redis, screens come from the process's own memory and from the replicas.

use std::time::Duration;

use anyhow::{Context, Result};
use redis::aio::MultiplexedConnection;
use shared::platform::shutdown::Shutdown;

use super::arrivals::Arrivals;
use super::samples::{Samples, Source};
use super::stage::{Findings, Stage, pause};
use crate::faults::processes::Frozen;
use crate::figures::Line;

/// How much load, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Screens a second.
    pub reads: f64,
    /// Orders a second, so that screens change.
    pub orders: f64,
    /// How long each fault lasts, and how long all is well before.
    pub each: Duration,
}

const WARM_UP: Duration = Duration::from_secs(10);
/// After a fault was undone.
const SETTLED: Duration = Duration::from_secs(3);
const FIRST: Duration = Duration::from_secs(1);
/// A frozen server answers nobody.
const CALL: Duration = Duration::from_secs(5);
const SLOW: Duration = Duration::from_millis(200);
/// How often a Redis that is to be useless is made so again.
const AGAIN: Duration = Duration::from_millis(250);
/// A page of our values becomes garbage, some of another type. A script over all of them would make Redis stand still, and
/// that is another fault.
const GARBAGE: &str = "
    local page = redis.call('SCAN', ARGV[1], 'MATCH', 'mes:*', 'COUNT', 50)
    for n, key in ipairs(page[2]) do
        redis.call('DEL', key)
        if n % 5 == 0 then redis.call('LPUSH', key, 'garbage')
        else redis.call('SET', key, string.rep('garbage', n * 4)) end
    end
    return {page[1], #page[2]}";
/// Junk fills what memory there is.
const JUNK: &str = "
    redis.call('INCR', 'junk')
    redis.call('SET', 'junk:' .. redis.call('GET', 'junk') % 300, string.rep('x', 1000000))";

/// What is wrong with it.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Killed,
    Frozen,
    Slow,
    Flushed,
    Garbage,
}

impl Fault {
    const ALL: [Self; 5] = [Self::Killed, Self::Frozen, Self::Slow, Self::Flushed, Self::Garbage];

    const fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Frozen => "frozen",
            Self::Slow => "slow",
            Self::Flushed => "flushed",
            Self::Garbage => "garbage",
        }
    }
}

/// Runs the scenario.
///
/// # Errors
/// When the stack does not do what any stack does.
pub async fn redis(stage: &Stage, settings: Settings, shutdown: &Shutdown) -> Result<Findings> {
    let (orders, screens) = (stage.partners("redis").await?, stage.screens()?);
    let changes = Arrivals::start(settings.orders, move || orders.order());
    let load = Arrivals::start(settings.reads, move || screens.look());
    pause(WARM_UP, shutdown).await?;
    let mut lines = Vec::new();
    for fault in Fault::ALL {
        let before = load.now();
        pause(settings.each, shutdown).await?;
        let broken = load.now();
        println!("  {:>5.0} s: Redis {}", broken.as_secs_f32(), fault.name());
        inflict(stage, fault, settings.each, shutdown).await?;
        let mended = load.now();
        pause(SETTLED, shutdown).await?;
        lines.extend(figures(fault, load.samples(), [before, broken, mended, load.now()]));
    }
    let (reads, changes) = (load.stop().await, changes.stop().await);
    Ok(Findings { lines, series: vec![("screens", reads), ("orders", changes)] })
}

fn figures(
    fault: Fault,
    samples: &Samples,
    [before, broken, mended, settled]: [Duration; 4],
) -> [Line; 6] {
    let name = fault.name();
    let calm = samples.within(before..broken);
    let first = samples.within(broken..broken + FIRST);
    let after = samples.within(broken + FIRST..mended);
    let mending = samples.within(mended..settled);
    let all = samples.within(broken..settled);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let usual = ms(calm.latency(99.0));
    let wrong = all.failed() + all.busy + all.answered.get(&Source::Stale).copied().unwrap_or(0);
    let added = |latency| ms(latency) - usual;
    [
        Line::rate(format!("{name}: screens shown, before"), calm.goodput()),
        Line::time(format!("{name}: p99 before"), calm.latency(99.0)),
        Line::count(format!("{name}: errors{}", all.told()), wrong).at_most(0.0),
        Line::added_ms(format!("{name}: added p99, first second"), added(first.latency(99.0)))
            .at_most(60.0),
        Line::added_ms(format!("{name}: added p99, after that"), added(after.latency(99.0)))
            .at_most(5.0),
        Line::added_ms(
            format!("{name}: added p99 while it comes back"),
            added(mending.latency(99.0)),
        ),
    ]
}

async fn inflict(stage: &Stage, fault: Fault, time: Duration, shutdown: &Shutdown) -> Result<()> {
    match fault {
        Fault::Killed => {
            stage.kill("redis")?;
            pause(time, shutdown).await?;
            stage.let_go("redis")
        }
        Fault::Frozen => {
            let _frozen: Frozen = stage.processes.freeze("redis").await?;
            pause(time, shutdown).await
        }
        Fault::Slow => {
            let link = stage.links.get("read-api", "redis")?;
            link.slow(SLOW);
            pause(time, shutdown).await?;
            link.heal();
            Ok(())
        }
        Fault::Flushed | Fault::Garbage => again_and_again(stage, fault, time, shutdown).await,
    }
}

async fn again_and_again(
    stage: &Stage,
    fault: Fault,
    time: Duration,
    shutdown: &Shutdown,
) -> Result<()> {
    let client = redis::Client::open(&*stage.stack.redis)?;
    let mut redis: MultiplexedConnection =
        tokio::time::timeout(CALL, client.get_multiplexed_async_connection()).await??;
    let end = tokio::time::Instant::now() + time;
    let mut spoiled = 0;
    while tokio::time::Instant::now() < end {
        let once = async {
            match fault {
                Fault::Garbage => spoil(&mut redis).await,
                _ => redis::cmd("FLUSHALL").query_async(&mut redis).await.map(|()| 0),
            }
        };
        spoiled += tokio::time::timeout(CALL, once).await.context("Redis does not answer")??;
        pause(AGAIN, shutdown).await?;
    }
    println!("           {spoiled} values were made garbage");
    Ok(())
}

/// Every value once, page by page; how many there were.
async fn spoil(redis: &mut MultiplexedConnection) -> redis::RedisResult<u64> {
    let (mut cursor, mut spoiled) = (0_u64, 0);
    loop {
        let mut page = redis::cmd("EVAL");
        let page = page.arg(GARBAGE).arg(0).arg(cursor).query_async::<(u64, u64)>(redis);
        let (next, values) = page.await?;
        (cursor, spoiled) = (next, spoiled + values);
        if cursor == 0 {
            break;
        }
    }
    redis::cmd("EVAL").arg(JUNK).arg(0).query_async::<()>(redis).await?;
    Ok(spoiled)
}
