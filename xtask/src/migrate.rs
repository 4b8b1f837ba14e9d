//! `cargo xtask migrate`: brings the schema of a running stack up to date.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo::{self, Profile};
use crate::home::Home;
use crate::stack::Stack;
use crate::{lock, process};

#[derive(clap::Args)]
pub struct Args {
    /// The stack's name
    #[arg(long, default_value = "main")]
    name: String,
    /// What to do
    #[arg(value_parser = ["apply", "status", "plan"], default_value = "apply")]
    verb: String,
}

pub fn run(args: &Args) -> Result<()> {
    let home = Home::of(&args.name)?;
    if lock::holder(&home)?.is_none() {
        bail!("no stack `{}` is running; `cargo xtask up` migrates by itself", args.name);
    }
    let stack = Stack::read(&home)?.context("the stack is still starting; try again")?;
    process::run(&mut cargo::build_binaries(Profile::Dev))?;
    let mut migrate = Command::new(cargo::binaries(Profile::Dev)?.join("migrate"));
    process::run(migrate.arg(&args.verb).env("DATABASE_URL", &stack.postgres["primary"]))
}
