//! What partners are told of their own orders, by feed and by webhook alike.
//!
//! An event is made from the log alone, so that it is the same to the byte however often, and by whichever way, it is
//! told. What happens inside the house (who has the piece in hand, why it was given back) stays there.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::outbound::{announcement_details, event_id, outbound_type, status_after};
use crate::ids::OrderId;
use crate::order::events::{LoggedEvent, OrderEvent};
use crate::order::{Origin, Status};

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PartnerEvent {
    /// The same for ever: whoever has seen it may ignore the event. Also the header `webhook-id`.
    #[schema(example = "0199d5a1-77aa-7c3c-8a5e-1f1d7b4b7c11:4")]
    pub id: String,
    /// What happened, such as `order.price-calculated`.
    #[serde(rename = "type")]
    #[schema(example = "order.price-calculated")]
    pub kind: String,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// To which order, and how it stands now.
    pub data: PartnerEventData,
}

/// The order of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PartnerEventData {
    /// Ours.
    pub order_id: OrderId,
    /// Yours.
    pub external_id: String,
    /// Grows with each event of the order. Not every event is told, so there are holes.
    pub version: u64,
    /// The public status that holds after the event.
    pub status: Status,
    /// What the event says beside its type.
    #[schema(value_type = Object)]
    pub details: Value,
}

/// What the partner of this order is told of an event; `None` when nothing, or when no partner ordered.
///
/// # Errors
/// Only when a number of the price cannot be written as JSON (infinite or NaN), which parsing forbids.
pub fn tell(
    logged: &LoggedEvent,
    origin: &Origin,
) -> Result<Option<PartnerEvent>, serde_json::Error> {
    let told = outbound_type(&logged.event);
    if origin.partner_id().is_none() || !told.shop {
        return Ok(None);
    }
    let stays_inside = matches!(
        logged.event,
        OrderEvent::ManufacturingStarted { .. }
            | OrderEvent::GivenBack { .. }
            | OrderEvent::ReworkRequested { .. }
    );
    let details = if stays_inside {
        Value::Object(serde_json::Map::new())
    } else {
        announcement_details(&logged.event)?
    };
    Ok(Some(PartnerEvent {
        id: event_id(logged.order_id, logged.version),
        kind: kind_of(told.event),
        timestamp: logged.occurred_at,
        data: PartnerEventData {
            order_id: logged.order_id,
            external_id: origin.external_id().to_owned(),
            version: logged.version,
            status: status_after(&logged.event),
            details,
        },
    }))
}

/// The types that partners are told of.
pub fn kinds() -> impl Iterator<Item = String> {
    super::outbound::OUTBOUND.iter().filter(|told| told.shop).map(|told| kind_of(told.event))
}

/// What partners call an event of this name.
pub fn kind_of(event: &str) -> String {
    format!("order.{event}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use uuid::Uuid;

    use super::*;
    use crate::contracts::samples::logged_events;
    use crate::ids::PartnerId;
    use crate::order::samples;

    fn origin() -> Origin {
        let partner_id = PartnerId::new(Uuid::from_u128(1));
        Origin::Partner { partner_id, external_id: "P-1".to_owned() }
    }

    #[test]
    fn a_partner_is_told_of_its_orders_and_of_nothing_that_stays_inside() {
        let told: Vec<PartnerEvent> =
            logged_events().iter().filter_map(|logged| tell(logged, &origin()).unwrap()).collect();
        let types: BTreeSet<String> = told.iter().map(|event| event.kind.clone()).collect();
        assert_eq!(types, kinds().collect());
        let text = serde_json::to_string(&told).unwrap();
        assert!(!text.contains("operator"), "{text}");
        for event in told.iter().filter(|event| event.kind == "order.given-back") {
            assert_eq!(event.data.details, serde_json::json!({}));
        }
    }

    #[test]
    fn the_shops_orders_are_no_partners_business() {
        let mut told = logged_events().into_iter().map(|e| tell(&e, &samples::origin()).unwrap());
        assert!(told.all(|event| event.is_none()));
    }

    #[test]
    fn an_event_is_always_the_same_to_the_byte() {
        for logged in logged_events() {
            let once = serde_json::to_vec(&tell(&logged, &origin()).unwrap()).unwrap();
            assert_eq!(once, serde_json::to_vec(&tell(&logged, &origin()).unwrap()).unwrap());
        }
    }
}
