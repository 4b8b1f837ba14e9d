//! Whose the orders are: it stands in an order's first event and on its row, and never changes.

use std::collections::{HashMap, HashSet};

use shared::ids::OrderId;
use shared::order::Origin;
use shared::order::events::LoggedEvent;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

/// With more than these before a batch, the cache begins anew: an order's news mostly comes close together.
const MOST: usize = 20_000;

/// A cache of whoever follows the log.
#[derive(Default)]
pub(crate) struct Origins(HashMap<OrderId, Origin>);

impl Origins {
    /// Of these events' orders: from the events themselves, and otherwise from the orders' rows.
    pub async fn learn(
        &mut self,
        connection: &mut PgConnection,
        events: &[LoggedEvent],
    ) -> Result<(), sqlx::Error> {
        self.make_room();
        for logged in events {
            if let Some(origin) = logged.event.origin() {
                self.0.insert(logged.order_id, origin.clone());
            }
        }
        self.fetch(connection, events.iter().map(|logged| logged.order_id)).await
    }

    /// Of these orders, from their rows.
    pub async fn look_up(
        &mut self,
        connection: &mut PgConnection,
        orders: impl Iterator<Item = OrderId>,
    ) -> Result<(), sqlx::Error> {
        self.make_room();
        self.fetch(connection, orders).await
    }

    async fn fetch(
        &mut self,
        connection: &mut PgConnection,
        orders: impl Iterator<Item = OrderId>,
    ) -> Result<(), sqlx::Error> {
        let unknown: HashSet<Uuid> =
            orders.filter(|id| !self.0.contains_key(id)).map(|id| id.as_uuid()).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let rows = sqlx::query!(
            r#"SELECT order_id, state->'origin' AS "origin!: Json<Origin>"
               FROM write.orders WHERE order_id = ANY($1)"#,
            &Vec::from_iter(unknown),
        )
        .fetch_all(connection)
        .await?;
        self.0.extend(rows.into_iter().map(|row| (OrderId::new(row.order_id), row.origin.0)));
        Ok(())
    }

    /// Of an order that was learned or looked up. `None` when it has no row.
    pub fn of(&self, order_id: OrderId) -> Option<&Origin> {
        self.0.get(&order_id)
    }

    fn make_room(&mut self) {
        if self.0.len() > MOST {
            self.0.clear();
        }
    }
}
