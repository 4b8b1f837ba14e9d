//! `cargo xtask mutants`: changes one expression after another in the code on which "nothing is lost" rests, and looks
//! whether a test fails. A change that no test minds is a rule that no test holds.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::cargo::{self, Profile};
use crate::test_servers::TestServers;
use crate::{packages, process};

/// How many of the changes tests must notice.
const WANTED: f64 = 0.85;
/// The newest that builds with the compiler of `rust-toolchain.toml`.
const VERSION: &str = "27.1.0";
/// cargo-mutants: all noticed; some not; some only because the tests hung.
const JUDGED: [i32; 3] = [0, 2, 3];

#[derive(clap::Args)]
pub struct Args {
    /// Only this part: `store`, `log-reader`, `cursor` or `cache`; may be given several times
    #[arg(long, value_parser = PLACES.map(|place| place.name))]
    only: Vec<String>,
    /// Passed on to `cargo mutants`, such as `--shard 0/4`
    #[arg(last = true)]
    mutants: Vec<String>,
}

/// What is changed, and who is to notice.
struct Place {
    name: &'static str,
    package: &'static str,
    /// Whose tests are asked.
    judges: &'static [&'static str],
    files: &'static [&'static str],
    /// What is built for each change.
    targets: &'static [&'static str],
    /// Of nextest: the tests that are about this.
    tests: &'static str,
}

const PLACES: [Place; 4] = [
    Place {
        name: "store",
        package: "write-api",
        judges: &["write-api", "consumer"],
        files: &[
            "write-api/src/store.rs",
            "write-api/src/store/batch.rs",
            "write-api/src/store/causes.rs",
            "write-api/src/store/log.rs",
            "write-api/src/store/rows.rs",
            "write-api/src/store/work.rs",
        ],
        targets: &["--lib", "--test=api", "--test=flow"],
        tests: "package(write-api) or test(/intake|poison|pricer|quotes/)",
    },
    Place {
        name: "log-reader",
        package: "consumer",
        judges: &["consumer"],
        files: &["consumer/src/log_reader.rs", "consumer/src/log_reader/row.rs"],
        targets: &["--lib", "--test=flow"],
        tests: "test(/log|projector|relay/)",
    },
    Place {
        name: "cursor",
        package: "read-api",
        judges: &["read-api"],
        files: &["read-api/src/page.rs"],
        targets: &["--lib"],
        tests: "test(/page/)",
    },
    Place {
        name: "cache",
        package: "read-api",
        judges: &["read-api"],
        files: &["read-api/src/cache.rs", "read-api/src/cache/*.rs"],
        targets: &["--lib", "--test=api"],
        tests: "test(/cach|fresh/)",
    },
];

/// What `cargo mutants` counted.
#[derive(Deserialize)]
struct Outcome {
    caught: u32,
    timeout: u32,
    missed: u32,
    unviable: u32,
}

impl Outcome {
    const fn noticed(&self) -> u32 {
        self.caught + self.timeout
    }

    /// What does not compile is no change. Nothing to notice is not noticed.
    fn share(&self) -> f64 {
        f64::from(self.noticed()) / f64::from((self.noticed() + self.missed).max(1))
    }
}

pub fn run(args: &Args) -> Result<()> {
    packages::install(&packages::missing_or_refuse()?)?;
    require_mutants()?;
    process::run(&mut cargo::build_binaries(Profile::Dev))?;
    let binaries = cargo::binaries(Profile::Dev)?;
    let servers = TestServers::start("mutants")?;
    servers.prepare(&binaries)?;
    let mut told = Vec::new();
    for place in PLACES.iter().filter(|place| args.wants(place)) {
        told.push((place.name, change(place, args, &servers, &binaries)?));
    }
    println!("\n{:<12}{:>9}{:>9}{:>16}", "", "noticed", "missed", "does not build");
    for (name, outcome) in &told {
        println!(
            "{name:<12}{:>9}{:>9}{:>16}  {:.0} %",
            outcome.noticed(),
            outcome.missed,
            outcome.unviable,
            outcome.share() * 100.0
        );
    }
    if let Some((name, _)) = told.iter().find(|(_, outcome)| outcome.share() < WANTED) {
        bail!(
            "too many changes of {name} are noticed by no test: .mes/mutants/{name}/mutants.out/missed.txt"
        );
    }
    Ok(())
}

impl Args {
    fn wants(&self, place: &Place) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == place.name)
    }
}

/// A release of its own: another one makes other changes, and figures could not be compared.
fn require_mutants() -> Result<()> {
    let known = process::output(cargo::command().args(["mutants", "--version"]));
    if known.is_ok_and(|version| version.trim().ends_with(VERSION)) {
        return Ok(());
    }
    println!("installing cargo-mutants {VERSION} (once; takes minutes)");
    let package = format!("cargo-mutants@{VERSION}");
    process::run(cargo::command().args(["install", "--locked", "--force", &package]))
}

/// Changes a copy of the checkout; built beside the other builds, which stay as they are.
fn change(place: &Place, args: &Args, servers: &TestServers, binaries: &Path) -> Result<Outcome> {
    let folder = servers.setup.home.root.join(place.name);
    fs::create_dir_all(&folder)?;
    let mut mutants = cargo::command();
    mutants.args(["mutants", "--package", place.package, "--test-tool", "nextest", "--no-shuffle"]);
    mutants.args(place.files.iter().flat_map(|file| ["--file", file]));
    mutants.args(place.judges.iter().map(|package| format!("--test-package={package}")));
    mutants.args(place.targets.iter().map(|target| format!("--cargo-arg={target}")));
    mutants.arg("--output").arg(&folder).args(&args.mutants);
    mutants.args(["--", "--fail-fast", "-E", place.tests]);
    mutants.envs(servers.variables(binaries));
    let target = binaries.parent().context("binaries lie in no folder")?.join("mutants");
    mutants.env("CARGO_TARGET_DIR", target);
    let status = process::wait(process::start(&mut mutants)?)?;
    if !status.code().is_some_and(|code| JUDGED.contains(&code)) {
        bail!("cargo mutants: {status}; see {}", folder.join("mutants.out/log").display());
    }
    let outcomes = fs::read_to_string(folder.join("mutants.out/outcomes.json"));
    let text = outcomes.context("no change was made: is the shard behind the last?")?;
    Ok(serde_json::from_str(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home;

    #[test]
    fn what_hangs_the_tests_is_noticed_and_what_does_not_build_is_no_change() {
        let outcome = Outcome { caught: 6, timeout: 2, missed: 2, unviable: 90 };
        assert_eq!(outcome.noticed(), 8);
        assert!((outcome.share() - 0.8).abs() < 1e-9);
    }

    #[test]
    fn a_part_without_changes_is_not_well_tested() {
        let outcome = Outcome { caught: 0, timeout: 0, missed: 0, unviable: 0 };
        assert!(outcome.share() < WANTED);
    }

    #[test]
    fn every_file_that_is_changed_is_there() {
        for file in PLACES.iter().flat_map(|place| place.files).filter(|file| !file.contains('*')) {
            assert!(home::checkout().join(file).is_file(), "{file}");
        }
    }
}
