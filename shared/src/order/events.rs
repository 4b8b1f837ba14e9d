//! What happened: past participles, appended to the log, never changed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Origin;
use super::price::Price;
use super::spec::WorkSpec;
use super::stage::{Closing, OperatorName};
use crate::actor::Actor;
use crate::ids::{ModelId, OrderId};

/// A fact about one order. Whatever the next order needs is in it, so that folding needs no look-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "names and types say it; each event's meaning stands in `decisions`"
)]
pub enum OrderEvent {
    Initiated {
        origin: Origin,
    },
    FileUploaded {
        origin: Origin,
        model_id: ModelId,
    },
    Submitted {
        origin: Origin,
        spec: WorkSpec,
    },
    PricingStarted {
        attempt: u32,
    },
    PricingInterrupted {
        reason: String,
        #[serde(default, skip_serializing_if = "is_false")]
        uncounted: bool,
    },
    PricingFailed {
        attempts: u32,
        code: String,
        reason: String,
    },
    RepricingRequested,
    PriceCalculated {
        price: Price,
    },
    ManufacturingApproved,
    ManufacturingStarted {
        operator: OperatorName,
    },
    GivenBack {
        reason: String,
    },
    ManufacturingCompleted,
    ReworkRequested {
        reason: String,
    },
    PackagingStarted,
    Shipped {
        tracking_number: String,
    },
    Closed {
        closing: Closing,
    },
    ClosingRepeated {
        closing: Closing,
    },
    Cancelled {
        reason: String,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl OrderEvent {
    /// The name in the log and in messages; never a sentence.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Initiated { .. } => "initiated",
            Self::FileUploaded { .. } => "file-uploaded",
            Self::Submitted { .. } => "submitted",
            Self::PricingStarted { .. } => "pricing-started",
            Self::PricingInterrupted { .. } => "pricing-interrupted",
            Self::PricingFailed { .. } => "pricing-failed",
            Self::RepricingRequested => "repricing-requested",
            Self::PriceCalculated { .. } => "price-calculated",
            Self::ManufacturingApproved => "manufacturing-approved",
            Self::ManufacturingStarted { .. } => "manufacturing-started",
            Self::GivenBack { .. } => "given-back",
            Self::ManufacturingCompleted => "manufacturing-completed",
            Self::ReworkRequested { .. } => "rework-requested",
            Self::PackagingStarted => "packaging-started",
            Self::Shipped { .. } => "shipped",
            Self::Closed { .. } => "closed",
            Self::ClosingRepeated { .. } => "closing-repeated",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// Who ordered, in those events that can be an order's first.
    pub const fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Initiated { origin }
            | Self::FileUploaded { origin, .. }
            | Self::Submitted { origin, .. } => Some(origin),
            _ => None,
        }
    }

    /// Whether it moves the pricing sub-state of a submitted order (or ends it with a price).
    pub const fn is_about_pricing(&self) -> bool {
        matches!(
            self,
            Self::PricingStarted { .. }
                | Self::PricingInterrupted { .. }
                | Self::PricingFailed { .. }
                | Self::RepricingRequested
                | Self::PriceCalculated { .. }
        )
    }

    /// The event as the log's two columns.
    ///
    /// # Errors
    /// Only when a number cannot be written as JSON (infinite or NaN), which parsing forbids.
    pub fn to_columns(&self) -> Result<(&'static str, serde_json::Value), serde_json::Error> {
        let mut tagged = serde_json::to_value(self)?;
        let data = tagged.get_mut("data").map(serde_json::Value::take);
        Ok((self.kind(), data.unwrap_or_else(|| serde_json::json!({}))))
    }

    /// The event from the log's two columns.
    ///
    /// # Errors
    /// When the columns are not an event of this version of the code or an older one.
    pub fn from_columns(kind: &str, data: &RawValue) -> Result<Self, serde_json::Error> {
        let kind = serde_json::to_string(kind)?;
        // With the kind before it, the data is read as what it is at once: what comes first must be kept until it is known
        // what it is.
        let tagged = match data.get() {
            "{}" => format!(r#"{{"kind":{kind}}}"#),
            data => format!(r#"{{"kind":{kind},"data":{data}}}"#),
        };
        serde_json::from_str(&tagged)
    }
}

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEvent {
    /// Its place in the log; grows with the version within an order.
    pub position: u64,
    /// Whose.
    pub order_id: OrderId,
    /// 1 for the order's first event; no holes.
    pub version: u64,
    /// What happened.
    pub event: OrderEvent,
    /// Who did it.
    pub actor: Actor,
    /// The request or message that caused it.
    pub cause: String,
    /// W3C `traceparent` of the chain of hops that caused it.
    pub trace_context: Option<String>,
    /// When.
    pub occurred_at: DateTime<Utc>,
}
