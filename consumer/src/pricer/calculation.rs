//! From a spec to a price, a hopeless case, or "not now".

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use object_store::{ObjectStore, ObjectStoreExt};
use pricing::analysis::analyse;
use pricing::mesh::{ModelError, read};
use pricing::quote::{PriceBook, PriceError};
use shared::ids::ModelId;
use shared::order::price::Price;
use shared::order::spec::WorkSpec;
use write_api::models::path_of;
use write_api::prices::{self, NotACurrency};
use write_api::store::Store;

/// A model must arrive from the object store within this time.
const FETCH_DEADLINE: Duration = Duration::from_mins(1);

/// How a calculation ended.
pub(super) enum Outcome {
    /// With a price.
    Priced(Box<Price>),
    /// No price can be made of this; trying again would not help.
    Hopeless { code: &'static str, reason: String },
    /// Something that is needed is away; try again later.
    Away { reason: String },
}

/// What a calculation needs.
#[derive(Clone)]
pub(super) struct Calculation {
    store: Store,
    models: Arc<dyn ObjectStore>,
}

impl Calculation {
    pub(super) fn new(store: Store, models: Arc<dyn ObjectStore>) -> Self {
        Self { store, models }
    }

    /// Prices one spec with the rate card in force.
    pub(super) async fn of(&self, spec: &WorkSpec) -> Outcome {
        let book = match self.store.price_book(self.store.clock().now()).await {
            Ok(Some(book)) => book,
            Ok(None) => return away("no rate card is in force: publish one"),
            Err(error) => return away(&format!("the rate card cannot be read: {error}")),
        };
        let bytes = match self.fetch(&spec.model_id).await {
            Ok(bytes) => bytes,
            Err(error @ object_store::Error::NotFound { .. }) => {
                return Outcome::Hopeless { code: "model_missing", reason: error.to_string() };
            }
            Err(error) => return away(&format!("the model cannot be fetched: {error}")),
        };
        let (work, now) = (spec.clone(), self.store.clock().now());
        // Geometry is CPU work of milliseconds to seconds: never on the threads that serve I/O.
        let priced = tokio::task::spawn_blocking(move || price(&bytes, &work, &book, now)).await;
        match priced {
            Ok(Ok(price)) => Outcome::Priced(price),
            Ok(Err(trouble)) => trouble.into(),
            Err(_) => {
                Outcome::Hopeless { code: "engine_failed", reason: "the engine failed".to_owned() }
            }
        }
    }

    async fn fetch(&self, model_id: &ModelId) -> Result<Bytes, object_store::Error> {
        let path = path_of(model_id);
        let fetched = tokio::time::timeout(FETCH_DEADLINE, async {
            self.models.get(&path).await?.bytes().await
        });
        fetched.await.unwrap_or_else(|_| {
            let source = format!("no answer within {} s", FETCH_DEADLINE.as_secs()).into();
            Err(object_store::Error::Generic { store: "models", source })
        })
    }
}

fn away(reason: &str) -> Outcome {
    tracing::warn!(reason, "a pricing job waits");
    Outcome::Away { reason: reason.to_owned() }
}

/// Why there is no price.
#[derive(Debug, thiserror::Error)]
enum NoPrice {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Price(#[from] PriceError),
    #[error("the file does not say its unit")]
    UnitUnknown,
    #[error(transparent)]
    Currency(#[from] NotACurrency),
}

impl From<NoPrice> for Outcome {
    fn from(trouble: NoPrice) -> Self {
        if matches!(&trouble, NoPrice::Price(error) if error.may_succeed_later()) {
            return away(&trouble.to_string());
        }
        let code = match &trouble {
            NoPrice::Model(error) => error.code(),
            NoPrice::Price(error) => error.code(),
            NoPrice::UnitUnknown => "unit_unknown",
            NoPrice::Currency(_) => "bad_rate_card",
        };
        Self::Hopeless { code, reason: trouble.to_string() }
    }
}

fn price(
    bytes: &[u8],
    spec: &WorkSpec,
    book: &PriceBook,
    now: DateTime<Utc>,
) -> Result<Box<Price>, NoPrice> {
    let unit = prices::stated_unit(spec.unit).ok_or(NoPrice::UnitUnknown)?;
    let analysis = analyse(&read(bytes)?, unit);
    let breakdown = pricing::quote::price(&analysis, book, &prices::item(spec))?;
    Ok(Box::new(prices::price(&breakdown, &analysis, &spec.model_id, now)?))
}
