//! The write API: commands over REST. It needs the primary and, for models, the object store; no broker, no cache.

use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use shared::platform::config::{self, ConfigArgs};
use shared::platform::shutdown::Shutdown;
use shared::platform::telemetry;
use write_api::application::Application;
use write_api::config::{Config, DEFAULTS};
use write_api::openapi;

const GRACE: Duration = Duration::from_secs(10);

#[derive(Parser)]
#[command(about = "Commands over REST: the only place where an order changes")]
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
    let settings: Config = config::load(DEFAULTS, &arguments.config)?;
    if arguments.config.check_config {
        print!("{}", config::effective(&settings));
        return Ok(());
    }
    let telemetry = telemetry::init("write-api", &settings.telemetry)?;
    let served = serve(&settings).await;
    tokio::task::spawn_blocking(|| telemetry.shutdown()).await?;
    served
}

async fn serve(settings: &Config) -> anyhow::Result<()> {
    let shutdown = Shutdown::new();
    shutdown.listen_to_signals()?;
    let application = Application::build(settings, shutdown.clone()).await?;
    tracing::info!(address = %application.address(), "the write API listens");
    application.run().await.context("the server")?;
    shutdown.stop();
    shutdown.drain(GRACE).await;
    Ok(())
}
