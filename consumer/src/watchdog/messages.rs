//! Messages that were not applied: those that wait for what must come before them, for too long, and those that need a
//! person. One incident per order (or per message that names none) and cause.

use serde_json::json;
use shared::ids::OrderId;
use shared::incident::{Finding, Owner, Subject};

use super::heal::Remedy;
use super::{Scene, Sight, Trouble, WatchdogError, age_seconds};

pub(super) const CAUSES: &[&str] = &["message-waits", "message-parked"];

pub(super) async fn look(scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
    let rows = sqlx::query!(
        r#"SELECT waiting_id AS "waiting_id!", state AS "state!", order_key, kind, reason_code AS "code!",
                  attempts AS "attempts!", received_at AS "since!", messages AS "messages!"
           FROM (
               SELECT w.waiting_id, w.state, w.order_key, w.kind, w.reason_code, w.attempts, w.received_at,
                      count(*) OVER same AS messages, row_number() OVER (same ORDER BY w.waiting_id) AS place
               FROM write.waiting_messages AS w
               WHERE w.state = 'parked' OR (w.state = 'waiting' AND w.received_at < $1)
               WINDOW same AS (PARTITION BY w.state, coalesce(w.order_key, w.waiting_id::text))
           ) AS each
           WHERE place = 1 ORDER BY waiting_id LIMIT $2"#,
        scene.before(scene.config.waiting_seconds),
        scene.limit(),
    )
    .fetch_all(scene.pool)
    .await?;
    let troubles = rows.into_iter().map(|row| {
        let waits = row.state == "waiting";
        let order_id = row.order_key.as_deref().and_then(|key| key.parse::<OrderId>().ok());
        let name = row.order_key.unwrap_or_else(|| format!("waiting:{}", row.waiting_id));
        let finding = Finding {
            subject: Subject { kind: "message", name, order_id },
            cause: if waits { "message-waits" } else { "message-parked" },
            owner: if waits { Owner::OnCall } else { Owner::Producer },
            evidence: json!({
                "waiting_id": row.waiting_id,
                "kind": row.kind,
                "reason": row.code,
                "attempts": row.attempts,
                "messages": row.messages,
                "seconds": age_seconds(row.since, scene.now),
            }),
            deadline: scene.deadline(),
        };
        Trouble { finding, remedy: waits.then_some(Remedy::Apply { waiting_id: row.waiting_id }) }
    });
    Ok(Sight::new(troubles.collect(), scene.config.limit))
}
