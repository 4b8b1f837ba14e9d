//! Fills a new read model from the whole log, beside the live one, and switches: after a change of a
//! projection, or when a recount finds a difference.
//!
//! The board stays up all the while. The new tables are filled in a schema of their own in short transactions
//! (a long one would hold back every follower of the log); the switch is one more short transaction. It holds the
//! projector's cursor, so that a live projector waits, brings the new tables at least as far as the live ones
//! are, swaps them and begins a new epoch. That is another life of the read model: tokens, ETags and cache keys
//! of the old one count as unknown, and the live projector finds its checkpoint gone, and leads anew.
//!
//! Takes only what is [`Replayable`].

mod tables;

pub(crate) use tables::{begin_epoch, hold_cursor};

use std::time::Duration;

use shared::platform::database;
use shared::position::Position;
use sqlx::{Connection, PgConnection};

use crate::follower::{LogAccess, Replayable, may_recover};
use crate::log_reader::{Behind, LogReader, ReadError};
use crate::projections::ProjectionError;

const PAUSE_AT_A_HOLE: Duration = Duration::from_millis(5);
/// Readers of the live tables come first; the switch tries again.
const SWITCH_ATTEMPTS: u32 = 50;
const PAUSE_BETWEEN_ATTEMPTS: Duration = Duration::from_millis(200);

/// A finished rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilt {
    /// Where the new read model began its life.
    pub position: Position,
    /// Events applied.
    pub events: usize,
}

/// Why a rebuild did not happen. The live read model is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Only one at a time.
    #[error("another rebuild is running")]
    AlreadyRunning,
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log does not make a read model.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    /// The database cannot be reached, or failed.
    #[error("the rebuild's database failed")]
    Database(#[from] sqlx::Error),
    /// Somebody held the live tables all the time.
    #[error("the live tables could not be had for a moment in {SWITCH_ATTEMPTS} attempts")]
    Busy,
}

/// Rebuilds the tables of `R` and puts them in the place of the live ones.
pub async fn run<R: Replayable>(access: &LogAccess) -> Result<Rebuilt, RebuildError> {
    let mut rebuild = Rebuild::begin(access, R::TABLES).await?;
    rebuild.catch_up::<R>().await?;
    tables::analyze(&mut rebuild.target, R::TABLES).await?;
    let position = rebuild.switch_patiently::<R>(access).await?;
    tables::drop_leftovers(&mut rebuild.target).await?;
    tables::unlock(&mut rebuild.target).await?;
    tracing::info!(%position, events = rebuild.events, "the read model is rebuilt");
    Ok(Rebuilt { position, events: rebuild.events })
}

struct Rebuild {
    /// Reads the log.
    reader: LogReader,
    /// Finds its unqualified tables in the new schema; holds the lock against a second rebuild.
    target: PgConnection,
    events: usize,
}

impl Rebuild {
    async fn begin(access: &LogAccess, tables: &[&str]) -> Result<Self, RebuildError> {
        let mut target = access.in_schema(tables::NEXT).connect().await?;
        if !tables::lock(&mut target).await? {
            return Err(RebuildError::AlreadyRunning);
        }
        tables::drop_leftovers(&mut target).await?;
        tables::create(&mut target, tables).await?;
        Ok(Self { reader: access.reader(0).await?, target, events: 0 })
    }

    /// Applies batch after batch, a transaction each, until nothing is left.
    async fn catch_up<R: Replayable>(&mut self) -> Result<(), RebuildError> {
        loop {
            let batch = self.reader.read().await?;
            if let Some(to) = batch.last_position() {
                let mut transaction = self.target.begin().await?;
                R::apply(&mut transaction, &batch.events).await?;
                transaction.commit().await?;
                self.reader.move_to(to);
                self.events += batch.events.len();
            }
            match batch.behind {
                Behind::Nothing => return Ok(()),
                Behind::Hole => tokio::time::sleep(PAUSE_AT_A_HOLE).await,
                Behind::More => {}
            }
        }
    }

    async fn switch_patiently<R: Replayable>(
        &mut self,
        access: &LogAccess,
    ) -> Result<Position, RebuildError> {
        for _ in 0..SWITCH_ATTEMPTS {
            self.catch_up::<R>().await?;
            match self.switch::<R>(access).await {
                Ok(Some(position)) => return Ok(position),
                Ok(None) => {}
                Err(RebuildError::Database(error))
                    if may_recover(&error) && !database::is_unavailable(&error) =>
                {
                    tracing::info!(%error, "the switch gives way to readers and tries again");
                    tokio::time::sleep(PAUSE_BETWEEN_ATTEMPTS).await;
                }
                Err(error) => return Err(error),
            }
        }
        Err(RebuildError::Busy)
    }

    /// One transaction: the last events, the tables, the epoch, the cursor. `None` when more than a batch came
    /// meanwhile: the live projector must not wait for long.
    async fn switch<R: Replayable>(
        &mut self,
        access: &LogAccess,
    ) -> Result<Option<Position>, RebuildError> {
        let mut transaction = self.target.begin().await?;
        let live = tables::hold_cursor(&mut transaction, R::FOLLOWER, access.now()).await?;
        // Never behind the live tables: a reader must not see an order go back.
        self.reader.settle(live);
        let done = self.reader.gaps().cursor();
        let missing = if done < live { self.reader.read().await?.events } else { Vec::new() };
        let to = missing.last().map_or(done, |event| event.position);
        if to < live {
            return Ok(None);
        }
        R::apply(&mut transaction, &missing).await?;
        tables::swap(&mut transaction, R::TABLES).await?;
        let position = tables::begin_epoch(&mut transaction, R::FOLLOWER, to, access.now()).await?;
        transaction.commit().await?;
        self.events += missing.len();
        Ok(Some(position))
    }
}
