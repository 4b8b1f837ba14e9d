//! Comparing somebody's list of orders with ours: who sends lists, what a line says, and what they were told.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actor::Actor;
use crate::contracts::outbound::{OUTBOUND, OutboundType};
use crate::ids::PartnerId;
use crate::order::Status;
use crate::schema::text_schema;

/// Whose list it is, and so which orders it is about: the shop's own, a partner's own, and for the CRM all that
/// were submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Party {
    /// The internet shop; it calls orders by its own numbers.
    Shop,
    /// The CRM; it calls orders by our ids.
    Crm,
    /// A partner; it calls orders by its own ids.
    Partner(PartnerId),
}

text_schema!(Party, pattern = "^(shop|crm|partner:[0-9a-f-]{36})$", example = "shop");

/// Text that names nobody who sends lists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`shop`, `crm` or `partner:<id>`")]
pub struct NotAParty;

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What they call the order.
    pub external_id: String,
    /// Which status they believe it to have.
    pub status: Status,
    /// Of which version they heard last.
    #[serde(default)]
    pub version: Option<u64>,
    /// When they believed so; when the list was sent if not said.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
}

impl Party {
    /// Whose list an API key sends.
    pub const fn of(actor: &Actor) -> Option<Self> {
        match actor {
            Actor::Shop => Some(Self::Shop),
            Actor::Crm => Some(Self::Crm),
            Actor::Partner { partner_id } => Some(Self::Partner(*partner_id)),
            _ => None,
        }
    }

    /// The events that they are told of, each with the status that holds after it. Events that leave the status as it
    /// was have that of pricing, where they belong.
    pub fn told(self) -> impl Iterator<Item = (&'static str, Status)> {
        OUTBOUND
            .iter()
            .filter(move |told| self.hears(told))
            .map(|told| (told.event, after(told.event)))
    }

    const fn hears(self, told: &OutboundType) -> bool {
        match self {
            // Partners are told what the shop is told of its own orders.
            Self::Shop | Self::Partner(_) => told.shop,
            Self::Crm => told.crm,
        }
    }
}

/// The status that holds after an event of this kind.
fn after(event: &str) -> Status {
    match event {
        "initiated" => Status::Initiated,
        "file-uploaded" => Status::FileUploaded,
        "price-calculated" => Status::PriceCalculated,
        "manufacturing-approved" | "given-back" => Status::ManufacturingApproved,
        "manufacturing-started" | "rework-requested" => Status::ManufacturingStarted,
        "manufacturing-completed" => Status::ManufacturingCompleted,
        "packaging-started" => Status::Packaging,
        "shipped" => Status::Shipped,
        "closed" | "closing-repeated" => Status::Closed,
        "cancelled" => Status::Cancelled,
        _ => Status::Submitted,
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shop => f.write_str("shop"),
            Self::Crm => f.write_str("crm"),
            Self::Partner(partner_id) => write!(f, "partner:{partner_id}"),
        }
    }
}

impl FromStr for Party {
    type Err = NotAParty;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "shop" => Ok(Self::Shop),
            None if text == "crm" => Ok(Self::Crm),
            Some(("partner", id)) => {
                Ok(Self::Partner(PartnerId::new(id.parse::<Uuid>().map_err(|_| NotAParty)?)))
            }
            _ => Err(NotAParty),
        }
    }
}

impl TryFrom<String> for Party {
    type Error = NotAParty;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Party> for String {
    fn from(party: Party) -> Self {
        party.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::partner;
    use crate::order::samples::{folded, whole_life};

    #[test]
    fn the_status_after_each_event_is_the_orders() {
        let life = whole_life();
        for events in 1..=life.len() {
            let order = folded(&life[..events]).unwrap().unwrap();
            assert_eq!(after(life[events - 1].0.kind()), order.status(), "{events}");
        }
        assert!(Party::Shop.told().all(|(event, _)| event != "pricing-interrupted"));
        let somebody = Party::Partner(PartnerId::new(Uuid::nil()));
        let told: Vec<String> = somebody.told().map(|(event, _)| partner::kind_of(event)).collect();
        assert_eq!(told, partner::kinds().collect::<Vec<_>>());
    }

    #[test]
    fn a_party_reads_as_it_is_written() {
        let parties = [Party::Shop, Party::Crm, Party::Partner(PartnerId::new(Uuid::from_u128(7)))];
        for party in parties {
            assert_eq!(party.to_string().parse(), Ok(party));
        }
        for text in ["", "carrier", "shop:1", "partner:", "partner:7"] {
            assert_eq!(text.parse::<Party>(), Err(NotAParty), "{text}");
        }
    }
}
