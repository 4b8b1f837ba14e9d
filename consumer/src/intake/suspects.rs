//! Messages that were delivered before, to a process that did not live to acknowledge them: one of them may have been
//! why. A process that dies takes the whole batch with it, the innocent with the culprit, and the broker counts against
//! all of them. So a reader begins with one message at a time, until it meets one that nobody has seen; whatever comes
//! again is applied and acknowledged by itself. The innocent get through one by one, the culprit stands alone; after
//! three deaths it is set aside in the table, whose retries know of tries that never came to an end, and the queue goes
//! on. What the broker gives up on nevertheless, the mortician buries.

use tokio_util::sync::CancellationToken;

use super::batch::Kept;
use super::incoming::Incoming;
use super::{Intake, IntakeError, waiting};
use crate::delivery::Backoff;
use crate::failure::{Failure, Why};

/// So many processes may die with a message in hand before it is set aside.
const MOST_DEATHS: u64 = 3;

impl Incoming {
    pub(super) const fn is_suspect(&self) -> bool {
        self.earlier_deliveries > 0
    }

    pub(super) const fn is_beyond_trying(&self) -> bool {
        self.earlier_deliveries >= MOST_DEATHS
    }
}

impl Intake {
    /// Settles one message after another until one comes for the first time: `false` when asked to stop before.
    pub(super) async fn read_suspects(
        &self,
        queue: &'static str,
        backoff: &mut Backoff,
        stop: &CancellationToken,
    ) -> Result<bool, IntakeError> {
        let mut inbox = self.broker.inbox(queue, 1).await?;
        let mut is_suspicious = true;
        while is_suspicious {
            let Some(deliveries) = stop.run_until_cancelled(inbox.collect(1, self.window())).await
            else {
                break;
            };
            let deliveries = deliveries?;
            is_suspicious = deliveries.iter().any(|next| Incoming::from(next).is_suspect());
            self.settle(queue, &inbox, deliveries, stop).await?;
            backoff.reset();
        }
        inbox.close().await;
        Ok(!is_suspicious)
    }

    /// Leaves a message to the retries, behind which later ones of its order wait.
    pub(super) async fn set_aside(
        &self,
        message: &Incoming,
        stop: &CancellationToken,
    ) -> Result<(), IntakeError> {
        let sentence = format!("{} processes ended with it in hand", message.earlier_deliveries);
        let failure = match &message.understood {
            Ok(_) => Failure::Wait(Why::new("set-aside", sentence)),
            Err(malformed) => Failure::from(malformed),
        };
        let kept = [Kept { message, failure }];
        let mut backoff = Backoff::default();
        while let Err(error) =
            waiting::keep(self.store.pool(), &kept, self.store.clock().now()).await
        {
            self.hold(Why::from(error), &mut backoff, stop).await?;
        }
        self.report(message, &kept[0].failure);
        Ok(())
    }
}
