//! Trying waiting messages again: the oldest of each order first, and the next one only when that is settled.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
use write_api::store::Within;

use super::batch::PATIENCE;
use super::commands::Executor;
use super::incoming::Incoming;
use super::{Intake, IntakeError, waiting};
use crate::failure::{Failure, Why};
use crate::guard::survive;

/// Counting is dearer than looking for what is due.
const TURNS_BETWEEN_COUNTS: u64 = 20;

/// Tries that may be begun without coming to an end.
const MOST_BEGUN: i32 = 2;
/// No message has this number.
pub(super) const NOBODY: i64 = 0;

fn ends_the_process() -> Why {
    let sentence = format!(
        "{MOST_BEGUN} tries were begun and never came to an end: the process ended, or was ended, meanwhile"
    );
    Why::new("ends-the-process", sentence)
}

impl Intake {
    /// Tries all waiting messages that are due, and those behind them that become due by it. Returns how many
    /// were tried.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn retry_due(&self) -> Result<usize, IntakeError> {
        let now = self.store.clock().now();
        let mut tried = 0;
        loop {
            let before = tried;
            let due = waiting::due(self.store.pool(), now).await.map_err(Why::from);
            for waiting_id in due.map_err(IntakeError::Away)? {
                tried += usize::from(self.retry(waiting_id, now).await.map_err(IntakeError::Away)?);
            }
            if tried == before {
                return Ok(tried);
            }
        }
    }

    pub(super) async fn keep_retrying(&self, stop: &CancellationToken) {
        let pause = Duration::from_millis(self.config.retry_ms);
        for turn in 0_u64.. {
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                break;
            }
            if let Some(Err(error)) = survive("retries", self.retry_and_count(turn)).await {
                tracing::warn!(
                    error = &error as &(dyn std::error::Error + 'static),
                    "waiting messages cannot be tried now"
                );
            }
        }
    }

    async fn retry_and_count(&self, turn: u64) -> Result<(), IntakeError> {
        if turn.is_multiple_of(TURNS_BETWEEN_COUNTS) {
            let counts = waiting::count(self.store.pool()).await.map_err(Why::from);
            let (waiting, parked) = counts.map_err(IntakeError::Away)?;
            self.metrics.note_kept(waiting, parked);
            self.delete_old().await?;
        }
        self.retry_due().await?;
        Ok(())
    }

    /// Deletes some messages that were applied or discarded long ago.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn delete_old(&self) -> Result<(), IntakeError> {
        let deleted = waiting::delete_old(self.store.pool(), self.store.clock().now()).await;
        deleted.map_err(Why::from).map_err(IntakeError::Away)
    }

    /// `false` when somebody else has it in hand.
    async fn retry(&self, waiting_id: i64, now: DateTime<Utc>) -> Result<bool, Why> {
        // A message that ends the process is met by each process that takes over: what was begun is lasting first.
        let by_us = self.held_retry.swap(NOBODY, Ordering::Relaxed) == waiting_id;
        let begun = waiting::begin(self.store.pool(), waiting_id, now, !by_us).await?;
        let Some(begun) = begun else { return Ok(false) };
        let outcome = self.retry_begun(waiting_id, begun, now).await;
        if outcome.is_err() {
            self.held_retry.store(waiting_id, Ordering::Relaxed);
        }
        outcome
    }

    async fn retry_begun(
        &self,
        waiting_id: i64,
        begun: i32,
        now: DateTime<Utc>,
    ) -> Result<bool, Why> {
        // The row's lock is held while the command runs on a connection of its own: another instance passes by.
        let mut transaction = self.store.pool().begin().await?;
        let Some(waiting) = waiting::lock(&mut transaction, waiting_id, now).await? else {
            return Ok(false);
        };
        let message = Incoming::new(waiting.body.clone(), waiting.headers.clone());
        let tried = if begun > MOST_BEGUN {
            Err(Failure::Park(ends_the_process()))
        } else {
            self.try_again(&message).await
        };
        match tried {
            Ok(()) => {
                waiting::settle(&mut transaction, &waiting, now).await?;
                self.metrics.note(&message, "applied", "waited");
            }
            Err(Failure::Wait(why)) => {
                if !waiting::postpone(&mut transaction, &waiting, &why, now).await? {
                    self.report(&message, &Failure::Park(why));
                }
            }
            Err(Failure::Park(why)) => {
                waiting::park(&mut transaction, &waiting, &why, now).await?;
                self.report(&message, &Failure::Park(why));
            }
            Err(Failure::Hold(why)) => return Err(why),
        }
        transaction.commit().await?;
        Ok(true)
    }

    async fn try_again(&self, message: &Incoming) -> Result<(), Failure> {
        let understood = message.understood.as_ref().map_err(Failure::from)?;
        let batch = self.store.begin_batch(PATIENCE, Within::Transaction).await;
        let mut executor = Executor::new(batch.map_err(|error| Failure::from(&error))?);
        executor.apply(understood).await.map_err(|error| Failure::from(&error))?;
        executor.commit().await.map_err(|error| Failure::from(&error))
    }
}
