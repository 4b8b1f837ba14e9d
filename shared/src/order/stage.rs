//! The status with just the data that is true in it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::price::Price;
use super::spec::WorkSpec;
use super::status::Status;
use crate::actor::Actor;
use crate::ids::{ModelId, OperatorId};

/// A stage of an order's life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(
    missing_docs,
    reason = "the fields' types say what they are; `Status` documents the variants"
)]
pub enum Stage {
    Initiated,
    FileUploaded { model_id: ModelId },
    Submitted { spec: WorkSpec, pricing: Pricing },
    PriceCalculated { spec: WorkSpec, price: Price },
    ManufacturingApproved { work: Approved },
    ManufacturingStarted { work: Approved, holder: Holder },
    ManufacturingCompleted { work: Approved, holder: Holder },
    Packaging { work: Approved, holder: Holder },
    Shipped { work: Approved, holder: Holder, tracking_number: String },
    Closed { work: Approved, holder: Holder, tracking_number: String, closing: Closing },
    Cancelled { cancellation: Box<Cancellation> },
}

/// Pricing is a sub-state of `SUBMITTED`.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
pub struct Pricing {
    /// 1 at first; a person's "price it again" makes the next one.
    pub generation: u32,
    /// How far it is.
    #[serde(flatten)]
    pub state: PricingState,
}

/// How far the pricing of an order is.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PricingState {
    /// Waits for a worker.
    Queued {
        /// Attempts made before.
        attempts: u32,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// A worker calculates.
    Running {
        /// 1 for the first attempt.
        attempt: u32,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// No price can be made; a person must act.
    Failed {
        /// Attempts made.
        attempts: u32,
        /// The kind of failure, stable for programs: `not-closed`, `unknown-material`, …
        code: String,
        /// What is wrong, for people.
        reason: String,
        /// Since when.
        since: DateTime<Utc>,
    },
}

impl Pricing {
    /// The pricing of an order that was just submitted.
    pub const fn first(at: DateTime<Utc>) -> Self {
        Self { generation: 1, state: PricingState::Queued { attempts: 0, since: at } }
    }
}

/// Work that may be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approved {
    /// What.
    pub spec: WorkSpec,
    /// For how much.
    pub price: Price,
    /// Who confirmed.
    pub approved_by: Actor,
    /// When.
    pub approved_at: DateTime<Utc>,
}

/// An operator as others see them.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
pub struct OperatorName {
    /// Which one.
    pub operator_id: OperatorId,
    /// As colleagues know them.
    pub name: String,
}

/// Who has the order in hand, and since when.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
pub struct Holder {
    /// Who gets the pay.
    pub operator: OperatorName,
    /// Since when.
    pub taken_at: DateTime<Utc>,
}

/// How an order came to its end.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Closing {
    /// The carrier says that the parcel arrived.
    Delivered,
    /// The CRM says so.
    Confirmed,
    /// A person closed it.
    ByHand {
        /// Why.
        reason: String,
    },
}

/// An order that was called off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cancellation {
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// The status it had.
    pub from: Status,
    /// What was to be made, if that was known.
    pub spec: Option<WorkSpec>,
    /// Its price, if that was known.
    pub price: Option<Price>,
}

impl Stage {
    /// The public status.
    pub const fn status(&self) -> Status {
        match self {
            Self::Initiated => Status::Initiated,
            Self::FileUploaded { .. } => Status::FileUploaded,
            Self::Submitted { .. } => Status::Submitted,
            Self::PriceCalculated { .. } => Status::PriceCalculated,
            Self::ManufacturingApproved { .. } => Status::ManufacturingApproved,
            Self::ManufacturingStarted { .. } => Status::ManufacturingStarted,
            Self::ManufacturingCompleted { .. } => Status::ManufacturingCompleted,
            Self::Packaging { .. } => Status::Packaging,
            Self::Shipped { .. } => Status::Shipped,
            Self::Closed { .. } => Status::Closed,
            Self::Cancelled { .. } => Status::Cancelled,
        }
    }

    /// What is to be made, once submitted.
    pub fn spec(&self) -> Option<&WorkSpec> {
        match self {
            Self::Initiated | Self::FileUploaded { .. } => None,
            Self::Submitted { spec, .. } | Self::PriceCalculated { spec, .. } => Some(spec),
            Self::Cancelled { cancellation } => cancellation.spec.as_ref(),
            other => other.work().map(|work| &work.spec),
        }
    }

    /// The price, once calculated.
    pub fn price(&self) -> Option<&Price> {
        match self {
            Self::PriceCalculated { price, .. } => Some(price),
            Self::Cancelled { cancellation } => cancellation.price.as_ref(),
            other => other.work().map(|work| &work.price),
        }
    }

    /// The approved work, from approval on.
    pub const fn work(&self) -> Option<&Approved> {
        match self {
            Self::ManufacturingApproved { work }
            | Self::ManufacturingStarted { work, .. }
            | Self::ManufacturingCompleted { work, .. }
            | Self::Packaging { work, .. }
            | Self::Shipped { work, .. }
            | Self::Closed { work, .. } => Some(work),
            _ => None,
        }
    }

    /// Who made it or is making it.
    pub const fn holder(&self) -> Option<&Holder> {
        match self {
            Self::ManufacturingStarted { holder, .. }
            | Self::ManufacturingCompleted { holder, .. }
            | Self::Packaging { holder, .. }
            | Self::Shipped { holder, .. }
            | Self::Closed { holder, .. } => Some(holder),
            _ => None,
        }
    }

    /// Who has it in hand: from taking until shipping.
    pub fn in_hand_of(&self) -> Option<OperatorId> {
        let in_hand = matches!(
            self,
            Self::ManufacturingStarted { .. }
                | Self::ManufacturingCompleted { .. }
                | Self::Packaging { .. }
        );
        self.holder().filter(|_| in_hand).map(|holder| holder.operator.operator_id)
    }

    /// The stage of this order, called off.
    pub(super) fn cancelled(self, reason: String, by: Actor) -> Self {
        let cancellation = Cancellation {
            by,
            reason,
            from: self.status(),
            spec: self.spec().cloned(),
            price: self.price().cloned(),
        };
        Self::Cancelled { cancellation: Box::new(cancellation) }
    }
}
