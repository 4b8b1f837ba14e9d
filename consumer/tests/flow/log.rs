//! Orders without the write API: appends to the log as the store does, row first and events last.

use chrono::TimeDelta;
use shared::actor::Actor;
use shared::clock::SystemClock;
use shared::ids::{OrderId, PartnerId};
use shared::order::events::OrderEvent;
use shared::order::{Order, Origin, samples};
use sqlx::types::Json;
use sqlx::{Connection, PgConnection};
use std::str::FromStr;
use std::sync::Arc;
use testkit::{DatabaseRole, TestDatabase};
use uuid::Uuid;

use consumer::follower::LogAccess;

/// The log of a test's database, as the consumer's role sees it.
pub fn access(database: &TestDatabase, batch: u32) -> LogAccess {
    let url = database.url(DatabaseRole::Consumer);
    let options = sqlx::postgres::PgConnectOptions::from_str(&url).unwrap();
    LogAccess::new(&options, batch, Arc::new(SystemClock))
}

/// A test's order.
pub fn order_id(number: u128) -> OrderId {
    OrderId::new(Uuid::from_u128(number))
}

/// Every third order comes from one of two partners.
pub fn origin(number: u128) -> Origin {
    let external_id = format!("X-{number}");
    if !number.is_multiple_of(3) {
        return Origin::Shop { external_id };
    }
    let partner_id = PartnerId::new(Uuid::from_u128(0xBEEF + number % 2));
    Origin::Partner { partner_id, external_id }
}

/// The events of an untroubled life of this order.
pub fn life(number: u128) -> Vec<(OrderEvent, Actor)> {
    let of = |event| match event {
        OrderEvent::Initiated { .. } => OrderEvent::Initiated { origin: origin(number) },
        OrderEvent::FileUploaded { model_id, .. } => {
            OrderEvent::FileUploaded { origin: origin(number), model_id }
        }
        OrderEvent::Submitted { spec, .. } => {
            OrderEvent::Submitted { origin: origin(number), spec }
        }
        event => event,
    };
    samples::whole_life().into_iter().map(|(event, actor)| (of(event), actor)).collect()
}

/// Brings an order up to its `events`th event, a transaction each.
pub async fn live(connection: &mut PgConnection, number: u128, events: usize) -> Order {
    let mut order = find(connection, number).await;
    let known = order.as_ref().map_or(0, |order| order.version);
    let known = usize::try_from(known).unwrap();
    for (event, actor) in life(number).into_iter().take(events).skip(known) {
        let mut transaction = connection.begin().await.unwrap();
        order = Some(happen(&mut transaction, number, order, &event, &actor).await);
        transaction.commit().await.unwrap();
    }
    order.expect("at least one event")
}

/// One more event of an order, in whatever transaction the connection is in.
pub async fn happen(
    connection: &mut PgConnection,
    number: u128,
    before: Option<Order>,
    event: &OrderEvent,
    actor: &Actor,
) -> Order {
    let version = before.as_ref().map_or(0, |order| order.version);
    let at = samples::moment() + TimeDelta::seconds(version.cast_signed());
    let order = Order::apply(before, order_id(number), event, actor, at).unwrap();
    save(connection, &order).await;
    append(connection, order.id, order.version, event, actor).await;
    order
}

/// The row, which gives the transaction its id.
pub async fn save(connection: &mut PgConnection, order: &Order) {
    sqlx::query(
        "INSERT INTO write.orders (order_id, version, status, operator_id, state, created_at, status_since)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (order_id) DO UPDATE SET version = excluded.version, status = excluded.status,
             operator_id = excluded.operator_id, state = excluded.state, status_since = excluded.status_since",
    )
    .bind(order.id.as_uuid())
    .bind(order.version.cast_signed())
    .bind(order.status().as_str())
    .bind(order.stage.in_hand_of().map(|id| id.as_uuid()))
    .bind(Json(order))
    .bind(order.created_at)
    .bind(order.status_since)
    .execute(connection)
    .await
    .unwrap();
}

/// An event, which takes a position.
pub async fn append(
    connection: &mut PgConnection,
    order_id: OrderId,
    version: u64,
    event: &OrderEvent,
    actor: &Actor,
) -> u64 {
    let (kind, data) = event.to_columns().unwrap();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let position: i64 = sqlx::query_scalar(
        "INSERT INTO write.order_events
             (order_id, version, kind, data, actor, cause, trace_context, occurred_at)
         VALUES ($1, $2, $3, $4, $5, 'test', $6, $7) RETURNING position",
    )
    .bind(order_id.as_uuid())
    .bind(version.cast_signed())
    .bind(kind)
    .bind(data)
    .bind(Json(actor))
    .bind(trace)
    .bind(samples::moment() + TimeDelta::seconds(version.cast_signed() - 1))
    .fetch_one(connection)
    .await
    .unwrap();
    position.cast_unsigned()
}

/// The highest position in the log.
pub async fn last_position(connection: &mut PgConnection) -> u64 {
    let last: Option<i64> = sqlx::query_scalar("SELECT max(position) FROM write.order_events")
        .fetch_one(connection)
        .await
        .unwrap();
    last.unwrap_or_default().cast_unsigned()
}

async fn find(connection: &mut PgConnection, number: u128) -> Option<Order> {
    let state: Option<Json<Order>> =
        sqlx::query_scalar("SELECT state FROM write.orders WHERE order_id = $1")
            .bind(order_id(number).as_uuid())
            .fetch_optional(connection)
            .await
            .unwrap();
    state.map(|Json(order)| order)
}

/// Chance that is the same in every run (SplitMix64).
pub struct Chance(pub u64);

impl Chance {
    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}
