//! Lanes whose oldest job has been due for long: no worker serves them, or too few. One incident a lane, not one for
//! each of ten thousand jobs.

use serde_json::json;
use shared::incident::{Finding, Owner, Subject};
use write_api::store::Lane;

use super::heal::Remedy;
use super::{Scene, Sight, Trouble, WatchdogError, age_seconds};

pub(super) const CAUSES: &[&str] = &["lane-waits"];

pub(super) async fn look(scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
    let lanes = Lane::ALL.map(Lane::as_str);
    let rows = sqlx::query!(
        r#"SELECT n.lane AS "lane!", oldest.not_before AS "since!"
           FROM unnest($1::text[]) AS n (lane)
           CROSS JOIN LATERAL (
               SELECT min(j.not_before) AS not_before FROM write.pricing_jobs AS j
               WHERE j.lane = n.lane AND j.state = 'queued') AS oldest
           WHERE oldest.not_before < $2"#,
        &lanes as &[&str],
        scene.before(scene.config.lane_seconds),
    )
    .fetch_all(scene.pool)
    .await?;
    let troubles = rows.into_iter().map(|row| Trouble {
        finding: Finding {
            subject: Subject::new("lane", row.lane),
            cause: "lane-waits",
            owner: Owner::OnCall,
            evidence: json!({ "oldest_seconds": age_seconds(row.since, scene.now) }),
            deadline: scene.deadline(),
        },
        remedy: Some(Remedy::Wake),
    });
    Ok(Sight::new(troubles.collect(), scene.config.limit))
}
