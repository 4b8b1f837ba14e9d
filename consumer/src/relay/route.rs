//! The routes out of the log, and what travels on each.

use std::collections::HashMap;

use shared::contracts::outbound::{Recipient, announce, event_id};
use shared::ids::OrderId;
use shared::order::Origin;
use shared::order::events::{LoggedEvent, OrderEvent};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::RelayError;
use crate::delivery::Outgoing;
use crate::topology;

/// A way out of the log, with a cursor of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// To somebody who is told.
    To(Recipient),
    /// To the pricing workers: there may be a job in your lane.
    WakePricers,
}

/// An event on its way to a recipient.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    pub order_id: OrderId,
    pub position: u64,
    pub message: Outgoing,
    /// The recipient must say that it has the order.
    pub wants_acknowledgement: bool,
}

impl Route {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::To(Recipient::Shop),
        Self::To(Recipient::Crm),
        Self::To(Recipient::Listeners),
        Self::WakePricers,
    ];

    /// The name in rows and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::To(recipient) => recipient.as_str(),
            Self::WakePricers => "pricing",
        }
    }

    /// The name of its cursor.
    pub const fn follower(self) -> &'static str {
        match self {
            Self::To(Recipient::Shop) => "relay:shop",
            Self::To(Recipient::Crm) => "relay:crm",
            Self::To(Recipient::Listeners) => "relay:events",
            Self::WakePricers => "relay:pricing",
        }
    }

    /// Whether an event that cannot be delivered is kept for later. Listeners get no promise, and workers look by
    /// themselves.
    pub const fn keeps_promises(self) -> bool {
        matches!(self, Self::To(Recipient::Shop | Recipient::Crm))
    }

    /// What travels on this route because of these events.
    pub(super) async fn parcels(
        self,
        connection: &mut PgConnection,
        events: &[LoggedEvent],
        epoch: u32,
    ) -> Result<Vec<Parcel>, RelayError> {
        match self {
            Self::To(recipient) => {
                let origins = origins(connection, events).await?;
                events
                    .iter()
                    .filter_map(|logged| {
                        announcement(recipient, logged, &origins, epoch).transpose()
                    })
                    .collect()
            }
            Self::WakePricers => {
                let lanes = lanes(connection, events).await?;
                Ok(events.iter().filter_map(|logged| wake_up(logged, &lanes)).collect())
            }
        }
    }
}

fn announcement(
    recipient: Recipient,
    logged: &LoggedEvent,
    origins: &HashMap<OrderId, Origin>,
    epoch: u32,
) -> Result<Option<Parcel>, RelayError> {
    let inconsistent =
        |what: String| RelayError::Inconsistent(format!("position {}: {what}", logged.position));
    let origin = origins
        .get(&logged.order_id)
        .ok_or_else(|| inconsistent(format!("order {} has no row", logged.order_id)))?;
    if !recipient.wants(&logged.event, origin) {
        return Ok(None);
    }
    let envelope =
        announce(logged, origin, epoch).map_err(|error| inconsistent(error.to_string()))?;
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

fn wake_up(logged: &LoggedEvent, lanes: &HashMap<OrderId, String>) -> Option<Parcel> {
    let lane = lanes.get(&logged.order_id).filter(|_| asks_for_a_price(&logged.event))?;
    let message = Outgoing {
        exchange: topology::PRICING,
        routing_key: lane.clone(),
        message_id: event_id(logged.order_id, logged.version),
        kind: "wake-up".to_owned(),
        headers: Vec::new(),
        body: b"{}".to_vec(),
        mandatory: false,
    };
    Some(Parcel {
        order_id: logged.order_id,
        position: logged.position,
        message,
        wants_acknowledgement: false,
    })
}

const fn asks_for_a_price(event: &OrderEvent) -> bool {
    matches!(event, OrderEvent::Submitted { .. } | OrderEvent::RepricingRequested)
}

async fn origins(
    connection: &mut PgConnection,
    events: &[LoggedEvent],
) -> Result<HashMap<OrderId, Origin>, sqlx::Error> {
    let ids: Vec<Uuid> = events.iter().map(|logged| logged.order_id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"SELECT order_id, state->'origin' AS "origin!: Json<Origin>"
           FROM write.orders WHERE order_id = ANY($1)"#,
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (OrderId::new(row.order_id), row.origin.0)).collect())
}

/// The lanes of those orders that wait for a worker.
async fn lanes(
    connection: &mut PgConnection,
    events: &[LoggedEvent],
) -> Result<HashMap<OrderId, String>, sqlx::Error> {
    let ids: Vec<Uuid> = events
        .iter()
        .filter(|logged| asks_for_a_price(&logged.event))
        .map(|logged| logged.order_id.as_uuid())
        .collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
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
