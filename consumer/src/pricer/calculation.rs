//! From a job to a price, a hopeless case, or "not now".

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt};
use pricing::analysis::analyse;
use pricing::mesh::read;
use shared::ids::ModelId;
use shared::order::price::Price;
use shared::order::spec::Unit;
use write_api::models::path_of;
use write_api::prices::{self, NoPrice};
use write_api::store::{
    AnalysisKey, ClaimedJob, CommandError, FileRefusal, Known, Measured, Need, Report, Store,
    Subject,
};

/// A model must arrive from the object store within this time.
const FETCH_DEADLINE: Duration = Duration::from_mins(1);

/// How a calculation ended.
pub(super) enum Outcome {
    /// With a price.
    Priced { price: Box<Price>, report: Option<Report> },
    /// No price can be made of this; trying again would not help.
    Hopeless { code: String, reason: String },
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

    /// Prices what a job is about, with the price book in force.
    pub(super) async fn of(&self, job: &ClaimedJob) -> Result<Outcome, CommandError> {
        let book = match self.store.price_book(self.store.clock().now()).await {
            Ok(Some(book)) => book,
            Ok(None) => return Ok(away("no rate card is in force: publish one")),
            Err(error) => return Ok(away(&format!("the rate card cannot be read: {error}"))),
        };
        let known = match &job.need {
            Need::Nothing(known) => known.clone(),
            Need::Analysis => match self.measure(job.key()).await {
                Ok(known) => {
                    self.store.finish_analysis(&job.fence, &job.key(), &known).await?;
                    known
                }
                Err(reason) => return Ok(away(&reason)),
            },
        };
        let now = self.store.clock().now();
        Ok(match known {
            Known::Refused(FileRefusal { code, reason }) => Outcome::Hopeless { code, reason },
            Known::Measured(measured) => {
                let price = match job.fence.subject {
                    Subject::Order(_) => prices::of_order,
                    Subject::Quote(_) => prices::of_quote,
                };
                match price(&measured.analysis, &job.spec, &book, now) {
                    Ok(price) => {
                        Outcome::Priced { price: Box::new(price), report: measured.report.clone() }
                    }
                    Err(trouble) => trouble.into(),
                }
            }
        })
    }

    /// Measures a model, or tells why the file cannot be measured. The error is about what is away.
    async fn measure(&self, key: AnalysisKey) -> Result<Known, String> {
        let bytes = match self.fetch(&key.model_id).await {
            Ok(bytes) => bytes,
            Err(error @ object_store::Error::NotFound { .. }) => {
                return Ok(refused("model_missing", error.to_string()));
            }
            Err(error) => return Err(format!("the model cannot be fetched: {error}")),
        };
        // Geometry is CPU work of milliseconds to seconds: never on the threads that serve I/O.
        let measured = tokio::task::spawn_blocking(move || measure(&bytes, key.unit)).await;
        Ok(measured.unwrap_or_else(|_| refused("engine_failed", "the engine failed".to_owned())))
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

fn refused(code: &str, reason: String) -> Known {
    Known::Refused(FileRefusal { code: code.to_owned(), reason })
}

fn measure(bytes: &[u8], unit: Unit) -> Known {
    let Some(unit) = prices::stated_unit(unit) else {
        return refused("unit_unknown", "the file does not say its unit".to_owned());
    };
    match read(bytes) {
        Ok(mesh) => {
            Known::Measured(Arc::new(Measured { analysis: analyse(&mesh, unit), report: None }))
        }
        Err(error) => refused(error.code(), error.to_string()),
    }
}

impl From<NoPrice> for Outcome {
    fn from(trouble: NoPrice) -> Self {
        if trouble.may_succeed_later() {
            return away(&trouble.to_string());
        }
        Self::Hopeless { code: trouble.code().to_owned(), reason: trouble.to_string() }
    }
}
