//! Counts open orders by bucket. The rule is [`Bucket::of`]; here is only what it must know, grouped, so that a hundred
//! thousand orders are a handful of rows.

use std::collections::HashMap;

use serde_json::json;
use shared::ids::OrderId;
use shared::incident::{Finding, Owner, Subject};
use shared::order::Status;
use shared::order::census::{Bucket, Facts};
use sqlx::PgPool;

use super::{Scene, Sight, Trouble, WatchdogError, age_seconds};

/// An order in making that nobody has in hand. (A submitted order without a job is found by `jobs`.)
pub(super) const CAUSES: &[&str] = &["nobodys"];

/// The census of one moment.
#[derive(Debug, Default)]
pub(super) struct Census {
    counted: HashMap<Bucket, u64>,
    /// Orders in no bucket.
    pub unaccounted: u64,
}

impl Census {
    /// Orders in a bucket.
    pub fn of(&self, bucket: Bucket) -> u64 {
        self.counted.get(&bucket).copied().unwrap_or_default()
    }
}

/// Counts in one snapshot. How far a pricing is, is read of those only that have no live job.
pub(super) async fn count(pool: &PgPool) -> Result<Census, WatchdogError> {
    let groups = sqlx::query!(
        r#"WITH open AS MATERIALIZED (
               SELECT o.order_id, o.status, o.operator_id IS NOT NULL AS is_held,
                      CASE WHEN o.status = 'SUBMITTED' THEN
                          (SELECT j.state FROM write.pricing_jobs AS j
                           WHERE j.order_id = o.order_id AND j.state IN ('queued', 'running')
                           LIMIT 1) END AS job
               FROM write.orders AS o WHERE o.status NOT IN ('CLOSED', 'CANCELLED')
           )
           SELECT open.status AS "status!", open.job, open.is_held AS "is_held!",
                  CASE WHEN open.status = 'SUBMITTED' AND open.job IS NULL THEN
                      (SELECT w.state->'stage'->'pricing'->>'state' FROM write.orders AS w
                       WHERE w.order_id = open.order_id) END AS pricing,
                  count(*) AS "orders!"
           FROM open GROUP BY 1, 2, 3, 4"#,
    )
    .fetch_all(pool)
    .await?;
    let mut census = Census::default();
    for group in groups {
        let status: Option<Status> = group.status.parse().ok();
        let bucket = status.and_then(|status| {
            let (job, pricing) = (group.job.as_deref(), group.pricing.as_deref());
            Bucket::of(Facts { status, job, pricing, is_held: group.is_held })
        });
        let orders = group.orders.cast_unsigned();
        match bucket {
            Some(bucket) => *census.counted.entry(bucket).or_default() += orders,
            None => census.unaccounted += orders,
        }
    }
    Ok(census)
}

pub(super) async fn look(scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
    let rows = sqlx::query!(
        "SELECT order_id, status, status_since FROM write.orders
         WHERE status IN ('MANUFACTURING_STARTED', 'MANUFACTURING_COMPLETED', 'PACKAGING')
           AND operator_id IS NULL
         ORDER BY status_since LIMIT $1",
        scene.limit(),
    )
    .fetch_all(scene.pool)
    .await?;
    let troubles = rows.into_iter().map(|row| Trouble {
        finding: Finding {
            subject: Subject::order(OrderId::new(row.order_id)),
            cause: "nobodys",
            owner: Owner::Workshop,
            evidence: json!({
                "status": row.status,
                "seconds": age_seconds(row.status_since, scene.now),
            }),
            deadline: scene.deadline(),
        },
        remedy: None,
    });
    Ok(Sight::new(troubles.collect(), scene.config.limit))
}
