//! A row of the log, and the few that are asked for by name instead of by what comes next.

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use shared::actor::Actor;
use shared::ids::OrderId;
use shared::order::events::{LoggedEvent, OrderEvent};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Head, ReadError};

/// JSON that is read as what it is when it is known what that is.
pub(super) type Text = Json<Box<RawValue>>;

/// A row of `write.order_events`.
pub(super) struct Row {
    pub position: i64,
    pub order_id: Uuid,
    pub version: i64,
    pub kind: String,
    pub data: Text,
    pub actor: Text,
    pub cause: String,
    pub trace_context: Option<String>,
    pub occurred_at: DateTime<Utc>,
    /// `pg_snapshot_xmin` of the statement, for those who must know what may still appear.
    pub xmin: Option<i64>,
}

/// The head of a row of `write.order_events`.
pub(super) struct HeadRow {
    pub position: i64,
    pub order_id: Uuid,
    pub version: i64,
    pub kind: String,
    pub occurred_at: DateTime<Utc>,
    pub xmin: Option<i64>,
}

impl From<HeadRow> for Head {
    fn from(row: HeadRow) -> Self {
        Self {
            position: row.position.cast_unsigned(),
            order_id: OrderId::new(row.order_id),
            version: row.version.cast_unsigned(),
            kind: row.kind,
            occurred_at: row.occurred_at,
        }
    }
}

impl Row {
    pub(super) fn decode(self) -> Result<LoggedEvent, ReadError> {
        let (position, order_id) = (self.position.cast_unsigned(), OrderId::new(self.order_id));
        let undecodable =
            |source| ReadError::Undecodable { position, order_id, kind: self.kind.clone(), source };
        Ok(LoggedEvent {
            position,
            order_id,
            version: self.version.cast_unsigned(),
            event: OrderEvent::from_columns(&self.kind, &self.data).map_err(undecodable)?,
            actor: serde_json::from_str::<Actor>(self.actor.get()).map_err(undecodable)?,
            cause: self.cause,
            trace_context: self.trace_context,
            occurred_at: self.occurred_at,
        })
    }
}

/// All events of these orders up to a position.
///
/// # Errors
/// When the database fails, or an event is none that this version knows.
pub(crate) async fn events_of(
    connection: &mut PgConnection,
    orders: &[Uuid],
    up_to: u64,
) -> Result<Vec<LoggedEvent>, ReadError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT position, order_id, version, kind, data AS "data: Text", actor AS "actor: Text",
                  cause, trace_context, occurred_at, NULL::bigint AS xmin
           FROM write.order_events WHERE order_id = ANY($1) AND position <= $2 ORDER BY position"#,
        orders,
        up_to.cast_signed(),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Row::decode).collect()
}

/// The events at these positions, each with its order: an order's events are found by its id.
///
/// # Errors
/// As for [`events_of`].
pub(crate) async fn events_at(
    connection: &mut PgConnection,
    orders: &[Uuid],
    positions: &[i64],
) -> Result<Vec<LoggedEvent>, ReadError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT e.position, e.order_id, e.version, e.kind, e.data AS "data: Text",
                  e.actor AS "actor: Text", e.cause, e.trace_context, e.occurred_at,
                  NULL::bigint AS xmin
           FROM unnest($1::uuid[], $2::bigint[]) AS n (order_id, position)
           JOIN write.order_events AS e ON e.order_id = n.order_id AND e.position = n.position
           ORDER BY e.position"#,
        orders,
        positions,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Row::decode).collect()
}
