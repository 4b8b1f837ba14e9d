//! A look behind the service, where a test must see more than an answer tells.

use serde_json::value::RawValue;
use shared::ids::OrderId;
use shared::order::Order;
use shared::order::events::{LoggedEvent, OrderEvent};
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use testkit::{PATIENCE, eventually};
use uuid::Uuid;

use super::TestApp;

impl TestApp {
    /// The answer to a question for one number.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = self.database.connection().await;
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a number")
    }

    /// Locks an order's row until the connection is closed.
    pub async fn lock_order_row(&self, order_id: Uuid) -> PgConnection {
        let mut connection = self.database.connection().await;
        sqlx::raw_sql("BEGIN").execute(&mut connection).await.expect("a transaction");
        sqlx::query("SELECT 1 FROM write.orders WHERE order_id = $1 FOR UPDATE")
            .bind(order_id)
            .execute(&mut connection)
            .await
            .expect("the row is free");
        connection
    }

    /// Waits until at least so many sessions of the service wait for a lock.
    pub async fn eventually_waiting_for_locks(&self, sessions: i64) {
        let waiting = || async {
            self.count(
                "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .await
                >= sessions
        };
        eventually("sessions wait for a lock", waiting, PATIENCE).await;
    }

    /// The log of one order, by version.
    pub async fn events_of(&self, order_id: Uuid) -> Vec<LoggedEvent> {
        let mut connection = self.database.connection().await;
        let rows = sqlx::query(
            "SELECT position, version, kind, data, actor, cause, trace_context, occurred_at
             FROM write.order_events WHERE order_id = $1 ORDER BY version",
        )
        .bind(order_id)
        .fetch_all(&mut connection)
        .await
        .expect("the log can be read");
        rows.iter().map(|row| logged(OrderId::new(order_id), row)).collect()
    }

    /// The row that decides an order.
    pub async fn row_of(&self, order_id: Uuid) -> Order {
        let mut connection = self.database.connection().await;
        let state: Json<Order> =
            sqlx::query_scalar("SELECT state FROM write.orders WHERE order_id = $1")
                .bind(order_id)
                .fetch_one(&mut connection)
                .await
                .expect("the order has a row");
        state.0
    }

    /// A job's state and how often it was tried.
    pub async fn job_of(&self, order_id: Uuid, generation: i64) -> (String, i32) {
        let mut connection = self.database.connection().await;
        sqlx::query_as(
            "SELECT state, attempts FROM write.pricing_jobs
             WHERE order_id = $1 AND generation = $2",
        )
        .bind(order_id)
        .bind(generation)
        .fetch_one(&mut connection)
        .await
        .expect("the order has a pricing job")
    }
}

fn logged(order_id: OrderId, row: &sqlx::postgres::PgRow) -> LoggedEvent {
    let number = |column: &str| u64::try_from(row.get::<i64, _>(column)).expect("not negative");
    let (kind, data): (String, Json<Box<RawValue>>) = (row.get("kind"), row.get("data"));
    LoggedEvent {
        position: number("position"),
        order_id,
        version: number("version"),
        event: OrderEvent::from_columns(&kind, &data).expect("the log holds events"),
        actor: row.get::<Json<_>, _>("actor").0,
        cause: row.get("cause"),
        trace_context: row.get("trace_context"),
        occurred_at: row.get("occurred_at"),
    }
}
