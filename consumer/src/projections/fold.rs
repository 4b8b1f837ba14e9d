//! A batch of events, folded onto what the read model knows of the orders they touch.

use std::collections::HashMap;

use shared::ids::{OperatorId, OrderId};
use shared::order::events::LoggedEvent;
use shared::order::{Order, Status};
use sqlx::PgConnection;
use uuid::Uuid;

use super::ProjectionError;

/// An event with the public status that holds after it.
#[derive(Debug)]
pub struct Entry<'e> {
    /// As it stands in the log.
    pub event: &'e LoggedEvent,
    /// After it.
    pub status: Status,
}

/// What the views showed of an order before the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Its public status.
    pub status: Status,
    /// Who had it in hand.
    pub operator_id: Option<OperatorId>,
}

/// An order that the batch changed.
#[derive(Debug)]
pub struct Change {
    /// Nothing for one that was not known.
    pub before: Option<Before>,
    /// As it is now.
    pub after: Order,
    /// The position of its last event.
    pub position: u64,
}

impl Change {
    /// Whether another status's list shows it now.
    pub fn moves(&self) -> bool {
        self.before.map(|before| before.status) != Some(self.after.status())
    }

    /// Whose counts it belongs to: everybody's, and its partner's. The heartbeat's orders are not the house's.
    pub fn scopes(&self) -> impl Iterator<Item = String> {
        let origin = &self.after.origin;
        let all = (!origin.is_synthetic()).then(|| "all".to_owned());
        all.into_iter().chain(origin.partner_id().map(|id| format!("partner:{id}")))
    }
}

/// What a batch does: events and changed orders, without those that were seen before.
#[derive(Debug, Default)]
pub struct Folded<'e> {
    /// In the order of the log.
    pub entries: Vec<Entry<'e>>,
    /// One for each order, in the order of first appearance.
    pub changes: Vec<Change>,
}

impl<'e> Folded<'e> {
    /// Folds `events` onto the orders in the read model.
    pub async fn load(
        connection: &mut PgConnection,
        events: &'e [LoggedEvent],
    ) -> Result<Self, ProjectionError> {
        let known = load_orders(connection, events).await?;
        Self::fold(known, events)
    }

    /// Folds `events`, in the order of the log, onto `known` orders.
    pub fn fold(
        mut known: HashMap<OrderId, Order>,
        events: &'e [LoggedEvent],
    ) -> Result<Self, ProjectionError> {
        let mut folded = Self::default();
        let mut places: HashMap<OrderId, usize> = HashMap::new();
        for event in events {
            let place = places.get(&event.order_id).copied();
            let current = match place {
                Some(place) => Some(&folded.changes[place].after),
                None => known.get(&event.order_id),
            };
            let version = current.map_or(0, |order| order.version);
            if event.version <= version {
                continue;
            }
            if event.version != version + 1 {
                return Err(version_gap(event, version));
            }
            let status = if let Some(place) = place {
                folded.changes[place].follow(event)?
            } else {
                let change = Change::first(known.remove(&event.order_id), event)?;
                places.insert(event.order_id, folded.changes.len());
                let status = change.after.status();
                folded.changes.push(change);
                status
            };
            folded.entries.push(Entry { event, status });
        }
        Ok(folded)
    }

    /// Whether everything was seen before.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Change {
    fn first(known: Option<Order>, event: &LoggedEvent) -> Result<Self, ProjectionError> {
        let before = known
            .as_ref()
            .map(|order| Before { status: order.status(), operator_id: order.stage.in_hand_of() });
        Ok(Self { before, after: apply(known, event)?, position: event.position })
    }

    fn follow(&mut self, event: &LoggedEvent) -> Result<Status, ProjectionError> {
        self.after = apply(Some(self.after.clone()), event)?;
        self.position = event.position;
        Ok(self.after.status())
    }
}

fn apply(order: Option<Order>, event: &LoggedEvent) -> Result<Order, ProjectionError> {
    Order::apply(order, event.order_id, &event.event, &event.actor, event.occurred_at)
        .map_err(|source| ProjectionError::BrokenHistory { position: event.position, source })
}

fn version_gap(event: &LoggedEvent, known: u64) -> ProjectionError {
    ProjectionError::VersionGap {
        order_id: event.order_id,
        position: event.position,
        known,
        found: event.version,
    }
}

async fn load_orders(
    connection: &mut PgConnection,
    events: &[LoggedEvent],
) -> Result<HashMap<OrderId, Order>, ProjectionError> {
    let mut ids: Vec<Uuid> = events.iter().map(|event| event.order_id.as_uuid()).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = sqlx::query!("SELECT order_id, state FROM orders WHERE order_id = ANY($1)", &ids)
        .fetch_all(connection)
        .await?;
    let decode = |row: (Uuid, serde_json::Value)| {
        let order_id = OrderId::new(row.0);
        let order = serde_json::from_value(row.1)
            .map_err(|source| ProjectionError::UnreadableState { order_id, source })?;
        Ok((order_id, order))
    };
    rows.into_iter().map(|row| decode((row.order_id, row.state))).collect()
}

#[cfg(test)]
mod tests {
    use shared::order::samples;

    use super::*;

    fn logged(count: usize) -> Vec<LoggedEvent> {
        let life = samples::whole_life().into_iter().take(count).zip(1..);
        life.map(|((event, actor), version)| LoggedEvent {
            position: version * 10,
            order_id: samples::order_id(),
            version,
            event,
            actor,
            cause: "test".to_owned(),
            trace_context: None,
            occurred_at: samples::moment(),
        })
        .collect()
    }

    #[test]
    fn an_order_is_one_change_and_every_event_an_entry() {
        let events = logged(7);
        let folded = Folded::fold(HashMap::new(), &events).unwrap();
        assert_eq!((folded.entries.len(), folded.changes.len()), (7, 1));
        let change = &folded.changes[0];
        assert_eq!((change.before, change.position), (None, 70));
        assert_eq!(change.after.status(), Status::ManufacturingStarted);
        assert!(change.moves());
    }

    #[test]
    fn what_was_seen_before_is_passed_over() {
        let events = logged(4);
        let known = Folded::fold(HashMap::new(), &events[..3]).unwrap().changes.remove(0).after;
        let known = HashMap::from([(known.id, known)]);
        let folded = Folded::fold(known.clone(), &events).unwrap();
        assert_eq!(folded.entries.len(), 1);
        // Pricing is a sub-state: the order stays in its list.
        assert!(!folded.changes[0].moves());
        assert!(Folded::fold(known, &events[..3]).unwrap().is_empty());
    }

    #[test]
    fn a_missing_event_stops_everything_and_names_the_order() {
        let events = logged(4);
        let error = Folded::fold(HashMap::new(), &events[1..]).unwrap_err();
        assert!(error.to_string().contains(&samples::order_id().to_string()), "{error}");
        let known = samples::order_after(2);
        let error = Folded::fold(HashMap::from([(known.id, known)]), &events[3..]).unwrap_err();
        let gap = matches!(error, ProjectionError::VersionGap { known: 2, found: 4, .. });
        assert!(gap, "{error}");
    }
}
