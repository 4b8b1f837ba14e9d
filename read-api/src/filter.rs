//! What is asked for, by whom: the parts of a question that choose rows.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared::ids::{OperatorId, OrderId, PartnerId};
use shared::order::HEARTBEAT_PARTNER;
use shared::order::Status;

/// Whose orders a caller may see. Part of every statement and of every cache key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Staff and our own systems.
    All,
    /// A partner sees its own orders; those of others do not exist for it.
    Partner(PartnerId),
}

impl Scope {
    /// The partner to filter by, for SQL.
    pub const fn partner(self) -> Option<PartnerId> {
        match self {
            Self::All => None,
            Self::Partner(partner_id) => Some(partner_id),
        }
    }

    /// Whether an order of `partner` (or of the shop) is within the scope. The heartbeat's are nobody's to see.
    pub fn sees(self, partner: Option<PartnerId>) -> bool {
        match self {
            Self::All => partner != Some(HEARTBEAT_PARTNER),
            Self::Partner(own) => partner == Some(own),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Partner(partner_id) => write!(f, "partner:{partner_id}"),
        }
    }
}

/// A part of the read model that has a version of its own, moved by the projector with the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// The list of a status.
    Status(Status),
    /// All orders of a partner.
    Partner(PartnerId),
    /// What an operator has in hand.
    Operator(OperatorId),
    /// How many orders there are in each status.
    Counts(Scope),
    /// One order: its card and its timeline.
    Order(OrderId),
}

/// The name under which `read.views` keeps the version. Orders keep theirs in their own row.
impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status:{status}"),
            Self::Partner(partner_id) => write!(f, "partner:{partner_id}"),
            Self::Operator(operator_id) => write!(f, "operator:{operator_id}"),
            Self::Counts(scope) => write!(f, "counts:{scope}"),
            Self::Order(order_id) => write!(f, "order:{order_id}"),
        }
    }
}

/// Which end of a list comes first. Lists are sorted by when the present status began.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Sorting {
    /// What changed last comes first.
    #[default]
    Newest,
    /// What waits longest comes first.
    Oldest,
}

impl Sorting {
    /// The word in URLs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
        }
    }
}
