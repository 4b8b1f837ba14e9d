//! Remedies: each harmless when repeated, each a few statements. What they do is found by others in rows, so that the
//! watchdog needs neither broker nor worker.

use shared::ids::OrderId;
use shared::platform::database;
use write_api::store::Store;

use super::{NAME, WatchdogConfig, WatchdogError};

const LIMIT: i64 = 100;
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);

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
    /// Everything that the recipient was told of the order is told again, under the same ids.
    Resend { recipient: &'static str, order_id: OrderId },
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
            Self::Retry { .. } => "retry",
            Self::Resend { .. } => "resend",
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
                format!("{rescued} jobs put back")
            }
            Self::Wake => {
                store.ring_pricers();
                "woken".to_owned()
            }
            Self::Retry { recipient, order_id } => retry(store, recipient, *order_id).await?,
            Self::Resend { recipient, order_id } => resend(store, recipient, *order_id).await?,
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

/// What was sent is parked, and the relay delivers what is parked, in order. Events after the relay's cursor come by
/// themselves. Recipients know the ids that they have seen.
async fn resend(
    store: &Store,
    recipient: &str,
    order_id: OrderId,
) -> Result<String, WatchdogError> {
    let now = store.clock().now();
    let query = sqlx::query!(
        "INSERT INTO write.parked_deliveries
             (recipient, order_id, position, reason, attempts, next_attempt, parked_at)
         SELECT $1, e.order_id, e.position, 'resent', 0, $3, $3
         FROM write.order_events AS e
         WHERE e.order_id = $2
           AND e.position <= (SELECT f.cursor FROM write.followers AS f WHERE f.name = $4)
         ON CONFLICT (recipient, order_id, position) DO NOTHING",
        recipient,
        order_id.as_uuid(),
        now,
        format!("relay:{recipient}"),
    );
    let parked = database::within(DEADLINE, query.execute(store.pool())).await?;
    Ok(format!("{} events to be sent again", parked.rows_affected()))
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
