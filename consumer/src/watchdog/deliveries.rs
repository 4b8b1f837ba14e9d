//! Events that a recipient's queue does not take: parked per order and recipient, for too long; and a queue that is not
//! there at all, at once.

use serde_json::json;
use shared::ids::OrderId;
use shared::incident::{Finding, Owner, Subject};

use super::heal::Remedy;
use super::{Scene, Sight, Trouble, WatchdogError, age_seconds};
use crate::relay::mend;

pub(super) const CAUSES: &[&str] = &["delivery-parked", mend::UNBOUND];

pub(super) async fn look(scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
    let mut troubles = waiting(scene).await?;
    troubles.extend(unbound(scene).await?);
    Ok(Sight::new(troubles, scene.config.limit))
}

/// The relay says so by itself and binds the queue again; whoever comes here sees that this did not help yet.
async fn unbound(scene: &Scene<'_>) -> Result<Vec<Trouble>, WatchdogError> {
    let recipients = sqlx::query_scalar!(
        "SELECT DISTINCT recipient FROM write.parked_deliveries WHERE reason = 'unroutable'",
    )
    .fetch_all(scene.pool)
    .await?;
    let trouble = |recipient: String| Trouble {
        finding: mend::finding(&recipient, scene.now),
        remedy: Some(Remedy::RetryRoute { recipient }),
    };
    Ok(recipients.into_iter().map(trouble).collect())
}

async fn waiting(scene: &Scene<'_>) -> Result<Vec<Trouble>, WatchdogError> {
    let rows = sqlx::query!(
        r#"SELECT recipient, order_id, min(parked_at) AS "since!", count(*) AS "events!",
                  max(attempts) AS "attempts!", min(reason) FILTER (WHERE reason <> 'behind') AS reason
           FROM write.parked_deliveries
           GROUP BY recipient, order_id HAVING min(parked_at) < $1
           ORDER BY 3 LIMIT $2"#,
        scene.before(scene.config.parked_seconds),
        scene.limit(),
    )
    .fetch_all(scene.pool)
    .await?;
    let troubles = rows.into_iter().map(|row| {
        let order_id = OrderId::new(row.order_id);
        let finding = Finding {
            subject: Subject::delivery(&row.recipient, order_id),
            cause: "delivery-parked",
            owner: Owner::OnCall,
            evidence: json!({
                "recipient": row.recipient,
                "events": row.events,
                "attempts": row.attempts,
                "reason": row.reason,
                "seconds": age_seconds(row.since, scene.now),
            }),
            deadline: scene.deadline(),
        };
        Trouble { finding, remedy: Some(Remedy::Retry { recipient: row.recipient, order_id }) }
    });
    Ok(troubles.collect())
}
