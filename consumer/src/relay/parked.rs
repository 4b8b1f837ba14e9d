//! Events that a recipient's queue would not take: kept per order and recipient, in order, and tried again with
//! growing pauses. Each row is an incident that people can see.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use shared::ids::OrderId;
use shared::order::events::LoggedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::RelayError;
use super::route::{Parcel, Route};
use crate::follower::FollowerError;
use crate::log_reader::events_at;

/// The pause after so many attempts; the last one for all that follow. It never gives up: what is parked is seen.
const PAUSES: [TimeDelta; 5] = [
    TimeDelta::seconds(1),
    TimeDelta::seconds(5),
    TimeDelta::seconds(30),
    TimeDelta::minutes(2),
    TimeDelta::minutes(10),
];

/// Orders tried again at a time.
const DUE_AT_A_TIME: i64 = 100;

pub(super) fn pause_after(attempts: i32) -> TimeDelta {
    let step = usize::try_from(attempts).unwrap_or_default().min(PAUSES.len() - 1);
    PAUSES[step]
}

/// Which of these orders have something parked for this recipient.
pub(super) async fn held(
    connection: &mut PgConnection,
    route: Route,
    parcels: &[Parcel],
) -> Result<HashSet<OrderId>, sqlx::Error> {
    let ids: Vec<Uuid> = parcels.iter().map(|parcel| parcel.order_id.as_uuid()).collect();
    let held = sqlx::query_scalar!(
        "SELECT DISTINCT order_id FROM write.parked_deliveries
         WHERE recipient = $1 AND order_id = ANY($2)",
        route.name(),
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(held.into_iter().map(OrderId::new).collect())
}

/// How many orders have something parked for this recipient.
pub(super) async fn count_orders(
    connection: &mut PgConnection,
    route: Route,
) -> Result<usize, sqlx::Error> {
    let orders = sqlx::query_scalar!(
        r#"SELECT count(DISTINCT order_id) AS "orders!"
           FROM write.parked_deliveries WHERE recipient = $1"#,
        route.name(),
    )
    .fetch_one(connection)
    .await?;
    Ok(usize::try_from(orders).unwrap_or_default())
}

/// Parks an event. Parking twice, after a crash, changes nothing.
pub(super) async fn park(
    connection: &mut PgConnection,
    route: Route,
    parcel: &Parcel,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO write.parked_deliveries
             (recipient, order_id, position, reason, attempts, next_attempt, parked_at)
         VALUES ($1, $2, $3, $4, 0, $5, $6)
         ON CONFLICT (recipient, order_id, position) DO NOTHING",
        route.name(),
        parcel.order_id.as_uuid(),
        parcel.position.cast_signed(),
        reason,
        now + pause_after(0),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The oldest parked event of each order that is due.
pub(super) async fn due(
    connection: &mut PgConnection,
    route: Route,
    now: DateTime<Utc>,
) -> Result<Vec<LoggedEvent>, RelayError> {
    let heads = sqlx::query!(
        "SELECT head.order_id, head.position
         FROM (SELECT DISTINCT ON (order_id) order_id, position, next_attempt
               FROM write.parked_deliveries
               WHERE recipient = $1
               ORDER BY order_id, position) AS head
         WHERE head.next_attempt <= $2
         ORDER BY head.position
         LIMIT $3",
        route.name(),
        now,
        DUE_AT_A_TIME,
    )
    .fetch_all(&mut *connection)
    .await?;
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let (orders, positions): (Vec<Uuid>, Vec<i64>) =
        heads.into_iter().map(|head| (head.order_id, head.position)).unzip();
    Ok(events_at(connection, &orders, &positions).await.map_err(FollowerError::from)?)
}

/// An event got through: what waits behind it is due at once, and so is everything else on this route, because
/// the route works.
pub(super) async fn delivered(
    connection: &mut PgConnection,
    route: Route,
    parcel: &Parcel,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    forget(connection, route, parcel.order_id, parcel.position).await?;
    sqlx::query!(
        "UPDATE write.parked_deliveries SET next_attempt = $2
         WHERE recipient = $1 AND next_attempt > $2",
        route.name(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The event need not be delivered any more.
pub(super) async fn forget(
    connection: &mut PgConnection,
    route: Route,
    order_id: OrderId,
    position: u64,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "DELETE FROM write.parked_deliveries
         WHERE recipient = $1 AND order_id = $2 AND position = $3",
        route.name(),
        order_id.as_uuid(),
        position.cast_signed(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// It did not get through once more.
pub(super) async fn postpone(
    connection: &mut PgConnection,
    route: Route,
    parcel: &Parcel,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let attempts = sqlx::query_scalar!(
        "UPDATE write.parked_deliveries SET attempts = attempts + 1, reason = $4
         WHERE recipient = $1 AND order_id = $2 AND position = $3
         RETURNING attempts",
        route.name(),
        parcel.order_id.as_uuid(),
        parcel.position.cast_signed(),
        reason,
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE write.parked_deliveries SET next_attempt = $4
         WHERE recipient = $1 AND order_id = $2 AND position = $3",
        route.name(),
        parcel.order_id.as_uuid(),
        parcel.position.cast_signed(),
        now + pause_after(attempts),
    )
    .execute(connection)
    .await?;
    Ok(())
}
