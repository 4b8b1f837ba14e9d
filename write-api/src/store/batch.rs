//! Several commands in one transaction, each behind a savepoint: a refused one leaves nothing, the others stay.

use sqlx::{Acquire, PgTransaction};

use super::{Command, CommandContext, CommandError, Handled, Store, Work};

/// An open transaction that takes one command after another.
///
/// A [`CommandError`] other than a refusal or an unknown id leaves the batch unusable: roll it back (drop it) and
/// carry out its commands one by one, so that the culprit stands alone.
pub struct Batch<'s> {
    store: &'s Store,
    transaction: PgTransaction<'static>,
    wakes_pricers: bool,
}

impl<'s> Batch<'s> {
    pub(super) const fn new(store: &'s Store, transaction: PgTransaction<'static>) -> Self {
        Self { store, transaction, wakes_pricers: false }
    }

    /// Where the batch came from, for what is looked up before a command.
    pub const fn store(&self) -> &Store {
        self.store
    }

    /// Carries out one command behind a savepoint.
    pub async fn execute(
        &mut self,
        context: &CommandContext,
        command: &impl Command,
    ) -> Result<Handled, CommandError> {
        let mut savepoint = self.transaction.begin().await?;
        let handled =
            Work::new(self.store, &mut savepoint, context).claim_and_carry_out(command).await;
        match handled {
            Ok(handled) => {
                savepoint.commit().await?;
                self.wakes_pricers |= handled.wakes_pricers;
                Ok(handled)
            }
            Err(error) => {
                savepoint.rollback().await?;
                Err(error)
            }
        }
    }

    /// Makes everything that was carried out lasting.
    ///
    /// # Errors
    /// When the commit fails or its outcome is unknown; redelivery and the causes make a second try harmless.
    pub async fn commit(self) -> Result<(), CommandError> {
        self.transaction.commit().await.map_err(CommandError::OutcomeUnknown)?;
        self.store.bells.ring_after(self.wakes_pricers);
        Ok(())
    }
}
