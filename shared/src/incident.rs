//! Incidents: what is wrong with an order, a route, a follower or a producer, found before anybody calls.
//!
//! There is one open incident per subject and cause. The system tries to heal it; what it cannot heal is escalated to
//! an owner. It is closed when the cause is not found any more, whoever repaired it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::ids::OrderId;

/// How far an incident is.
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
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum IncidentStatus {
    /// Found; nothing was tried yet.
    Open,
    /// The system tries to heal it.
    Healing,
    /// The system cannot heal it: its owner must act.
    Escalated,
    /// A person has said that they know, and why it may stay; the system leaves it to them.
    Acknowledged,
    /// The cause is gone.
    Healed,
}

impl IncidentStatus {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Open, Self::Healing, Self::Escalated, Self::Acknowledged, Self::Healed];

    /// As in rows and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Healing => "healing",
            Self::Escalated => "escalated",
            Self::Acknowledged => "acknowledged",
            Self::Healed => "healed",
        }
    }

    /// The status of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// Who must act when the system cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names of departments and of systems of others")]
pub enum Owner {
    OnCall,
    Shop,
    Crm,
    Seller,
    Workshop,
    Carrier,
    Partner,
    Producer,
}

impl Owner {
    /// As in rows, JSON and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnCall => "on-call",
            Self::Shop => "shop",
            Self::Crm => "crm",
            Self::Seller => "seller",
            Self::Workshop => "workshop",
            Self::Carrier => "carrier",
            Self::Partner => "partner",
            Self::Producer => "producer",
        }
    }
}

/// What an incident is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Which kind of thing: `order`, `delivery`, `message`, `follower`, `lane`, `producer`, `quote`, `route`, `webhook`, `system`.
    pub kind: &'static str,
    /// Which one.
    pub name: String,
    /// The order that it is about, if it is about one.
    pub order_id: Option<OrderId>,
}

impl Subject {
    /// Something that is about no single order.
    pub fn new(kind: &'static str, name: impl Into<String>) -> Self {
        Self { kind, name: name.into(), order_id: None }
    }

    /// An order.
    pub fn order(order_id: OrderId) -> Self {
        Self { kind: "order", name: order_id.to_string(), order_id: Some(order_id) }
    }

    /// What is to be delivered of an order to a recipient.
    pub fn delivery(recipient: &str, order_id: OrderId) -> Self {
        let name = format!("{recipient}:{order_id}");
        Self { kind: "delivery", name, order_id: Some(order_id) }
    }
}

/// A trouble as it was found: what it is about, what is wrong, who must act if the system cannot, and until when.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// What is wrong, for programs: at most 60 lower-case letters and dashes, stable.
    pub cause: &'static str,
    /// Who must act when the system cannot.
    pub owner: Owner,
    /// What was seen. Ids, ages and numbers; no personal data.
    pub evidence: Value,
    /// Until when it should be healed.
    pub deadline: DateTime<Utc>,
}

/// An incident as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Incident {
    /// Which incident.
    pub incident_id: Uuid,
    /// Which kind of thing it is about: `order`, `delivery`, `message`, `follower`, `lane`, `producer`, `quote`,
    /// `route`, `webhook`, `system`.
    pub subject_kind: String,
    /// Which one.
    pub subject: String,
    /// The order that it is about, if it is about one.
    pub order_id: Option<OrderId>,
    /// What is wrong, for programs.
    pub cause: String,
    /// How far it is.
    pub status: IncidentStatus,
    /// Who must act when the system cannot.
    pub owner: String,
    /// What was seen last.
    #[schema(value_type = Object)]
    pub evidence: Value,
    /// What was tried or said, the oldest first, at most the last 20: each with `at`, `what` and `outcome`.
    #[schema(value_type = Vec<Object>)]
    pub attempts: Value,
    /// How often the system tried to heal it.
    pub tries: i32,
    /// When it was found.
    pub opened_at: DateTime<Utc>,
    /// When it was last seen to be so.
    pub last_seen_at: DateTime<Utc>,
    /// When the system last tried to heal it.
    pub tried_at: Option<DateTime<Utc>>,
    /// Until when it should be healed.
    pub deadline: DateTime<Utc>,
    /// When the cause was gone.
    pub closed_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_reads_back_as_it_is_written() {
        for status in IncidentStatus::ALL {
            assert_eq!(IncidentStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::json!(status), serde_json::json!(status.as_str()));
        }
        assert_eq!(IncidentStatus::parse("OPEN"), None);
    }

    #[test]
    fn an_owner_is_called_the_same_everywhere() {
        for owner in [Owner::OnCall, Owner::Workshop] {
            assert_eq!(serde_json::json!(owner), serde_json::json!(owner.as_str()));
        }
    }
}
