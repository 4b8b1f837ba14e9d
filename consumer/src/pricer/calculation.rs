//! From a job to a price, a hopeless case, or "not now".

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt};
use pricing::analysis::{Unit as FileUnit, analyse};
use pricing::mesh::{Mesh, read};
use pricing::quote::PriceBook;
use pricing::report::{Limits, inspect};
use rayon::ThreadPoolBuildError;
use shared::ids::ModelId;
use shared::order::price::Price;
use shared::order::spec::Unit;
use write_api::models::path_of;
use write_api::prices::{self, NoPrice};
use write_api::store::{
    ClaimedJob, CommandError, FileRefusal, Known, Measured, Need, Report, Store, Subject,
};

use super::engine::{Engine, Panicked};
use super::memory::{Held, Memory, need};
use super::metrics::PricerMetrics;
use super::stage::{Phase, Stage};
use super::{PricerConfig, lanes};

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

impl Outcome {
    /// For metrics.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Priced { .. } => "priced",
            Self::Hopeless { .. } => "failed",
            Self::Away { .. } => "away",
        }
    }
}

/// What a calculation needs.
#[derive(Clone)]
pub(super) struct Calculation {
    store: Store,
    models: Arc<dyn ObjectStore>,
    memory: Memory,
    engine: Engine,
    metrics: PricerMetrics,
}

impl Calculation {
    pub(super) fn new(
        store: Store,
        models: Arc<dyn ObjectStore>,
        config: &PricerConfig,
        metrics: PricerMetrics,
    ) -> Result<Self, ThreadPoolBuildError> {
        let serves_both = config.slots > 1 && lanes::serves_both(&config.lanes);
        let memory = Memory::new(config.memory_mb, serves_both);
        let engine = Engine::start(config.threads)?;
        Ok(Self { store, models, memory, engine, metrics })
    }

    /// Prices what a job is about, with the price book in force.
    pub(super) async fn of(
        &self,
        job: &ClaimedJob,
        stage: &Stage,
    ) -> Result<Outcome, CommandError> {
        let book = match self.store.price_book(self.store.clock().now()).await {
            Ok(Some(book)) => book,
            Ok(None) => return Ok(away("no rate card is in force: publish one")),
            Err(error) => return Ok(away(&format!("the rate card cannot be read: {error}"))),
        };
        let known = match &job.need {
            Need::Nothing(known) => {
                self.metrics.note_analysis("reused");
                known.clone()
            }
            Need::Analysis => match self.measure(job, Limits::from(&book.card), stage).await? {
                Ok(known) => known,
                Err(reason) => return Ok(away(&reason)),
            },
        };
        stage.enter(Phase::Pricing);
        let now = self.store.clock().now();
        Ok(match known {
            Known::Refused(FileRefusal { code, reason }) => Outcome::Hopeless { code, reason },
            Known::Measured(measured) => {
                let analysis = &measured.analysis;
                let accepted = self.store.volume_is_accepted(&job.key(), analysis).await?;
                let price = match job.fence.subject {
                    _ if accepted => prices::of_accepted,
                    Subject::Order(_) => prices::of_order,
                    Subject::Quote(_) => prices::of_quote,
                };
                match price(analysis, &job.spec, &book, now) {
                    Ok(price) => {
                        self.compare_with_rough(job, &book, &price).await;
                        Outcome::Priced { price: Box::new(price), report: measured.report.clone() }
                    }
                    Err(trouble) => trouble.into(),
                }
            }
        })
    }

    /// A quote has its rough price with it; of an order it is made once more, to be measured. No price waits for this
    /// to succeed.
    async fn compare_with_rough(&self, job: &ClaimedJob, book: &PriceBook, price: &Price) {
        if matches!(job.fence.subject, Subject::Quote(_)) {
            return;
        }
        if let Err(error) = self.store.note_rough_error_of_order(&job.spec, book, price).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "no comparison");
        }
    }

    /// Measures a model, or tells why the file cannot be measured, and keeps that for everybody. The inner error
    /// is about what is away.
    async fn measure(
        &self,
        job: &ClaimedJob,
        limits: Limits,
        stage: &Stage,
    ) -> Result<Result<Known, String>, CommandError> {
        let (key, is_short) = (job.key(), job.lane.is_short());
        let (bytes, facets) = self.store.model_size(&key.model_id).await?.unwrap_or_default();
        let held = self.memory.take(need(bytes, facets), is_short).await;
        stage.enter(Phase::Fetching);
        let known = match self.fetch(&key.model_id).await {
            Ok(file) => {
                let calculation = Measuring { file, unit: key.unit, limits, stage: stage.clone() };
                self.calculate(calculation, held, is_short).await
            }
            Err(error @ object_store::Error::NotFound { .. }) => {
                refused("model_missing", error.to_string())
            }
            Err(error) => return Ok(Err(format!("the model cannot be fetched: {error}"))),
        };
        let how = if matches!(known, Known::Refused(_)) { "refused" } else { "computed" };
        self.metrics.note_analysis(how);
        self.store.finish_analysis(&job.fence, &key, &known).await?;
        Ok(Ok(known))
    }

    /// The memory is held until the calculation has really ended, also when nobody waits for it any more.
    async fn calculate(&self, measuring: Measuring, held: Held, is_short: bool) -> Known {
        let measured = self.engine.run(is_short, move || {
            let known = measuring.measure();
            drop(measuring);
            drop(held);
            known
        });
        measured
            .await
            .unwrap_or_else(|Panicked| refused("engine_failed", "the engine failed".to_owned()))
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

/// A model in memory that is to be measured.
struct Measuring {
    file: Bytes,
    unit: Unit,
    /// For the printability report: of the materials on the rate card in force.
    limits: Limits,
    stage: Stage,
}

impl Measuring {
    fn measure(&self) -> Known {
        self.try_measure().unwrap_or_else(Known::Refused)
    }

    fn try_measure(&self) -> Result<Known, FileRefusal> {
        self.enter(Phase::Reading)?;
        let mesh = read(&self.file).map_err(|error| FileRefusal {
            code: error.code().to_owned(),
            reason: error.to_string(),
        })?;
        let unit = self.unit_of(&mesh)?;
        self.enter(Phase::Analysing)?;
        let analysis = analyse(&mesh, unit);
        self.enter(Phase::Inspecting)?;
        let report = inspect(&mesh, &analysis, &self.limits);
        Ok(Known::Measured(Arc::new(Measured {
            analysis,
            report: serde_json::to_value(report).ok(),
        })))
    }

    /// Between the parts of the work it may turn out that nobody waits any more. Then nobody sees the refusal either.
    fn enter(&self, phase: Phase) -> Result<(), FileRefusal> {
        if self.stage.is_stopped() {
            let reason = "nobody waits for the analysis any more".to_owned();
            return Err(FileRefusal { code: "stopped".to_owned(), reason });
        }
        self.stage.enter(phase);
        Ok(())
    }

    /// The unit that was stated, or that the file states. They must not contradict each other: an inch taken for a
    /// millimetre is a price 16,387 times too low.
    fn unit_of(&self, mesh: &Mesh) -> Result<FileUnit, FileRefusal> {
        let refuse = |code: &str, reason: String| FileRefusal { code: code.to_owned(), reason };
        match (prices::stated_unit(self.unit), mesh.unit()) {
            (Some(stated), Some(own)) if stated != own => Err(refuse(
                "unit_contradicts_file",
                format!("the file says that its unit is {own}, not {stated}"),
            )),
            (Some(unit), _) | (None, Some(unit)) => Ok(unit),
            (None, None) => Err(refuse(
                "unit_unknown",
                "the file does not say its unit: tell it with the order".to_owned(),
            )),
        }
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
