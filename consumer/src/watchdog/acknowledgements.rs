//! Partners' orders that the CRM was told of and has not taken into its books: whatever became of the message, whoever
//! dropped it.

use serde_json::json;
use shared::contracts::outbound::Recipient;
use shared::ids::OrderId;
use shared::incident::{Finding, Owner, Subject};
use shared::order::HEARTBEAT_PARTNER;

use super::heal::Remedy;
use super::{Scene, Sight, Trouble, WatchdogError, age_seconds};

pub(super) const CAUSES: &[&str] = &["not-acknowledged"];

/// An approval is an acknowledgement too, so only orders before it are asked about. What the relay has not sent yet,
/// or has parked, is found as that.
pub(super) async fn look(scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
    let crm = Recipient::Crm.as_str();
    let rows = sqlx::query!(
        r#"WITH open AS MATERIALIZED (
               SELECT o.order_id, o.status_since FROM write.orders AS o
               WHERE o.status IN ('SUBMITTED', 'PRICE_CALCULATED') AND NOT EXISTS (
                   SELECT FROM write.acknowledgements AS a
                   WHERE a.order_id = o.order_id AND a.recipient = $3)
           )
           SELECT o.order_id, o.status, e.occurred_at AS submitted_at
           FROM open JOIN write.orders AS o ON o.order_id = open.order_id
           JOIN LATERAL (
               SELECT l.occurred_at, l.position FROM write.order_events AS l
               WHERE l.order_id = o.order_id AND l.kind = 'submitted' LIMIT 1) AS e ON true
           WHERE o.state->'origin'->>'channel' = 'partner' AND e.occurred_at < $1
             AND o.state->'origin'->>'partner_id' <> $4::text
             AND e.position <= (SELECT f.cursor FROM write.followers AS f WHERE f.name = 'relay:' || $3)
             AND NOT EXISTS (SELECT FROM write.parked_deliveries AS p
                             WHERE p.recipient = $3 AND p.order_id = o.order_id
                               AND p.reason <> 'resent')
           ORDER BY e.occurred_at LIMIT $2"#,
        scene.before(scene.config.acknowledge_seconds),
        scene.limit(),
        crm,
        HEARTBEAT_PARTNER.to_string(),
    )
    .fetch_all(scene.pool)
    .await?;
    let troubles = rows.into_iter().map(|row| {
        let order_id = OrderId::new(row.order_id);
        let finding = Finding {
            subject: Subject::order(order_id),
            cause: "not-acknowledged",
            owner: Owner::Crm,
            evidence: json!({
                "recipient": crm,
                "status": row.status,
                "seconds": age_seconds(row.submitted_at, scene.now),
            }),
            deadline: scene.deadline(),
        };
        Trouble { finding, remedy: Some(Remedy::Resend { recipient: crm, order_id }) }
    });
    Ok(Sight::new(troubles.collect(), scene.config.limit))
}
