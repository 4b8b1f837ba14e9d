//! The one write transaction: claim the cause, lock the order, decide, save, append events, keep the answer,
//! commit. No network call happens inside it, and nothing else changes an order.
//!
//! A transaction takes its id with its first write (the cause, or the job's fence) and appends events last:
//! followers of the log rely on a transaction having an id before it has a position.

mod accepted_models;
mod acknowledgements;
mod analyses;
pub(crate) mod audit;
mod batch;
mod causes;
mod deliveries;
mod doorbells;
mod estimates;
mod fixings;
mod housekeeping;
mod incidents;
mod jobs;
mod log;
mod messages;
mod operators;
mod price_books;
mod quotes;
mod reconciliations;
mod reports;
mod rough_error;
mod rows;
mod work;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use shared::actor::Actor;
use shared::clock::Clock;
use shared::ids::Ids;
use shared::metals::FixingRefusal;
use shared::order::refusal::Refusal;
use shared::platform::database;
use shared::quote::refusal::QuoteRefusal;
use sqlx::PgPool;

pub use accepted_models::AcceptedModel;
pub use acknowledgements::Acknowledgement;
pub use analyses::{AnalysisKey, FileRefusal, Known, Need};
pub use batch::{Batch, Within};
pub use causes::{Cause, Fingerprint};
pub use deliveries::DeliveriesAnswer;
pub use doorbells::{LOG_CHANNEL, PRICING_CHANNEL};
pub use estimates::Estimate;
pub use fixings::{Decision, FixingAnswer, FixingsConfig};
pub use housekeeping::HOUSEKEEPING_BATCH;
pub use incidents::IncidentAnswer;
pub use jobs::{
    ClaimedJob, JobFence, Lane, LostJob, MOST_AT_ONCE, NextJob, PricedJob, Progress, Subject,
    Terms, UnknownLane,
};
pub use messages::{
    EditedMessage, Fate as MessageFate, MessageAnswer, MessageRefusal, MessageState,
    MessagesAnswer, Selection as MessageSelection,
};
pub use price_books::MetalAge;
pub use reconciliations::{ReconciliationRefusal, ReconciliationStart, RedriveAnswer};
pub use reports::{OverdueReport, Report};
pub use work::Work;

use analyses::Remembered;
use doorbells::Doorbells;

/// Who asks, because of what, and as part of which chain of hops.
#[derive(Debug, Clone)]
pub struct CommandContext {
    /// Whoever is behind the request or message.
    pub actor: Actor,
    /// What makes a retry the same command.
    pub cause: Cause,
    /// W3C `traceparent`, stored with the events.
    pub trace_context: Option<String>,
    /// Act only if the order still has this version.
    pub expected_version: Option<u64>,
}

/// A command that was carried out, now or when it was first sent.
#[derive(Debug, Clone)]
pub struct Handled {
    /// The answer as JSON ([`crate::commands::CommandAnswer`]); a replay is equal to the byte.
    pub answer: Arc<RawValue>,
    /// Whether this is the kept answer to an earlier sending.
    pub replayed: bool,
    /// Whether it left something for the pricing workers to do.
    pub(crate) wakes_pricers: bool,
}

impl Handled {
    /// The answer as the type that the command has.
    ///
    /// # Errors
    /// When the command has another one.
    pub fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.answer.get())
    }

    /// The place in the log from which on readers see the change, as in the answer.
    pub fn position(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Positioned {
            position: shared::position::Position,
        }
        let answer: Positioned = serde_json::from_str(self.answer.get()).ok()?;
        Some(answer.position.to_string())
    }
}

/// A command that was not carried out. Nothing of it stays behind, but for [`CommandError::OutcomeUnknown`].
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The domain says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such order, or it is not the caller's to see.
    #[error("there is no such order")]
    UnknownOrder,
    /// There is no such quote, or it is not the caller's to see.
    #[error("there is no such quote")]
    UnknownQuote,
    /// There is no such incident.
    #[error("there is no such incident")]
    UnknownIncident,
    /// The domain says no to what is wanted of a quote.
    #[error(transparent)]
    QuoteRefused(QuoteRefusal),
    /// The price book in force cannot price this.
    #[error("{message}")]
    Unpriceable {
        /// The field of the question that is at fault, as a JSON pointer.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The model was not uploaded.
    #[error("there is no model {0}: upload it first")]
    UnknownModel(shared::ids::ModelId),
    /// There is no such operator.
    #[error("there is no operator with this id: an administrator adds operators")]
    UnknownOperator,
    /// The key was used for another request.
    #[error("this idempotency key was used with another request")]
    CauseReused,
    /// The same command, or one that holds its order, is still running.
    #[error("a command on this order or with this key is still running")]
    InProgress,
    /// The database did not carry a statement out within its time; nothing was done.
    #[error("the database takes too long over this")]
    TooSlow,
    /// The connection broke while committing: only a retry with the same key can tell.
    #[error("the outcome is unknown: retry with the same key")]
    OutcomeUnknown(#[source] sqlx::Error),
    /// The database cannot be reached or is overloaded; nothing was done.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The rules of metal prices say no.
    #[error(transparent)]
    FixingRefused(#[from] FixingRefusal),
    /// What is wanted of a message that was not applied cannot be done.
    #[error(transparent)]
    MessageRefused(#[from] MessageRefusal),
    /// A list is not taken, or nothing of it sent again.
    #[error(transparent)]
    ReconciliationRefused(#[from] ReconciliationRefusal),
    /// A row or event that cannot be: somebody must look.
    #[error("inconsistent data: {0}")]
    Inconsistent(String),
    /// Any other failure of the database.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl CommandError {
    /// Whether the others of a batch can go on: the domain spoke about this command, not the machinery.
    pub const fn spares_the_batch(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::QuoteRefused(_)
                | Self::UnknownOrder
                | Self::UnknownQuote
                | Self::UnknownIncident
                | Self::Unpriceable { .. }
                | Self::UnknownModel(_)
                | Self::FixingRefused(_)
                | Self::CauseReused
        )
    }
}

impl From<sqlx::Error> for CommandError {
    fn from(error: sqlx::Error) -> Self {
        if database::is_too_slow(&error) {
            Self::TooSlow
        } else if database::is_lock_timeout(&error) || database::is_lost_race(&error) {
            Self::InProgress
        } else if database::is_unavailable(&error) {
            Self::Unavailable(error)
        } else {
            Self::Database(error)
        }
    }
}

impl From<shared::order::BrokenHistory> for CommandError {
    fn from(broken: shared::order::BrokenHistory) -> Self {
        Self::Inconsistent(broken.to_string())
    }
}

/// Something that can be asked of the write side. `carry_out` is called inside the transaction, after the cause
/// has been claimed.
pub trait Command: Send + Sync {
    /// Looks up what the rule must know, asks the rule, and records what it decided.
    fn carry_out(
        &self,
        work: &mut Work<'_>,
    ) -> impl Future<Output = Result<Handled, CommandError>> + Send;
}

/// The write side's database.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    bells: Doorbells,
    remembered: Remembered,
    fixings: FixingsConfig,
    quotes_valid_seconds: u32,
}

/// How long offers hold unless the configuration says otherwise: a week.
const QUOTES_VALID_SECONDS: u32 = 7 * 24 * 3_600;

impl Store {
    /// A store on the primary.
    pub fn new(pool: PgPool, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        let bells = Doorbells::new(&pool);
        let fixings = FixingsConfig::default();
        let remembered = Remembered::default();
        let quotes_valid_seconds = QUOTES_VALID_SECONDS;
        Self { pool, clock, ids, bells, remembered, fixings, quotes_valid_seconds }
    }

    /// Metal prices are judged so.
    #[must_use]
    pub fn with_fixings(self, fixings: FixingsConfig) -> Self {
        Self { fixings, ..self }
    }

    /// How metal prices are judged.
    pub const fn fixings(&self) -> FixingsConfig {
        self.fixings
    }

    /// Offers hold for so long from their price on.
    #[must_use]
    pub fn with_quotes_valid_for(self, seconds: u32) -> Self {
        Self { quotes_valid_seconds: seconds, ..self }
    }

    /// The pool, for what is not an order: models, people, rate cards.
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The clock that stamps events.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Where new ids come from.
    pub fn ids(&self) -> &dyn Ids {
        &*self.ids
    }

    /// Carries out one command in a transaction of its own.
    #[tracing::instrument(name = "db.order.update", skip_all, err(level = "debug"))]
    pub async fn execute(
        &self,
        context: &CommandContext,
        command: &impl Command,
    ) -> Result<Handled, CommandError> {
        let mut transaction = self.pool.begin().await?;
        let handled =
            Work::new(self, &mut transaction, context).claim_and_carry_out(command).await?;
        crate::planted!(AcknowledgeBeforeCommit, {
            tokio::spawn(async move {
                tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                let _ = transaction.commit().await;
            });
            return Ok(handled);
        });
        match transaction.commit().await {
            Ok(()) => {
                if !handled.replayed {
                    self.bells.ring_after(handled.wakes_pricers);
                }
                Ok(handled)
            }
            Err(error) => {
                crate::planted!(UnknownIsRefused, {
                    return Err(CommandError::UnknownOrder);
                });
                self.look_up_outcome(context, error).await
            }
        }
    }

    /// Several commands in one transaction, one after another: a commit costs more than anything else here. No
    /// statement of it may take longer than `patience`.
    pub async fn begin_batch(
        &self,
        patience: Duration,
        within: Within,
    ) -> Result<Batch<'_>, CommandError> {
        let milliseconds = patience.as_millis();
        let begin = format!("BEGIN; SET LOCAL statement_timeout = {milliseconds}");
        let transaction = self.pool.begin_with(database::built(begin)).await?;
        Ok(Batch::new(self, transaction, within))
    }

    /// A connection that broke during `COMMIT` is unknown, never "failed": the cause tells what became of it.
    ///
    /// It is claimed and not just read: the broken connection's transaction may still be committing, and a claim of
    /// the same cause waits until it has ended.
    async fn look_up_outcome(
        &self,
        context: &CommandContext,
        error: sqlx::Error,
    ) -> Result<Handled, CommandError> {
        let mut transaction = self.pool.begin().await.map_err(CommandError::OutcomeUnknown)?;
        let now = self.clock.now();
        match causes::claim(&mut transaction, &context.cause, now).await {
            Ok(Some(handled)) => {
                transaction.commit().await.map_err(CommandError::OutcomeUnknown)?;
                Ok(handled)
            }
            Ok(None) => Err(CommandError::from(error)),
            Err(_) => Err(CommandError::OutcomeUnknown(error)),
        }
    }
}

#[cfg(test)]
mod tests;
