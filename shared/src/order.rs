//! The order: ten public statuses, strictly forward, with give-back, rework and cancellation.
//!
//! [`decisions`] turn a command into events or a [`refusal::Refusal`]; [`Order::apply`] turns an event into
//! the next order. Both are pure. The write side folds events into its rows and the read side folds the very same
//! events with the very same function, so that they cannot disagree.

pub mod census;
pub mod decisions;
pub mod events;
pub mod price;
pub mod refusal;
pub mod samples;
pub mod spec;
pub mod stage;
pub mod status;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::ids::{OrderId, PartnerId};
use events::OrderEvent;
use stage::{Approved, Closing, Holder, Pricing, PricingState, Stage};
pub use status::Status;

/// The promise to the customer: three weeks from submission.
pub const PROMISE: TimeDelta = TimeDelta::days(21);

/// The partner who orders nothing: orders of the heartbeat walk the whole way every minute, so that it is known to be
/// open. They are told to nobody but listeners, and are not among the house's orders.
pub const HEARTBEAT_PARTNER: PartnerId =
    PartnerId::new(uuid::Uuid::from_u128(0x0000_4ea2_7bea_7000_8000_0000_0000_0001));

/// Who ordered, and what they call the order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
pub enum Origin {
    /// The internet shop, for a customer.
    Shop {
        /// The shop's order number.
        external_id: String,
    },
    /// Another jewellery seller.
    Partner {
        /// Which one.
        partner_id: PartnerId,
        /// The partner's order number, unique for ever within the partner.
        external_id: String,
    },
}

impl Origin {
    /// What the shop or the partner calls the order.
    pub fn external_id(&self) -> &str {
        match self {
            Self::Shop { external_id } | Self::Partner { external_id, .. } => external_id,
        }
    }

    /// The partner, if one ordered.
    pub const fn partner_id(&self) -> Option<PartnerId> {
        match self {
            Self::Shop { .. } => None,
            Self::Partner { partner_id, .. } => Some(*partner_id),
        }
    }

    /// Whether it is an order of the heartbeat, which nobody is to work on.
    pub fn is_synthetic(&self) -> bool {
        self.partner_id() == Some(HEARTBEAT_PARTNER)
    }

    /// The name space of the external id, and the unit of fairness: `shop` or `partner:<id>`.
    pub fn tenant(&self) -> String {
        match self {
            Self::Shop { .. } => "shop".to_owned(),
            Self::Partner { partner_id, .. } => format!("partner:{partner_id}"),
        }
    }

    /// `shop` or `partner`.
    pub const fn channel(&self) -> &'static str {
        match self {
            Self::Shop { .. } => "shop",
            Self::Partner { .. } => "partner",
        }
    }
}

/// An order and everything that is true of it now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Ours.
    pub id: OrderId,
    /// Theirs.
    pub origin: Origin,
    /// How many events it has; the next one is `version + 1`, without holes.
    pub version: u64,
    /// The status with the data that is true in it.
    pub stage: Stage,
    /// When it was first heard of.
    pub created_at: DateTime<Utc>,
    /// When the present public status began (the pricing sub-state does not move it).
    pub status_since: DateTime<Utc>,
    /// When "make order" was pressed; the promise counts from here.
    pub submitted_at: Option<DateTime<Utc>>,
    /// How often an operator gave it back.
    pub give_backs: u32,
    /// How often it had to be made again.
    pub reworks: u32,
}

/// An event that cannot follow the order's history: the log or a row is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("order {order_id}: event {kind} cannot follow version {version} in {status}")]
pub struct BrokenHistory {
    /// Which order.
    pub order_id: OrderId,
    /// Its version before the event.
    pub version: u64,
    /// The event that does not fit.
    pub kind: &'static str,
    /// The status before the event, or `nothing`.
    pub status: &'static str,
}

impl Order {
    /// The public status.
    pub const fn status(&self) -> Status {
        self.stage.status()
    }

    /// Until when the customer was promised the piece.
    pub fn promised_at(&self) -> Option<DateTime<Utc>> {
        self.submitted_at.map(|at| at + PROMISE)
    }

    /// Folds one event onto an order (or onto nothing, for the first one).
    ///
    /// # Errors
    /// [`BrokenHistory`] when the event cannot follow: only damage can cause this, never a caller.
    pub fn apply(
        before: Option<Self>,
        order_id: OrderId,
        event: &OrderEvent,
        actor: &Actor,
        at: DateTime<Utc>,
    ) -> Result<Self, BrokenHistory> {
        let broken = BrokenHistory {
            order_id,
            version: before.as_ref().map_or(0, |order| order.version),
            kind: event.kind(),
            status: before.as_ref().map_or("nothing", |order| order.status().as_str()),
        };
        let mut order = match before {
            Some(order) => order,
            None => Self::born(order_id, event, at).ok_or_else(|| broken.clone())?,
        };
        let status = order.status();
        order.stage = next_stage(order.stage, event, actor, at).ok_or(broken)?;
        order.version += 1;
        order.give_backs += u32::from(matches!(event, OrderEvent::GivenBack { .. }));
        order.reworks += u32::from(matches!(event, OrderEvent::ReworkRequested { .. }));
        if matches!(event, OrderEvent::Submitted { .. }) {
            order.submitted_at = Some(at);
        }
        if order.status() != status || order.version == 1 {
            order.status_since = at;
        }
        Ok(order)
    }

    fn born(id: OrderId, first: &OrderEvent, at: DateTime<Utc>) -> Option<Self> {
        Some(Self {
            id,
            origin: first.origin()?.clone(),
            version: 0,
            stage: Stage::Initiated,
            created_at: at,
            status_since: at,
            submitted_at: None,
            give_backs: 0,
            reworks: 0,
        })
    }
}

/// The transition itself: the old stage goes in by value, the one legal successor comes out.
fn next_stage(stage: Stage, event: &OrderEvent, actor: &Actor, at: DateTime<Utc>) -> Option<Stage> {
    use OrderEvent as E;
    use Stage as S;
    Some(match (stage, event) {
        (S::Initiated, E::Initiated { .. }) => S::Initiated,
        (S::Initiated | S::FileUploaded { .. }, E::FileUploaded { model_id, .. }) => {
            S::FileUploaded { model_id: model_id.clone() }
        }
        (S::Initiated | S::FileUploaded { .. }, E::Submitted { spec, .. }) => {
            S::Submitted { spec: spec.clone(), pricing: Pricing::first(at) }
        }
        (S::Submitted { spec, pricing }, event) if event.is_about_pricing() => {
            pricing_stage(spec, &pricing, event, at)?
        }
        (S::PriceCalculated { spec, price }, E::ManufacturingApproved) => {
            S::ManufacturingApproved {
                work: Approved { spec, price, approved_by: actor.clone(), approved_at: at },
            }
        }
        (S::ManufacturingApproved { work }, E::ManufacturingStarted { operator }) => {
            let holder = Holder { operator: operator.clone(), taken_at: at };
            S::ManufacturingStarted { work, holder }
        }
        (S::ManufacturingStarted { work, .. }, E::GivenBack { .. }) => {
            S::ManufacturingApproved { work }
        }
        (S::ManufacturingStarted { work, holder }, E::ManufacturingCompleted) => {
            S::ManufacturingCompleted { work, holder }
        }
        (S::ManufacturingCompleted { work, holder }, E::ReworkRequested { .. }) => {
            S::ManufacturingStarted { work, holder }
        }
        (S::ManufacturingCompleted { work, holder }, E::PackagingStarted) => {
            S::Packaging { work, holder }
        }
        (S::Packaging { work, holder }, E::Shipped { tracking_number }) => {
            S::Shipped { work, holder, tracking_number: tracking_number.clone() }
        }
        (S::Shipped { work, holder, tracking_number }, E::Closed { closing }) => {
            S::Closed { work, holder, tracking_number, closing: closing.clone() }
        }
        (closed @ S::Closed { .. }, E::ClosingRepeated { .. }) => closed,
        (open, E::Cancelled { reason }) if open.status().is_cancellable() => {
            open.cancelled(reason.clone(), actor.clone())
        }
        _ => return None,
    })
}

fn pricing_stage(
    spec: spec::WorkSpec,
    pricing: &Pricing,
    event: &OrderEvent,
    at: DateTime<Utc>,
) -> Option<Stage> {
    use OrderEvent as E;
    let generation = pricing.generation;
    let state = match (&pricing.state, event) {
        (PricingState::Queued { .. }, E::PricingStarted { attempt }) => {
            PricingState::Running { attempt: *attempt, since: at }
        }
        (PricingState::Running { attempt, .. }, E::PricingInterrupted { uncounted, .. }) => {
            let attempts = attempt.saturating_sub(u32::from(*uncounted));
            PricingState::Queued { attempts, since: at }
        }
        (_, E::PricingFailed { attempts, code, reason }) => PricingState::Failed {
            attempts: *attempts,
            code: code.clone(),
            reason: reason.clone(),
            since: at,
        },
        (PricingState::Failed { .. }, E::RepricingRequested) => {
            let pricing = Pricing {
                generation: generation + 1,
                state: PricingState::Queued { attempts: 0, since: at },
            };
            return Some(Stage::Submitted { spec, pricing });
        }
        (PricingState::Running { .. }, E::PriceCalculated { price }) => {
            return Some(Stage::PriceCalculated { spec, price: price.clone() });
        }
        _ => return None,
    };
    Some(Stage::Submitted { spec, pricing: Pricing { generation, state } })
}

/// How a closing was caused, from who caused it.
///
/// The carrier's message closes by delivery; a person closes by hand and says why.
pub fn closing_by(actor: &Actor, reason: Option<String>) -> Closing {
    match (actor, reason) {
        (_, Some(reason)) => Closing::ByHand { reason },
        (Actor::Carrier, None) => Closing::Delivered,
        (_, None) => Closing::Confirmed,
    }
}

#[cfg(test)]
mod tests;
