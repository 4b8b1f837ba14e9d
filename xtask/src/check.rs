//! `cargo xtask check`: everything that can be said about the code without running the system.
//! Every step runs, even when an earlier one has failed, so that one run tells everything.

mod links;
mod migrations;
mod planted;
mod wall;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{cargo, dashboard, documents, interrupt, process, sqlx_data};

#[derive(clap::Args)]
pub struct Args {
    /// Run one step alone
    #[arg(long, value_parser = STEPS.map(|(name, _)| name))]
    only: Option<String>,
}

type Step = fn() -> Result<()>;

/// The table of contents; what is quick comes first.
const STEPS: [(&str, Step); 9] = [
    ("format", format),
    ("wall", wall::check),
    ("planted", planted::check),
    ("migrations", migrations::check),
    ("links", links::check),
    ("dashboard", dashboard_checks),
    // Before everything that compiles: stale data would only show as puzzling errors there.
    ("sqlx", sqlx_data::check),
    ("clippy", clippy),
    ("documents", documents::check),
];

pub fn run(args: &Args) -> Result<()> {
    // The sqlx step starts a server.
    crate::packages::ensure()?;
    let mut failed = Vec::new();
    let mut lines = Vec::new();
    for (name, step) in
        STEPS.iter().filter(|(name, _)| args.only.as_ref().is_none_or(|only| only == name))
    {
        println!("── {name}");
        let begun = Instant::now();
        let result = step();
        interrupt::check()?;
        if let Err(error) = &result {
            println!("{error:#}");
            failed.push(*name);
        }
        let line = line(name, result.is_ok(), begun.elapsed());
        println!("{line}\n");
        lines.push(line);
    }
    println!("{}", lines.join("\n"));
    if failed.is_empty() {
        return Ok(());
    }
    bail!("failed: {}; `cargo xtask check --only <step>` runs one again", failed.join(", "))
}

fn line(name: &str, good: bool, took: Duration) -> String {
    let result = if good { "ok" } else { "FAILED" };
    format!("{name:12} {result:7} {:.1} s", took.as_secs_f32())
}

fn format() -> Result<()> {
    process::run(cargo::command().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    let mut clippy = cargo::command();
    clippy.args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]);
    process::run(&mut clippy)
}

fn dashboard_checks() -> Result<()> {
    dashboard::install()?;
    process::run(&mut dashboard::npm(&["run", "--silent", "check"]))
}
