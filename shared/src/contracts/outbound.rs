//! What we tell others, and whom: one line per event of the log.
//!
//! Each recipient gets a copy of its own, by its own routing key and queue. A copy says which public status holds
//! after the event, so that whoever missed one is right again with the next. Recipients ignore a version that
//! they have seen, and an id that they have seen.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::envelope::{Count, Envelope};
use crate::ids::{ModelId, OperatorId, OrderId, PartnerId};
use crate::order::events::{LoggedEvent, OrderEvent};
use crate::order::price::Price;
use crate::order::spec::WorkSpec;
use crate::order::stage::Closing;
use crate::order::{Origin, Status};

/// The `source` of everything that we send.
pub const SOURCE: &str = "/mes";

/// Somebody who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// The internet shop: its own orders.
    Shop,
    /// The CRM: all orders, from submission on.
    Crm,
    /// Anyone who listens to `mes.events`: everything, without promises.
    Listeners,
}

impl Recipient {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Shop, Self::Crm, Self::Listeners];

    /// The name in queues, followers and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::Crm => "crm",
            Self::Listeners => "events",
        }
    }

    /// Whether this recipient is told of `event` of an order of `origin`.
    pub fn wants(self, event: &OrderEvent, origin: &Origin) -> bool {
        self.wants_type(outbound_type(event), origin)
    }

    /// As [`Self::wants`], for an event of which only the type is known.
    pub fn wants_type(self, told: &OutboundType, origin: &Origin) -> bool {
        match self {
            Self::Shop => told.shop && matches!(origin, Origin::Shop { .. }),
            Self::Crm => told.crm && !origin.is_synthetic(),
            Self::Listeners => true,
        }
    }

    /// Whether this recipient must say that it has the order when it was told of `event`: the CRM, of partners' orders,
    /// because nobody but us knows of those.
    pub fn acknowledges(self, event: &OrderEvent, origin: &Origin) -> bool {
        let is_partners = matches!(origin, Origin::Partner { .. });
        let is_submission = matches!(event, OrderEvent::Submitted { .. });
        self == Self::Crm && is_partners && is_submission && self.wants(event, origin)
    }
}

/// What is written down of a message type, for documents.
#[derive(Debug, Clone)]
pub struct OutboundType {
    /// The event's name in the log, and the routing key on `mes.events`.
    pub event: &'static str,
    /// The CloudEvents type.
    pub kind: &'static str,
    /// Whether the shop is told (of its own orders).
    pub shop: bool,
    /// Whether the CRM is told.
    pub crm: bool,
    /// What it means.
    pub summary: &'static str,
    /// The JSON Schema of its data.
    pub schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
}

macro_rules! outbound_messages {
    ($($event:literal, $kind:literal, shop: $shop:literal, crm: $crm:literal, $details:ty, $summary:literal;)+) => {
        /// All messages that we send. The order is the order of an order's life.
        pub const OUTBOUND: &[OutboundType] = &[$(OutboundType {
            event: $event,
            kind: $kind,
            shop: $shop,
            crm: $crm,
            summary: $summary,
            schema: |generator| generator.subschema_for::<Announcement<$details>>(),
        },)+];
    };
}

outbound_messages! {
    "initiated", "ru.mes.order.initiated.v1", shop: true, crm: false, Nothing,
        "The shop's draft is known here, under this order id.";
    "file-uploaded", "ru.mes.order.file-uploaded.v1", shop: true, crm: false, ModelUploaded,
        "The draft has a model.";
    "submitted", "ru.mes.order.submitted.v1", shop: true, crm: true, WorkSpec,
        "The order is accepted and waits for its price.";
    "pricing-started", "ru.mes.order.pricing-started.v1", shop: true, crm: false, PricingAttempt,
        "The price is being calculated.";
    "pricing-interrupted", "ru.mes.order.pricing-interrupted.v1", shop: false, crm: false, Because,
        "The calculation was cut short and will be made again.";
    "pricing-failed", "ru.mes.order.pricing-failed.v1", shop: true, crm: true, PricingFailure,
        "No price can be made; a person must act.";
    "repricing-requested", "ru.mes.order.repricing-requested.v1", shop: false, crm: true, Nothing,
        "A person asked for another calculation.";
    "price-calculated", "ru.mes.order.price-calculated.v1", shop: true, crm: true, Price,
        "The price is known, with its breakdown.";
    "manufacturing-approved", "ru.mes.order.manufacturing-approved.v1", shop: true, crm: true, Nothing,
        "Manufacturing is confirmed.";
    "manufacturing-started", "ru.mes.order.manufacturing-started.v1", shop: true, crm: true, Taken,
        "An operator took the order.";
    "given-back", "ru.mes.order.given-back.v1", shop: true, crm: true, Because,
        "The operator gave the order back: it waits for another one.";
    "manufacturing-completed", "ru.mes.order.manufacturing-completed.v1", shop: true, crm: true, Nothing,
        "The piece is made.";
    "rework-requested", "ru.mes.order.rework-requested.v1", shop: true, crm: true, Because,
        "The piece must be made again.";
    "packaging-started", "ru.mes.order.packaging-started.v1", shop: true, crm: true, Nothing,
        "Packing began.";
    "shipped", "ru.mes.order.shipped.v1", shop: true, crm: true, Parcel,
        "The parcel is on its way.";
    "closed", "ru.mes.order.closed.v1", shop: true, crm: true, Ending,
        "The order came to its end.";
    "closing-repeated", "ru.mes.order.closing-repeated.v1", shop: false, crm: false, Ending,
        "Somebody closed a closed order; nothing changed.";
    "cancelled", "ru.mes.order.cancelled.v1", shop: true, crm: true, Because,
        "The order was called off.";
}

/// The line of the table for an event.
///
/// # Panics
/// Never: a test asks for every event.
pub fn outbound_type(event: &OrderEvent) -> &'static OutboundType {
    outbound_type_named(event.kind()).expect("every event has its line")
}

/// The line of the table for the event of this name. `None` when this version knows no such event.
pub fn outbound_type_named(event: &str) -> Option<&'static OutboundType> {
    OUTBOUND.iter().find(|told| told.event == event)
}

/// The data of every message that we send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "AnnouncementOf{Details}")]
pub struct Announcement<Details> {
    /// Ours.
    pub order_id: OrderId,
    /// What the shop or the partner calls it.
    pub external_id: String,
    /// `shop` or `partner`.
    pub channel: String,
    /// Which partner, if one ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<PartnerId>,
    /// Grows by one with each event of the order. A recipient that is not told of everything sees holes.
    pub version: u64,
    /// The public status that holds after this event.
    pub status: Status,
    /// What the event says beside its type.
    pub details: Details,
}

/// No details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Nothing {}

/// Details of `file-uploaded`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ModelUploaded {
    /// Which model.
    pub model_id: ModelId,
}

/// Details of `pricing-started`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PricingAttempt {
    /// 1 for the first.
    pub attempt: u32,
}

/// Details of `pricing-failed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PricingFailure {
    /// Attempts made.
    pub attempts: u32,
    /// The kind of failure, for programs.
    pub code: String,
    /// What is wrong, for people.
    pub reason: String,
}

/// Details of events that somebody gave a reason for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Because {
    /// Why.
    pub reason: String,
}

/// Details of `manufacturing-started`. The name stays in the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Taken {
    /// Which operator.
    pub operator_id: OperatorId,
}

/// Details of `shipped`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Parcel {
    /// The carrier's number.
    pub tracking_number: String,
}

/// Details of `closed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Ending {
    /// How.
    pub closing: Closing,
}

/// The message that tells of an event.
///
/// Its id is the same however often it is sent; `epoch` and `sequence` are the event's place in the log, which grows
/// and has holes.
///
/// # Errors
/// Only when a number of the price cannot be written as JSON (infinite or NaN), which parsing forbids.
pub fn announce(
    logged: &LoggedEvent,
    origin: &Origin,
    epoch: u32,
) -> Result<Envelope, serde_json::Error> {
    let announcement = Announcement {
        order_id: logged.order_id,
        external_id: origin.external_id().to_owned(),
        channel: origin.channel().to_owned(),
        partner_id: origin.partner_id(),
        version: logged.version,
        status: status_after(&logged.event),
        details: announcement_details(&logged.event)?,
    };
    let kind = outbound_type(&logged.event).kind;
    let data = serde_json::to_value(announcement)?;
    let subject = logged.order_id.to_string();
    let mut envelope =
        Envelope::new(event_id(logged.order_id, logged.version), SOURCE, kind, subject, data);
    envelope.time = Some(logged.occurred_at);
    envelope.traceparent.clone_from(&logged.trace_context);
    envelope.epoch = Some(Count(u64::from(epoch)));
    envelope.sequence = Some(Count(logged.position));
    Ok(envelope)
}

/// The id of an event in messages: the same for ever, so that a recipient notices a repetition.
pub fn event_id(order_id: OrderId, version: u64) -> String {
    format!("{order_id}:{version}")
}

/// The public status that holds after an event, whatever was before: each event leads to one status only.
pub const fn status_after(event: &OrderEvent) -> Status {
    use OrderEvent as E;
    match event {
        E::Initiated { .. } => Status::Initiated,
        E::FileUploaded { .. } => Status::FileUploaded,
        E::Submitted { .. }
        | E::PricingStarted { .. }
        | E::PricingInterrupted { .. }
        | E::PricingFailed { .. }
        | E::RepricingRequested => Status::Submitted,
        E::PriceCalculated { .. } => Status::PriceCalculated,
        E::ManufacturingApproved | E::GivenBack { .. } => Status::ManufacturingApproved,
        E::ManufacturingStarted { .. } | E::ReworkRequested { .. } => Status::ManufacturingStarted,
        E::ManufacturingCompleted => Status::ManufacturingCompleted,
        E::PackagingStarted => Status::Packaging,
        E::Shipped { .. } => Status::Shipped,
        E::Closed { .. } | E::ClosingRepeated { .. } => Status::Closed,
        E::Cancelled { .. } => Status::Cancelled,
    }
}

/// What an event says beside its type.
pub(super) fn announcement_details(event: &OrderEvent) -> Result<Value, serde_json::Error> {
    use OrderEvent as E;
    match event {
        E::FileUploaded { model_id, .. } => {
            serde_json::to_value(ModelUploaded { model_id: model_id.clone() })
        }
        E::Submitted { spec, .. } => serde_json::to_value(spec),
        E::PricingStarted { attempt } => serde_json::to_value(PricingAttempt { attempt: *attempt }),
        E::PricingFailed { attempts, code, reason } => serde_json::to_value(PricingFailure {
            attempts: *attempts,
            code: code.clone(),
            reason: reason.clone(),
        }),
        E::PriceCalculated { price } => serde_json::to_value(price),
        E::ManufacturingStarted { operator } => {
            serde_json::to_value(Taken { operator_id: operator.operator_id })
        }
        E::PricingInterrupted { reason, .. }
        | E::GivenBack { reason }
        | E::ReworkRequested { reason }
        | E::Cancelled { reason } => serde_json::to_value(Because { reason: reason.clone() }),
        E::Shipped { tracking_number } => {
            serde_json::to_value(Parcel { tracking_number: tracking_number.clone() })
        }
        E::Closed { closing } | E::ClosingRepeated { closing } => {
            serde_json::to_value(Ending { closing: closing.clone() })
        }
        E::Initiated { .. }
        | E::RepricingRequested
        | E::ManufacturingApproved
        | E::ManufacturingCompleted
        | E::PackagingStarted => serde_json::to_value(Nothing {}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::samples::logged_events;
    use crate::order::samples;
    use uuid::Uuid;

    fn partner() -> Origin {
        let partner_id = PartnerId::new(Uuid::from_u128(1));
        Origin::Partner { partner_id, external_id: "P-1".to_owned() }
    }

    #[test]
    fn every_event_has_exactly_one_line_and_a_type_of_its_name() {
        let events = logged_events();
        assert_eq!(events.len(), OUTBOUND.len());
        for logged in events {
            let told = outbound_type(&logged.event);
            assert_eq!(told.kind, format!("ru.mes.order.{}.v1", told.event));
        }
    }

    #[test]
    fn the_status_after_an_event_is_the_one_that_folding_finds() {
        for events in 1..=samples::whole_life().len() {
            let (last, _) = &samples::whole_life()[events - 1];
            assert_eq!(status_after(last), samples::order_after(events).status(), "{last:?}");
        }
        let mut life = samples::whole_life();
        life.truncate(7);
        life.push((OrderEvent::GivenBack { reason: "r".into() }, samples::anna_acting()));
        let given_back = samples::folded(&life).unwrap().unwrap();
        assert_eq!(given_back.status(), status_after(&life[7].0));
        let mut life = samples::whole_life();
        life.truncate(8);
        life.push((OrderEvent::ReworkRequested { reason: "r".into() }, samples::anna_acting()));
        let reworked = samples::folded(&life).unwrap().unwrap();
        assert_eq!(reworked.status(), status_after(&life[8].0));
    }

    #[test]
    fn the_shop_is_told_of_its_own_orders_only() {
        let approved = OrderEvent::ManufacturingApproved;
        assert!(Recipient::Shop.wants(&approved, &samples::origin()));
        assert!(!Recipient::Shop.wants(&approved, &partner()));
        assert!(Recipient::Crm.wants(&approved, &partner()));
        assert!(Recipient::Listeners.wants(&approved, &partner()));
    }

    #[test]
    fn an_announcement_keeps_its_id_and_says_what_holds_now() {
        let events = logged_events();
        let shipped = events.iter().find(|logged| logged.event.kind() == "shipped").unwrap();
        let message = announce(shipped, &samples::origin(), 3).unwrap();
        assert_eq!(message, announce(shipped, &samples::origin(), 3).unwrap());
        assert_eq!(message.id, format!("{}:{}", samples::order_id(), shipped.version));
        assert_eq!(message.data["status"], "SHIPPED");
        assert_eq!(message.data["external_id"], "S-4711");
        assert_eq!(message.data["details"]["tracking_number"], "RA123456785RU");
        assert_eq!(
            (message.epoch, message.sequence),
            (Some(Count(3)), Some(Count(shipped.position)))
        );
    }
}
