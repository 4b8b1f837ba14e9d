//! `cargo xtask test`: every Rust test and the dashboard's, on servers of their own, and a short campaign of faults.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Instant;

use anyhow::{Result, bail};

use crate::cargo::{self, Profile};
use crate::test_servers::TestServers;
use crate::{dashboard, faults, home, packages, process};

#[derive(clap::Args)]
pub struct Args {
    /// Passed on to `cargo nextest run`; with any, the dashboard's tests are left out
    #[arg(last = true)]
    nextest: Vec<String>,
}

pub fn run(args: &Args) -> Result<()> {
    let begun = Instant::now();
    let missing = packages::missing_or_refuse()?;
    require_nextest()?;
    home::sweep("test-")?;
    let build = process::start(&mut cargo::build_binaries(Profile::Dev))?;
    let name = format!("test-{}", std::process::id());
    let started = packages::install(&missing).and_then(|()| TestServers::start(&name));
    let servers = match started {
        Ok(servers) => servers,
        Err(error) => return process::end(build).and(Err(error)),
    };
    process::finish(build, "cargo build --workspace --bins")?;
    let binaries = cargo::binaries(Profile::Dev)?;
    servers.prepare(&binaries)?;
    let rust = rust_tests(args, &servers, &binaries);
    let home = servers.setup.home.clone();
    drop(servers);
    let rust = rust?;
    let dashboard = if args.nextest.is_empty() { Some(dashboard_tests()?) } else { None };
    let unharmed = !args.nextest.is_empty() || short_campaign()?;
    let passed = rust.passed && dashboard.as_ref().is_none_or(|outcome| outcome.passed) && unharmed;
    // The logs of the servers are for those who must find out why.
    if passed {
        home.remove()?;
    }
    summary(&rust, dashboard.as_ref(), begun);
    if passed {
        return Ok(());
    }
    bail!("tests failed; logs of the servers: {}", home.root.join("logs").display())
}

struct Outcome {
    passed: bool,
    count: String,
}

/// nextest runs each test in a process of its own and tells which one hangs.
fn require_nextest() -> Result<()> {
    if process::output(cargo::command().args(["nextest", "--version"])).is_ok() {
        return Ok(());
    }
    println!("installing cargo-nextest (once; takes minutes)");
    process::run(cargo::command().args(["install", "--locked", "cargo-nextest"]))
}

fn rust_tests(args: &Args, servers: &TestServers, binaries: &Path) -> Result<Outcome> {
    // A report of our own: another nextest in this checkout would write over a common one.
    let folder = &servers.setup.home.root;
    let report = folder.join("junit.xml");
    let configuration = folder.join("nextest.toml");
    fs::write(&configuration, format!("[profile.default.junit]\npath = '{}'\n", report.display()))?;
    let mut nextest = cargo::command();
    nextest.args(["nextest", "run", "--workspace", "--tool-config-file"]);
    nextest.arg(format!("xtask:{}", configuration.display())).args(&args.nextest);
    nextest.envs(servers.variables(binaries));
    let status = process::wait(process::start(&mut nextest)?)?;
    let text = fs::read_to_string(&report).unwrap_or_default();
    Ok(Outcome { passed: status.success(), count: junit_counts(&text) })
}

fn dashboard_tests() -> Result<Outcome> {
    dashboard::install()?;
    let report = std::env::temp_dir().join(format!("mes-vitest-{}.xml", std::process::id()));
    let output = format!("--outputFile.junit={}", report.display());
    let args = ["test", "--", "--reporter=default", "--reporter=junit", &output];
    let status = run_to_end(&mut dashboard::npm(&args))?;
    let text = fs::read_to_string(&report).unwrap_or_default();
    let _ = fs::remove_file(&report);
    Ok(Outcome { passed: status.success(), count: junit_counts(&text) })
}

/// Two minutes of faults under load; its files are kept when it fails.
fn short_campaign() -> Result<bool> {
    println!("\nfaults: a short campaign on a stack of its own");
    let name = format!("test-faults-{}", std::process::id());
    let passed = faults::campaign(&faults::Args::short(&name))?;
    if passed {
        home::Home::of(&name)?.remove()?;
    }
    Ok(passed)
}

fn run_to_end(command: &mut Command) -> Result<ExitStatus> {
    process::wait(process::start(command)?)
}

fn summary(rust: &Outcome, dashboard: Option<&Outcome>, begun: Instant) {
    let dashboard = dashboard.map_or("not run".to_owned(), |outcome| outcome.count.clone());
    let seconds = begun.elapsed().as_secs_f32();
    println!("\nRust: {}; dashboard: {dashboard}; {seconds:.0} s", rust.count);
}

/// The counts of a JUnit report, from the attributes of its outermost element.
fn junit_counts(report: &str) -> String {
    let attribute = |name: &str| {
        let element = report.split("<testsuites").nth(1)?.split('>').next()?;
        let value = element.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
        value.parse::<u32>().ok()
    };
    let Some(tests) = attribute("tests") else { return "no test has run".to_owned() };
    let bad = attribute("failures").unwrap_or(0) + attribute("errors").unwrap_or(0);
    format!("{} of {tests} tests passed", tests.saturating_sub(bad))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_from_the_outermost_element() {
        let report = r#"<?xml version="1.0"?>
            <testsuites name="run" tests="12" failures="2" errors="1" time="3.1">
            <testsuite name="a" tests="5" failures="0"></testsuite></testsuites>"#;
        assert_eq!(junit_counts(report), "9 of 12 tests passed");
    }

    #[test]
    fn no_report_means_that_nothing_ran() {
        assert_eq!(junit_counts(""), "no test has run");
    }
}
