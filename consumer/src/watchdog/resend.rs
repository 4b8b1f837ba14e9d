//! Tells a recipient again what it was told: events are parked as due, and the relay delivers what is parked, in order
//! and under the same ids. Events after the relay's cursor come by themselves. Recipients know the ids that they have
//! seen.

use chrono::TimeDelta;
use shared::ids::OrderId;
use shared::platform::database;
use write_api::store::Store;

use super::WatchdogError;
use super::heal::DEADLINE;
use crate::relay::mend::UNBOUND;

/// How far from a lost message others are looked for, in positions of the log.
const REACH: i64 = 2_000;
/// A message that the broker returned is tried again a little later, and then stands in the queue behind newer ones: so long
/// after messages came back, older ones may have lain beside a lost one, too.
const RETURNED: TimeDelta = TimeDelta::seconds(60);

/// All events of an order.
pub(super) async fn order(
    store: &Store,
    recipient: &str,
    order_id: OrderId,
) -> Result<String, WatchdogError> {
    let now = store.clock().now();
    let query = sqlx::query!(
        "INSERT INTO write.parked_deliveries
             (recipient, order_id, position, reason, attempts, next_attempt, parked_at)
         SELECT $1, e.order_id, e.position, 'resent', 0, $3, $3
         FROM write.order_events AS e
         WHERE e.order_id = $2
           AND e.position <= (SELECT f.cursor FROM write.followers AS f WHERE f.name = $4)
         ON CONFLICT (recipient, order_id, position) DO NOTHING",
        recipient,
        order_id.as_uuid(),
        now,
        format!("relay:{recipient}"),
    );
    let parked = database::within(DEADLINE, query.execute(store.pool())).await?;
    Ok(format!("{} events to be sent again", parked.rows_affected()))
}

/// Whatever lost this message may have lost its neighbours in the queue, of which nobody would hear: everything between
/// the last order before it that was acknowledged and the next one after it is told again, too; and where the broker
/// returned messages a moment before, so that they are not in the order of the log, everything of that minute.
pub(super) async fn around(
    store: &Store,
    recipient: &str,
    order_id: OrderId,
) -> Result<String, WatchdogError> {
    if is_on_its_way(store, recipient, order_id).await? {
        return Ok("is to be sent again already, beside another".to_owned());
    }
    // A round that heals hundreds is long: the acknowledgement may have come since it looked.
    if !is_waited_for(store, recipient, order_id).await? {
        return Ok("was acknowledged meanwhile".to_owned());
    }
    let query = sqlx::query!(
        "WITH lost AS MATERIALIZED (
             SELECT e.position, e.occurred_at FROM write.order_events AS e
             WHERE e.order_id = $2 AND e.kind = 'submitted' LIMIT 1
         ),
         bounds AS MATERIALIZED (
             SELECT least(
                        coalesce((SELECT e.position FROM write.order_events AS e
                                  WHERE e.position < lost.position AND e.position >= lost.position - $5
                                    AND e.kind = 'submitted' AND EXISTS (
                                        SELECT FROM write.acknowledgements AS a
                                        WHERE a.order_id = e.order_id AND a.recipient = $1)
                                  ORDER BY e.position DESC LIMIT 1), lost.position - 1),
                        (SELECT min(e.position) - 1 FROM write.order_events AS e
                         WHERE e.position <= lost.position AND e.position >= lost.position - $5
                           AND e.occurred_at >= lost.occurred_at - $6::interval
                           AND EXISTS (
                               SELECT FROM write.incidents AS i
                               WHERE i.cause = $7 AND i.subject_kind = 'route' AND i.subject = $1
                                 AND (i.closed_at IS NULL
                                      OR i.opened_at >= lost.occurred_at - $6::interval)))) AS first,
                    coalesce((SELECT e.position FROM write.order_events AS e
                              WHERE e.position > lost.position AND e.position <= lost.position + $5
                                AND e.kind = 'submitted' AND EXISTS (
                                    SELECT FROM write.acknowledgements AS a
                                    WHERE a.order_id = e.order_id AND a.recipient = $1)
                              ORDER BY e.position LIMIT 1), lost.position + $5) AS last
             FROM lost
         )
         INSERT INTO write.parked_deliveries
             (recipient, order_id, position, reason, attempts, next_attempt, parked_at)
         SELECT $1, e.order_id, e.position, 'resent', 0, $3, $3
         FROM bounds JOIN write.order_events AS e ON e.position > bounds.first AND e.position < bounds.last
         WHERE e.position <= (SELECT f.cursor FROM write.followers AS f WHERE f.name = $4)
         ON CONFLICT (recipient, order_id, position) DO NOTHING",
        recipient,
        order_id.as_uuid(),
        store.clock().now(),
        format!("relay:{recipient}"),
        REACH,
        RETURNED as _,
        UNBOUND,
    );
    let around = database::within(DEADLINE, query.execute(store.pool())).await?.rows_affected();
    let own = order(store, recipient, order_id).await?;
    Ok(format!("{own}, and {around} around it"))
}

/// Whoever lost a message beside this one has seen to it.
async fn is_on_its_way(
    store: &Store,
    recipient: &str,
    order_id: OrderId,
) -> Result<bool, WatchdogError> {
    let query = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM write.parked_deliveries
                          WHERE recipient = $1 AND order_id = $2 AND reason = 'resent') AS "is!""#,
        recipient,
        order_id.as_uuid(),
    );
    Ok(database::within(DEADLINE, query.fetch_one(store.pool())).await?)
}

/// Whether the recipient still has to acknowledge the order.
async fn is_waited_for(
    store: &Store,
    recipient: &str,
    order_id: OrderId,
) -> Result<bool, WatchdogError> {
    let query = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM write.orders AS o
                          WHERE o.order_id = $2 AND o.status IN ('SUBMITTED', 'PRICE_CALCULATED'))
              AND NOT EXISTS (SELECT FROM write.acknowledgements AS a
                              WHERE a.order_id = $2 AND a.recipient = $1) AS "is!""#,
        recipient,
        order_id.as_uuid(),
    );
    Ok(database::within(DEADLINE, query.fetch_one(store.pool())).await?)
}
