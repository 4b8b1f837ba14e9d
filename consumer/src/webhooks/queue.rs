//! The queue of each webhook, which is its delivery log as well.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use serde_json::value::RawValue;
use shared::contracts::outbound::event_id;
use shared::ids::OrderId;
use shared::order::Origin;
use shared::order::events::{LoggedEvent, OrderEvent};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::WebhooksError;
use super::fan_out::told;
use super::sender::{Failure, Message};

/// Rows that are forgotten at a time.
const TIDY_ROWS: i64 = 5_000;
/// Webhooks that are looked at in a round.
const BUSY_WEBHOOKS: i64 = 1_000;

/// A delivery that was claimed for an attempt.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub webhook_id: Uuid,
    pub position: u64,
    pub order_id: OrderId,
    /// Including this one.
    pub attempts: i32,
}

/// A webhook with something to do.
pub(super) struct Busy {
    pub webhook_id: Uuid,
    pub is_failing: bool,
}

/// Active webhooks for which something may be due.
pub(super) async fn busy(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<Vec<Busy>, sqlx::Error> {
    sqlx::query_as!(
        Busy,
        r#"SELECT w.webhook_id, w.failing_since IS NOT NULL AS "is_failing!"
           FROM write.webhooks AS w
           WHERE w.state = 'active' AND w.deleted_at IS NULL
             AND EXISTS (SELECT 1 FROM write.webhook_deliveries AS d
                         WHERE d.webhook_id = w.webhook_id AND d.state = 'waiting' AND d.next_attempt <= $1)
           ORDER BY w.webhook_id LIMIT $2"#,
        now,
        BUSY_WEBHOOKS,
    )
    .fetch_all(connection)
    .await
}

/// Claims the oldest waiting event of each order, as far as those are due: an attempt that is not recorded by `lease` is
/// made again.
pub(super) async fn claim(
    connection: &mut PgConnection,
    webhook_id: Uuid,
    most: usize,
    now: DateTime<Utc>,
    lease: DateTime<Utc>,
) -> Result<Vec<Due>, sqlx::Error> {
    let rows = sqlx::query!(
        "WITH heads AS (
             SELECT DISTINCT ON (h.order_id) h.position, h.next_attempt
             FROM write.webhook_deliveries AS h
             WHERE h.webhook_id = $1 AND h.state = 'waiting'
             ORDER BY h.order_id, h.position
         ), due AS (
             SELECT position FROM heads WHERE next_attempt <= $2 ORDER BY position LIMIT $3
         )
         UPDATE write.webhook_deliveries AS d
         SET attempts = d.attempts + 1, sent = d.sent + 1, last_sent_at = $2, next_attempt = $4
         FROM due
         WHERE d.webhook_id = $1 AND d.position = due.position AND d.state = 'waiting'
         RETURNING d.position, d.order_id, d.attempts",
        webhook_id,
        now,
        i64::try_from(most).unwrap_or(i64::MAX),
        lease,
    )
    .fetch_all(connection)
    .await?;
    let due = |position: i64, order_id, attempts| Due {
        webhook_id,
        position: position.cast_unsigned(),
        order_id: OrderId::new(order_id),
        attempts,
    };
    Ok(rows.into_iter().map(|row| due(row.position, row.order_id, row.attempts)).collect())
}

/// The message of a delivery, made from the log; `None` when there is nothing to tell any more.
pub(super) async fn message(
    connection: &mut PgConnection,
    due: &Due,
    now: DateTime<Utc>,
) -> Result<Option<Message>, WebhooksError> {
    let row = sqlx::query!(
        r#"SELECT w.url, o.state->'origin' AS "origin!: Json<Origin>",
                  e.version, e.kind, e.data AS "data: Json<Box<RawValue>>", e.actor, e.cause, e.trace_context, e.occurred_at,
                  ARRAY(SELECT s.secret FROM write.webhook_secrets AS s
                        WHERE s.webhook_id = w.webhook_id AND (s.expires_at IS NULL OR s.expires_at > $4)
                        ORDER BY s.created_at DESC) AS "secrets!: Vec<Vec<u8>>"
           FROM write.order_events AS e
           JOIN write.orders AS o ON o.order_id = e.order_id
           JOIN write.webhooks AS w ON w.webhook_id = $3 AND w.deleted_at IS NULL
           WHERE e.order_id = $1 AND e.position = $2"#,
        due.order_id.as_uuid(),
        due.position.cast_signed(),
        due.webhook_id,
        now,
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let logged =
        logged(due, row.version, &row.kind, &row.data, row.occurred_at, row.actor, row.cause)?;
    let Some(event) = told(&logged, &row.origin.0)? else { return Ok(None) };
    let body = serde_json::to_vec(&event).map_err(|error| inconsistent(due, &error))?;
    Ok(Some(Message {
        url: row.url,
        id: event_id(logged.order_id, logged.version),
        secrets: row.secrets,
        body,
        trace_context: row.trace_context,
    }))
}

fn logged(
    due: &Due,
    version: i64,
    kind: &str,
    data: &RawValue,
    occurred_at: DateTime<Utc>,
    actor: Value,
    cause: String,
) -> Result<LoggedEvent, WebhooksError> {
    Ok(LoggedEvent {
        position: due.position,
        order_id: due.order_id,
        version: version.cast_unsigned(),
        event: OrderEvent::from_columns(kind, data).map_err(|error| inconsistent(due, &error))?,
        actor: serde_json::from_value(actor).map_err(|error| inconsistent(due, &error))?,
        cause,
        trace_context: None,
        occurred_at,
    })
}

fn inconsistent(due: &Due, error: &serde_json::Error) -> WebhooksError {
    WebhooksError::Inconsistent(format!("position {}: {error}", due.position))
}

/// The receiver took it.
pub(super) async fn delivered(
    connection: &mut PgConnection,
    due: &Due,
    status: u16,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "WITH landed AS (
             UPDATE write.webhook_deliveries
             SET state = 'delivered', finished_at = $4, last_status = $3, last_error = NULL
             WHERE webhook_id = $1 AND position = $2 AND state = 'waiting'
         )
         UPDATE write.webhooks SET failing_since = NULL
         WHERE webhook_id = $1 AND failing_since IS NOT NULL",
        due.webhook_id,
        due.position.cast_signed(),
        i32::from(status),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The receiver did not take it: it is due again at `next`, or given up.
pub(super) async fn failed(
    connection: &mut PgConnection,
    due: &Due,
    failure: &Failure,
    next: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE write.webhook_deliveries
         SET state = CASE WHEN $5::timestamptz IS NULL THEN 'failed' ELSE state END,
             next_attempt = coalesce($5, next_attempt), last_status = $3, last_error = $4,
             finished_at = CASE WHEN $5::timestamptz IS NULL THEN $6::timestamptz END
         WHERE webhook_id = $1 AND position = $2 AND state = 'waiting'",
        due.webhook_id,
        due.position.cast_signed(),
        failure.status.map(i32::from),
        failure.reason,
        next,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// There is nothing to tell any more.
pub(super) async fn dropped(
    connection: &mut PgConnection,
    due: &Due,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE write.webhook_deliveries SET state = 'failed', finished_at = $3, last_error = 'nothing-to-tell'
         WHERE webhook_id = $1 AND position = $2 AND state = 'waiting'",
        due.webhook_id,
        due.position.cast_signed(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Since when the webhook has taken nothing.
pub(super) async fn note_failing(
    connection: &mut PgConnection,
    webhook_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    let since = sqlx::query_scalar!(
        "UPDATE write.webhooks SET failing_since = coalesce(failing_since, $2)
         WHERE webhook_id = $1 RETURNING failing_since",
        webhook_id,
        now,
    )
    .fetch_optional(connection)
    .await?;
    Ok(since.flatten())
}

/// Nothing more is sent until somebody resumes it. `false` when it was paused already.
pub(super) async fn pause(
    connection: &mut PgConnection,
    webhook_id: Uuid,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let paused = sqlx::query!(
        "UPDATE write.webhooks SET state = 'paused', paused_reason = $2, paused_at = $3, changed_at = $3
         WHERE webhook_id = $1 AND state = 'active'",
        webhook_id,
        reason,
        now,
    )
    .execute(connection)
    .await?;
    Ok(paused.rows_affected() == 1)
}

/// Forgets what is old: what was delivered or given up long ago, what waited too long for a paused webhook, and
/// what belongs to a deleted one. A bounded number of rows each time.
pub(super) async fn tidy(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    keep_days: u16,
) -> Result<(), sqlx::Error> {
    let horizon = now - TimeDelta::days(i64::from(keep_days));
    sqlx::query!(
        "DELETE FROM write.webhook_deliveries AS d USING (
             (SELECT f.webhook_id, f.position FROM write.webhook_deliveries AS f
              WHERE f.finished_at < $1 ORDER BY f.finished_at LIMIT $2)
             UNION ALL
             (SELECT w.webhook_id, p.position FROM write.webhooks AS w
              JOIN write.webhook_deliveries AS p ON p.webhook_id = w.webhook_id
              WHERE w.deleted_at IS NOT NULL OR (w.paused_at < $1 AND p.state = 'waiting')
              LIMIT $2)
         ) AS old
         WHERE d.webhook_id = old.webhook_id AND d.position = old.position",
        horizon,
        TIDY_ROWS,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "DELETE FROM write.webhook_secrets WHERE expires_at < $1",
        now - TimeDelta::days(1),
    )
    .execute(connection)
    .await?;
    Ok(())
}
