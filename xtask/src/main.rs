//! `cargo xtask`: the front door. One file per subcommand; `cargo xtask help` lists them.

mod cargo;
mod files;
mod home;
mod http;
mod interrupt;
mod ports;
mod process;
mod secrets;
mod serve;
mod servers;
mod test_servers;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, starts, tests and checks the whole system")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start only the servers that tests need, and keep them until Ctrl-C (for `cargo nextest`)
    Servers(serve::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = interrupt::listen().and_then(|()| match cli.command {
        Command::Servers(args) => serve::run(&args),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if interrupt::requested() => ExitCode::from(130),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
