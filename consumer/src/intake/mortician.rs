//! Buries what the broker gave up on: each dead message becomes a parked row that people can see and replay.

use tokio_util::sync::CancellationToken;

use super::batch::Kept;
use super::incoming::Incoming;
use super::{Intake, IntakeError, waiting};
use crate::delivery::Backoff;
use crate::failure::{Failure, Why};

impl Intake {
    pub(super) async fn bury_all(
        &self,
        messages: &[Incoming],
        stop: &CancellationToken,
    ) -> Result<(), IntakeError> {
        let dead: Vec<Kept<'_>> = messages
            .iter()
            .map(|message| Kept { message, failure: Failure::Park(message.death()) })
            .collect();
        let mut backoff = Backoff::default();
        let now = self.store.clock().now();
        while let Err(error) = waiting::keep(self.store.pool(), &dead, now).await {
            self.hold(Why::from(error), &mut backoff, stop).await?;
        }
        for dead in &dead {
            self.report(dead.message, &dead.failure);
        }
        Ok(())
    }
}
