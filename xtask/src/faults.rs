//! `cargo xtask faults`: a stack of its own with synchronous standbys, every service as a process of its own behind
//! links that can be cut, and the campaign of `bench` that torments it and checks that nothing was lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;

use anyhow::{Result, bail};

use crate::cargo::{self, Profile};
use crate::services::Service;
use crate::trial::Trial;
use crate::{files, packages, process};

/// The bugs that can be planted, in binaries that are built for that alone.
const PLANTED: &str = "consumer/planted-bugs,write-api/planted-bugs,read-api/planted-bugs";

#[derive(clap::Args, Clone)]
pub struct Args {
    /// The stack's name
    #[arg(long, default_value = "faults")]
    name: String,
    /// How many orders
    #[arg(long, default_value_t = 3_000)]
    orders: u64,
    /// Decides what goes wrong; printed, and the same seed does the same again
    #[arg(long)]
    seed: Option<u64>,
    /// For how long
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// At most so many faults, with peace between them; otherwise one follows another
    #[arg(long, conflicts_with_all = ["plant", "failovers"])]
    faults: Option<u32>,
    /// Nothing but failovers of the primary, so many, under load
    #[arg(long, conflicts_with_all = ["minutes", "plant", "orders"])]
    failovers: Option<u32>,
    /// At most so many orders a second; by default they are spread over the minutes
    #[arg(long)]
    rate: Option<f64>,
    /// How many of all orders come in batches of 20; by default a fifth
    #[arg(long)]
    batches: Option<f64>,
    /// Plant this bug: the campaign must fail
    #[arg(long)]
    plant: Option<String>,
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

impl Args {
    /// The campaign that is part of the tests: two minutes of everything.
    pub fn short(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            orders: 2_000,
            // What decides whether a change may land is not drawn by lot; other seeds are run by hand.
            seed: Some(21),
            minutes: 2.0,
            faults: None,
            failovers: None,
            rate: None,
            batches: None,
            plant: None,
            no_build: true,
            release: false,
            keep: false,
        }
    }

    const fn profile(&self) -> Profile {
        if self.release { Profile::Release } else { Profile::Dev }
    }
}

pub fn run(args: &Args) -> Result<()> {
    let missing = packages::missing_or_refuse()?;
    packages::install(&missing)?;
    if !args.no_build {
        process::run(&mut cargo::build_binaries(args.profile()))?;
    }
    let passed = campaign(args)?;
    match (&args.plant, passed) {
        (None, true) => Ok(()),
        (None, false) => bail!("the campaign failed; its files are kept"),
        (Some(bug), false) => {
            println!("the planted bug `{bug}` was caught");
            Ok(())
        }
        (Some(bug), true) => bail!("the planted bug `{bug}` was NOT caught"),
    }
}

/// Whether the campaign is valid and found nothing. Everything it started has ended when this returns.
pub fn campaign(args: &Args) -> Result<bool> {
    let binaries = cargo::binaries(args.profile())?;
    let planted = args.plant.as_ref().map(|_| planted_binaries(args)).transpose()?;
    let seed = args.seed.unwrap_or_else(a_seed);
    println!("seed {seed}; `cargo xtask faults --seed {seed}` does the same again");
    let trial = Trial::new(&args.name, "campaign")?;
    let ready = |services: &mut Vec<Service>| {
        torment_ready(services, planted.as_deref(), args.plant.as_deref());
    };
    let start = |trial: &Trial, services: &[Service]| {
        start_campaign(args, seed, &binaries, trial, services)
    };
    let passed = trial.run(&binaries, ready, start)?;
    println!("history, report, plan: {}", trial.folder().display());
    if args.keep {
        let of_faults = || format!("faults-{}-seed-{seed}", args.orders);
        let name = args.failovers.map_or_else(of_faults, |_| format!("failovers-seed-{seed}"));
        trial.keep_report(&name)?;
    }
    Ok(passed)
}

pub fn a_seed() -> u64 {
    let since = files::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_nanos()) + since.as_secs() % 1_000
}

/// Built beside the others, under the same names, and then put into a folder of their own.
fn planted_binaries(args: &Args) -> Result<PathBuf> {
    let binaries = cargo::binaries(args.profile())?;
    let folder = binaries.join("planted");
    if args.no_build && folder.exists() {
        return Ok(folder);
    }
    process::run(cargo::build_binaries(args.profile()).args(["--features", PLANTED]))?;
    fs::create_dir_all(&folder)?;
    for program in ["consumer", "write-api", "read-api"] {
        fs::copy(binaries.join(program), folder.join(program))?;
    }
    // The ordinary ones lie there again, before anybody takes the others for them.
    process::run(&mut cargo::build_binaries(args.profile()))?;
    Ok(folder)
}

/// Quotas and a pace are for customers, and a lease that is shorter than a freeze is one that is lost.
pub fn torment_ready(services: &mut [Service], planted: Option<&Path>, bug: Option<&str>) {
    for Service { launch, .. } in services {
        let settings = [
            ("MES__QUOTAS__REQUESTS_PER_SECOND", "100000"),
            ("MES__QUOTAS__BURST", "100000"),
            ("MES__PACE__ORDERS_PER_SECOND", "100000"),
            ("MES__PRICER__PARTNER_PAUSE_MS", "0"),
            ("MES__PRICER__LEASE_SECONDS", "5"),
            ("MES__TELEMETRY__LOG", "warn"),
        ];
        launch.env.extend(settings.map(|(key, value)| (key.to_owned(), value.to_owned())));
        if let (Some(folder), Some(name)) = (planted, launch.program.file_name()) {
            launch.program = folder.join(name);
            launch.env.extend(bug.map(|bug| ("MES_PLANTED_BUG".to_owned(), bug.to_owned())));
        }
    }
}

fn start_campaign(
    args: &Args,
    seed: u64,
    binaries: &Path,
    trial: &Trial,
    services: &[Service],
) -> Result<Child> {
    let names: Vec<&str> = services.iter().map(|service| &*service.launch.name).collect();
    let mut command = trial.program(binaries, "faults");
    command.args(["--services", &names.join(","), "--seed", &seed.to_string()]);
    command.args(["--orders", &args.orders.to_string(), "--minutes", &args.minutes.to_string()]);
    for (name, count) in [("--faults", args.faults), ("--failovers", args.failovers)] {
        command.args(count.map(|count| [name.to_owned(), count.to_string()]).iter().flatten());
    }
    for (name, number) in [("--rate", args.rate), ("--batches", args.batches)] {
        command.args(number.map(|number| [name.to_owned(), number.to_string()]).iter().flatten());
    }
    if let Some(bug) = &args.plant {
        // A bug is caught just as well by what it leaves undone; nobody has to wait for it for long.
        command.args(["--planted", bug, "--rest", "20"]);
    }
    process::start(&mut command)
}
