//! Trying waiting messages again: the oldest of each order first, and the next one only when that is settled.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::commands::Executor;
use super::incoming::Incoming;
use super::{Intake, IntakeError, waiting};
use crate::failure::{Failure, Why};
use crate::guard::survive;

/// Counting is dearer than looking for what is due.
const TURNS_BETWEEN_COUNTS: u64 = 20;

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
        }
        self.retry_due().await?;
        Ok(())
    }

    /// `false` when somebody else has it in hand.
    async fn retry(&self, waiting_id: i64, now: DateTime<Utc>) -> Result<bool, Why> {
        // The row's lock is held while the command runs on a connection of its own: another instance passes by.
        let mut transaction = self.store.pool().begin().await?;
        let Some(waiting) = waiting::lock(&mut transaction, waiting_id, now).await? else {
            return Ok(false);
        };
        let message = Incoming::new(waiting.body.clone(), waiting.headers.clone());
        match self.try_again(&message).await {
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
        match Executor::Alone(&self.store).apply(understood).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::from(&error)),
        }
    }
}
