//! The roles of this program, and how each is started: the table of contents of a running consumer.

use std::sync::Arc;

use anyhow::Context;
use clap::ValueEnum;
use secrecy::ExposeSecret;
use shared::clock::SystemClock;
use shared::ids::TimeOrderedIds;
use shared::platform::database;
use shared::platform::shutdown::Shutdown;
use sqlx::PgPool;
use tokio::sync::Notify;
use write_api::object_storage;
use write_api::store::{LOG_CHANNEL, Store};

use crate::announcer::Announcer;
use crate::config::Config;
use crate::delivery::Broker;
use crate::follower::LogAccess;
use crate::heartbeat::{self, Heartbeat};
use crate::housekeeping;
use crate::intake::Intake;
use crate::metals;
use crate::notices;
use crate::pricer::{Pricer, wake_ups};
use crate::projections::ReadModel;
use crate::projector::Projector;
use crate::rebuild;
use crate::reconciler::Reconciler;
use crate::relay::{QuoteRelay, Relay};
use crate::repricing::question::Question;
use crate::repricing::{reprice, what_if};
use crate::watchdog::{self, Watchdog, beat};
use crate::webhooks::Webhooks;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Turns messages into commands.
    Intake,
    /// Publishes the log, and what becomes of quotes, to RabbitMQ.
    Relay,
    /// Fills the read model from the log.
    Projector,
    /// Prices submitted orders.
    Pricer,
    /// Finds and heals what is lost or stuck.
    Watchdog,
    /// Sends an order of its own the whole way, every minute.
    Heartbeat,
    /// Tells partners of their orders.
    Webhooks,
    /// All of these in one process.
    All,
    /// Makes the read model anew from the log, beside the live one, and ends.
    Rebuild,
    /// Makes the price of an order again, compares, and ends: with code 2 when it differs.
    Reprice,
    /// Prices past orders by another rate card, tells what would have changed, and ends.
    WhatIf,
}

impl Role {
    /// As on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Relay => "relay",
            Self::Projector => "projector",
            Self::Pricer => "pricer",
            Self::Watchdog => "watchdog",
            Self::Heartbeat => "heartbeat",
            Self::Webhooks => "webhooks",
            Self::All => "all",
            Self::Rebuild => "rebuild",
            Self::Reprice => "reprice",
            Self::WhatIf => "what-if",
        }
    }

    /// As in logs and metrics.
    pub const fn process_name(self) -> &'static str {
        match self {
            Self::Intake => "consumer-intake",
            Self::Relay => "consumer-relay",
            Self::Projector => "consumer-projector",
            Self::Pricer => "consumer-pricer",
            Self::Watchdog => "consumer-watchdog",
            Self::Heartbeat => "consumer-heartbeat",
            Self::Webhooks => "consumer-webhooks",
            Self::All => "consumer-all",
            Self::Rebuild => "consumer-rebuild",
            Self::Reprice => "consumer-reprice",
            Self::WhatIf => "consumer-what-if",
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
    broker: &Broker,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    if role.includes(Role::Intake) {
        start_intake(config, pool, broker, shutdown);
    }
    if role.includes(Role::Relay) {
        start_relay(config, pool, broker, shutdown);
    }
    if role.includes(Role::Projector) {
        start_projector(config, pool, shutdown)?;
    }
    if role.includes(Role::Pricer) {
        start_pricer(config, pool, broker, shutdown)?;
    }
    if role.includes(Role::Watchdog) {
        start_watchdog(config, pool, shutdown);
    }
    if role.includes(Role::Heartbeat) {
        start_heartbeat(config, pool, shutdown)?;
    }
    // Whoever watches is watched by all others, and by standbys of its own.
    beat::watch(store(config, pool), shutdown);
    if role.includes(Role::Webhooks) {
        start_webhooks(config, pool, shutdown)?;
    }
    Ok(())
}

fn start_intake(config: &Config, pool: &PgPool, broker: &Broker, shutdown: &Shutdown) {
    let store = store(config, pool);
    metals::watch(store.clone(), shutdown);
    housekeeping::run(store.clone(), config.housekeeping, shutdown);
    Intake::new(store, broker.named("intake"), config.intake.clone()).run(shutdown);
}

fn store(config: &Config, pool: &PgPool) -> Store {
    let store = Store::new(pool.clone(), Arc::new(SystemClock), Arc::new(TimeOrderedIds));
    store.with_fixings(config.fixings).with_quotes_valid_for(config.quotes.valid_seconds)
}

fn start_relay(config: &Config, pool: &PgPool, broker: &Broker, shutdown: &Shutdown) {
    let broker = broker.named("relay");
    let access = log_access(pool, "relay", config.relay.batch);
    let clock = Arc::new(SystemClock);
    let news = Arc::new(Notify::new());
    notices::hear(LOG_CHANNEL, pool, shutdown, &news);
    Reconciler::new(pool.clone(), clock.clone()).run(shutdown);
    QuoteRelay::new(pool.clone(), broker.clone(), clock, &config.relay, news.clone()).run(shutdown);
    Relay::new(access, broker, config.relay.clone(), store(config, pool), news).run(shutdown);
}

fn start_projector(config: &Config, pool: &PgPool, shutdown: &Shutdown) -> anyhow::Result<()> {
    let access = log_access(pool, "projector", config.projector.batch);
    let announcer = announcer(config)?;
    let projector = Projector::new(&access, config.projector.clone(), announcer);
    shutdown.spawn(projector.run(shutdown.soft().clone()));
    Ok(())
}

fn start_pricer(
    config: &Config,
    pool: &PgPool,
    broker: &Broker,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let store = store(config, pool);
    let models = object_storage::open(&config.models.url)?;
    let pricer = Pricer::new(store, models, config.pricer.clone())?;
    let (wake, broker) = (Arc::new(Notify::new()), broker.named("pricer"));
    wake_ups::listen(&config.pricer.lanes, &broker, pool, shutdown, &wake);
    pricer.run(shutdown, &wake);
    Ok(())
}

fn start_watchdog(config: &Config, pool: &PgPool, shutdown: &Shutdown) {
    let access = log_access(pool, watchdog::NAME, watchdog::EVENTS_AT_A_TIME);
    let watchdog = Watchdog::new(access, store(config, pool), config.watchdog.clone());
    shutdown.spawn(watchdog.run(shutdown.soft().clone()));
}

fn start_heartbeat(config: &Config, pool: &PgPool, shutdown: &Shutdown) -> anyhow::Result<()> {
    let access = log_access(pool, heartbeat::NAME, 1);
    let models = object_storage::open(&config.models.url)?;
    let heartbeat = Heartbeat::new(access, store(config, pool), models, config.heartbeat.clone());
    shutdown.spawn(heartbeat.run(shutdown.soft().clone()));
    Ok(())
}

fn start_webhooks(config: &Config, pool: &PgPool, shutdown: &Shutdown) -> anyhow::Result<()> {
    let access = log_access(pool, "webhooks", config.webhooks.batch);
    let news = Arc::new(Notify::new());
    notices::hear(LOG_CHANNEL, pool, shutdown, &news);
    let webhooks = Webhooks::new(access, config.webhooks.clone()).context("the HTTP client")?;
    webhooks.run(shutdown, news);
    Ok(())
}

/// Rebuilds the read model, once.
///
/// # Errors
/// When it cannot be done; the live read model is then as it was.
pub async fn rebuild(config: &Config, shutdown: &Shutdown) -> anyhow::Result<()> {
    let pool = database::pool(&config.database, Role::Rebuild.as_str())?;
    migrations::ensure_current(&pool).await?;
    let access = log_access(&pool, Role::Rebuild.as_str(), config.projector.batch);
    let rebuild = rebuild::run::<ReadModel>(&access);
    shutdown.soft().run_until_cancelled(rebuild).await.context("stopped before it was done")??;
    Ok(())
}

/// Makes an order's price again and prints both. `false` when they differ.
///
/// # Errors
/// When it cannot be made again.
pub async fn reprice(config: &Config, question: &Question) -> anyhow::Result<bool> {
    let order_id = question.order.context("--order is missing: which order's price?")?;
    let store = read_only(config, Role::Reprice).await?;
    let models = object_storage::open(&config.models.url)?;
    let compared = reprice::run(&store, &models, order_id, question.as_of).await?;
    print!("{}", compared.report);
    Ok(compared.same)
}

/// Prices past orders by another rate card and prints what would have changed.
///
/// # Errors
/// When the card cannot be used or the database fails.
pub async fn what_if(config: &Config, question: &Question) -> anyhow::Result<()> {
    let (card, range) = what_if::parse(question)?;
    let store = read_only(config, Role::WhatIf).await?;
    print!("{}", what_if::run(&store, card, range).await?);
    Ok(())
}

async fn read_only(config: &Config, role: Role) -> anyhow::Result<Store> {
    let pool = database::pool(&config.database, role.as_str())?;
    migrations::ensure_current(&pool).await?;
    Ok(store(config, &pool))
}

/// Followers connect outside the pool: their connection is their lead.
fn log_access(pool: &PgPool, name: &str, batch: u32) -> LogAccess {
    LogAccess::of(pool, name, batch, Arc::new(SystemClock))
}

fn announcer(config: &Config) -> anyhow::Result<Announcer> {
    let url = config.redis.url.expose_secret();
    if url.is_empty() {
        return Ok(Announcer::silent());
    }
    Announcer::start(url, &config.redis.key_prefix).context("`redis.url`")
}
