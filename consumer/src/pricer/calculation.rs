//! From a job to a price, a hopeless case, or "not now".

use std::sync::Arc;

use object_store::ObjectStore;
use pricing::analysis::{Analysis, analyse};
use pricing::mesh::{Mesh, read_from};
use pricing::quote::PriceBook;
use pricing::report::Limits;
use rayon::ThreadPoolBuildError;
use shared::order::price::Price;
use shared::order::spec::Unit;
use write_api::prices::{self, NoPrice};
use write_api::store::{ClaimedJob, CommandError, FileRefusal, Known, Need, Store, Subject};

use super::engine::{Engine, Panicked, Urgency};
use super::inspection::{Inspector, Specimen};
use super::memory::{Held, Memory, need};
use super::metrics::PricerMetrics;
use super::model_files::{ModelFile, ModelFiles, NoMesh, unit_of};
use super::stage::{Phase, Stage};
use super::{PricerConfig, lanes};

/// How a calculation ended.
pub(super) enum Outcome {
    /// With a price.
    Priced { price: Box<Price> },
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
    files: ModelFiles,
    memory: Memory,
    engine: Engine,
    inspector: Inspector,
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
        let (engine, files) = (Engine::start(config.threads)?, ModelFiles::new(models));
        let inspector = Inspector::new(
            store.clone(),
            files.clone(),
            memory.clone(),
            engine.clone(),
            metrics.clone(),
        );
        Ok(Self { store, files, memory, engine, inspector, metrics })
    }

    /// Makes reports that are overdue, until it is dropped.
    pub(super) async fn make_overdue_reports(&self) {
        self.inspector.make_overdue_for_ever().await;
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
            Known::Measured(analysis) => {
                let accepted = self.store.volume_is_accepted(&job.key(), &analysis).await?;
                let price = match job.fence.subject {
                    _ if accepted => prices::of_accepted,
                    Subject::Order(_) => prices::of_order,
                    Subject::Quote(_) => prices::of_quote,
                };
                match price(&analysis, &job.spec, &book, now) {
                    Ok(price) => {
                        self.compare_with_rough(job, &book, &price).await;
                        Outcome::Priced { price: Box::new(price) }
                    }
                    Err(trouble) => trouble.into(),
                }
            }
        })
    }

    /// A quote has its rough price with it; of an order it is made once more, to be measured: for the first order of a
    /// model, because the others would say the same again. No price waits for this to succeed.
    async fn compare_with_rough(&self, job: &ClaimedJob, book: &PriceBook, price: &Price) {
        if matches!(job.fence.subject, Subject::Quote(_)) || job.need != Need::Analysis {
            return;
        }
        if let Err(error) = self.store.note_rough_error_of_order(&job.spec, book, price).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "no comparison");
        }
    }

    /// Measures a model, or tells why the file cannot be measured, and keeps that for everybody. The inner error
    /// is about what is away. What was measured is then inspected, which nobody waits for.
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
        let measured = match self.files.fetch(&key.model_id).await {
            Ok(file) => {
                let measuring = Measuring { file, unit: key.unit, stage: stage.clone() };
                self.calculate(measuring, held, is_short).await
            }
            Err(error @ object_store::Error::NotFound { .. }) => {
                Err(refusal("model_missing", error.to_string()).into())
            }
            Err(error) => return Ok(Err(format!("the model cannot be fetched: {error}"))),
        };
        let (known, specimen) = match measured {
            Ok((mesh, analysis, held)) => {
                let analysis = Arc::new(analysis);
                let known = Known::Measured(analysis.clone());
                (known, Some(Specimen { key: key.clone(), mesh, analysis, limits, held }))
            }
            Err(Unmeasured::Refused(refusal)) => (Known::Refused(refusal), None),
            Err(Unmeasured::Away(reason)) => return Ok(Err(reason)),
        };
        self.metrics.note_analysis(if specimen.is_some() { "computed" } else { "refused" });
        let is_kept = self.store.finish_analysis(&job.fence, &key, &known).await?;
        if let Some(specimen) = specimen.filter(|_| is_kept) {
            self.inspector.take_up(specimen);
        }
        Ok(Ok(known))
    }

    /// The memory is held until the calculation has really ended, also when nobody waits for it any more.
    async fn calculate(
        &self,
        measuring: Measuring,
        held: Held,
        is_short: bool,
    ) -> Result<(Mesh, Analysis, Held), Unmeasured> {
        let urgency = if is_short { Urgency::Short } else { Urgency::Long };
        let measured = self.engine.run(urgency, move || {
            let measured = measuring.measure();
            drop(measuring);
            (measured, held)
        });
        let (measured, held) = measured
            .await
            .map_err(|Panicked| refusal("engine_failed", "the engine failed".to_owned()))?;
        measured.map(|(mesh, analysis)| (mesh, analysis, held))
    }
}

fn away(reason: &str) -> Outcome {
    tracing::warn!(reason, "a pricing job waits");
    Outcome::Away { reason: reason.to_owned() }
}

fn refusal(code: &str, reason: String) -> FileRefusal {
    FileRefusal { code: code.to_owned(), reason }
}

/// Why a model was not measured.
enum Unmeasured {
    /// It cannot be, now or later.
    Refused(FileRefusal),
    /// Something is away.
    Away(String),
}

impl From<FileRefusal> for Unmeasured {
    fn from(refusal: FileRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NoMesh> for Unmeasured {
    fn from(trouble: NoMesh) -> Self {
        match trouble {
            NoMesh::Model(error) => Self::Refused(refusal(error.code(), error.to_string())),
            NoMesh::Disk(_) => Self::Away(trouble.to_string()),
        }
    }
}

/// A file that is to be measured.
struct Measuring {
    file: ModelFile,
    unit: Unit,
    stage: Stage,
}

impl Measuring {
    fn measure(&self) -> Result<(Mesh, Analysis), Unmeasured> {
        self.enter(Phase::Reading)?;
        let mesh = read_from(&self.file)?;
        let unit = unit_of(&mesh, self.unit)?;
        self.enter(Phase::Analysing)?;
        let analysis = analyse(&mesh, unit);
        Ok((mesh, analysis))
    }

    /// Between the parts of the work it may turn out that nobody waits any more. Then nobody sees the refusal either.
    fn enter(&self, phase: Phase) -> Result<(), FileRefusal> {
        if self.stage.is_stopped() {
            return Err(refusal("stopped", "nobody waits for the analysis any more".to_owned()));
        }
        self.stage.enter(phase);
        Ok(())
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
