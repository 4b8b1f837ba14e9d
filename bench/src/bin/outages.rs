//! `outages`: one scenario against a stack that `cargo xtask outages` keeps running. Exits with 1 when a bound is missed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use bench::faults::processes::Processes;
use bench::faults::proxy::Links;
use bench::outages::stage::{Findings, Stage};
use bench::outages::{broker, overload, redis, replicas};
use bench::stack::Stack;
use clap::{Parser, ValueEnum};
use serde_json::json;
use shared::platform::shutdown::Shutdown;

/// How long services may take to start.
const STARTED: Duration = Duration::from_mins(5);
const GRACE: Duration = Duration::from_secs(5);

/// What an outage, or too much load, costs those who ask.
#[derive(Parser)]
struct Args {
    /// The record of a stack
    #[arg(long)]
    stack: PathBuf,
    /// Where links are told, processes are found and the report is written
    #[arg(long)]
    folder: PathBuf,
    /// What happens
    #[arg(long)]
    scenario: Scenario,
    /// How long the broker is away, in minutes
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Orders a second while the broker is away
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
    /// Screens a second while Redis or replicas are away
    #[arg(long, default_value_t = 500.0)]
    reads: f64,
    /// Orders a second meanwhile, so that screens change
    #[arg(long, default_value_t = 10.0)]
    changes: f64,
    /// Overload: how many times the peak
    #[arg(long, default_value_t = 3.0)]
    times: f64,
    /// How long each fault and each measurement lasts, in seconds
    #[arg(long, default_value_t = 15.0)]
    seconds: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// The broker is gone for minutes
    Broker,
    /// Redis killed, frozen, slow, flushed, full of garbage
    Redis,
    /// Each replica and then both killed or frozen
    Replicas,
    /// More orders than the system can take
    Overload,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let shutdown = Shutdown::new();
    shutdown.listen_to_signals()?;
    let links = open_links(&args).await?;
    let processes = Processes::of(&args.folder.join("control.json"));
    processes.started(STARTED).await?;
    // Keys are issued while the stack starts.
    let stage = Stage::new(Stack::read(&args.stack)?, links, &args.folder)?;
    let found = run(&args, &stage, &shutdown).await;
    shutdown.stop();
    shutdown.drain(GRACE).await;
    let kept = report(&args, &found?)?;
    Ok(ExitCode::from(u8::from(!kept)))
}

/// Only Redis is slowed, so only the way to Redis leads through us.
async fn open_links(args: &Args) -> Result<Links> {
    let url: reqwest::Url = Stack::read(&args.stack)?.redis.parse().context("redis")?;
    let address = format!("127.0.0.1:{}", url.port().context("Redis has no port")?);
    let mut links = Links::default();
    links.add("read-api", "redis", address).await?;
    // Written under another name first: whoever waits for it must not read half of it.
    let (draft, path) = (args.folder.join("links.draft"), args.folder.join("links.json"));
    std::fs::write(&draft, serde_json::to_vec(&links.ports())?)?;
    std::fs::rename(draft, path)?;
    Ok(links)
}

async fn run(args: &Args, stage: &Stage, shutdown: &Shutdown) -> Result<Findings> {
    let each = Duration::from_secs_f64(args.seconds);
    let looking = redis::Settings { reads: args.reads, orders: args.changes, each };
    println!("{:?}", args.scenario);
    match args.scenario {
        Scenario::Broker => {
            let away = Duration::from_secs_f64(args.minutes * 60.0);
            let settings = broker::Settings { rate: args.rate, before: away.min(each * 2), away };
            broker::broker(stage, settings, shutdown).await
        }
        Scenario::Redis => redis::redis(stage, looking, shutdown).await,
        Scenario::Replicas => replicas::replicas(stage, looking, shutdown).await,
        Scenario::Overload => {
            let settings = overload::Settings { times: args.times, each };
            overload::overload(stage, settings, shutdown).await
        }
    }
}

/// Prints and writes what was found; answers whether every bound was kept.
fn report(args: &Args, found: &Findings) -> Result<bool> {
    let mut text = String::new();
    for line in &found.lines {
        writeln!(text, "{line}")?;
    }
    print!("{text}");
    let series: BTreeMap<_, _> =
        found.series.iter().map(|(name, samples)| (*name, samples.seconds())).collect();
    let report = json!({ "lines": found.lines, "series": series });
    write(&args.folder.join("report.txt"), text.as_bytes())?;
    write(&args.folder.join("report.json"), &serde_json::to_vec(&report)?)?;
    Ok(found.lines.iter().all(bench::figures::Line::is_good))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
