//! `price-times`: how long prices take on a running stack, alone and beside monsters and floods. Exits with 1 when a
//! bound is missed.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use bench::figures::Line;
use bench::price_times::floor::Floor;
use bench::price_times::scenarios;
use bench::stack::Stack;
use clap::{Parser, ValueEnum};
use shared::clock::{Clock, SystemClock};
use shared::platform::shutdown::Shutdown;

const GRACE: Duration = Duration::from_secs(5);

/// How long prices take on a running stack; best on one that was started with `up --empty --release`.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The record of a running stack (`.mes/<name>/stack.json`)
    #[arg(long)]
    stack: PathBuf,
    /// What to measure; all but `scaling` unless said
    #[arg(long, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Orders per second of `steady`
    #[arg(long, default_value_t = 10.0)]
    rate: f64,
    /// How long `steady` and each part of `batch` last
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Orders of the partner's batch
    #[arg(long, default_value_t = 5_000)]
    batch: u32,
    /// Monsters in the flood
    #[arg(long, default_value_t = 8)]
    monsters: usize,
    /// For `scaling`: a stack with twice as many workers
    #[arg(long)]
    larger: Option<PathBuf>,
    /// Rounds of `scaling`
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Decides the sizes of models
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Short models at a rate, a monster in the long lane
    Steady,
    /// The same model again
    Repeat,
    /// Short models in a flood of long ones
    Flood,
    /// Others beside a partner's batch
    Batch,
    /// A heap of models on a small and on a larger stack, in turn
    Scaling,
}

/// What is measured unless somebody says otherwise.
const USUAL: [Scenario; 4] = [Scenario::Steady, Scenario::Repeat, Scenario::Flood, Scenario::Batch];

/// Models of a heap: some seconds of work for one thread.
const HEAP: u32 = 12;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let shutdown = Shutdown::new();
    shutdown.listen_to_signals()?;
    let measured =
        shutdown.soft().clone().run_until_cancelled_owned(measure(&args, &shutdown)).await;
    shutdown.stop();
    shutdown.drain(GRACE).await;
    match measured {
        Some(kept) => Ok(ExitCode::from(u8::from(!kept?))),
        None => Ok(ExitCode::FAILURE),
    }
}

async fn measure(args: &Args, shutdown: &Shutdown) -> Result<bool> {
    let floor = open(&args.stack, shutdown).await?;
    let chosen = if args.only.is_empty() { USUAL.to_vec() } else { args.only.clone() };
    let mut kept = true;
    for scenario in chosen {
        println!("{scenario:?}");
        let lines = match scenario {
            Scenario::Steady => {
                scenarios::steady(&floor, args.rate, args.seconds, args.seed).await?
            }
            Scenario::Repeat => scenarios::repeat(&floor, 50).await?,
            Scenario::Flood => scenarios::flood(&floor, args.monsters).await?,
            Scenario::Batch => scenarios::batch(&floor, args.batch, args.seconds).await?,
            Scenario::Scaling => scaling(args, &floor, shutdown).await?,
        };
        for line in lines {
            println!("{line}");
            kept &= line.is_good();
        }
    }
    Ok(kept)
}

/// Both stacks in turn, so that the machine's moods meet both.
async fn scaling(args: &Args, floor: &Floor, shutdown: &Shutdown) -> Result<Vec<Line>> {
    let larger = args.larger.as_ref().ok_or_else(|| anyhow::anyhow!("scaling needs --larger"))?;
    let larger = open(larger, shutdown).await?;
    let (mut small, mut large) = (vec![], vec![]);
    for _ in 0..args.rounds.max(1) {
        small.push(scenarios::heap(floor, HEAP).await?);
        large.push(scenarios::heap(&larger, HEAP).await?);
    }
    let (small, large) = (median(small), median(large));
    Ok(vec![
        Line::ratio("models of 2.5 M facets per second, the small stack", small),
        Line::ratio("the larger stack", large),
        Line::ratio("larger / small, medians", large / small).at_least(1.6),
    ])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn open(stack: &std::path::Path, shutdown: &Shutdown) -> Result<Floor> {
    // The time of the start keeps two runs apart.
    let seconds = SystemClock.now().timestamp();
    Floor::open(&Stack::read(stack)?, &format!("{:x}", seconds & 0xff_ffff), shutdown).await
}
