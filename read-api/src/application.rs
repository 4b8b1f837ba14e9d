//! The read API as a whole: built from its configuration, listening, running until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::web::{Authenticator, Bound, Health, Kit};
use actix_web::web::Data;
use anyhow::Context as _;
use deadpool_redis::redis::AsyncConnectionConfig;
use deadpool_redis::{Manager, Pool, Runtime};
use migrations::SchemaError;
use secrecy::ExposeSecret;
use shared::clock::SystemClock;
use shared::platform::shutdown::Shutdown;

use crate::cache::{Cache, Copies};
use crate::config::{Config, RedisSettings};
use crate::context::Context;
use crate::dashboard::Dashboard;
use crate::live::feed::FeedStreams;
use crate::live::quotes::WatchedQuotes;
use crate::live::{self, Live};
use crate::metrics::{self, Metrics};
use crate::replicas::Replicas;
use crate::routes;

/// Servers may be started together with us.
const WAIT_FOR_A_DATABASE: Duration = Duration::from_secs(15);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// For what is asked now and then; see ADR 0009.
const REDIS_POOL: usize = 2;
const REDIS_POOL_TIMEOUT: Duration = Duration::from_millis(500);

/// A read API that listens.
pub struct Application {
    server: Bound,
}

impl Application {
    /// Connects the parts and binds the port.
    ///
    /// # Errors
    /// When the configuration cannot be used, or the schema is behind: then nothing is served.
    pub async fn build(config: &Config, shutdown: Shutdown) -> anyhow::Result<Self> {
        let replicas = Replicas::new(&config.database, &config.freshness)
            .context("database.replicas or database.primary")?;
        ensure_current(&replicas).await?;
        replicas.watch(&shutdown);
        metrics::watch(&replicas);
        let redis = redis_client(&config.redis)?;
        let copies = redis
            .clone()
            .map(|client| {
                let budget = Duration::from_millis(config.redis.budget_ms);
                Copies::new(client, &config.redis.key_prefix, budget)
            })
            .transpose()
            .context("redis.url")?;
        if let Some(client) = redis {
            let channel = format!("{}positions", config.redis.key_prefix);
            let listening =
                live::listen(client, channel, replicas.clone(), shutdown.soft().clone());
            shutdown.spawn(listening);
        }
        let live = Live::new(replicas.clone(), config.live.clone(), &shutdown);
        live.follow(&shutdown);
        let max_streams = config.live.max_quote_streams;
        let quotes = WatchedQuotes::new(replicas.clone(), max_streams, &shutdown);
        let feeds = FeedStreams::new(replicas.clone(), &config.live, &shutdown);
        let authenticator =
            Authenticator::new(&config.auth, replicas.pools(), Arc::new(SystemClock))?;
        let kit = Kit {
            health: health(&shutdown, &replicas, &config.redis)?,
            authenticator: Some(authenticator),
            quotas: None,
            shutdown,
        };
        let cache = Cache::new(config.cache.max_bytes, copies);
        let (fixings, metrics) = (config.fixings, Metrics::new());
        let context = Data::new(Context { replicas, cache, live, quotes, feeds, fixings, metrics });
        let dashboard = Data::new(Dashboard::new(&config.dashboard));
        let server = kit.bind(&config.http, move |app| {
            app.app_data(context.clone()).app_data(dashboard.clone());
            routes::add(app);
        })?;
        Ok(Self { server })
    }

    /// Where it listens: with port 0, the port it got.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Answers until the soft stop.
    pub async fn run(self) -> anyhow::Result<()> {
        self.server.run().await.context("the server")
    }
}

/// Refuses a schema that is behind, at once. A server that is away says nothing about the schema: it is waited for.
async fn ensure_current(replicas: &Replicas) -> anyhow::Result<()> {
    let give_up_at = tokio::time::Instant::now() + WAIT_FOR_A_DATABASE;
    loop {
        match look_at_schema(replicas).await {
            Err(error) if is_no_answer(&error) && tokio::time::Instant::now() < give_up_at => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no database answers yet");
                tokio::time::sleep(ASK_AGAIN_AFTER).await;
            }
            outcome => return outcome.context("the schema of the read model"),
        }
    }
}

/// The first server that answers decides.
async fn look_at_schema(replicas: &Replicas) -> Result<(), SchemaError> {
    let mut answer = Ok(());
    for pool in replicas.pools() {
        answer = migrations::ensure_current(&pool).await;
        if !answer.as_ref().is_err_and(is_no_answer) {
            break;
        }
    }
    answer
}

const fn is_no_answer(error: &SchemaError) -> bool {
    matches!(error, SchemaError::Unreadable(_) | SchemaError::TimedOut)
}

fn redis_client(settings: &RedisSettings) -> anyhow::Result<Option<redis::Client>> {
    let url = settings.url.expose_secret();
    if url.is_empty() {
        return Ok(None);
    }
    redis::Client::open(url).map(Some).context("redis.url")
}

/// Ready means that some database answers. Without Redis everything works, so it is told and not needed.
fn health(
    shutdown: &Shutdown,
    replicas: &Replicas,
    redis: &RedisSettings,
) -> anyhow::Result<Health> {
    let replicas = replicas.clone();
    let mut health = Health::builder(shutdown.clone()).needs("read model", move || {
        let can_answer = replicas.can_answer();
        async move { if can_answer { Ok(()) } else { Err("no database answers".to_owned()) } }
    });
    if !redis.url.expose_secret().is_empty() {
        let pool = redis_pool(redis)?;
        health = health.uses("redis", move || {
            let pool = pool.clone();
            // Taking a connection from the pool pings it.
            async move { pool.get().await.map(|_| ()).map_err(|_| "does not answer".to_owned()) }
        });
    }
    Ok(health.build())
}

fn redis_pool(settings: &RedisSettings) -> anyhow::Result<Pool> {
    let timeouts = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(REDIS_POOL_TIMEOUT))
        .set_response_timeout(Some(REDIS_POOL_TIMEOUT));
    let manager = Manager::new_with_config(settings.url.expose_secret(), timeouts)?;
    Pool::builder(manager)
        .max_size(REDIS_POOL)
        .wait_timeout(Some(REDIS_POOL_TIMEOUT))
        .create_timeout(Some(REDIS_POOL_TIMEOUT))
        .recycle_timeout(Some(REDIS_POOL_TIMEOUT))
        .runtime(Runtime::Tokio1)
        .build()
        .context("redis.url")
}
