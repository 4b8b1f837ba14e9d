//! `cargo xtask servers`: only the servers that tests need, until Ctrl-C. For those who run
//! `cargo nextest` again and again and want the servers to stay.

use std::fs;

use anyhow::Result;

use crate::cargo::{self, Profile};
use crate::process;
use crate::test_servers::TestServers;

#[derive(clap::Args)]
pub struct Args {
    /// The stack's name; its files lie in `.mes/<name>/`
    #[arg(long, default_value = "dev")]
    name: String,
    /// Use the binaries as they lie there
    #[arg(long)]
    no_build: bool,
}

pub fn run(args: &Args) -> Result<()> {
    if !args.no_build {
        process::run(&mut cargo::build_binaries(Profile::Dev))?;
    }
    let binaries = cargo::binaries(Profile::Dev)?;
    let mut servers = TestServers::start(&args.name)?;
    servers.prepare(&binaries)?;
    let file = servers.setup.home.root.join("test.env");
    let lines = servers.variables(&binaries).into_iter();
    let lines = lines.map(|(key, value)| format!("export {key}={value}\n"));
    let text = lines.collect::<Vec<_>>().concat();
    fs::write(&file, &text)?;
    print!("{text}");
    println!(
        "ready: `source {}`, then `cargo nextest run`; Ctrl-C ends the servers",
        file.display()
    );
    let result = servers.watch();
    fs::remove_file(&file)?;
    result
}
