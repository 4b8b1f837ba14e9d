//! The JSON that both APIs show of an order: the write API answers a command with it, the read API fills cards
//! and boards with it, so that the dashboard can lay one over the other.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::ids::{ModelId, OrderId, PartnerId};
use crate::money::Money;
use crate::order::price::Price;
use crate::order::refusal::CommandKind;
use crate::order::spec::WorkSpec;
use crate::order::stage::{Closing, Holder, Pricing, Stage};
use crate::order::{Order, Status};

/// An order on its card: everything that a person who may see it wants to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrderView {
    /// Ours.
    pub order_id: OrderId,
    /// What the shop or the partner calls it.
    pub external_id: String,
    /// `shop` or `partner`.
    pub channel: String,
    /// Which partner, if one ordered.
    pub partner_id: Option<PartnerId>,
    /// One of the ten, or `CANCELLED`.
    pub status: Status,
    /// Send it back as `expected_version` to act only on what you saw.
    pub version: u64,
    /// When the present status began.
    pub status_since: DateTime<Utc>,
    /// When it was first heard of.
    pub created_at: DateTime<Utc>,
    /// When "make order" was pressed.
    pub submitted_at: Option<DateTime<Utc>>,
    /// Three weeks later.
    pub promised_at: Option<DateTime<Utc>>,
    /// The model, from upload on.
    pub model_id: Option<ModelId>,
    /// What is to be made, from submission on.
    pub spec: Option<WorkSpec>,
    /// How far the pricing is, while `SUBMITTED`.
    pub pricing: Option<Pricing>,
    /// The price with its breakdown, once calculated.
    pub price: Option<Price>,
    /// Who approved it.
    pub approved_by: Option<Actor>,
    /// Who makes or made it.
    pub holder: Option<Holder>,
    /// The carrier's number, once shipped.
    pub tracking_number: Option<String>,
    /// How it came to its end.
    pub closing: Option<Closing>,
    /// Who called it off, why and in which status.
    pub cancellation: Option<CancellationView>,
    /// How often an operator gave it back.
    pub give_backs: u32,
    /// How often it had to be made again.
    pub reworks: u32,
    /// What can be asked of it now, by whoever may.
    pub allowed: Vec<CommandKind>,
}

/// Who called an order off, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CancellationView {
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// The status it had.
    pub from: Status,
}

impl From<&Order> for OrderView {
    fn from(order: &Order) -> Self {
        let stage = &order.stage;
        Self {
            order_id: order.id,
            external_id: order.origin.external_id().to_owned(),
            channel: order.origin.channel().to_owned(),
            partner_id: order.origin.partner_id(),
            status: order.status(),
            version: order.version,
            status_since: order.status_since,
            created_at: order.created_at,
            submitted_at: order.submitted_at,
            promised_at: order.promised_at(),
            model_id: model_id(stage),
            spec: stage.spec().cloned(),
            pricing: match stage {
                Stage::Submitted { pricing, .. } => Some(pricing.clone()),
                _ => None,
            },
            price: stage.price().cloned(),
            approved_by: stage.work().map(|work| work.approved_by.clone()),
            holder: stage.holder().cloned(),
            tracking_number: tracking_number(stage),
            closing: match stage {
                Stage::Closed { closing, .. } => Some(closing.clone()),
                _ => None,
            },
            cancellation: cancellation(stage),
            give_backs: order.give_backs,
            reworks: order.reworks,
            allowed: CommandKind::allowed_in(order.status()),
        }
    }
}

fn model_id(stage: &Stage) -> Option<ModelId> {
    match stage {
        Stage::FileUploaded { model_id } => Some(model_id.clone()),
        other => other.spec().map(|spec| spec.model_id.clone()),
    }
}

fn tracking_number(stage: &Stage) -> Option<String> {
    match stage {
        Stage::Shipped { tracking_number, .. } | Stage::Closed { tracking_number, .. } => {
            Some(tracking_number.clone())
        }
        _ => None,
    }
}

fn cancellation(stage: &Stage) -> Option<CancellationView> {
    match stage {
        Stage::Cancelled { cancellation } => Some(CancellationView {
            by: cancellation.by.clone(),
            reason: cancellation.reason.clone(),
            from: cancellation.from,
        }),
        _ => None,
    }
}

/// An order as a line of the board: exactly what the screen shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BoardRow {
    /// Ours.
    pub order_id: OrderId,
    /// What the shop or the partner calls it.
    pub external_id: String,
    /// `shop` or `partner`.
    pub channel: String,
    /// One of the ten, or `CANCELLED`.
    pub status: Status,
    /// Its version.
    pub version: u64,
    /// When the present status began; lists are sorted by it.
    pub status_since: DateTime<Utc>,
    /// Until when it was promised.
    pub promised_at: Option<DateTime<Utc>>,
    /// What is to be made.
    pub spec: Option<WorkSpec>,
    /// How far the pricing is, while `SUBMITTED`.
    pub pricing: Option<Pricing>,
    /// What it costs.
    pub total: Option<Money>,
    /// Who has it in hand.
    pub holder: Option<Holder>,
    /// How often it had to be made again.
    pub reworks: u32,
}

impl From<&Order> for BoardRow {
    fn from(order: &Order) -> Self {
        let stage = &order.stage;
        Self {
            order_id: order.id,
            external_id: order.origin.external_id().to_owned(),
            channel: order.origin.channel().to_owned(),
            status: order.status(),
            version: order.version,
            status_since: order.status_since,
            promised_at: order.promised_at(),
            spec: stage.spec().cloned(),
            pricing: match stage {
                Stage::Submitted { pricing, .. } => Some(pricing.clone()),
                _ => None,
            },
            total: stage.price().map(|price| price.total),
            holder: stage.holder().cloned(),
            reworks: order.reworks,
        }
    }
}

/// One step on an order's timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TimelineEntry {
    /// The order's version after the step.
    pub version: u64,
    /// What happened, as in the log: `submitted`, `price-calculated`, …
    pub kind: String,
    /// The public status that holds after the step.
    pub status: Status,
    /// Who did it.
    pub actor: Actor,
    /// What the event says beside its kind.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
    /// The trace of the chain of hops that caused it.
    pub trace_id: Option<String>,
    /// When.
    pub occurred_at: DateTime<Utc>,
}
