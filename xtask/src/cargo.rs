//! Calling cargo: one profile and one set of features for everything, so that 2 cores build once.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{home, process};

/// Cargo in the checkout, without a database to ask: checked queries come from `.sqlx/`.
pub fn command() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(home::checkout());
    command.env("SQLX_OFFLINE", "true").env_remove("DATABASE_URL").env_remove("SQLX_OFFLINE_DIR");
    // Set by the `cargo run` that started us; they describe xtask, not what is built now.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_")) {
            command.env_remove(name);
        }
    }
    command
}

/// How much work the compiler puts into a binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Built fast; what everything but a measurement uses.
    Dev,
    /// Runs fast.
    Release,
}

/// Every binary of the workspace. Always the whole workspace: a single package would be built
/// with fewer features of its dependencies, and everything would be built again.
pub fn build_binaries(profile: Profile) -> Command {
    let mut command = command();
    command.args(["build", "--workspace", "--bins"]);
    if profile == Profile::Release {
        command.arg("--release");
    }
    command
}

pub fn metadata() -> Result<Value> {
    let mut command = command();
    command.args(["metadata", "--format-version", "1"]);
    serde_json::from_str(&process::output(&mut command)?).context("cargo metadata is not JSON")
}

/// The folder where binaries of a profile lie.
pub fn binaries(profile: Profile) -> Result<PathBuf> {
    let mut command = command();
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&process::output(&mut command)?)?;
    let target = metadata["target_directory"].as_str().context("cargo names no target folder")?;
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    };
    Ok(PathBuf::from(target).join(folder))
}
