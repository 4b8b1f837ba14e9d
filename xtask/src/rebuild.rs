//! `cargo xtask rebuild`: fills the read model of a running stack anew.

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
    /// Use the binaries as they lie there
    #[arg(long)]
    no_build: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let home = Home::of(&args.name)?;
    if lock::holder(&home)?.is_none() {
        bail!("no stack `{}` is running", args.name);
    }
    let stack = Stack::read(&home)?.context("the stack is still starting; try again")?;
    if !args.no_build {
        process::run(&mut cargo::build_binaries(Profile::Dev))?;
    }
    let mut consumer = Command::new(cargo::binaries(Profile::Dev)?.join("consumer"));
    consumer.arg("rebuild").env("MES__DATABASE__URL", &stack.postgres["mes_consumer"]);
    process::run(&mut consumer)
}
