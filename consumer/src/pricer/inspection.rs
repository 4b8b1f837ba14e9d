//! Printability reports: made after the price, on the least important threads, because no price waits for one.
//!
//! Whoever measured a model has it in memory still, and inspects it there. With too much in hand already it lets the
//! model go; that report, and one whose worker died, is overdue a little later, and whoever looks first reads the
//! file again.

use std::sync::Arc;
use std::time::Duration;

use pricing::analysis::Analysis;
use pricing::mesh::{Mesh, read_from};
use pricing::report::{Limits, inspect};
use tokio::sync::Semaphore;
use write_api::store::{AnalysisKey, CommandError, OverdueReport, Report, Store};

use super::engine::{Engine, Urgency};
use super::memory::{Held, Memory, need};
use super::metrics::PricerMetrics;
use super::model_files::ModelFiles;

/// Models that a process keeps in memory only to inspect them.
const IN_HAND: usize = 4;
/// How often to look for overdue reports.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Makes reports.
#[derive(Clone)]
pub(super) struct Inspector {
    store: Store,
    files: ModelFiles,
    memory: Memory,
    engine: Engine,
    metrics: PricerMetrics,
    in_hand: Arc<Semaphore>,
}

/// A model that was just measured.
pub(super) struct Specimen {
    pub key: AnalysisKey,
    pub mesh: Mesh,
    pub analysis: Arc<Analysis>,
    /// Of the materials on the rate card in force.
    pub limits: Limits,
    /// The memory that the mesh takes.
    pub held: Held,
}

impl Inspector {
    pub fn new(
        store: Store,
        files: ModelFiles,
        memory: Memory,
        engine: Engine,
        metrics: PricerMetrics,
    ) -> Self {
        let in_hand = Arc::new(Semaphore::new(IN_HAND));
        Self { store, files, memory, engine, metrics, in_hand }
    }

    /// Inspects a model by and by; returns at once.
    pub fn take_up(&self, specimen: Specimen) {
        let Ok(place) = self.in_hand.clone().try_acquire_owned() else {
            self.metrics.note_report("put_off");
            return;
        };
        let inspector = self.clone();
        tokio::spawn(async move {
            if let Err(error) = inspector.report_on(specimen).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a report was not kept");
            }
            drop(place);
        });
    }

    /// Makes reports that others should have made, until it is dropped.
    pub async fn make_overdue_for_ever(&self) {
        loop {
            match self.make_overdue().await {
                Ok(true) => {}
                Ok(false) => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "no overdue reports");
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
        }
    }

    /// `false` when no report is overdue, or one cannot be made now.
    async fn make_overdue(&self) -> Result<bool, CommandError> {
        let Some(OverdueReport { key, analysis }) = self.store.claim_overdue_report().await? else {
            return Ok(false);
        };
        let Some(book) = self.store.price_book(self.store.clock().now()).await? else {
            return Ok(false);
        };
        let (bytes, facets) = self.store.model_size(&key.model_id).await?.unwrap_or_default();
        let held = self.memory.take(need(bytes, facets), false).await;
        let file = match self.files.fetch(&key.model_id).await {
            Ok(file) => file,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no file to report on");
                return Ok(false);
            }
        };
        let reading = self.engine.run(Urgency::Report, move || read_from(&file)).await;
        let Ok(Ok(mesh)) = reading else {
            tracing::error!(model.id = %key.model_id, "a model that was measured cannot be read");
            return Ok(true);
        };
        let limits = Limits::from(&book.card);
        self.report_on(Specimen { key, mesh, analysis, limits, held }).await?;
        Ok(true)
    }

    async fn report_on(&self, specimen: Specimen) -> Result<(), CommandError> {
        let Specimen { key, mesh, analysis, limits, held } = specimen;
        let inspected = self.engine.run(Urgency::Report, move || {
            let report = inspect(&mesh, &analysis, &limits);
            drop((mesh, held));
            serde_json::to_value(report).ok()
        });
        let report: Option<Report> = inspected.await.ok().flatten();
        let Some(report) = report else {
            self.metrics.note_report("failed");
            return Ok(());
        };
        self.store.keep_report(&key, &report).await?;
        self.metrics.note_report("made");
        Ok(())
    }
}
