//! Rows of `write.orders` and `write.order_references`; no stranger sees them.

use std::collections::HashMap;

use serde_json::value::RawValue;
use shared::ids::{ModelId, OrderId};
use shared::order::{Order, Origin};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::CommandError;

/// Locks the order's row and answers the order.
pub(super) async fn lock(
    connection: &mut PgConnection,
    order_id: OrderId,
) -> Result<Option<Order>, CommandError> {
    let row = sqlx::query!(
        r#"SELECT version, state AS "state: Json<Box<RawValue>>" FROM write.orders
           WHERE order_id = $1 FOR UPDATE"#,
        order_id.as_uuid(),
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| readable(order_id, row.version, &row.state)).transpose()
}

/// Locks those of the orders that nobody else has locked, without waiting: who holds several orders and waited for one
/// more could be waited for. One that cannot be read is left out, too.
pub(super) async fn lock_free(
    connection: &mut PgConnection,
    order_ids: &[OrderId],
) -> Result<HashMap<OrderId, Order>, CommandError> {
    let ids: Vec<Uuid> = order_ids.iter().map(OrderId::as_uuid).collect();
    let rows = sqlx::query!(
        r#"SELECT o.order_id, o.version, o.state AS "state: Json<Box<RawValue>>"
           FROM unnest($1::uuid[]) AS wanted (order_id)
           CROSS JOIN LATERAL (
               SELECT w.order_id, w.version, w.state FROM write.orders AS w
               WHERE w.order_id = wanted.order_id FOR UPDATE SKIP LOCKED) AS o"#,
        &ids,
    )
    .fetch_all(connection)
    .await?;
    let orders = rows.into_iter().filter_map(|row| {
        let order_id = OrderId::new(row.order_id);
        readable(order_id, row.version, &row.state).ok().map(|order| (order_id, order))
    });
    Ok(orders.collect())
}

fn readable(order_id: OrderId, version: i64, state: &RawValue) -> Result<Order, CommandError> {
    let order: Order = serde_json::from_str(state.get())
        .map_err(|error| CommandError::Inconsistent(format!("write.orders {order_id}: {error}")))?;
    if i64::try_from(order.version) == Ok(version) && order.id == order_id {
        Ok(order)
    } else {
        Err(CommandError::Inconsistent(format!(
            "write.orders {order_id}: state and columns differ"
        )))
    }
}

/// Saves orders as they are after their events, of which each had as many, `events`; one that was not there is new.
pub(super) async fn save(
    connection: &mut PgConnection,
    orders: &[Order],
    events: usize,
) -> Result<(), CommandError> {
    let versions: Result<Vec<i64>, _> =
        orders.iter().map(|order| to_bigint(order.version)).collect();
    let saved = sqlx::query!(
        "INSERT INTO write.orders
             (order_id, version, status, operator_id, state, created_at, status_since)
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::uuid[], $5::jsonb[],
                              $6::timestamptz[], $7::timestamptz[])
         ON CONFLICT (order_id) DO UPDATE SET
             version = EXCLUDED.version, status = EXCLUDED.status,
             operator_id = EXCLUDED.operator_id, state = EXCLUDED.state,
             status_since = EXCLUDED.status_since
         WHERE orders.version = EXCLUDED.version - $8",
        &column(orders, |order| order.id.as_uuid()),
        &versions?,
        &column(orders, |order| order.status().as_str()) as _,
        &column(orders, |order| order.stage.in_hand_of().map(|id| id.as_uuid())) as _,
        &column(orders, Json) as _,
        &column(orders, |order| order.created_at),
        &column(orders, |order| order.status_since),
        to_bigint(events as u64)?,
    )
    .execute(connection)
    .await?
    .rows_affected();
    if saved == orders.len() as u64 {
        Ok(())
    } else {
        let ids = column(orders, |order| order.id.to_string()).join(", ");
        Err(CommandError::Inconsistent(format!("write.orders {ids}: not {events} events before")))
    }
}

fn column<'o, T>(orders: &'o [Order], of: impl Fn(&'o Order) -> T) -> Vec<T> {
    orders.iter().map(of).collect()
}

/// Gives an outside name to `order_id`, or answers the order that has it already. Waits for a transaction that is
/// just giving the same name.
pub(super) async fn claim_reference(
    connection: &mut PgConnection,
    origin: &Origin,
    order_id: OrderId,
) -> Result<Option<OrderId>, CommandError> {
    let claimed = sqlx::query!(
        "INSERT INTO write.order_references (source, external_id, order_id) VALUES ($1, $2, $3)
         ON CONFLICT (source, external_id) DO NOTHING",
        origin.tenant(),
        origin.external_id(),
        order_id.as_uuid(),
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if claimed == 1 {
        return Ok(None);
    }
    let known = lookup_reference(connection, &origin.tenant(), origin.external_id()).await?;
    known.map(Some).ok_or(CommandError::InProgress)
}

/// The order that has this outside name.
async fn lookup_reference(
    connection: &mut PgConnection,
    source: &str,
    external_id: &str,
) -> Result<Option<OrderId>, sqlx::Error> {
    let id = sqlx::query_scalar!(
        "SELECT order_id FROM write.order_references WHERE source = $1 AND external_id = $2",
        source,
        external_id,
    )
    .fetch_optional(connection)
    .await?;
    Ok(id.map(OrderId::new))
}

/// The facets of an uploaded model.
pub(super) async fn model_facets(
    connection: &mut PgConnection,
    model_id: &ModelId,
) -> Result<Option<i64>, CommandError> {
    let facets = sqlx::query_scalar!(
        "SELECT facets FROM write.models WHERE model_id = $1",
        model_id.as_str(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(facets)
}

pub(super) fn to_bigint(number: u64) -> Result<i64, CommandError> {
    i64::try_from(number)
        .map_err(|_| CommandError::Inconsistent(format!("{number} does not fit a bigint")))
}
