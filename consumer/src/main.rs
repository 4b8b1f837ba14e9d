//! Everything that happens without a request: one role per process, or all of them in one.

use std::cell::Cell;
use std::process::ExitCode;

use clap::Parser;
use consumer::application::Application;
use consumer::config::{Config, DEFAULTS};
use consumer::repricing::question::Question;
use consumer::roles::{self, Role};
use mimalloc::MiMalloc;
use shared::platform::config::{self, ConfigArgs};
use shared::platform::process;
use write_api::store::Lane;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[derive(Parser)]
#[command(about = "Follows the log and the queues, one role per process")]
struct Arguments {
    /// What this process does.
    #[arg(required_unless_present = "asyncapi")]
    role: Option<Role>,
    #[command(flatten)]
    question: Question,
    #[command(flatten)]
    config: ConfigArgs,
    /// Lanes that a pricer serves, such as shop-short,partner-short (`pricer.lanes`).
    #[arg(long, value_delimiter = ',', value_name = "LANE,…")]
    lanes: Option<Vec<Lane>>,
    /// Threads that a pricer measures models with; 0 is one a core (`pricer.threads`).
    #[arg(long)]
    threads: Option<usize>,
    /// Prints the AsyncAPI document and exits.
    #[arg(long)]
    asyncapi: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => return refuse(&answer),
    };
    let Some(role) = arguments.role.filter(|_| !arguments.asyncapi) else {
        println!("{:#}", shared::contracts::asyncapi::asyncapi());
        return Ok(ExitCode::SUCCESS);
    };
    arguments.question.check(role)?;
    let mut settings: Config = config::load(DEFAULTS, &arguments.config)?;
    settings.pricer.lanes = arguments.lanes.unwrap_or(settings.pricer.lanes);
    settings.pricer.threads = arguments.threads.unwrap_or(settings.pricer.threads);
    if arguments.config.check_config {
        print!("{}", config::effective(&settings));
        return Ok(ExitCode::SUCCESS);
    }
    let differs = Cell::new(false);
    process::run(role.process_name(), &settings.telemetry, async |shutdown| {
        match role {
            Role::Rebuild => return Box::pin(roles::rebuild(&settings, &shutdown)).await,
            Role::Reprice => {
                differs.set(!roles::reprice(&settings, &arguments.question).await?);
                return Ok(());
            }
            Role::WhatIf => return roles::what_if(&settings, &arguments.question).await,
            _ => {}
        }
        let application = Application::build(settings.clone(), role, shutdown).await?;
        tracing::info!(address = %application.address(), "the consumer works");
        application.run().await
    })
    .await?;
    Ok(if differs.get() { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

/// Code 2 says that prices differ, so a slip of the pen on the command line must be another one.
fn refuse(answer: &clap::Error) -> anyhow::Result<ExitCode> {
    answer.print()?;
    Ok(if answer.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
