//! Submitted orders whose price nobody makes: no job, a job that ended without telling the order, a job that nobody
//! holds any more.

use serde_json::json;
use shared::ids::OrderId;
use shared::incident::{Finding, Owner, Subject};

use super::heal::Remedy;
use super::{Scene, Sight, Trouble, WatchdogError, age_seconds, lost_jobs};

pub(super) const CAUSES: &[&str] = &["job-missing", "job-without-outcome", lost_jobs::CAUSE];

pub(super) async fn look(scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
    let mut troubles = without_a_job(scene).await?;
    troubles.extend(expired(scene).await?);
    Ok(Sight::new(troubles, scene.config.limit))
}

/// The submitting transaction leaves the job too, so there is no moment at which this is right.
async fn without_a_job(scene: &Scene<'_>) -> Result<Vec<Trouble>, WatchdogError> {
    let rows = sqlx::query!(
        r#"WITH jobless AS MATERIALIZED (
               SELECT o.order_id FROM write.orders AS o
               WHERE o.status = 'SUBMITTED' AND NOT EXISTS (
                   SELECT FROM write.pricing_jobs AS j
                   WHERE j.order_id = o.order_id AND j.state IN ('queued', 'running'))
           )
           SELECT o.order_id, o.status_since, o.state->'stage'->'pricing'->>'state' AS pricing,
                  (SELECT j.state FROM write.pricing_jobs AS j WHERE j.order_id = o.order_id
                   ORDER BY j.generation DESC LIMIT 1) AS job
           FROM jobless JOIN write.orders AS o ON o.order_id = jobless.order_id
           WHERE o.state->'stage'->'pricing'->>'state' <> 'failed'
           ORDER BY o.status_since LIMIT $1"#,
        scene.limit(),
    )
    .fetch_all(scene.pool)
    .await?;
    let troubles = rows.into_iter().map(|row| {
        let order_id = OrderId::new(row.order_id);
        let cause = if row.job.is_none() { "job-missing" } else { "job-without-outcome" };
        let finding = Finding {
            subject: Subject::order(order_id),
            cause,
            owner: Owner::OnCall,
            evidence: json!({
                "pricing": row.pricing,
                "job": row.job,
                "seconds": age_seconds(row.status_since, scene.now),
            }),
            deadline: scene.deadline(),
        };
        Trouble { finding, remedy: Some(Remedy::Requeue(order_id)) }
    });
    Ok(troubles.collect())
}

/// Pricers put such jobs back themselves, and say so; when none is left, nobody does.
async fn expired(scene: &Scene<'_>) -> Result<Vec<Trouble>, WatchdogError> {
    let rows = sqlx::query!(
        r#"SELECT order_id, subject, lane, lease_until AS "lease_until!", attempts
           FROM write.pricing_jobs
           WHERE state = 'running' AND lease_until < $1 ORDER BY lease_until LIMIT $2"#,
        scene.before(scene.config.lease_seconds),
        scene.limit(),
    )
    .fetch_all(scene.pool)
    .await?;
    let troubles = rows.into_iter().map(|row| {
        let subject = match row.subject.as_str() {
            "order" => Subject::order(OrderId::new(row.order_id)),
            _ => Subject::new("quote", row.order_id.to_string()),
        };
        let seconds = age_seconds(row.lease_until, scene.now);
        let finding =
            lost_jobs::finding(subject, &row.lane, row.attempts, seconds, scene.deadline());
        Trouble { finding, remedy: Some(Remedy::Rescue) }
    });
    Ok(troubles.collect())
}
