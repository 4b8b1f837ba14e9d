//! The read API: the board, cards and timelines from replicas, live updates, and the dashboard's files.

use clap::Parser;
use mimalloc::MiMalloc;
use read_api::application::Application;
use read_api::config::Config;
use read_api::openapi;
use shared::platform::config::{self, ConfigArgs};
use shared::platform::process;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
    process::run("read-api", &settings.telemetry, async |shutdown| {
        let application = Application::build(&settings, shutdown).await?;
        tracing::info!(address = %application.address(), "the read API listens");
        application.run().await
    })
    .await
}
