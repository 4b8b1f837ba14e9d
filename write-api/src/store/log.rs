//! Appending to the log: the last thing a transaction does before it keeps its answer.

use chrono::{DateTime, Utc};
use shared::actor::Actor;
use shared::ids::OrderId;
use shared::order::events::OrderEvent;
use shared::position::Position;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

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

/// Appends the events of different orders, in order, and answers the position of the last one.
pub(super) async fn append(
    connection: &mut PgConnection,
    appends: &[Append<'_>],
) -> Result<Position, CommandError> {
    let mut rows = Rows::default();
    for append in appends {
        rows.add(append)?;
    }
    let appended = sqlx::query!(
        r#"INSERT INTO write.order_events
               (order_id, version, kind, data, actor, cause, trace_context, occurred_at)
           SELECT order_id, version, kind, data, actor, cause, trace_context, occurred_at
           FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::jsonb[], $5::jsonb[], $6::text[],
                       $7::text[], $8::timestamptz[])
                WITH ORDINALITY
                AS event (order_id, version, kind, data, actor, cause, trace_context, occurred_at, nth)
           ORDER BY nth
           RETURNING position, (SELECT epoch FROM write.system) AS "epoch!""#,
        &rows.order_ids,
        &rows.versions,
        &rows.kinds as _,
        &rows.data,
        &rows.actors as _,
        &rows.causes as _,
        &rows.trace_contexts as _,
        &rows.times,
    )
    .fetch_all(connection)
    .await?;
    let last = appended.iter().max_by_key(|row| row.position);
    let last =
        last.ok_or_else(|| CommandError::Inconsistent("a decision without events".to_owned()))?;
    position(last.epoch, last.position)
}

/// Rows to be inserted, column by column.
#[derive(Default)]
struct Rows<'a> {
    order_ids: Vec<Uuid>,
    versions: Vec<i64>,
    kinds: Vec<&'static str>,
    data: Vec<serde_json::Value>,
    actors: Vec<Json<&'a Actor>>,
    causes: Vec<&'a str>,
    trace_contexts: Vec<Option<&'a str>>,
    times: Vec<DateTime<Utc>>,
}

impl<'a> Rows<'a> {
    fn add(&mut self, append: &Append<'a>) -> Result<(), CommandError> {
        for (version, event) in (append.before + 1..).zip(append.events) {
            let (kind, data) = event.to_columns().map_err(|error| {
                CommandError::Inconsistent(format!("event {}: {error}", event.kind()))
            })?;
            self.order_ids.push(append.order_id.as_uuid());
            self.versions.push(to_bigint(version)?);
            self.kinds.push(kind);
            self.data.push(data);
            self.actors.push(Json(append.actor));
            self.causes.push(append.cause);
            self.trace_contexts.push(append.trace_context);
            self.times.push(append.at);
        }
        Ok(())
    }
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
