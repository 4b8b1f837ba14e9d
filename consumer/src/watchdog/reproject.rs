//! Makes a few orders' rows of the read model anew from the log, beside a projector that waits meanwhile.
//!
//! One transaction: it holds the projector's cursor, throws the orders' rows away, applies their events by the very code
//! of the projector, counts the statuses again, and begins a new epoch, as a rebuild does: what was cached of the wrong
//! rows is simply not found any more.

use shared::ids::OrderId;
use shared::order::HEARTBEAT_PARTNER;
use shared::position::Position;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::WatchdogError;
use crate::follower::{FollowerError, LogAccess, Replayable};
use crate::log_reader::events_of;
use crate::projections::ReadModel;
use crate::rebuild::{begin_epoch, hold_cursor};

pub(super) async fn run(access: &LogAccess, orders: &[OrderId]) -> Result<Position, WatchdogError> {
    let mut connection = access.in_schema("read").connect().await?;
    let mut transaction = connection.begin().await?;
    // A projector that hangs in a batch holds its cursor; the watch must go on meanwhile.
    sqlx::query("SET LOCAL lock_timeout = '2s'").execute(&mut *transaction).await?;
    let cursor = hold_cursor(&mut transaction, ReadModel::FOLLOWER, access.now()).await?;
    let ids: Vec<Uuid> = orders.iter().map(OrderId::as_uuid).collect();
    let events = events_of(&mut transaction, &ids, cursor).await.map_err(FollowerError::from)?;
    forget(&mut transaction, &ids).await?;
    ReadModel::apply(&mut transaction, &events).await?;
    recount(&mut transaction).await?;
    let position = begin_epoch(&mut transaction, ReadModel::FOLLOWER, cursor, access.now()).await?;
    transaction.commit().await?;
    Ok(position)
}

async fn forget(connection: &mut PgConnection, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    // A partner's feed is kept by its owner and position, not by order.
    sqlx::query!(
        "DELETE FROM partner_feed AS f USING write.orders AS o, write.order_events AS e
         WHERE o.order_id = ANY($1) AND e.order_id = o.order_id
           AND f.partner_id = (o.state->'origin'->>'partner_id')::uuid AND f.position = e.position",
        ids,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("DELETE FROM timeline WHERE order_id = ANY($1)", ids)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("DELETE FROM orders WHERE order_id = ANY($1)", ids).execute(connection).await?;
    Ok(())
}

/// Nobody knows what the counts had of an order whose row was lost.
async fn recount(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("DELETE FROM status_counts").execute(&mut *connection).await?;
    sqlx::query!(
        "INSERT INTO status_counts (scope, status, orders)
         SELECT 'all', status, count(*) FROM orders
         WHERE partner_id IS DISTINCT FROM $1 GROUP BY status
         UNION ALL
         SELECT 'partner:' || partner_id, status, count(*) FROM orders
         WHERE partner_id IS NOT NULL GROUP BY partner_id, status",
        HEARTBEAT_PARTNER.as_uuid(),
    )
    .execute(connection)
    .await?;
    Ok(())
}
