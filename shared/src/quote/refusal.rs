//! The domain says no to somebody who wants something of a quote.

use chrono::{DateTime, Utc};

use crate::ids::OrderId;

/// Why a quote cannot be ordered, accepted or called off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteRefusal {
    /// The exact price is still being made.
    #[error("the exact price of this quote is not known yet")]
    NotPricedYet,
    /// A person must accept the provisional price first.
    #[error("the price of this quote is provisional: a person must accept it first")]
    NotAcceptedYet,
    /// The offer does not hold any more.
    #[error("this quote was valid until {}: ask for a new one", until.format("%Y-%m-%dT%H:%M:%SZ"))]
    Expired {
        /// Until when it held.
        until: DateTime<Utc>,
    },
    /// It became an order before.
    #[error("this quote became order {order_id}: a quote becomes one order")]
    AlreadyOrdered {
        /// Which.
        order_id: OrderId,
    },
    /// There is no price and there will be none.
    #[error("this quote is {state}: it has no price")]
    NoOffer {
        /// `refused` or `cancelled`.
        state: &'static str,
    },
    /// The order asks for something else than the quote priced.
    #[error("the order asks for something else than the quote priced")]
    DifferentContent,
    /// The requester's reference was used for a quote of something else.
    #[error("this reference names a quote of something else")]
    ReferenceTaken,
    /// Only people of the house accept.
    #[error("the role {role} may not")]
    NotAllowed {
        /// Whose role.
        role: &'static str,
    },
}

impl QuoteRefusal {
    /// A stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotPricedYet => "quote-not-priced-yet",
            Self::NotAcceptedYet => "quote-not-accepted-yet",
            Self::Expired { .. } => "quote-expired",
            Self::AlreadyOrdered { .. } => "quote-already-ordered",
            Self::NoOffer { .. } => "quote-without-offer",
            Self::DifferentContent => "quote-of-something-else",
            Self::ReferenceTaken => "different-content",
            Self::NotAllowed { .. } => "not-allowed",
        }
    }

    /// Whether waiting may help.
    pub const fn may_succeed_later(&self) -> bool {
        matches!(self, Self::NotPricedYet | Self::NotAcceptedYet)
    }
}
