//! A campaign of faults against a stack that `cargo xtask faults` has prepared: it opens the links, waits for the
//! services, loads, torments, heals, waits for quiet and checks.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bench::broker::{Broker, Post};
use bench::faults::history::{self, Entry, History, Outcome};
use bench::faults::load::{Load, OWN_MODELS, POISON};
use bench::faults::nemesis::{CLIENTS, Nemesis};
use bench::faults::outages::Outages;
use bench::faults::plan::{failovers, plan, provoking};
use bench::faults::processes::Processes;
use bench::faults::proxy::Links;
use bench::faults::report::{FaultLine, Report};
use bench::faults::standins::Standins;
use bench::faults::{checker, facts};
use bench::models::{Choice, Damage, Models};
use bench::rest::{Api, Asking, client};
use bench::stack::Stack;
use bench::trouble::Trouble;
use clap::Parser;
use reqwest::Client;
use shared::platform::database;
use shared::platform::shutdown::Shutdown;

/// How long services may take to start.
const STARTED: Duration = Duration::from_mins(5);
/// After the last order and the last fault, so long may answers take.
const LAST_ANSWERS: Duration = Duration::from_mins(1);
const GRACE: Duration = Duration::from_secs(5);
/// About how long a failover takes until all is as before.
const A_FAILOVER: Duration = Duration::from_secs(30);
/// Orders a second beside nothing but failovers.
const BESIDE_FAILOVERS: f64 = 15.0;

/// Torments a stack and checks that nothing was lost.
#[derive(Parser)]
struct Args {
    /// The record of a stack
    #[arg(long)]
    stack: PathBuf,
    /// The services of the stack, in the order of a rolling restart
    #[arg(long, value_delimiter = ',')]
    services: Vec<String>,
    /// Where the links are told, processes are found, and history and report are written
    #[arg(long)]
    folder: PathBuf,
    /// How many orders
    #[arg(long)]
    orders: u64,
    /// Nothing but failovers, so many; orders come until they are over
    #[arg(long)]
    failovers: Option<u32>,
    /// Decides the plan and the orders
    #[arg(long)]
    seed: u64,
    /// For how long
    #[arg(long)]
    minutes: f64,
    /// At most so many faults, with peace between them; otherwise one follows another
    #[arg(long)]
    faults: Option<u32>,
    /// At most so many orders a second
    #[arg(long)]
    rate: Option<f64>,
    /// How many of all orders come in batches of 20
    #[arg(long, default_value_t = 0.2)]
    batches: f64,
    /// How long nothing may change before the system has come to rest, in seconds
    #[arg(long, default_value_t = 90)]
    rest: u64,
    /// The bug that was planted, for the report
    #[arg(long)]
    planted: Option<String>,
}

// One thread: it stands between all services and all servers, and two that wake each other for every piece cost the machine
// more than they carry.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let history_file = args.folder.join("history.jsonl");
    let history = History::create(&history_file)?;
    let links = open_links(&args).await?;
    let processes = Processes::of(&args.folder.join("control.json"));
    processes.started(STARTED).await?;
    // Keys are issued while the stack starts.
    let stack = Stack::read(&args.stack)?;
    let began = Instant::now();
    let unrest = campaign(&args, &stack, &history, links, processes).await?;
    let hash = history.seal()?;
    let report = judge(&args, &stack, &history_file, hash, unrest, began).await?;
    write(&args.folder, &report)?;
    print!("\n{}", report.text());
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn open_links(args: &Args) -> Result<Links> {
    let stack = Stack::read(&args.stack)?;
    let address = |url: &str| {
        let url: reqwest::Url = url.parse().context("an address of the stack")?;
        let host = url.host_str().unwrap_or("127.0.0.1");
        Ok::<_, anyhow::Error>(format!("{host}:{}", url.port_or_known_default().unwrap_or(0)))
    };
    let mut servers = vec![
        ("redis".to_owned(), address(&stack.redis)?),
        ("rabbitmq".to_owned(), address(&stack.rabbitmq.url)?),
    ];
    for (number, host) in database::hosts(stack.database("any")?)?.iter().enumerate() {
        let address = format!("{}:{}", host.get_host(), host.get_port());
        servers.push((format!("postgres-{}", number + 1), address));
    }
    let mut links = Links::open(&args.services, &servers).await?;
    links.add(CLIENTS, "write-api", address(&stack.write_api)?).await?;
    // Written under another name first: whoever waits for it must not read half of it.
    let (draft, path) = (args.folder.join("links.draft"), args.folder.join("links.json"));
    std::fs::write(&draft, serde_json::to_vec(&links.ports())?)?;
    std::fs::rename(draft, path)?;
    Ok(links)
}

/// Load and faults, until both are over; answers what kept the system from coming to rest.
async fn campaign(
    args: &Args,
    stack: &Stack,
    history: &History,
    links: Links,
    processes: Processes,
) -> Result<Vec<String>> {
    let mut length = Duration::from_secs_f64(args.minutes * 60.0);
    let steps = match (&args.planted, args.failovers) {
        (Some(bug), _) => provoking(bug),
        (None, Some(count)) => failovers(args.seed, count),
        (None, None) => plan(args.seed, &args.services, length, args.faults),
    };
    if let Some(count) = args.failovers {
        length = A_FAILOVER * count;
    }
    println!(
        "seed {}: {} faults within about {:.0} s",
        args.seed,
        steps.len(),
        length.as_secs_f32()
    );
    let (http, trouble) = (client()?, Arc::new(Trouble::new(false)));
    let models = Api::new(&http, &stack.write_api, stack.key_of("shop")?, &trouble);
    let model_id = upload(&models).await?;
    let write_api = format!("http://{}", links.get(CLIENTS, "write-api")?.address());
    let give_up = Instant::now() + length * 2 + LAST_ANSWERS;
    let shutdown = Shutdown::new();
    let broker = Broker::new(&stack.rabbitmq.url, &trouble)?;
    let (shop, crm) =
        (Post::open(&broker, "shop", &shutdown), Post::open(&broker, "crm", &shutdown));
    let standins =
        Standins { history: history.clone(), give_up, seed: args.seed, tampering: Arc::default() };
    Arc::new(standins).start(&broker, &crm, &shutdown);
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = match args.failovers {
        Some(_) => args.rate.unwrap_or(BESIDE_FAILOVERS),
        None => args.rate.unwrap_or(args.orders as f64 / length.as_secs_f64()),
    };
    let load = Arc::new(Load {
        orders: if args.failovers.is_some() { u64::MAX } else { args.orders },
        rate,
        seed: args.seed,
        write_api,
        read_api: stack.read_api.clone(),
        admin_token: stack.token_of("admin")?.to_owned(),
        partner_key: stack.partners.first().context("the stack has no partner")?.key.clone(),
        model_id,
        own_models: OWN_MODELS,
        models,
        in_batches: args.batches,
        history: history.clone(),
        // Connections of its own: they are reset on purpose.
        http: Client::builder().connect_timeout(GRACE).build()?,
        give_up,
        poison: POISON,
        asked: AtomicU64::new(0),
        enough: AtomicBool::new(false),
    });
    let nemesis = Nemesis {
        processes,
        links,
        stack: stack.clone(),
        services: args.services.clone(),
        history: history.clone(),
        http: http.clone(),
    };
    let tormenting = async {
        nemesis.torment(&steps).await;
        nemesis.heal();
        if args.failovers.is_some() {
            load.enough();
        }
    };
    let working = async { tokio::join!(Arc::clone(&load).run(shop), tormenting) };
    tokio::select! {
        _ = working => {}
        () = load.keep_looking() => {}
    }
    println!("healed after {} s; waiting for quiet", history.now() / 1_000);
    let inspector = facts::Inspector { stack: stack.clone(), http };
    let patience = Duration::from_secs(args.rest);
    let unrest = inspector.wait_for_rest(patience, length.max(patience * 5)).await;
    shutdown.stop();
    shutdown.drain(GRACE).await;
    Ok(unrest)
}

async fn upload(models: &Api) -> Result<shared::ids::ModelId> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pricing/models");
    let file = Models::load(&folder)?.file(Choice { model: 0, size: 0, damage: Damage::None });
    let asking = Asking { key: Some("the-model-of-a-campaign"), ..Asking::default() };
    Ok(models.upload(file, asking).await?.model_id)
}

async fn judge(
    args: &Args,
    stack: &Stack,
    history_file: &Path,
    history: String,
    unrest: Vec<String>,
    began: Instant,
) -> Result<Report> {
    let seen = facts::from_history(history_file)?;
    let inspector = facts::Inspector { stack: stack.clone(), http: client()? };
    let said = inspector.ask(unrest).await?;
    let (mut faults, mut unknown) = (Vec::new(), 0);
    let mut outages = Outages::default();
    history::read(history_file, |line| outages.note(&line))?;
    history::read(history_file, |line| match line.entry {
        Entry::Fault { fault, hit, evidence, .. } => {
            faults.push(FaultLine { at: line.at, fault, hit, evidence });
        }
        Entry::Ended { outcome: Outcome::Unknown { .. }, .. } => unknown += 1,
        _ => {}
    })?;
    let found = checker::check(&seen, &said);
    let (violations, examples) = Report::sorted(&found);
    Ok(Report {
        seed: args.seed,
        planted: args.planted.clone(),
        seconds: began.elapsed().as_secs(),
        history,
        faults,
        figures: Report::figures(&seen, &said, unknown),
        outages: outages.told(),
        valid: seen.hits > 0,
        violations,
        examples,
    })
}

fn write(folder: &Path, report: &Report) -> Result<()> {
    std::fs::write(folder.join("report.json"), serde_json::to_vec_pretty(report)?)?;
    std::fs::write(folder.join("report.txt"), report.text())?;
    Ok(())
}
