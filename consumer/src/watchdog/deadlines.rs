//! Orders that have been in their status for longer than anybody should wait. The times are
//! [`shared::order::census`]'s; they are held against rows, so that what came due while nobody looked is found.

use serde_json::json;
use shared::ids::OrderId;
use shared::incident::{Finding, Subject};
use shared::order::Status;
use shared::order::census::patience_of;

use super::{Scene, Sight, Trouble, WatchdogError, age_seconds};

pub(super) const CAUSES: &[&str] = &["overdue"];

pub(super) async fn look(scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
    let limits = Status::ALL
        .into_iter()
        .filter_map(|status| patience_of(status).map(|(_, patience)| (status, patience)));
    let (statuses, latest): (Vec<&str>, Vec<_>) =
        limits.map(|(status, patience)| (status.as_str(), scene.now - patience)).unzip();
    let rows = sqlx::query!(
        r#"SELECT o.order_id AS "order_id!", o.status AS "status!", o.status_since AS "since!"
           FROM unnest($1::text[], $2::timestamptz[]) AS n (status, latest)
           CROSS JOIN LATERAL (
               SELECT w.order_id, w.status, w.status_since FROM write.orders AS w
               WHERE w.status = n.status AND w.status_since < n.latest
                 AND w.status NOT IN ('CLOSED', 'CANCELLED')
               ORDER BY w.status_since LIMIT $3) AS o
           LIMIT $3"#,
        &statuses as &[&str],
        &latest,
        scene.limit(),
    )
    .fetch_all(scene.pool)
    .await?;
    let mut troubles = Vec::new();
    for row in rows {
        let status: Option<Status> = row.status.parse().ok();
        let Some((bucket, patience)) = status.and_then(patience_of) else { continue };
        let finding = Finding {
            subject: Subject::order(OrderId::new(row.order_id)),
            cause: "overdue",
            owner: bucket.owner(),
            evidence: json!({
                "status": row.status,
                "seconds": age_seconds(row.since, scene.now),
                "allowed_seconds": patience.num_seconds(),
                "next_action": bucket.next_action(),
            }),
            deadline: row.since + patience,
        };
        troubles.push(Trouble { finding, remedy: None });
    }
    Ok(Sight::new(troubles, scene.config.limit))
}
