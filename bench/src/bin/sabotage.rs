//! A campaign of sabotages against a stack that `cargo xtask sabotage` has prepared: a while of health, the sabotages, a
//! while of health, and the checker of the faults.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bench::broker::{Broker, Post};
use bench::dice::Dice;
use bench::faults::history::History;
use bench::faults::load::Load;
use bench::faults::processes::Processes;
use bench::faults::standins::Standins;
use bench::faults::{checker, facts, report as faults_report};
use bench::models::{Choice, Damage, Models};
use bench::rest::{Api, Asking, client};
use bench::sabotage::incidents;
use bench::sabotage::plan::plan;
use bench::sabotage::report::{Healthy, Outcome, Report, false_alarms};
use bench::sabotage::saboteur::{Alone, Saboteur};
use bench::stack::Stack;
use bench::trouble::Trouble;
use clap::Parser;
use rustix::process::Signal;
use shared::clock::{Clock, SystemClock};
use shared::platform::shutdown::Shutdown;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How long services may take to start.
const STARTED: Duration = Duration::from_mins(5);
/// Longer than any campaign.
const GIVE_UP: Duration = Duration::from_hours(2);
const GRACE: Duration = Duration::from_secs(5);
/// After its configuration has changed, a watchdog and everybody else are at rest again.
const SETTLED: Duration = Duration::from_secs(10);
const REST: Duration = Duration::from_secs(90);
/// Sabotages under way at once.
const AT_ONCE: usize = 40;
const CONNECTIONS: u32 = 16;
/// Between two sabotages.
const PAUSE: std::ops::Range<f64> = 0.5..1.5;
/// Of all health, so much lies before the sabotages.
const BEFORE: f64 = 0.75;
/// The rule that sabotage breaks: what was lost and is sent again comes after what came later.
const LATE: &str = "order of news";

/// Makes away with orders, and sees whether the system finds and heals them.
#[derive(Parser)]
struct Args {
    /// The record of a stack
    #[arg(long)]
    stack: PathBuf,
    /// Where processes are found, and history and report are written
    #[arg(long)]
    folder: PathBuf,
    /// The watchdog's configuration
    #[arg(long)]
    watchdog: PathBuf,
    /// How many sabotages
    #[arg(long)]
    count: usize,
    /// Decides the plan and the orders
    #[arg(long)]
    seed: u64,
    /// Orders a second
    #[arg(long)]
    rate: f64,
    /// Minutes of health
    #[arg(long)]
    healthy: f64,
    /// The watchdog's times are divided by this in health
    #[arg(long)]
    compress: u32,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let history_file = args.folder.join("history.jsonl");
    let history = History::create(&history_file)?;
    // Services talk to their servers directly: nothing is cut here.
    std::fs::write(args.folder.join("links.json"), "{}")?;
    let processes = Processes::of(&args.folder.join("control.json"));
    processes.started(STARTED).await?;
    let stack = Stack::read(&args.stack)?;
    let began = Instant::now();
    let done = campaign(&args, &stack, &history, processes).await?;
    let report = judge(&args, &stack, &history_file, history.seal()?, done, began).await?;
    std::fs::write(args.folder.join("report.json"), serde_json::to_vec_pretty(&report)?)?;
    std::fs::write(args.folder.join("report.txt"), report.text())?;
    print!("\n{}", report.text());
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What came of a campaign.
struct Done {
    outcomes: Vec<Outcome>,
    healthy: Vec<Healthy>,
    incidents: Vec<incidents::Incident>,
    unrest: Vec<String>,
}

async fn campaign(
    args: &Args,
    stack: &Stack,
    history: &History,
    processes: Processes,
) -> Result<Done> {
    let (http, trouble) = (client()?, Arc::new(Trouble::new(false)));
    let shutdown = Shutdown::new();
    let broker = Broker::new(&stack.rabbitmq.url, &trouble)?;
    let shop = Post::open(&broker, "shop", &shutdown);
    let standins = Arc::new(Standins {
        history: history.clone(),
        give_up: Instant::now() + GIVE_UP,
        seed: args.seed,
        tampering: Arc::default(),
    });
    standins.start_shop(&broker, &shutdown);
    let load = Arc::new(load(args, stack, history, &http, &trouble).await?);
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect(stack.primary()?).await?;
    let saboteur = Arc::new(Saboteur {
        stack: stack.clone(),
        pool: pool.clone(),
        processes: processes.clone(),
        http: http.clone(),
        load: Arc::clone(&load),
        standins,
        post: Post::open(&broker, "crm", &shutdown),
        broker,
        seed: args.seed,
        alone: Alone::default(),
    });
    saboteur.start_crm().await;
    let parts = parts(args, &pool, &processes, &saboteur);
    let (outcomes, healthy) = tokio::select! {
        parts = parts => parts?,
        () = Arc::clone(&load).run(shop) => anyhow::bail!("the load ended before the sabotages"),
        () = load.keep_looking() => anyhow::bail!("nobody looks any more"),
    };
    println!("waiting for quiet");
    let inspector = facts::Inspector { stack: stack.clone(), http };
    let unrest = inspector.wait_for_rest(REST, REST * 5).await;
    saboteur.stop_crm().await;
    shutdown.stop();
    shutdown.drain(GRACE).await;
    Ok(Done { outcomes, healthy, incidents: incidents::all(&pool).await?, unrest })
}

async fn parts(
    args: &Args,
    pool: &PgPool,
    processes: &Processes,
    saboteur: &Arc<Saboteur>,
) -> Result<(Vec<Outcome>, Vec<Healthy>)> {
    let health = Duration::from_secs_f64(args.healthy * 60.0);
    let mut healthy = vec![stay_healthy(args, pool, processes, health.mul_f64(BEFORE)).await?];
    configure(args, processes, 1).await?;
    let outcomes = sabotage(args, saboteur).await?;
    healthy.push(stay_healthy(args, pool, processes, health.mul_f64(1.0 - BEFORE)).await?);
    Ok((outcomes, healthy))
}

async fn sabotage(args: &Args, saboteur: &Arc<Saboteur>) -> Result<Vec<Outcome>> {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let (mut tasks, mut outcomes) = (JoinSet::new(), Vec::new());
    let mut dice = Dice::nth(args.seed, u64::from(u32::from_be_bytes(*b"wait")));
    for (number, kind) in plan(args.seed, args.count).into_iter().enumerate() {
        tokio::time::sleep(dice.seconds(&PAUSE)).await;
        let (permit, saboteur) = (Arc::clone(&room).acquire_owned().await?, Arc::clone(saboteur));
        tasks.spawn(async move {
            let outcome = saboteur.sabotage(number, kind).await;
            drop(permit);
            outcome
        });
    }
    while let Some(outcome) = tasks.join_next().await {
        outcomes.push(outcome?);
    }
    outcomes.sort_by_key(|outcome: &Outcome| outcome.number);
    Ok(outcomes)
}

async fn stay_healthy(
    args: &Args,
    pool: &PgPool,
    processes: &Processes,
    length: Duration,
) -> Result<Healthy> {
    configure(args, processes, args.compress).await?;
    let (from, before) = (SystemClock.now(), rounds(pool).await?);
    tokio::time::sleep(length).await;
    let rounds = rounds(pool).await? - before;
    let healthy = Healthy { from, to: SystemClock.now(), compressed: args.compress, rounds };
    println!("healthy for {} s, {rounds} looks", length.as_secs());
    Ok(healthy)
}

async fn rounds(pool: &PgPool) -> Result<i64> {
    let rounds =
        sqlx::query_scalar("SELECT rounds FROM write.watchdog_beats WHERE name = 'watchdog'");
    Ok(rounds.fetch_optional(pool).await?.unwrap_or(0))
}

/// The watchdog starts again with all its times divided by `divisor`; with those of its defaults when that is 1.
async fn configure(args: &Args, processes: &Processes, divisor: u32) -> Result<()> {
    std::fs::write(&args.watchdog, watchdog_settings(divisor))?;
    let old = processes.signal("watchdog", Signal::TERM)?;
    processes.replaced("watchdog", old, STARTED).await?;
    tokio::time::sleep(SETTLED).await;
    Ok(())
}

fn watchdog_settings(divisor: u32) -> String {
    if divisor <= 1 {
        return String::new();
    }
    // A follower writes down every second what it only passed over, and a disk takes a second now and then.
    let divided = |name: &str, usual: u32| format!("{name} = {}\n", (usual / divisor).max(3));
    let times = [
        ("poll_ms", 3_000),
        ("retry_seconds", 30),
        ("behind_seconds", 10),
        ("parked_seconds", 10),
        ("waiting_seconds", 300),
        ("lane_seconds", 600),
        ("lease_seconds", 10),
        ("acknowledge_seconds", 10),
        ("sequence_seconds", 20),
        ("window_seconds", 10),
    ];
    let lines: String = times.into_iter().map(|(name, usual)| divided(name, usual)).collect();
    format!("[watchdog]\n{lines}")
}

async fn load(
    args: &Args,
    stack: &Stack,
    history: &History,
    http: &reqwest::Client,
    trouble: &Arc<Trouble>,
) -> Result<Load> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pricing/models");
    let file = Models::load(&folder)?.file(Choice { model: 0, size: 0, damage: Damage::None });
    let models = Api::new(http, &stack.write_api, stack.key_of("shop")?, trouble);
    let asking = Asking { key: Some("the-model-of-a-campaign"), ..Asking::default() };
    let model_id = models.upload(file, asking).await?.model_id;
    Ok(Load {
        in_batches: 0.0,
        // Numbers from here on are those of sabotaged orders.
        orders: 1_000_000,
        rate: args.rate,
        seed: args.seed,
        write_api: stack.write_api.clone(),
        read_api: stack.read_api.clone(),
        admin_token: stack.token_of("admin")?.to_owned(),
        partner_key: stack.partners.first().context("the stack has no partner")?.key.clone(),
        model_id,
        own_models: 0.0,
        models,
        history: history.clone(),
        http: http.clone(),
        give_up: Instant::now() + GIVE_UP,
        // It would be found, and rightly.
        poison: 0.0,
        asked: AtomicU64::new(0),
        enough: std::sync::atomic::AtomicBool::new(false),
    })
}

async fn judge(
    args: &Args,
    stack: &Stack,
    history_file: &Path,
    history: String,
    done: Done,
    began: Instant,
) -> Result<Report> {
    let seen = facts::from_history(history_file)?;
    let inspector = facts::Inspector { stack: stack.clone(), http: client()? };
    let said = inspector.ask(done.unrest).await?;
    let found = checker::check(&seen, &said);
    let (late, found): (Vec<_>, Vec<_>) = found.into_iter().partition(|each| each.rule == LATE);
    let (violations, examples) = faults_report::Report::sorted(&found);
    Ok(Report {
        seed: args.seed,
        seconds: began.elapsed().as_secs(),
        orders: seen.asked.len(),
        history,
        false_alarms: false_alarms(&done.outcomes, done.incidents),
        outcomes: done.outcomes,
        healthy: done.healthy,
        violations,
        examples,
        late_news: late.len(),
    })
}
