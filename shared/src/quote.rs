//! A quote: what a piece would cost, asked before anything is ordered.
//!
//! [`decisions`] say what may become of it; they are pure. A quote has no log: it is one row that says what holds,
//! with a revision that grows with each change. An order made from it begins an order's log with the quote's price.

pub mod decisions;
pub mod refusal;
pub mod samples;
pub mod view;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actor::Actor;
use crate::ids::{OrderId, PartnerId, QuoteId};
use crate::money::Money;
use crate::order::Origin;
use crate::order::price::Price;
use crate::order::spec::WorkSpec;

/// Who asks for a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
pub enum Requester {
    /// The internet shop, for a customer.
    Shop,
    /// Another jewellery seller.
    Partner {
        /// Which one.
        partner_id: PartnerId,
    },
    /// A seller or an administrator, for a customer who asks in person.
    Staff {
        /// Their id at the identity provider.
        person_id: Uuid,
    },
}

impl Requester {
    /// The requester behind an actor; `None` for those who have nothing to ask a price for.
    pub const fn of(actor: &Actor) -> Option<Self> {
        match actor {
            Actor::Shop => Some(Self::Shop),
            Actor::Partner { partner_id } => Some(Self::Partner { partner_id: *partner_id }),
            Actor::Seller { seller_id, .. } => Some(Self::Staff { person_id: seller_id.as_uuid() }),
            Actor::Admin { admin_id, .. } => Some(Self::Staff { person_id: *admin_id }),
            Actor::Crm | Actor::Carrier | Actor::Operator { .. } | Actor::System { .. } => None,
        }
    }

    /// The name space of references: `shop`, `partner:<id>`, `staff:<id>`.
    pub fn key(&self) -> String {
        match self {
            Self::Shop => "shop".to_owned(),
            Self::Partner { partner_id } => format!("partner:{partner_id}"),
            Self::Staff { person_id } => format!("staff:{person_id}"),
        }
    }

    /// The unit of fairness among pricing jobs: `shop` or `partner:<id>`. Staff ask for the shop's customers.
    pub fn tenant(&self) -> String {
        match self {
            Self::Shop | Self::Staff { .. } => "shop".to_owned(),
            Self::Partner { .. } => self.key(),
        }
    }

    /// `shop`, `partner` or `staff`.
    pub const fn channel(&self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::Partner { .. } => "partner",
            Self::Staff { .. } => "staff",
        }
    }

    /// The partner, if one asks.
    pub const fn partner_id(&self) -> Option<PartnerId> {
        match self {
            Self::Partner { partner_id } => Some(*partner_id),
            Self::Shop | Self::Staff { .. } => None,
        }
    }

    /// Whether an order of `origin` may be made from this requester's quote: a partner's by the partner, the
    /// shop's and the staff's by the shop.
    pub fn may_order_as(&self, origin: &Origin) -> bool {
        self.partner_id() == origin.partner_id()
    }

    /// Whether `actor` may see this requester's quotes: a partner its own, the shop all but partners', the house all.
    pub fn may_be_seen_by(&self, actor: &Actor) -> bool {
        match actor {
            Actor::Partner { .. } => Self::of(actor).as_ref() == Some(self),
            Actor::Shop => self.partner_id().is_none(),
            Actor::Carrier => false,
            Actor::Crm
            | Actor::Seller { .. }
            | Actor::Operator { .. }
            | Actor::Admin { .. }
            | Actor::System { .. } => true,
        }
    }
}

/// A price from the outside of a model, known while the exact one is calculated.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
pub struct RoughPrice {
    /// Hardly less than this.
    pub low: Money,
    /// The best guess.
    pub likely: Money,
    /// Hardly more than this.
    pub high: Money,
    /// What the guess stands on.
    pub basis: RoughBasis,
    /// When it was made.
    pub at: DateTime<Utc>,
}

/// What a rough price stands on.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RoughBasis {
    /// The model's box alone.
    Box,
    /// The volume of a surface that is not closed.
    OpenVolume,
    /// The volume of a surface that looks closed.
    ClosedVolume,
}

impl RoughBasis {
    /// The word it is written as.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Box => "box",
            Self::OpenVolume => "open_volume",
            Self::ClosedVolume => "closed_volume",
        }
    }
}

/// A price that holds until a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// The price, with everything that it was made of.
    pub price: Price,
    /// Since when it is known.
    pub priced_at: DateTime<Utc>,
    /// An order must be made before.
    pub valid_until: DateTime<Utc>,
    /// Who decided that a provisional price is good enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_by: Option<Actor>,
}

/// What holds of a quote, with just the data that is true then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum QuoteState {
    /// The exact price is being made.
    Requested,
    /// The exact price is known.
    Priced {
        /// It.
        offer: Offer,
    },
    /// The model has no certain volume: this is the price of the most that it can be, until a person decides.
    Provisional {
        /// Of the most that it can be.
        price: Price,
        /// Since when it is known.
        priced_at: DateTime<Utc>,
    },
    /// No price can be made of this.
    Refused {
        /// The kind of trouble, for programs.
        code: String,
        /// What is wrong, for people.
        reason: String,
        /// When.
        refused_at: DateTime<Utc>,
    },
    /// It became an order. A quote becomes one order and no second one.
    Ordered {
        /// At this price.
        offer: Offer,
        /// Which.
        order_id: OrderId,
        /// When.
        ordered_at: DateTime<Utc>,
    },
    /// Whoever asked does not want to know any more.
    Cancelled {
        /// When.
        cancelled_at: DateTime<Utc>,
    },
}

impl QuoteState {
    /// The name in rows, answers and metrics. Whether an offer has expired is a question of the clock, not of the row.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Priced { .. } => "priced",
            Self::Provisional { .. } => "provisional",
            Self::Refused { .. } => "refused",
            Self::Ordered { .. } => "ordered",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// Whether the calculation is over.
    pub const fn is_settled(&self) -> bool {
        !matches!(self, Self::Requested)
    }

    /// The offer, where there is or was one.
    pub const fn offer(&self) -> Option<&Offer> {
        match self {
            Self::Priced { offer } | Self::Ordered { offer, .. } => Some(offer),
            _ => None,
        }
    }

    /// The exact or provisional price, once calculated.
    pub const fn price(&self) -> Option<&Price> {
        match self {
            Self::Provisional { price, .. } => Some(price),
            state => match state.offer() {
                Some(offer) => Some(&offer.price),
                None => None,
            },
        }
    }
}

/// A quote and everything that is true of it now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// Ours.
    pub id: QuoteId,
    /// Who asked.
    pub requester: Requester,
    /// What they call it; unique among theirs, for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What would be made.
    pub spec: WorkSpec,
    /// How long an offer is to hold, in seconds from the price on.
    pub valid_seconds: u32,
    /// 1 at first, and one more with each change.
    pub revision: u32,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// The rough price; absent when no price book was in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rough: Option<RoughPrice>,
    /// What holds.
    #[serde(flatten)]
    pub state: QuoteState,
}

#[cfg(test)]
mod tests;
