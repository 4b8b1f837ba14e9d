//! `cargo xtask sabotage`: a stack of its own, kept running as for `faults`, and the campaign of `bench` that makes away
//! with orders and waits whether the system finds and heals them.

use std::fs;
use std::path::Path;
use std::process::Child;

use anyhow::{Result, bail};

use crate::cargo::{self, Profile};
use crate::faults::a_seed;
use crate::services::Service;
use crate::trial::Trial;
use crate::{packages, process};

/// The watchdog's configuration, which the campaign changes between its parts.
const WATCHDOG: &str = "watchdog.toml";

#[derive(clap::Args, Clone)]
pub struct Args {
    /// The stack's name
    #[arg(long, default_value = "sabotage")]
    name: String,
    /// How many sabotages
    #[arg(long, default_value_t = 200)]
    count: usize,
    /// Decides what is done; printed, and the same seed plans the same again
    #[arg(long)]
    seed: Option<u64>,
    /// Orders a second beside them
    #[arg(long, default_value_t = 3.0)]
    rate: f64,
    /// How many minutes of health are looked at, most of them before the sabotages
    #[arg(long, default_value_t = 6.0)]
    healthy: f64,
    /// The watchdog's times are divided by this in health, so that more of them pass
    #[arg(long, default_value_t = 10)]
    compress: u32,
    /// Use the binaries as they lie there
    #[arg(long)]
    no_build: bool,
    /// Optimised binaries, as in production
    #[arg(long)]
    release: bool,
    /// Keep the report in `bench/results/`
    #[arg(long)]
    keep: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let missing = packages::missing_or_refuse()?;
    packages::install(&missing)?;
    let profile = if args.release { Profile::Release } else { Profile::Dev };
    if !args.no_build {
        process::run(&mut cargo::build_binaries(profile))?;
    }
    let seed = args.seed.unwrap_or_else(a_seed);
    println!("seed {seed}; `cargo xtask sabotage --seed {seed}` plans the same again");
    if campaign(args, seed, &cargo::binaries(profile)?)? {
        return Ok(());
    }
    bail!("the campaign failed; its files are kept")
}

/// Whether all was found and healed. Everything it started has ended when this returns.
fn campaign(args: &Args, seed: u64, binaries: &Path) -> Result<bool> {
    let trial = Trial::new(&args.name, "campaign")?;
    let folder = trial.folder();
    fs::write(folder.join(WATCHDOG), "")?;
    let ready = |services: &mut Vec<Service>| make_ready(services, folder);
    let passed = trial.run(binaries, ready, |trial, _| start(args, seed, binaries, trial))?;
    println!("history, report: {}", folder.display());
    if args.keep {
        trial.keep_report(&format!("sabotage-seed-{seed}"))?;
    }
    Ok(passed)
}

/// Quotas are for customers. Everything else is as in production.
fn make_ready(services: &mut [Service], folder: &Path) {
    for Service { launch, .. } in services {
        let settings = [
            ("MES__QUOTAS__REQUESTS_PER_SECOND", "100000"),
            ("MES__QUOTAS__BURST", "100000"),
            ("MES__TELEMETRY__LOG", "warn"),
        ];
        launch.env.extend(settings.map(|(key, value)| (key.to_owned(), value.to_owned())));
        if launch.name == "watchdog" {
            let path = folder.join(WATCHDOG).to_string_lossy().into_owned();
            launch.args.extend(["--config".to_owned(), path]);
        }
    }
}

fn start(args: &Args, seed: u64, binaries: &Path, trial: &Trial) -> Result<Child> {
    let mut command = trial.program(binaries, "sabotage");
    command.arg("--watchdog").arg(trial.folder().join(WATCHDOG));
    command.args(["--count", &args.count.to_string(), "--seed", &seed.to_string()]);
    command.args(["--rate", &args.rate.to_string(), "--healthy", &args.healthy.to_string()]);
    command.args(["--compress", &args.compress.to_string()]);
    process::start(&mut command)
}
