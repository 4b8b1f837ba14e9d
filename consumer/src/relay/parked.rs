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

/// Orders tried again at a time. To find those that are due reads all that is parked.
const DUE_AT_A_TIME: i64 = 1_000;

/// A parcel that did not get through, or waits behind one.
pub(super) struct Undelivered {
    pub parcel: Parcel,
    pub reason: &'static str,
}

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

/// Parks these events, each for its reason. Parking twice, after a crash, changes nothing.
pub(super) async fn park(
    connection: &mut PgConnection,
    route: Route,
    undelivered: &[Undelivered],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if undelivered.is_empty() {
        return Ok(());
    }
    let events: Vec<_> = undelivered.iter().map(|left| left.parcel.place()).collect();
    let (orders, positions) = columns(&events);
    let reasons: Vec<String> = undelivered.iter().map(|left| left.reason.to_owned()).collect();
    sqlx::query!(
        "INSERT INTO write.parked_deliveries
             (recipient, order_id, position, reason, attempts, next_attempt, parked_at)
         SELECT $1, n.order_id, n.position, n.reason, 0, $5, $6
         FROM unnest($2::uuid[], $3::bigint[], $4::text[]) AS n (order_id, position, reason)
         ON CONFLICT (recipient, order_id, position) DO NOTHING",
        route.name(),
        &orders,
        &positions,
        &reasons,
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

/// What is still parked is due at once: something got through, so the route works, and others may wait behind that.
pub(super) async fn hurry(
    connection: &mut PgConnection,
    route: Route,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
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

/// These events need not be delivered any more.
pub(super) async fn forget(
    connection: &mut PgConnection,
    route: Route,
    events: &[(OrderId, u64)],
) -> Result<(), sqlx::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let (orders, positions) = columns(events);
    sqlx::query!(
        "DELETE FROM write.parked_deliveries AS p
         USING unnest($2::uuid[], $3::bigint[]) AS n (order_id, position)
         WHERE p.recipient = $1 AND p.order_id = n.order_id AND p.position = n.position",
        route.name(),
        &orders,
        &positions,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// These events did not get through once more, for this reason.
pub(super) async fn postpone(
    connection: &mut PgConnection,
    route: Route,
    events: &[(OrderId, u64)],
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let (orders, positions) = columns(events);
    // The next attempts, by how many there were; the last is for all that follow.
    let moments: Vec<DateTime<Utc>> = PAUSES.iter().map(|pause| now + *pause).collect();
    sqlx::query!(
        "UPDATE write.parked_deliveries AS p
         SET attempts = p.attempts + 1, reason = $4,
             next_attempt = ($5::timestamptz[])[least(p.attempts + 2, cardinality($5::timestamptz[]))]
         FROM unnest($2::uuid[], $3::bigint[]) AS n (order_id, position)
         WHERE p.recipient = $1 AND p.order_id = n.order_id AND p.position = n.position",
        route.name(),
        &orders,
        &positions,
        reason,
        &moments,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn columns(events: &[(OrderId, u64)]) -> (Vec<Uuid>, Vec<i64>) {
    events.iter().map(|(order, position)| (order.as_uuid(), position.cast_signed())).unzip()
}
