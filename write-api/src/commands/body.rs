//! The few shapes that the bodies of commands have. Each may say which version the caller saw.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::text::{Reason, TrackingNumber};

/// Nothing but what the caller saw.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlainBody {
    /// Act only if the order still has this version.
    pub expected_version: Option<u64>,
}

/// Why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Because {
    /// Kept with the deed; no personal data, please.
    pub reason: Reason,
}

/// Why, for whoever says it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MaybeBecause {
    /// Kept with the deed; no personal data, please.
    pub reason: Option<Reason>,
}

/// Why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// Kept on the timeline; no personal data, please.
    pub reason: Reason,
    /// Act only if the order still has this version.
    pub expected_version: Option<u64>,
}

/// Why, where a system need not say.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseBody {
    /// Kept on the timeline; people must say.
    pub reason: Option<Reason>,
    /// Act only if the order still has this version.
    pub expected_version: Option<u64>,
}

/// With which parcel.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipBody {
    /// The carrier's number.
    pub tracking_number: TrackingNumber,
    /// Act only if the order still has this version.
    pub expected_version: Option<u64>,
}
