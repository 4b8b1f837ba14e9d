//! Webhooks that the system has paused because their partner took nothing for hours, or said that they are gone. Those
//! that a person paused are what a person wanted.

use serde_json::json;
use shared::incident::{Finding, Owner, Subject};

use super::{Scene, Sight, Trouble, WatchdogError, age_seconds};

pub(super) const CAUSES: &[&str] = &["webhook-paused"];

pub(super) async fn look(scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
    let rows = sqlx::query!(
        r#"SELECT webhook_id, partner_id, paused_reason AS "reason!", paused_at AS "since!"
           FROM write.webhooks
           WHERE state = 'paused' AND paused_reason <> 'asked' AND paused_at IS NOT NULL
             AND deleted_at IS NULL
           ORDER BY paused_at LIMIT $1"#,
        scene.limit(),
    )
    .fetch_all(scene.pool)
    .await?;
    let troubles = rows.into_iter().map(|row| Trouble {
        finding: Finding {
            subject: Subject::new("webhook", row.webhook_id.to_string()),
            cause: "webhook-paused",
            owner: Owner::Partner,
            evidence: json!({
                "partner_id": row.partner_id,
                "reason": row.reason,
                "seconds": age_seconds(row.since, scene.now),
            }),
            deadline: scene.deadline(),
        },
        remedy: None,
    });
    Ok(Sight::new(troubles.collect(), scene.config.limit))
}
