//! `cargo xtask`: the front door. One file per subcommand; `cargo xtask help` lists them.

mod backup;
mod cargo;
mod check;
mod cluster;
mod dashboard;
mod documents;
mod down;
mod env;
mod faults;
mod files;
mod home;
mod http;
mod interrupt;
mod lock;
mod migrate;
mod mutants;
mod outages;
mod packages;
mod ports;
mod process;
mod rebuild;
mod restore;
mod sabotage;
mod secrets;
mod seed;
mod serve;
mod servers;
mod services;
mod sqlx_data;
mod stack;
mod supervisor;
mod test;
mod test_servers;
mod tokens;
mod trial;
mod up;

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
    /// Build and start everything: servers, services, demo data, simulator, dashboard
    Up(up::Args),
    /// Stop a running stack and remove its data
    Down(down::Args),
    /// Print every address, credential and sample token of a running stack
    Env(env::Args),
    /// Run every test, on servers of their own
    Test(test::Args),
    /// Torment a stack of its own with faults and check that nothing was lost
    Faults(faults::Args),
    /// Make away with orders in many ways, and see whether the system finds and heals each
    Sabotage(sabotage::Args),
    /// Measure what an outage or too much load costs those who ask, on a stack of its own
    Outages(outages::Args),
    /// Change the code that nothing may be lost in, bit by bit, and see whether tests notice
    Mutants(mutants::Args),
    /// Replace the PostgreSQL primary of a running stack by one of its standbys
    Failover(cluster::Args),
    /// Begin or go on to archive the log of a running stack, with a base backup
    Backup(backup::Args),
    /// Bring a stack back to what its database was at a moment, from a base backup and the archived log
    Restore(restore::Args),
    /// Fill the read model of a running stack anew from the log, beside the live one, and switch
    Rebuild(rebuild::Args),
    /// Check everything that does not need a running system: style, wall, migrations, documents
    Check(check::Args),
    /// Bring the schema of a running stack up to date
    Migrate(migrate::Args),
    /// Write `.sqlx/`, the data of the checked queries
    Sqlx,
    /// Write `docs/api/`, the documents of the APIs
    Docs,
    /// Start only the servers that tests need, and keep them until Ctrl-C
    Servers(serve::Args),
    /// Install the Debian packages that are missing (as root)
    Packages,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = interrupt::listen().and_then(|()| match cli.command {
        Command::Up(args) => up::run(&args),
        Command::Down(args) => down::run(&args),
        Command::Env(args) => env::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Faults(args) => faults::run(&args),
        Command::Sabotage(args) => sabotage::run(&args),
        Command::Outages(args) => outages::run(&args),
        Command::Mutants(args) => mutants::run(&args),
        Command::Failover(args) => cluster::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => restore::run(args),
        Command::Rebuild(args) => rebuild::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Migrate(args) => migrate::run(&args),
        Command::Sqlx => sqlx_data::run(),
        Command::Docs => documents::run(),
        Command::Servers(args) => serve::run(&args),
        Command::Packages => packages::ensure(),
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
