//! Several commands in one transaction, each behind a savepoint if wanted: then a refused one leaves nothing, and the
//! others stay.

use std::collections::HashMap;

use sqlx::{Acquire, PgConnection, PgTransaction};

use super::{
    Cause, Command, CommandContext, CommandError, Fingerprint, Handled, Store, Work, causes,
};

/// What a command of a batch is carried out in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// A savepoint of its own: a command that fails with what [`CommandError::spares_the_batch`] leaves nothing.
    Savepoint,
    /// The transaction that all share, which costs two round trips less a command. One that fails undoes all.
    Transaction,
}

/// An open transaction that takes one command after another.
///
/// A [`CommandError`] leaves the batch unusable, unless it was carried out within a savepoint and spares the batch: roll
/// it back (drop it) and carry out its commands otherwise, in the end one by one, so that the culprit stands alone.
pub struct Batch<'s> {
    store: &'s Store,
    transaction: PgTransaction<'static>,
    within: Within,
    wakes_pricers: bool,
}

impl<'s> Batch<'s> {
    pub(super) const fn new(
        store: &'s Store,
        transaction: PgTransaction<'static>,
        within: Within,
    ) -> Self {
        Self { store, transaction, within, wakes_pricers: false }
    }

    /// Where the batch came from, for what is looked up before a command.
    pub const fn store(&self) -> &Store {
        self.store
    }

    /// What a file of rows beside this one works with.
    pub(super) fn parts(&mut self) -> (&Store, &mut PgConnection) {
        (self.store, &mut self.transaction)
    }

    /// Carries out one command.
    pub async fn execute(
        &mut self,
        context: &CommandContext,
        command: &impl Command,
    ) -> Result<Handled, CommandError> {
        let handled = match self.within {
            Within::Savepoint => self.execute_behind_a_savepoint(context, command).await?,
            Within::Transaction => {
                let work = Work::new(self.store, &mut self.transaction, context);
                work.claim_and_carry_out(command).await?
            }
        };
        self.wakes_pricers |= handled.wakes_pricers;
        Ok(handled)
    }

    async fn execute_behind_a_savepoint(
        &mut self,
        context: &CommandContext,
        command: &impl Command,
    ) -> Result<Handled, CommandError> {
        let mut savepoint = self.transaction.begin().await?;
        let work = Work::new(self.store, &mut savepoint, context);
        match work.claim_and_carry_out(command).await {
            Ok(handled) => {
                savepoint.commit().await?;
                Ok(handled)
            }
            Err(error) => {
                savepoint.rollback().await?;
                Err(error)
            }
        }
    }

    /// The kept answers to those of these causes that were handled before, by key and
    /// fingerprint; all causes of one source.
    ///
    /// `request` is a cause that was handled, too. It is noted as seen, so that the commit waits for the standby to
    /// have the answers.
    pub async fn replay(
        &mut self,
        request: &Cause,
        causes: &[&Cause],
    ) -> Result<HashMap<(String, Fingerprint), Handled>, CommandError> {
        let known = causes::find_answers(&mut self.transaction, causes).await?;
        if !known.is_empty() {
            let now = self.store.clock.now();
            causes::find_answer(&mut self.transaction, request, now).await?;
        }
        Ok(known)
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
