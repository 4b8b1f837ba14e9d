//! From the log to parcels: what comes next on a route, reading no more of the log than it needs.
//!
//! The CRM and listeners want most of what happens and read all of it. The shop is told of its own orders, a few of all,
//! and workers of two kinds of events: they read heads, and of what they want the rest.

use std::collections::HashMap;

use shared::contracts::outbound::{Recipient, announce, event_id, outbound_type_named};
use shared::ids::OrderId;
use shared::order::Origin;
use shared::order::events::LoggedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::RelayError;
use super::route::{Parcel, Route};
use crate::delivery::Outgoing;
use crate::follower::{Follower, FollowerError};
use crate::log_reader::{Batch, Behind, Head, Placed, Reach, events_at};
use crate::origins::Origins;
use crate::topology;

/// What comes next in the log, as far as a route is concerned.
pub(super) struct News {
    pub parcels: Vec<Parcel>,
    /// `None` when nothing was read.
    pub reach: Option<Reach>,
    pub behind: Behind,
}

impl News {
    fn of<E: Placed>(batch: &Batch<E>, parcels: Vec<Parcel>) -> Self {
        Self { parcels, reach: batch.reach(), behind: batch.behind }
    }
}

/// Makes parcels for one route.
pub(super) struct Packer {
    route: Route,
    epoch: u32,
    origins: Origins,
}

impl Packer {
    pub fn new(route: Route, epoch: u32) -> Self {
        Self { route, epoch, origins: Origins::default() }
    }

    /// What comes next after the follower's cursor, of at most so many events.
    pub async fn next(
        &mut self,
        follower: &mut Follower,
        at_most: usize,
    ) -> Result<News, RelayError> {
        match self.route {
            Route::WakePricers => {
                let mut batch = follower.read_heads().await?;
                batch.events.truncate(at_most);
                let parcels = wake_ups(follower.connection(), &batch.events).await?;
                Ok(News::of(&batch, parcels))
            }
            Route::To(shop @ Recipient::Shop) => {
                let mut batch = follower.read_heads().await?;
                batch.events.truncate(at_most);
                let events = self.wanted(shop, follower.connection(), &batch.events).await?;
                let parcels = self.pack(follower.connection(), &events).await?;
                Ok(News::of(&batch, parcels))
            }
            Route::To(Recipient::Crm | Recipient::Listeners) => {
                let mut batch = follower.read().await?;
                batch.events.truncate(at_most);
                let parcels = self.pack(follower.connection(), &batch.events).await?;
                Ok(News::of(&batch, parcels))
            }
        }
    }

    /// What the recipient is told of these events.
    pub async fn pack(
        &mut self,
        connection: &mut PgConnection,
        events: &[LoggedEvent],
    ) -> Result<Vec<Parcel>, RelayError> {
        let Route::To(recipient) = self.route else { return Ok(Vec::new()) };
        self.origins.learn(connection, events).await?;
        let parcels = events.iter().filter_map(|logged| self.parcel(recipient, logged).transpose());
        parcels.collect()
    }

    fn parcel(
        &self,
        recipient: Recipient,
        logged: &LoggedEvent,
    ) -> Result<Option<Parcel>, RelayError> {
        let origin = self.origin(logged.order_id, logged.position)?;
        if !recipient.wants(&logged.event, origin) {
            return Ok(None);
        }
        let envelope = announce(logged, origin, self.epoch)
            .map_err(|error| inconsistent(logged.position, &error.to_string()))?;
        let mut message = match recipient {
            Recipient::Listeners => Outgoing::new(topology::EVENTS, logged.event.kind(), &envelope),
            told => Outgoing::new(topology::DELIVERIES, told.as_str(), &envelope),
        };
        message.mandatory = recipient != Recipient::Listeners;
        Ok(Some(Parcel {
            order_id: logged.order_id,
            position: logged.position,
            message,
            wants_acknowledgement: recipient.acknowledges(&logged.event, origin),
        }))
    }

    fn origin(&self, order_id: OrderId, position: u64) -> Result<&Origin, RelayError> {
        let origin = self.origins.of(order_id);
        origin.ok_or_else(|| inconsistent(position, &format!("order {order_id} has no row")))
    }

    /// The events that a recipient is told of, whole. One of a kind that nobody knows is read too: it must be found
    /// out, not passed over.
    async fn wanted(
        &mut self,
        recipient: Recipient,
        connection: &mut PgConnection,
        heads: &[Head],
    ) -> Result<Vec<LoggedEvent>, RelayError> {
        self.origins.look_up(connection, heads.iter().map(|head| head.order_id)).await?;
        let (mut orders, mut positions) = (Vec::new(), Vec::new());
        for head in heads {
            let origin = self.origin(head.order_id, head.position)?;
            let told = outbound_type_named(&head.kind);
            if told.is_none_or(|told| recipient.wants_type(told, origin)) {
                orders.push(head.order_id.as_uuid());
                positions.push(head.position.cast_signed());
            }
        }
        if orders.is_empty() {
            return Ok(Vec::new());
        }
        Ok(events_at(connection, &orders, &positions).await.map_err(FollowerError::from)?)
    }
}

fn inconsistent(position: u64, what: &str) -> RelayError {
    RelayError::Inconsistent(format!("position {position}: {what}"))
}

async fn wake_ups(
    connection: &mut PgConnection,
    heads: &[Head],
) -> Result<Vec<Parcel>, sqlx::Error> {
    let asking: Vec<&Head> = heads.iter().filter(|head| asks_for_a_price(&head.kind)).collect();
    let lanes = lanes(connection, &asking).await?;
    let wake_up = |head: &Head| {
        let lane = lanes.get(&head.order_id)?;
        let message = Outgoing {
            exchange: topology::PRICING,
            routing_key: lane.clone(),
            message_id: event_id(head.order_id, head.version),
            kind: "wake-up".to_owned(),
            headers: Vec::new(),
            body: b"{}".to_vec(),
            mandatory: false,
        };
        let (order_id, position) = (head.order_id, head.position);
        Some(Parcel { order_id, position, message, wants_acknowledgement: false })
    };
    Ok(asking.into_iter().filter_map(wake_up).collect())
}

fn asks_for_a_price(kind: &str) -> bool {
    matches!(kind, "submitted" | "repricing-requested")
}

/// The lanes of those orders that wait for a worker.
async fn lanes(
    connection: &mut PgConnection,
    asking: &[&Head],
) -> Result<HashMap<OrderId, String>, sqlx::Error> {
    if asking.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = asking.iter().map(|head| head.order_id.as_uuid()).collect();
    // Asked for those that are queued, the planner may read all of these instead of the few orders' own.
    let rows = sqlx::query!(
        "SELECT order_id, lane, state FROM write.pricing_jobs WHERE order_id = ANY($1)",
        &ids,
    )
    .fetch_all(connection)
    .await?;
    let queued = rows.into_iter().filter(|row| row.state == "queued");
    Ok(queued.map(|row| (OrderId::new(row.order_id), row.lane)).collect())
}

#[cfg(test)]
mod tests {
    use shared::contracts::samples::logged_events;
    use shared::order::events::OrderEvent;

    use super::*;

    #[test]
    fn what_asks_for_a_price_is_known_by_its_name() {
        for logged in logged_events() {
            let asks = matches!(
                logged.event,
                OrderEvent::Submitted { .. } | OrderEvent::RepricingRequested
            );
            assert_eq!(asks_for_a_price(logged.event.kind()), asks, "{}", logged.event.kind());
        }
    }
}
