//! From a spec to a price, a hopeless case, or "not now".

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use object_store::{ObjectStore, ObjectStoreExt};
use pricing::analysis::{Analysis, Unit as FileUnit, analyse};
use pricing::mesh::{ModelError, read};
use pricing::quote::{Item, PriceError};
use shared::ids::ModelId;
use shared::money::Money;
use shared::order::price::{ModelFacts, Price, PriceLine};
use shared::order::spec::{Unit, WorkSpec};
use write_api::models::path_of;
use write_api::store::Store;

use super::rate_cards::{InForce, in_force};

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
        let card = match in_force(self.store.pool(), self.store.clock().now()).await {
            Ok(Some(card)) => card,
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
        let priced = tokio::task::spawn_blocking(move || price(&bytes, &work, &card, now)).await;
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
    #[error("the rate card's currency {0} is none")]
    Currency(String),
}

impl From<NoPrice> for Outcome {
    fn from(trouble: NoPrice) -> Self {
        let code = match &trouble {
            NoPrice::Model(error) => error.code(),
            NoPrice::Price(error) => error.code(),
            NoPrice::Currency(_) => "bad_rate_card",
        };
        Self::Hopeless { code, reason: trouble.to_string() }
    }
}

fn price(
    bytes: &[u8],
    spec: &WorkSpec,
    in_force: &InForce,
    now: DateTime<Utc>,
) -> Result<Box<Price>, NoPrice> {
    let analysis = analyse(&read(bytes)?, file_unit(spec.unit));
    let item = Item {
        material: spec.material.as_str().to_owned(),
        finish: spec.finish.as_str().to_owned(),
        quantity: spec.quantity.into(),
    };
    let breakdown = pricing::quote::price(&analysis, &in_force.card, &item)?;
    let currency = breakdown.currency.clone();
    let currency = currency.parse().map_err(|_| NoPrice::Currency(currency))?;
    Ok(Box::new(Price {
        total: Money { minor: breakdown.total_minor, currency },
        lines: breakdown.lines.iter().map(line).collect(),
        metal_grams: breakdown.metal_grams,
        model: facts(&analysis),
        rate_card_version: in_force.version,
        engine_version: breakdown.engine_version,
        calculated_at: now,
    }))
}

const fn facts(analysis: &Analysis) -> ModelFacts {
    ModelFacts {
        volume_mm3: analysis.volume_mm3,
        area_mm2: analysis.area_mm2,
        bbox_mm: analysis.bbox_mm,
        facets: analysis.facets,
        shells: analysis.shells,
    }
}

fn line(line: &pricing::quote::PriceLine) -> PriceLine {
    PriceLine {
        code: line.code.as_str().to_owned(),
        quantity: line.quantity,
        unit: line.unit.as_str().to_owned(),
        rate: line.rate,
        amount_minor: line.amount_minor,
    }
}

const fn file_unit(unit: Unit) -> FileUnit {
    match unit {
        Unit::Millimetre => FileUnit::Millimetre,
        Unit::Centimetre => FileUnit::Centimetre,
        Unit::Metre => FileUnit::Metre,
        Unit::Inch => FileUnit::Inch,
    }
}
