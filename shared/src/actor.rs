//! Who did it: kept with every event and shown on the timeline.

use serde::{Deserialize, Serialize};

use crate::ids::{OperatorId, PartnerId, SellerId};

/// Whoever causes a command. Names are what colleagues see; nothing else about a person is kept.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(tag = "role", rename_all = "snake_case", deny_unknown_fields)]
pub enum Actor {
    /// The internet shop, for a customer.
    Shop,
    /// The CRM's own rule, without a person (an auto-accept, say).
    Crm,
    /// The carrier, through its message.
    Carrier,
    /// Another jewellery seller, through the REST API.
    Partner {
        /// Which one.
        partner_id: PartnerId,
    },
    /// A person who confirms manufacturing.
    Seller {
        /// Which one.
        seller_id: SellerId,
        /// As colleagues know them.
        name: String,
    },
    /// A person who makes the piece.
    Operator {
        /// Which one.
        operator_id: OperatorId,
        /// As colleagues know them.
        name: String,
    },
    /// A person who may do what others may, and says why.
    Admin {
        /// Their id at the identity provider.
        admin_id: uuid::Uuid,
        /// As colleagues know them.
        name: String,
    },
    /// A part of this system, such as the pricer.
    System {
        /// Which part.
        component: String,
    },
}

impl Actor {
    /// A part of this system.
    pub fn system(component: &str) -> Self {
        Self::System { component: component.to_owned() }
    }

    /// The role in a word, for refusals and metrics; never a person.
    pub const fn role(&self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::Crm => "crm",
            Self::Carrier => "carrier",
            Self::Partner { .. } => "partner",
            Self::Seller { .. } => "seller",
            Self::Operator { .. } => "operator",
            Self::Admin { .. } => "admin",
            Self::System { .. } => "system",
        }
    }
}
