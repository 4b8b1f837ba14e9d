//! The roles of this program, and how each is started: the table of contents of a running consumer.

use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context;
use clap::ValueEnum;
use secrecy::ExposeSecret;
use shared::clock::SystemClock;
use shared::ids::TimeOrderedIds;
use shared::platform::database;
use shared::platform::shutdown::Shutdown;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::Notify;
use write_api::object_storage;
use write_api::store::Store;

use crate::announcer::Announcer;
use crate::config::Config;
use crate::delivery::Broker;
use crate::follower::LogAccess;
use crate::intake::Intake;
use crate::pricer::{Pricer, wake_ups};
use crate::projections::ReadModel;
use crate::projector::Projector;
use crate::rebuild;
use crate::relay::Relay;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Turns messages into commands.
    Intake,
    /// Publishes the log to RabbitMQ.
    Relay,
    /// Fills the read model from the log.
    Projector,
    /// Prices submitted orders.
    Pricer,
    /// All of these in one process.
    All,
    /// Makes the read model anew from the log, beside the live one, and ends.
    Rebuild,
}

impl Role {
    /// As on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Relay => "relay",
            Self::Projector => "projector",
            Self::Pricer => "pricer",
            Self::All => "all",
            Self::Rebuild => "rebuild",
        }
    }

    /// As in logs and metrics.
    pub const fn process_name(self) -> &'static str {
        match self {
            Self::Intake => "consumer-intake",
            Self::Relay => "consumer-relay",
            Self::Projector => "consumer-projector",
            Self::Pricer => "consumer-pricer",
            Self::All => "consumer-all",
            Self::Rebuild => "consumer-rebuild",
        }
    }

    /// Rebuilding ends by itself, and is nothing that a process does beside the others.
    fn includes(self, other: Self) -> bool {
        self == other || self == Self::All
    }
}

/// Starts the tasks of a role; they end with the soft stop.
///
/// # Errors
/// When the configuration cannot be used. A server that is away is no error: the tasks wait for it.
pub fn start(
    role: Role,
    config: &Config,
    pool: &PgPool,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    if role.includes(Role::Intake) {
        start_intake(config, pool, shutdown)?;
    }
    if role.includes(Role::Relay) {
        start_relay(config, shutdown)?;
    }
    if role.includes(Role::Projector) {
        start_projector(config, shutdown)?;
    }
    if role.includes(Role::Pricer) {
        start_pricer(config, pool, shutdown)?;
    }
    Ok(())
}

fn start_intake(config: &Config, pool: &PgPool, shutdown: &Shutdown) -> anyhow::Result<()> {
    let store = Store::new(pool.clone(), Arc::new(SystemClock), Arc::new(TimeOrderedIds));
    let broker = Broker::new(&config.rabbitmq, "intake")?;
    Intake::new(store, broker, config.intake.clone()).run(shutdown);
    Ok(())
}

fn start_relay(config: &Config, shutdown: &Shutdown) -> anyhow::Result<()> {
    let broker = Broker::new(&config.rabbitmq, "relay")?;
    let access = log_access(config, "relay", config.relay.batch)?;
    Relay::new(access, broker, config.relay.clone()).run(shutdown);
    Ok(())
}

fn start_projector(config: &Config, shutdown: &Shutdown) -> anyhow::Result<()> {
    let access = log_access(config, "projector", config.projector.batch)?;
    let announcer = announcer(config)?;
    let projector = Projector::new(&access, config.projector.clone(), announcer);
    shutdown.spawn(projector.run(shutdown.soft().clone()));
    Ok(())
}

fn start_pricer(config: &Config, pool: &PgPool, shutdown: &Shutdown) -> anyhow::Result<()> {
    let store = Store::new(pool.clone(), Arc::new(SystemClock), Arc::new(TimeOrderedIds));
    let models = object_storage::open(&config.models.url)?;
    let pricer = Pricer::new(store, models, config.pricer.clone());
    let wake = Arc::new(Notify::new());
    wake_ups::listen(&Broker::new(&config.rabbitmq, "pricer")?, shutdown, &wake);
    pricer.run(shutdown, &wake);
    Ok(())
}

/// Rebuilds the read model, once.
///
/// # Errors
/// When it cannot be done; the live read model is then as it was.
pub async fn rebuild(config: &Config, shutdown: &Shutdown) -> anyhow::Result<()> {
    let pool = database::pool(&config.database, Role::Rebuild.as_str())?;
    migrations::ensure_current(&pool).await?;
    let access = log_access(config, Role::Rebuild.as_str(), config.projector.batch)?;
    let rebuild = rebuild::run::<ReadModel>(&access);
    shutdown.soft().run_until_cancelled(rebuild).await.context("stopped before it was done")??;
    Ok(())
}

/// Followers connect outside the pool: their connection is their lead.
fn log_access(config: &Config, name: &str, batch: u32) -> anyhow::Result<LogAccess> {
    let url = config.database.url.expose_secret();
    let options = PgConnectOptions::from_str(url).context("`database.url`")?;
    Ok(LogAccess::new(&options.application_name(name), batch, Arc::new(SystemClock)))
}

fn announcer(config: &Config) -> anyhow::Result<Announcer> {
    let url = config.redis.url.expose_secret();
    if url.is_empty() {
        return Ok(Announcer::silent());
    }
    Announcer::start(url, &config.redis.key_prefix).context("`redis.url`")
}
