//! `cargo xtask outages`: each scenario of `bench`'s outages on a stack of its own, which this program keeps running as it
//! does for `faults`; the two talk by files in `.mes/<name>/<scenario>-scenario/`.

use std::path::Path;
use std::process::Child;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::cargo::{self, Profile};
use crate::faults::torment_ready;
use crate::services::Service;
use crate::trial::Trial;
use crate::{packages, process};

#[derive(clap::Args, Clone)]
pub struct Args {
    /// The stack's name
    #[arg(long, default_value = "outages")]
    name: String,
    /// What happens; everything unless said
    #[arg(long, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// How long the broker is away
    #[arg(long)]
    minutes: Option<f64>,
    /// Orders a second while the broker is away
    #[arg(long)]
    rate: Option<f64>,
    /// Screens a second while Redis or replicas are away
    #[arg(long)]
    reads: Option<f64>,
    /// How long each fault and each measurement lasts
    #[arg(long)]
    seconds: Option<f64>,
    /// Use the binaries as they lie there
    #[arg(long)]
    no_build: bool,
    /// Optimised binaries, as in production
    #[arg(long)]
    release: bool,
    /// Keep the reports in `bench/results/`
    #[arg(long)]
    keep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
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

impl Scenario {
    const ALL: [Self; 4] = [Self::Broker, Self::Redis, Self::Replicas, Self::Overload];

    const fn name(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Redis => "redis",
            Self::Replicas => "replicas",
            Self::Overload => "overload",
        }
    }
}

pub fn run(args: &Args) -> Result<()> {
    let missing = packages::missing_or_refuse()?;
    packages::install(&missing)?;
    let profile = if args.release { Profile::Release } else { Profile::Dev };
    if !args.no_build {
        process::run(&mut cargo::build_binaries(profile))?;
    }
    let binaries = cargo::binaries(profile)?;
    let chosen = if args.only.is_empty() { Scenario::ALL.to_vec() } else { args.only.clone() };
    let mut missed = Vec::new();
    for scenario in chosen {
        if !stage(args, scenario, &binaries)? {
            missed.push(scenario.name());
        }
    }
    if missed.is_empty() { Ok(()) } else { bail!("bounds were missed: {}", missed.join(", ")) }
}

/// One scenario; answers whether it kept its bounds. Everything it started has ended when this returns.
fn stage(args: &Args, scenario: Scenario, binaries: &Path) -> Result<bool> {
    // The name alone is the folder of a server's data, which goes when the stack does.
    let trial = Trial::new(&args.name, &format!("{}-scenario", scenario.name()))?;
    let ready = |services: &mut Vec<Service>| torment_ready(services, None, None);
    let kept = trial.run(binaries, ready, |trial, _| start(args, scenario, binaries, trial))?;
    println!("report: {}", trial.folder().display());
    if args.keep {
        let build = if args.release { "release" } else { "debug" };
        trial.keep_report(&format!("outages-{}-{build}", scenario.name()))?;
    }
    Ok(kept)
}

fn start(args: &Args, scenario: Scenario, binaries: &Path, trial: &Trial) -> Result<Child> {
    let mut command = trial.program(binaries, "outages");
    command.args(["--scenario", scenario.name()]);
    let numbers = [
        ("--minutes", args.minutes),
        ("--rate", args.rate),
        ("--reads", args.reads),
        ("--seconds", args.seconds),
    ];
    for (name, number) in numbers {
        command.args(number.map(|number| [name.to_owned(), number.to_string()]).iter().flatten());
    }
    process::start(&mut command)
}
