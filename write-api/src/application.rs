//! The write API as a whole: built from its configuration, listening, running until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;

use ::web::{Authenticator, Bound, Health, Kit};
use actix_web::web::Data;
use anyhow::Context;
use shared::clock::SystemClock;
use shared::ids::TimeOrderedIds;
use shared::platform::database;
use shared::platform::shutdown::Shutdown;
use tokio::sync::Semaphore;

use crate::admission::Admission;
use crate::commands::submit_batch;
use crate::config::Config;
use crate::models::Models;
use crate::pace::Pace;
use crate::store::Store;
use crate::waiters::Waiters;
use crate::webhooks::WebhooksConfig;
use crate::{object_storage, routes};

/// What handlers share.
#[derive(Clone)]
pub struct State {
    /// Where orders change.
    pub store: Store,
    /// Where models go.
    pub models: Models,
    /// Requests that wait for the exact price of their quote.
    pub waiters: Waiters,
    /// The door for commands.
    pub admission: Admission,
    /// A permit for each batch that may be carried out at the same time.
    pub batches: Arc<Semaphore>,
    /// When each partner's next order has its turn.
    pub pace: Pace,
    /// How webhooks are registered.
    pub webhooks: WebhooksConfig,
}

/// A write API that listens.
pub struct Application {
    server: Bound,
}

impl Application {
    /// Connects the parts and binds the port.
    ///
    /// # Errors
    /// When the configuration cannot be used, or the schema is behind: then nothing is served.
    pub async fn build(config: &Config, shutdown: Shutdown) -> anyhow::Result<Self> {
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(TimeOrderedIds));
        let pool = database::pool(&config.database, "write-api").context("database.url")?;
        migrations::ensure_current(&pool).await?;
        let objects = object_storage::open(&config.models.url)?;
        let models =
            Models::new(objects, pool.clone(), clock.clone(), ids.clone(), config.models.max_bytes);
        let store = Store::new(pool.clone(), clock.clone(), ids)
            .with_fixings(config.fixings)
            .with_quotes_valid_for(config.quotes.valid_seconds);
        let waiters = Waiters::new(pool.clone(), config.quotes.max_waiting, &shutdown);
        let batches = Arc::new(Semaphore::new(submit_batch::MOST_AT_ONCE));
        let pace = Pace::new(config.pace);
        let admission = Admission::new(config.admission);
        let webhooks = config.webhooks;
        let state = State { store, models, waiters, admission, batches, pace, webhooks };
        let kit = Kit {
            health: health(&shutdown, &state),
            authenticator: Some(Authenticator::new(&config.auth, vec![pool], clock)?),
            quotas: Some(config.quotas),
            shutdown,
        };
        let state = Data::new(state);
        let server = kit.bind(&config.http, move |app| {
            app.app_data(state.clone());
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

fn health(shutdown: &Shutdown, state: &State) -> Health {
    let models = state.models.clone();
    Health::builder(shutdown.clone())
        .needs_database("primary", state.store.pool().clone())
        .uses("object store", move || {
            let models = models.clone();
            async move { models.probe().await.map_err(|error| error.to_string()) }
        })
        .build()
}
