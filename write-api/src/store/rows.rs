//! Rows of `write.orders` and `write.order_references`; no stranger sees them.

use shared::ids::{ModelId, OrderId};
use shared::order::{Order, Origin};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::CommandError;

/// Locks the order's row and answers the order.
pub(super) async fn lock(
    connection: &mut PgConnection,
    order_id: OrderId,
) -> Result<Option<Order>, CommandError> {
    let row = sqlx::query!(
        r#"SELECT version, state AS "state: Json<Order>" FROM write.orders
           WHERE order_id = $1 FOR UPDATE"#,
        order_id.as_uuid(),
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let order = row.state.0;
    if i64::try_from(order.version) == Ok(row.version) && order.id == order_id {
        Ok(Some(order))
    } else {
        Err(CommandError::Inconsistent(format!(
            "write.orders {order_id}: state and columns differ"
        )))
    }
}

/// Saves the order as it is after its events; `before` is its version before them, 0 for a new one.
pub(super) async fn save(
    connection: &mut PgConnection,
    order: &Order,
    before: u64,
) -> Result<(), CommandError> {
    let saved = sqlx::query!(
        "INSERT INTO write.orders
             (order_id, version, status, operator_id, state, created_at, status_since)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (order_id) DO UPDATE SET
             version = EXCLUDED.version, status = EXCLUDED.status,
             operator_id = EXCLUDED.operator_id, state = EXCLUDED.state,
             status_since = EXCLUDED.status_since
         WHERE orders.version = $8",
        order.id.as_uuid(),
        to_bigint(order.version)?,
        order.status().as_str(),
        order.stage.in_hand_of().map(|id| id.as_uuid()),
        Json(order) as _,
        order.created_at,
        order.status_since,
        to_bigint(before)?,
    )
    .execute(connection)
    .await?
    .rows_affected();
    if saved == 1 {
        Ok(())
    } else {
        Err(CommandError::Inconsistent(format!("write.orders {}: not at {before}", order.id)))
    }
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
pub(super) async fn lookup_reference(
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
