//! Partners' orders that the CRM was sent and has not taken into its books: whatever became of the message, whoever
//! dropped it. The relay writes down what it sent and must be acknowledged, and when: a relay that comes back after an
//! hour is no reason to miss acknowledgements of what it sent a second ago.
//!
//! An order is **passed over** when another one that was sent later is acknowledged: its message was lost, and it is sent
//! again. So is what was passed over within the same seconds, before its own time is up: otherwise it would be healed beside
//! the other, and nobody could read that it was lost. While nothing is acknowledged at all, the messages lie in the
//! recipient's queue, most likely, and sending thousands of them again would only make it longer: that is one incident of
//! the recipient, and only the oldest orders
//! are sent again, lest the queue was emptied.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use shared::contracts::outbound::Recipient;
use shared::ids::OrderId;
use shared::incident::{Finding, Owner, Subject};
use shared::order::HEARTBEAT_PARTNER;
use uuid::Uuid;

use super::heal::Remedy;
use super::{Scene, Sight, Trouble, WatchdogError, age_seconds};

const LOST: &str = "not-acknowledged";
const SILENT: &str = "recipient-silent";
pub(super) const CAUSES: &[&str] = &[LOST, SILENT];
/// Rows that one look removes at most, and that one look for forgotten ones adds.
const AT_A_TIME: i64 = 10_000;
/// Two messages in a consumer's hands may change places; what was sent so long before another one does not come after it.
const DISORDER: TimeDelta = TimeDelta::seconds(2);
/// Orders that are sent again to a recipient that acknowledges nothing: the oldest.
const PROBES: usize = 10;

/// An order that was sent and is not acknowledged.
struct Late {
    order_id: Uuid,
    status: String,
    sent_at: DateTime<Utc>,
}

/// An approval is an acknowledgement too, so only orders before it are asked about. What was never sent is not waited for.
pub(super) async fn look(scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
    let crm = Recipient::Crm.as_str();
    forget_settled(scene, crm).await?;
    let newest = newest_acknowledged(scene, crm).await?;
    let late = late(scene, crm).await?;
    let has_more = late.len() >= scene.config.limit as usize;
    let grace = TimeDelta::seconds(scene.config.acknowledge_seconds.into());
    let is_lost = |order: &Late| newest.is_some_and(|newest| order.sent_at < newest - grace);
    let lost = late.iter().take_while(|order| is_lost(order)).count();
    let tell = &late[..late.len().min(lost + PROBES)];
    let passed_over = tell.last().zip(newest);
    let passed_over = passed_over.map(|(last, new)| (last.sent_at + grace).min(new - DISORDER));
    let beside = beside(scene, crm, passed_over.unwrap_or(DateTime::UNIX_EPOCH)).await?;
    let mut troubles: Vec<Trouble> =
        tell.iter().chain(&beside).map(|order| trouble(scene, crm, order)).collect();
    let untold = late.len() - tell.len();
    let is_silent = newest.is_none_or(|newest| newest < scene.now - grace * 2);
    if untold > 0 && is_silent {
        troubles.push(silence(scene, crm, untold, newest));
    }
    Ok(Sight { troubles, has_more })
}

fn trouble(scene: &Scene<'_>, recipient: &'static str, order: &Late) -> Trouble {
    let order_id = OrderId::new(order.order_id);
    let finding = Finding {
        subject: Subject::order(order_id),
        cause: LOST,
        owner: Owner::Crm,
        evidence: json!({
            "recipient": recipient,
            "status": order.status,
            "seconds": age_seconds(order.sent_at, scene.now),
        }),
        deadline: scene.deadline(),
    };
    Trouble { finding, remedy: Some(Remedy::ResendAround { recipient, order_id }) }
}

fn silence(
    scene: &Scene<'_>,
    recipient: &str,
    waiting: usize,
    newest: Option<DateTime<Utc>>,
) -> Trouble {
    let finding = Finding {
        subject: Subject::new("route", recipient),
        cause: SILENT,
        owner: Owner::Crm,
        evidence: json!({
            "recipient": recipient,
            "orders_at_least": waiting,
            "newest_acknowledged_sent_at": newest,
        }),
        deadline: scene.deadline(),
    };
    Trouble { finding, remedy: None }
}

/// When the newest order was sent that the recipient has acknowledged.
async fn newest_acknowledged(
    scene: &Scene<'_>,
    recipient: &str,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT max(sent_at) FROM write.acknowledgements WHERE recipient = $1",
        recipient,
    )
    .fetch_one(scene.pool)
    .await
}

/// Oldest first.
async fn late(scene: &Scene<'_>, recipient: &str) -> Result<Vec<Late>, sqlx::Error> {
    sqlx::query_as!(
        Late,
        "SELECT w.order_id, o.status, w.sent_at
           FROM write.awaited_acknowledgements AS w
           JOIN write.orders AS o ON o.order_id = w.order_id
           WHERE w.recipient = $3 AND w.sent_at < $1
             AND o.status IN ('SUBMITTED', 'PRICE_CALCULATED')
             AND NOT EXISTS (SELECT FROM write.acknowledgements AS a
                             WHERE a.order_id = w.order_id AND a.recipient = w.recipient)
           ORDER BY w.sent_at LIMIT $2",
        scene.before(scene.config.acknowledge_seconds),
        scene.limit(),
        recipient,
    )
    .fetch_all(scene.pool)
    .await
}

/// What is not late yet, and was sent before this moment or was told of before.
async fn beside(
    scene: &Scene<'_>,
    recipient: &str,
    sent_before: DateTime<Utc>,
) -> Result<Vec<Late>, sqlx::Error> {
    sqlx::query_as!(
        Late,
        "SELECT w.order_id, o.status, w.sent_at
           FROM write.awaited_acknowledgements AS w
           JOIN write.orders AS o ON o.order_id = w.order_id
           WHERE w.recipient = $3 AND w.sent_at >= $1
             AND (w.sent_at < $4 OR EXISTS (
                 SELECT FROM write.incidents AS i
                 WHERE i.order_id = w.order_id AND i.cause = $5 AND i.closed_at IS NULL))
             AND o.status IN ('SUBMITTED', 'PRICE_CALCULATED')
             AND NOT EXISTS (SELECT FROM write.acknowledgements AS a
                             WHERE a.order_id = w.order_id AND a.recipient = w.recipient)
           ORDER BY w.sent_at LIMIT $2",
        scene.before(scene.config.acknowledge_seconds),
        scene.limit(),
        recipient,
        sent_before,
        LOST,
    )
    .fetch_all(scene.pool)
    .await
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
