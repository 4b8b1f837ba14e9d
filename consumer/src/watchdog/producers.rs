//! Numbers that a producer passed over: messages that were lost before they reached us. Only the producer has them.

use serde_json::json;
use shared::incident::{Finding, Owner, Subject};

use super::{Scene, Sight, Trouble, WatchdogError, age_seconds};

pub(super) const CAUSES: &[&str] = &["sequence-gap"];

pub(super) async fn look(scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
    let rows = sqlx::query!(
        r#"SELECT source, epoch, min(since) AS "since!", min(first_number) AS "first!",
                  max(last_number) AS "last!",
                  least(sum(last_number::numeric - first_number + 1), 1000000000)::bigint AS "missing!"
           FROM write.producer_gaps WHERE since < $1
           GROUP BY source, epoch ORDER BY 3 LIMIT $2"#,
        scene.before(scene.config.sequence_seconds),
        scene.limit(),
    )
    .fetch_all(scene.pool)
    .await?;
    let troubles = rows.into_iter().map(|row| Trouble {
        finding: Finding {
            subject: Subject::new("producer", format!("{}#{}", row.source, row.epoch)),
            cause: "sequence-gap",
            owner: Owner::Producer,
            evidence: json!({
                "missing": row.missing,
                "first": row.first,
                "last": row.last,
                "seconds": age_seconds(row.since, scene.now),
            }),
            deadline: scene.deadline(),
        },
        remedy: None,
    });
    Ok(Sight::new(troubles.collect(), scene.config.limit))
}
