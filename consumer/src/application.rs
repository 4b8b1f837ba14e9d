//! A consumer process as a whole: one role or all of them, with a port for health and metrics.

use std::net::SocketAddr;

use anyhow::Context;
use shared::platform::database;
use shared::platform::shutdown::Shutdown;
use sqlx::PgPool;
use web::{Bound, Health, Kit};

use crate::config::Config;
use crate::delivery::Broker;
use crate::roles::{self, Role};

/// A consumer that is ready to work.
pub struct Application {
    server: Bound,
    config: Config,
    pool: PgPool,
    broker: Broker,
    role: Role,
    shutdown: Shutdown,
}

impl Application {
    /// Connects the parts and binds the port for health.
    ///
    /// # Errors
    /// When the configuration cannot be used, or the schema is behind: then nothing begins.
    pub async fn build(config: Config, role: Role, shutdown: Shutdown) -> anyhow::Result<Self> {
        let pool = database::pool(&config.database, role.as_str()).context("`database.url`")?;
        migrations::ensure_current(&pool).await?;
        let broker = Broker::new(&config.rabbitmq, role.as_str())?;
        let health = health(&shutdown, role, &pool, &broker);
        let kit = Kit { health, authenticator: None, quotas: None, shutdown: shutdown.clone() };
        let server = kit.bind(&config.http, |_| {})?;
        Ok(Self { server, config, pool, broker, role, shutdown })
    }

    /// Where health and metrics are served: with port 0, the port it got.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Works until the soft stop.
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { server, config, pool, broker, role, shutdown } = self;
        roles::start(role, &config, &pool, &broker, &shutdown)?;
        server.run().await.context("the health server")
    }
}

/// The broker is needed by those who would have nothing to do without it; the others go on. Who takes messages or sends
/// them is ready when its queues are there, so that nothing is published into the void of a new broker.
fn health(shutdown: &Shutdown, role: Role, pool: &PgPool, broker: &Broker) -> Health {
    let health = Health::builder(shutdown.clone()).needs_database("primary", pool.clone());
    let ping = {
        let broker = broker.clone();
        move || {
            let broker = broker.clone();
            async move { broker.ping().await.map_err(|_| "does not answer".to_owned()) }
        }
    };
    let broker = broker.clone();
    let declared = move || {
        let declared = broker.has_declared();
        async move { declared.then_some(()).ok_or_else(|| "not declared yet".to_owned()) }
    };
    match role {
        Role::Projector | Role::Webhooks | Role::Watchdog | Role::Heartbeat => health.build(),
        Role::Pricer => health.uses("broker", ping).build(),
        _ => health.needs("broker", ping).needs("queues", declared).build(),
    }
}
