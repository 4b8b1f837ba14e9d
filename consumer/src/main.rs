//! Everything that happens without a request: one role per process, or all of them in one.

use clap::Parser;
use consumer::application::Application;
use consumer::config::{Config, DEFAULTS};
use consumer::roles::{self, Role};
use shared::platform::config::{self, ConfigArgs};
use shared::platform::process;

#[derive(Parser)]
#[command(about = "Follows the log and the queues, one role per process")]
struct Arguments {
    /// What this process does.
    #[arg(required_unless_present = "asyncapi")]
    role: Option<Role>,
    #[command(flatten)]
    config: ConfigArgs,
    /// Prints the AsyncAPI document and exits.
    #[arg(long)]
    asyncapi: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let Some(role) = arguments.role.filter(|_| !arguments.asyncapi) else {
        println!("{:#}", shared::contracts::asyncapi::asyncapi());
        return Ok(());
    };
    let settings: Config = config::load(DEFAULTS, &arguments.config)?;
    if arguments.config.check_config {
        print!("{}", config::effective(&settings));
        return Ok(());
    }
    process::run(role.process_name(), &settings.telemetry, async |shutdown| {
        if role == Role::Rebuild {
            return roles::rebuild(&settings, &shutdown).await;
        }
        let application = Application::build(settings.clone(), role, shutdown).await?;
        tracing::info!(address = %application.address(), "the consumer works");
        application.run().await
    })
    .await
}
