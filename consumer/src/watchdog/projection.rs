//! Rows of the read model that do not have the order as the log has it, up to where the read model says it is: a
//! projector that lags is no trouble here, one that lost an order is.
//!
//! Every open order is compared in each thorough look ([`super::thorough`]); all others by a slow scan, a page a look; and
//! those of a window that did not fit. An order whose incident is open is looked at until it is well.

use serde_json::json;
use shared::ids::OrderId;
use shared::incident::{Finding, Owner, Subject};
use sqlx::PgPool;
use uuid::Uuid;

use super::heal::Remedy;
use super::{NAME, Scene, Sight, Trouble, WatchdogError};

pub(super) const CAUSES: &[&str] = &["read-row-missing", "read-row-wrong", "log-torn"];

/// A page of the slow scan over all orders.
pub(super) struct Scanned {
    pub orders: Vec<Uuid>,
    /// Where the next page begins; nothing at the end, so that it begins anew.
    pub last: Option<Uuid>,
}

pub(super) async fn slow_scan(pool: &PgPool, page: u32) -> Result<Scanned, WatchdogError> {
    let orders = sqlx::query_scalar!(
        "SELECT order_id FROM write.orders
         WHERE order_id > coalesce((SELECT scanned FROM write.watchdog_beats WHERE name = $1),
                                   '00000000-0000-0000-0000-000000000000')
         ORDER BY order_id LIMIT $2",
        NAME,
        i64::from(page),
    )
    .fetch_all(pool)
    .await?;
    let is_full = orders.len() >= page as usize;
    let last = orders.last().copied().filter(|_| is_full);
    Ok(Scanned { orders, last })
}

pub(super) async fn look(scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
    // Only those whose versions differ, or whose timeline is to be counted, cost a look into the log. What the log had
    // of an order at the checkpoint is what the read model must have.
    let rows = sqlx::query!(
        r#"WITH checkpoint AS MATERIALIZED (SELECT position FROM read.checkpoint),
           named AS (
               SELECT unnest($1::uuid[]) AS order_id
               UNION SELECT i.order_id FROM write.incidents AS i
               WHERE i.cause = ANY($2) AND i.closed_at IS NULL
           ),
           odd AS MATERIALIZED (
               SELECT o.order_id FROM write.orders AS o
               LEFT JOIN read.orders AS r ON r.order_id = o.order_id
               WHERE $4 AND o.status NOT IN ('CLOSED', 'CANCELLED')
                 AND r.version IS DISTINCT FROM o.version
               UNION
               SELECT o.order_id FROM named JOIN write.orders AS o ON o.order_id = named.order_id
               LEFT JOIN read.orders AS r ON r.order_id = o.order_id
               WHERE r.version IS DISTINCT FROM o.version
                  OR (SELECT count(*) FROM read.timeline AS t WHERE t.order_id = o.order_id) <> o.version
           )
           SELECT odd.order_id AS "order_id!", o.version AS "written!", r.version AS "read?",
                  log.version AS "logged!", log.newest AS "newest!", told.entries AS "entries!"
           FROM odd CROSS JOIN checkpoint
           JOIN write.orders AS o ON o.order_id = odd.order_id
           LEFT JOIN read.orders AS r ON r.order_id = odd.order_id
           CROSS JOIN LATERAL (
               SELECT coalesce(max(e.version) FILTER (WHERE e.position <= checkpoint.position), 0) AS version,
                      coalesce(max(e.version), 0) AS newest
               FROM write.order_events AS e WHERE e.order_id = odd.order_id) AS log
           CROSS JOIN LATERAL (
               SELECT count(*) AS entries FROM read.timeline AS t WHERE t.order_id = odd.order_id) AS told
           WHERE coalesce(r.version, 0) <> log.version OR told.entries <> log.version OR log.newest <> o.version
           ORDER BY odd.order_id LIMIT $3"#,
        scene.suspects,
        CAUSES as &[&str],
        scene.limit(),
        scene.is_thorough,
    )
    .fetch_all(scene.pool)
    .await?;
    let troubles = rows.into_iter().map(|row| {
        let order_id = OrderId::new(row.order_id);
        let is_torn = row.newest != row.written;
        let cause = match row.read {
            _ if is_torn => "log-torn",
            None => "read-row-missing",
            Some(_) => "read-row-wrong",
        };
        let finding = Finding {
            subject: Subject::order(order_id),
            cause,
            owner: Owner::OnCall,
            evidence: json!({
                "written_version": row.written,
                "logged_version": row.logged,
                "read_version": row.read,
                "timeline_entries": row.entries,
            }),
            deadline: scene.deadline(),
        };
        // What the log does not have cannot be made from it.
        Trouble { finding, remedy: (!is_torn).then_some(Remedy::Reproject(order_id)) }
    });
    Ok(Sight::new(troubles.collect(), scene.config.limit))
}
