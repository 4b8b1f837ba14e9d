//! Partners' orders that the CRM was sent and has not taken into its books: whatever became of the message, whoever
//! dropped it. The relay writes down what it sent and must be acknowledged, and when: a relay that comes back after an
//! hour is no reason to miss acknowledgements of what it sent a second ago.

use serde_json::json;
use shared::contracts::outbound::Recipient;
use shared::ids::OrderId;
use shared::incident::{Finding, Owner, Subject};
use shared::order::HEARTBEAT_PARTNER;

use super::heal::Remedy;
use super::{Scene, Sight, Trouble, WatchdogError, age_seconds};

pub(super) const CAUSES: &[&str] = &["not-acknowledged"];
/// Rows that one look removes at most, and that one look for forgotten ones adds.
const AT_A_TIME: i64 = 10_000;

/// An approval is an acknowledgement too, so only orders before it are asked about. What was never sent is not waited for.
pub(super) async fn look(scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
    let crm = Recipient::Crm.as_str();
    forget_settled(scene, crm).await?;
    let rows = sqlx::query!(
        r#"SELECT w.order_id, o.status, w.sent_at
           FROM write.awaited_acknowledgements AS w
           JOIN write.orders AS o ON o.order_id = w.order_id
           WHERE w.recipient = $3 AND w.sent_at < $1
             AND o.status IN ('SUBMITTED', 'PRICE_CALCULATED')
             AND NOT EXISTS (SELECT FROM write.acknowledgements AS a
                             WHERE a.order_id = w.order_id AND a.recipient = w.recipient)
           ORDER BY w.sent_at LIMIT $2"#,
        scene.before(scene.config.acknowledge_seconds),
        scene.limit(),
        crm,
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
                "seconds": age_seconds(row.sent_at, scene.now),
            }),
            deadline: scene.deadline(),
        };
        Trouble { finding, remedy: Some(Remedy::ResendAround { recipient: crm, order_id }) }
    });
    Ok(Sight::new(troubles.collect(), scene.config.limit))
}

/// Acknowledged before the relay had noted that it waits, approved, called off.
async fn forget_settled(scene: &Scene<'_>, recipient: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "WITH old AS MATERIALIZED (
             SELECT w.order_id FROM write.awaited_acknowledgements AS w
             WHERE w.recipient = $3 AND w.sent_at < $1 ORDER BY w.sent_at LIMIT $2
         )
         DELETE FROM write.awaited_acknowledgements AS w USING old
         WHERE w.order_id = old.order_id AND w.recipient = $3 AND (
             EXISTS (SELECT FROM write.acknowledgements AS a
                     WHERE a.order_id = w.order_id AND a.recipient = w.recipient)
             OR NOT EXISTS (SELECT FROM write.orders AS o WHERE o.order_id = w.order_id
                            AND o.status IN ('SUBMITTED', 'PRICE_CALCULATED')))",
        scene.before(scene.config.acknowledge_seconds),
        AT_A_TIME,
        recipient,
    )
    .execute(scene.pool)
    .await?;
    Ok(())
}

/// Orders that were sent, are not acknowledged, and that nobody waits for: sent by a relay of an older release, or
/// somebody deleted the row. A long look, for the first round of a watchdog and for now and then.
pub(super) async fn recall(scene: &Scene<'_>) -> Result<u64, WatchdogError> {
    let recalled = sqlx::query!(
        "WITH open AS MATERIALIZED (
             SELECT o.order_id FROM write.orders AS o
             WHERE o.status IN ('SUBMITTED', 'PRICE_CALCULATED') AND o.status_since < $1
               AND NOT EXISTS (SELECT FROM write.acknowledgements AS a
                               WHERE a.order_id = o.order_id AND a.recipient = $3)
               AND NOT EXISTS (SELECT FROM write.awaited_acknowledgements AS w
                               WHERE w.order_id = o.order_id AND w.recipient = $3)
         )
         INSERT INTO write.awaited_acknowledgements (order_id, recipient, sent_at)
         SELECT o.order_id, $3, $5
         FROM open JOIN write.orders AS o ON o.order_id = open.order_id
         JOIN LATERAL (
             SELECT l.position FROM write.order_events AS l
             WHERE l.order_id = o.order_id AND l.kind = 'submitted' LIMIT 1) AS e ON true
         WHERE o.state->'origin'->>'channel' = 'partner'
           AND o.state->'origin'->>'partner_id' <> $4::text
           AND e.position <= (SELECT f.cursor FROM write.followers AS f WHERE f.name = 'relay:' || $3)
           AND NOT EXISTS (SELECT FROM write.parked_deliveries AS p
                           WHERE p.recipient = $3 AND p.order_id = o.order_id)
         LIMIT $2
         ON CONFLICT (order_id, recipient) DO NOTHING",
        scene.before(scene.config.acknowledge_seconds),
        AT_A_TIME,
        Recipient::Crm.as_str(),
        HEARTBEAT_PARTNER.to_string(),
        scene.now,
    )
    .execute(scene.pool)
    .await?;
    Ok(recalled.rows_affected())
}
