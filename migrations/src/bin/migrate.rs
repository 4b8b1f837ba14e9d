//! Brings a database's schema up to date, or says what is missing. For operators and deploy jobs.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use migrations::{Progress, RolePasswords};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, PgPool};

#[derive(Parser)]
#[command(name = "migrate", version, about = "Applies the MES's schema to PostgreSQL")]
struct Cli {
    /// The database, as its owner. Prefer the variable: arguments are visible to other users.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Apply what is pending.
    Apply,
    /// List what is pending; exit code 2 when something is.
    Status,
    /// Print the SQL of what is pending, for a DBA to read.
    Plan,
    /// Create the cluster's roles (once, before the first `apply`), and set their passwords.
    Roles(RolesArgs),
}

#[derive(Args)]
struct RolesArgs {
    /// The environment variable that holds the password of mes_write.
    #[arg(long = "write-password-env", value_name = "VARIABLE")]
    write: Option<String>,
    /// The environment variable that holds the password of mes_consumer.
    #[arg(long = "consumer-password-env", value_name = "VARIABLE")]
    consumer: Option<String>,
    /// The environment variable that holds the password of mes_read.
    #[arg(long = "read-password-env", value_name = "VARIABLE")]
    read: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    // Fails only when a provider is there already, which serves as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = Cli::parse();
    match cli.command {
        Command::Apply => apply(&cli.database_url).await,
        Command::Status => status(&cli.database_url).await,
        Command::Plan => plan(&cli.database_url).await,
        Command::Roles(args) => roles(&cli.database_url, &args).await,
    }
}

async fn apply(url: &str) -> anyhow::Result<ExitCode> {
    let mut connection = connect(url).await?;
    let mut applied = 0;
    migrations::apply_reporting(&mut connection, &mut |progress| match progress {
        Progress::Applied(migration) => {
            applied += 1;
            println!(
                "applied {} {} in {:.0?}",
                migration.version, migration.description, migration.took
            );
        }
        Progress::WaitingForLock { version, attempt } => {
            println!("{version} waits for a lock (attempt {attempt}); trying again");
        }
        Progress::WaitingForOtherMigrator => println!("another migrator is at work; waiting"),
    })
    .await?;
    println!("the schema is current ({applied} applied)");
    Ok(ExitCode::SUCCESS)
}

async fn status(url: &str) -> anyhow::Result<ExitCode> {
    let pending = migrations::pending(&pool(url).await?).await?;
    let invalid = migrations::invalid_indexes(&mut connect(url).await?).await?;
    for index in &invalid {
        println!("invalid index {index}: drop it and apply again");
    }
    for migration in &pending {
        println!("pending {migration}");
    }
    if pending.is_empty() && invalid.is_empty() {
        println!("the schema is current");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::from(2))
}

async fn plan(url: &str) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    for migration in migrations::pending(&pool(url).await?).await? {
        writeln!(out, "-- {migration}\n{}\n", migration.sql.trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn roles(url: &str, args: &RolesArgs) -> anyhow::Result<ExitCode> {
    let passwords = RolePasswords {
        write: password(args.write.as_deref())?,
        consumer: password(args.consumer.as_deref())?,
        read: password(args.read.as_deref())?,
    };
    migrations::create_roles(&mut connect(url).await?, &passwords).await?;
    println!("the roles mes_write, mes_consumer and mes_read are there");
    Ok(ExitCode::SUCCESS)
}

fn password(variable: Option<&str>) -> anyhow::Result<Option<String>> {
    variable
        .map(|name| std::env::var(name).with_context(|| format!("the variable {name} is not set")))
        .transpose()
}

async fn connect(url: &str) -> anyhow::Result<PgConnection> {
    tokio::time::timeout(Duration::from_secs(10), PgConnection::connect(url))
        .await
        .context("the database did not answer within 10 s")?
        .context("cannot connect to the database")
}

async fn pool(url: &str) -> anyhow::Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(10))
        .connect(url)
        .await
        .context("cannot connect to the database")
}
