//! Does the read model say what the log says? A full recount, for tests, and for whoever watches over
//! the system: the counts against the rows, and every row against a fold of its order's events.
//!
//! Everything is read in one snapshot, page by page, and nothing is written.

use std::collections::HashMap;
use std::fmt;

use serde_json::value::RawValue;
use shared::actor::Actor;
use shared::ids::OrderId;
use shared::order::events::OrderEvent;
use shared::order::{BrokenHistory, HEARTBEAT_PARTNER, Order};
use sqlx::types::Json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// Orders looked at in one go.
const PAGE: i64 = 500;

/// One thing that the read model says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A row of `read.orders`, or the lack of one.
    Order {
        /// Which order.
        order_id: OrderId,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An order's timeline has too few or too many entries.
    Timeline {
        /// Which order.
        order_id: OrderId,
        /// Events in the log, up to the checkpoint.
        events: i64,
        /// Entries on the timeline.
        entries: i64,
    },
    /// A maintained count.
    Count {
        /// Whose count.
        scope: String,
        /// Of which status.
        status: String,
        /// As maintained.
        kept: i64,
        /// As counted.
        counted: i64,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order { order_id, what } => write!(f, "order {order_id}: {what}"),
            Self::Timeline { order_id, events, entries } => {
                write!(f, "order {order_id}: {entries} entries on the timeline, {events} events")
            }
            Self::Count { scope, status, kept, counted } => {
                write!(f, "count of {status} for {scope}: {kept} kept, {counted} counted")
            }
        }
    }
}

/// Why a recount could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RecountError {
    /// The database cannot be reached, or failed.
    #[error("the recount's database failed")]
    Database(#[from] sqlx::Error),
    /// The log itself is damaged.
    #[error("the log is damaged")]
    BrokenHistory(#[from] BrokenHistory),
    /// The log holds what this version of the program does not know.
    #[error("the log of order {order_id} cannot be read")]
    Undecodable {
        /// Whose.
        order_id: OrderId,
        /// What does not fit.
        source: serde_json::Error,
    },
}

/// All differences between the read model and the log up to the read model's own checkpoint.
pub async fn differences(connection: &mut PgConnection) -> Result<Vec<Difference>, RecountError> {
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let mut snapshot = connection.begin_with(begin).await?;
    let mut found = count_differences(&mut snapshot).await?;
    let checkpoint = sqlx::query_scalar!("SELECT position FROM read.checkpoint")
        .fetch_one(&mut *snapshot)
        .await?;
    let mut page = orders_after(&mut snapshot, Uuid::nil()).await?;
    while let Some(last) = page.last().copied() {
        found.extend(order_differences(&mut snapshot, &page, checkpoint).await?);
        page = orders_after(&mut snapshot, last).await?;
    }
    snapshot.rollback().await?;
    Ok(found)
}

async fn count_differences(connection: &mut PgConnection) -> Result<Vec<Difference>, sqlx::Error> {
    sqlx::query!(
        r#"
        WITH counted AS (
            SELECT 'all' AS scope, status, count(*) AS orders FROM read.orders
            WHERE partner_id IS DISTINCT FROM $1 GROUP BY status
            UNION ALL
            SELECT 'partner:' || partner_id, status, count(*) FROM read.orders
            WHERE partner_id IS NOT NULL GROUP BY partner_id, status
        )
        SELECT COALESCE(k.scope, c.scope) AS "scope!", COALESCE(k.status, c.status) AS "status!",
               COALESCE(k.orders, 0) AS "kept!", COALESCE(c.orders, 0) AS "counted!"
        FROM read.status_counts AS k
        FULL JOIN counted AS c ON c.scope = k.scope AND c.status = k.status
        WHERE COALESCE(k.orders, 0) <> COALESCE(c.orders, 0)
        "#,
        HEARTBEAT_PARTNER.as_uuid(),
    )
    .map(|row| Difference::Count {
        scope: row.scope,
        status: row.status,
        kept: row.kept,
        counted: row.counted,
    })
    .fetch_all(connection)
    .await
}

/// The next orders that either side knows of.
async fn orders_after(connection: &mut PgConnection, last: Uuid) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        SELECT order_id AS "order_id!" FROM (
            (SELECT order_id FROM write.orders WHERE order_id > $1 ORDER BY order_id LIMIT $2)
            UNION
            (SELECT order_id FROM read.orders WHERE order_id > $1 ORDER BY order_id LIMIT $2)
        ) AS either
        ORDER BY order_id LIMIT $2
        "#,
        last,
        PAGE,
    )
    .fetch_all(connection)
    .await
}

/// A row of the read model, or a fold of the log: the same thing, if all is well.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    order: Order,
    position: i64,
}

async fn order_differences(
    connection: &mut PgConnection,
    page: &[Uuid],
    checkpoint: i64,
) -> Result<Vec<Difference>, RecountError> {
    let mut told = folded(connection, page, checkpoint).await?;
    let mut shown = load_shown(connection, page).await?;
    let mut entries = count_entries(connection, page).await?;
    let mut found = Vec::new();
    for id in page {
        let order_id = OrderId::new(*id);
        let (told, shown) = (told.remove(id), shown.remove(id));
        let events = told.as_ref().map_or(0, |known| known.order.version.cast_signed());
        let entries = entries.remove(id).unwrap_or_default();
        if let Some(what) = compare(told.as_ref(), shown.as_ref()) {
            found.push(Difference::Order { order_id, what });
        }
        if events != entries {
            found.push(Difference::Timeline { order_id, events, entries });
        }
    }
    Ok(found)
}

fn compare(told: Option<&Known>, shown: Option<&Shown>) -> Option<&'static str> {
    match (told, shown) {
        (Some(_), None) => Some("is in the log and not in the read model"),
        (None, Some(_)) => Some("is in the read model and not in the log"),
        (Some(told), Some(shown)) if shown.known != *told => Some("differs from its log"),
        (Some(_), Some(shown)) if !shown.columns_agree => Some("has columns unlike its state"),
        _ => None,
    }
}

async fn folded(
    connection: &mut PgConnection,
    page: &[Uuid],
    checkpoint: i64,
) -> Result<HashMap<Uuid, Known>, RecountError> {
    let rows = sqlx::query!(
        r#"
        SELECT order_id, position, kind, data AS "data: Json<Box<RawValue>>",
               actor AS "actor: Json<Actor>", occurred_at
        FROM write.order_events
        WHERE order_id = ANY($1) AND position <= $2
        ORDER BY order_id, version
        "#,
        page,
        checkpoint,
    )
    .fetch_all(connection)
    .await?;
    let mut known: HashMap<Uuid, Known> = HashMap::new();
    for row in rows {
        let order_id = OrderId::new(row.order_id);
        let event = OrderEvent::from_columns(&row.kind, &row.data)
            .map_err(|source| RecountError::Undecodable { order_id, source })?;
        let before = known.remove(&row.order_id).map(|known| known.order);
        let order = Order::apply(before, order_id, &event, &row.actor, row.occurred_at)?;
        known.insert(row.order_id, Known { order, position: row.position });
    }
    Ok(known)
}

struct Shown {
    known: Known,
    columns_agree: bool,
}

async fn load_shown(
    connection: &mut PgConnection,
    page: &[Uuid],
) -> Result<HashMap<Uuid, Shown>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        SELECT order_id, version, position, status, status_since, partner_id, external_id,
               operator_id, state AS "state: Json<Order>"
        FROM read.orders WHERE order_id = ANY($1)
        "#,
        page,
    )
    .fetch_all(connection)
    .await?;
    let shown = rows.into_iter().map(|row| {
        let Json(order) = row.state;
        let columns_agree = row.version.cast_unsigned() == order.version
            && row.order_id == order.id.as_uuid()
            && row.status == order.status().as_str()
            && row.status_since == order.status_since
            && row.partner_id == order.origin.partner_id().map(|id| id.as_uuid())
            && row.external_id == order.origin.external_id()
            && row.operator_id == order.stage.in_hand_of().map(|id| id.as_uuid());
        let known = Known { order, position: row.position };
        (row.order_id, Shown { known, columns_agree })
    });
    Ok(shown.collect())
}

async fn count_entries(
    connection: &mut PgConnection,
    page: &[Uuid],
) -> Result<HashMap<Uuid, i64>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT order_id, count(*) AS "entries!" FROM read.timeline
           WHERE order_id = ANY($1) GROUP BY order_id"#,
        page,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.order_id, row.entries)).collect())
}
