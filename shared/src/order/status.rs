//! The ten public statuses, and cancellation. Names and order are a contract with the shop, the CRM and partners.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A public status. The order of the variants is the order of an order's life.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// New order, or goods in an empty cart (shop).
    Initiated,
    /// Model uploaded or assembled (shop).
    FileUploaded,
    /// "Make order" pressed; a partner's order enters here (shop, or the MES for a partner).
    Submitted,
    /// The price is known (MES).
    PriceCalculated,
    /// A seller or an auto-accept rule confirmed (CRM).
    ManufacturingApproved,
    /// An operator took it (MES).
    ManufacturingStarted,
    /// The operator made it (MES).
    ManufacturingCompleted,
    /// Packing began (MES).
    Packaging,
    /// Sent to the buyer (MES).
    Shipped,
    /// The carrier delivered, or somebody closed it by hand with a reason (CRM).
    Closed,
    /// Called off before shipping, with who and why. Terminal.
    Cancelled,
}

/// Text that is not a status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a status; known are INITIATED … CLOSED and CANCELLED")]
pub struct NotAStatus;

impl Status {
    /// All of them, in the order of an order's life.
    pub const ALL: [Self; 11] = [
        Self::Initiated,
        Self::FileUploaded,
        Self::Submitted,
        Self::PriceCalculated,
        Self::ManufacturingApproved,
        Self::ManufacturingStarted,
        Self::ManufacturingCompleted,
        Self::Packaging,
        Self::Shipped,
        Self::Closed,
        Self::Cancelled,
    ];

    /// The public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initiated => "INITIATED",
            Self::FileUploaded => "FILE_UPLOADED",
            Self::Submitted => "SUBMITTED",
            Self::PriceCalculated => "PRICE_CALCULATED",
            Self::ManufacturingApproved => "MANUFACTURING_APPROVED",
            Self::ManufacturingStarted => "MANUFACTURING_STARTED",
            Self::ManufacturingCompleted => "MANUFACTURING_COMPLETED",
            Self::Packaging => "PACKAGING",
            Self::Shipped => "SHIPPED",
            Self::Closed => "CLOSED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether an order may still be called off.
    pub fn is_cancellable(self) -> bool {
        self < Self::Shipped
    }

    /// Whether nothing can follow.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Closed | Self::Cancelled)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = NotAStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(NotAStatus)
    }
}
