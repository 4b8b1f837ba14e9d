//! Followers of the log that are behind: by the age of the oldest event that they have not dealt with, so that a quiet
//! night is no trouble and a stopped relay is.

use serde_json::json;
use shared::incident::{Finding, Owner, Subject};

use super::{Scene, Sight, Trouble, WatchdogError, age_seconds};
use crate::follower::Replayable;
use crate::projections::ReadModel;
use crate::relay::Route;

pub(super) const CAUSES: &[&str] = &["follower-behind", "follower-ahead"];

pub(super) async fn look(scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
    let names: Vec<&str> =
        Route::ALL.into_iter().map(Route::follower).chain([ReadModel::FOLLOWER]).collect();
    // A cursor beyond the log was moved by somebody, and what it passed over is not dealt with by itself.
    let rows = sqlx::query!(
        r#"SELECT n.name AS "name!", coalesce(f.cursor, 0) AS "cursor!", oldest.occurred_at AS "since?",
                  coalesce(newest.position, 0) AS "end!"
           FROM unnest($1::text[]) AS n (name)
           CROSS JOIN (SELECT max(e.position) AS position FROM write.order_events AS e) AS newest
           LEFT JOIN write.followers AS f ON f.name = n.name
           LEFT JOIN LATERAL (
               SELECT e.occurred_at FROM write.order_events AS e
               WHERE e.position > coalesce(f.cursor, 0) ORDER BY e.position LIMIT 1) AS oldest ON true
           WHERE oldest.occurred_at < $2 OR coalesce(f.cursor, 0) > coalesce(newest.position, 0)"#,
        &names as &[&str],
        scene.before(scene.config.behind_seconds),
    )
    .fetch_all(scene.pool)
    .await?;
    let troubles = rows.into_iter().map(|row| {
        let cause = if row.since.is_some() { "follower-behind" } else { "follower-ahead" };
        let finding = Finding {
            subject: Subject::new("follower", row.name),
            cause,
            owner: Owner::OnCall,
            evidence: json!({
                "cursor": row.cursor,
                "end": row.end,
                "oldest_seconds": row.since.map(|since| age_seconds(since, scene.now)),
            }),
            deadline: scene.deadline(),
        };
        Trouble { finding, remedy: None }
    });
    Ok(Sight::new(troubles.collect(), scene.config.limit))
}
