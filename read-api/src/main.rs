//! The read API: the board, cards and timelines from replicas, live updates, and the dashboard's files.

use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use read_api::application::Application;
use read_api::config::Config;
use read_api::openapi;
use shared::platform::config::{self, ConfigArgs};
use shared::platform::shutdown::Shutdown;
use shared::platform::telemetry;

const GRACE: Duration = Duration::from_secs(10);

#[derive(Parser)]
#[command(about = "Questions over REST, answered from replicas; live updates; the dashboard")]
struct Arguments {
    #[command(flatten)]
    config: ConfigArgs,
    /// Prints the OpenAPI document and exits.
    #[arg(long)]
    openapi: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.openapi {
        println!("{}", openapi::document().to_pretty_json()?);
        return Ok(());
    }
    let settings = Config::load(&arguments.config)?;
    if arguments.config.check_config {
        print!("{}", config::effective(&settings));
        return Ok(());
    }
    let telemetry = telemetry::init("read-api", &settings.telemetry)?;
    let served = serve(&settings).await;
    tokio::task::spawn_blocking(|| telemetry.shutdown()).await?;
    served
}

async fn serve(settings: &Config) -> anyhow::Result<()> {
    let shutdown = Shutdown::new();
    shutdown.listen_to_signals()?;
    let application = Application::build(settings, shutdown.clone()).await?;
    tracing::info!(address = %application.address(), "the read API listens");
    application.run().await.context("the server")?;
    shutdown.stop();
    shutdown.drain(GRACE).await;
    Ok(())
}
