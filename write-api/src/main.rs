//! The write API: commands over REST. It needs the primary and, for models, the object store; no broker, no cache.

use clap::Parser;
use mimalloc::MiMalloc;
use shared::platform::config::{self, ConfigArgs};
use shared::platform::process;
use write_api::application::Application;
use write_api::config::{Config, DEFAULTS};
use write_api::openapi;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
    process::run("write-api", &settings.telemetry, async |shutdown| {
        let application = Application::build(&settings, shutdown).await?;
        tracing::info!(address = %application.address(), "the write API listens");
        application.run().await
    })
    .await
}
