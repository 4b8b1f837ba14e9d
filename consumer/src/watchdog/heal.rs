//! Remedies: each harmless when repeated, each a few statements. What they do is found by others in rows, so that the
//! watchdog needs neither broker nor worker.

use shared::ids::OrderId;
use shared::platform::database;
use write_api::store::Store;

use super::{NAME, WatchdogConfig, WatchdogError, resend};

const LIMIT: i64 = 100;
pub(super) const DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);

/// What may heal a trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The order's price gets another job.
    Requeue(OrderId),
    /// Jobs whose lease ran out go back to their lanes.
    Rescue,
    /// The workers are woken.
    Wake,
    /// What is parked for a recipient is due now.
    Retry { recipient: String, order_id: OrderId },
    /// What a recipient's queue did not get because nothing was bound is due now.
    RetryRoute { recipient: String },
    /// Everything that the recipient was told of the order is told again, under the same ids.
    Resend { recipient: &'static str, order_id: OrderId },
    /// That, and everything that was sent between the acknowledged orders before and after it.
    ResendAround { recipient: &'static str, order_id: OrderId },
    /// The message is due now.
    Apply { waiting_id: i64 },
    /// The order's rows of the read model are made anew from the log.
    Reproject(OrderId),
}

impl Remedy {
    /// The name in the incident.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Requeue(_) => "requeue",
            Self::Rescue => "rescue",
            Self::Wake => "wake",
            Self::Retry { .. } | Self::RetryRoute { .. } => "retry",
            Self::Resend { .. } | Self::ResendAround { .. } => "resend",
            Self::Apply { .. } => "apply",
            Self::Reproject(_) => "reproject",
        }
    }

    /// Applies it, and says what came of it.
    pub async fn apply(
        &self,
        store: &Store,
        config: &WatchdogConfig,
    ) -> Result<String, WatchdogError> {
        Ok(match self {
            Self::Requeue(order_id) => {
                let queued = store.requeue_job(*order_id, NAME).await?;
                if queued { "queued again" } else { "has a job, or needs none" }.to_owned()
            }
            Self::Rescue => {
                let rescued = store.rescue_jobs(config.job_attempts, LIMIT).await?;
                format!("{} jobs put back", rescued.len())
            }
            Self::Wake => {
                store.ring_pricers();
                "woken".to_owned()
            }
            Self::Retry { recipient, order_id } => retry(store, recipient, *order_id).await?,
            Self::RetryRoute { recipient } => retry_route(store, recipient).await?,
            Self::Resend { recipient, order_id } => {
                resend::order(store, recipient, *order_id).await?
            }
            Self::ResendAround { recipient, order_id } => {
                resend::around(store, recipient, *order_id).await?
            }
            Self::Apply { waiting_id } => apply_now(store, *waiting_id).await?,
            Self::Reproject(_) => "with others".to_owned(),
        })
    }
}

async fn retry(store: &Store, recipient: &str, order_id: OrderId) -> Result<String, WatchdogError> {
    let query = sqlx::query!(
        "UPDATE write.parked_deliveries SET next_attempt = $3
         WHERE recipient = $1 AND order_id = $2 AND next_attempt > $3",
        recipient,
        order_id.as_uuid(),
        store.clock().now(),
    );
    let due = database::within(DEADLINE, query.execute(store.pool())).await?;
    Ok(format!("{} events due now", due.rows_affected()))
}

/// What the broker returned because nothing was bound is due now; the relay binds again when it comes back once more.
async fn retry_route(store: &Store, recipient: &str) -> Result<String, WatchdogError> {
    let query = sqlx::query!(
        "UPDATE write.parked_deliveries SET next_attempt = $2
         WHERE recipient = $1 AND reason = 'unroutable' AND next_attempt > $2",
        recipient,
        store.clock().now(),
    );
    let due = database::within(DEADLINE, query.execute(store.pool())).await?;
    Ok(format!("{} events due now", due.rows_affected()))
}

async fn apply_now(store: &Store, waiting_id: i64) -> Result<String, WatchdogError> {
    let query = sqlx::query!(
        "UPDATE write.waiting_messages SET next_attempt = $2
         WHERE waiting_id = $1 AND state = 'waiting' AND next_attempt > $2",
        waiting_id,
        store.clock().now(),
    );
    let due = database::within(DEADLINE, query.execute(store.pool())).await?;
    Ok(if due.rows_affected() == 1 { "due now" } else { "is due already" }.to_owned())
}
