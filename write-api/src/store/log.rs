//! Appending to the log: the last thing a transaction does before it keeps its answer.

use chrono::{DateTime, Utc};
use shared::actor::Actor;
use shared::ids::OrderId;
use shared::order::events::OrderEvent;
use shared::position::Position;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::CommandError;
use super::rows::to_bigint;

/// Events of one order, to be appended under its row's lock.
pub(super) struct Append<'a> {
    pub order_id: OrderId,
    /// The version before the first of them.
    pub before: u64,
    pub events: &'a [OrderEvent],
    pub actor: &'a Actor,
    pub cause: &'a str,
    pub trace_context: Option<&'a str>,
    pub at: DateTime<Utc>,
}

/// Appends events in order and answers the position of the last one.
pub(super) async fn append(
    connection: &mut PgConnection,
    append: Append<'_>,
) -> Result<Position, CommandError> {
    let mut last = None;
    for (version, event) in (append.before + 1..).zip(append.events) {
        let (kind, data) = event.to_columns().map_err(|error| {
            CommandError::Inconsistent(format!("event {}: {error}", event.kind()))
        })?;
        let row = sqlx::query!(
            r#"INSERT INTO write.order_events
                   (order_id, version, kind, data, actor, cause, trace_context, occurred_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
               RETURNING position, (SELECT epoch FROM write.system) AS "epoch!""#,
            append.order_id.as_uuid(),
            to_bigint(version)?,
            kind,
            data,
            Json(append.actor) as _,
            append.cause,
            append.trace_context,
            append.at,
        )
        .fetch_one(&mut *connection)
        .await?;
        last = Some(position(row.epoch, row.position)?);
    }
    last.ok_or_else(|| CommandError::Inconsistent("a decision without events".to_owned()))
}

/// The position of the order's newest event.
pub(super) async fn newest(
    connection: &mut PgConnection,
    order_id: OrderId,
) -> Result<Position, CommandError> {
    let row = sqlx::query!(
        r#"SELECT coalesce(max(position), 0) AS "position!",
                  (SELECT epoch FROM write.system) AS "epoch!"
           FROM write.order_events WHERE order_id = $1"#,
        order_id.as_uuid(),
    )
    .fetch_one(connection)
    .await?;
    position(row.epoch, row.position)
}

fn position(epoch: i64, position: i64) -> Result<Position, CommandError> {
    match (u32::try_from(epoch), u64::try_from(position)) {
        (Ok(epoch), Ok(position)) => Ok(Position { epoch, position }),
        _ => Err(CommandError::Inconsistent(format!("log position {epoch}-{position}"))),
    }
}
