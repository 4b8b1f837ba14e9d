//! The JSON that both APIs and the messages show of a quote.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Quote, QuoteState, RoughPrice};
use crate::ids::{OrderId, PartnerId, QuoteId};
use crate::order::price::Price;
use crate::order::spec::WorkSpec;

/// A quote as whoever asked for it sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QuoteView {
    /// Ours.
    pub quote_id: QuoteId,
    /// What the requester calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// `shop`, `partner` or `staff`.
    pub channel: String,
    /// Which partner, if one asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<PartnerId>,
    /// `requested`, `priced`, `provisional` (a person must accept), `refused`, `expired`, `ordered` or `cancelled`.
    #[schema(example = "priced")]
    pub state: String,
    /// Grows with each change.
    pub revision: u32,
    /// What would be made.
    pub spec: WorkSpec,
    /// The rough price, known at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rough: Option<RoughPrice>,
    /// The price with its breakdown, once calculated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Since when the price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priced_at: Option<DateTime<Utc>>,
    /// An order must be made before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<DateTime<Utc>>,
    /// Why there is no price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalView>,
    /// The order that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// Where to ask the read API for it.
    pub links: QuoteLinks,
}

/// Why there is no price.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
pub struct RefusalView {
    /// The kind of trouble, for programs.
    pub code: String,
    /// What is wrong, for people.
    pub reason: String,
}

/// Paths of the read API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QuoteLinks {
    /// As it is now.
    #[serde(rename = "self")]
    pub this: String,
    /// A stream of what becomes of it.
    pub events: String,
    /// What was measured of the model, and a little later its printability report.
    pub analysis: String,
}

impl QuoteView {
    /// The quote as it is at a moment.
    pub fn of(quote: &Quote, now: DateTime<Utc>) -> Self {
        let offer = quote.state.offer();
        let has_expired =
            matches!(&quote.state, QuoteState::Priced { offer } if now >= offer.valid_until);
        Self {
            quote_id: quote.id,
            reference: quote.reference.clone(),
            channel: quote.requester.channel().to_owned(),
            partner_id: quote.requester.partner_id(),
            state: if has_expired { "expired" } else { quote.state.name() }.to_owned(),
            revision: quote.revision,
            spec: quote.spec.clone(),
            rough: quote.rough,
            price: quote.state.price().cloned(),
            priced_at: match &quote.state {
                QuoteState::Provisional { priced_at, .. } => Some(*priced_at),
                _ => offer.map(|offer| offer.priced_at),
            },
            valid_until: offer.map(|offer| offer.valid_until),
            refusal: refusal(&quote.state),
            order_id: match &quote.state {
                QuoteState::Ordered { order_id, .. } => Some(*order_id),
                _ => None,
            },
            created_at: quote.created_at,
            links: QuoteLinks::of(quote),
        }
    }
}

fn refusal(state: &QuoteState) -> Option<RefusalView> {
    match state {
        QuoteState::Refused { code, reason, .. } => {
            Some(RefusalView { code: code.clone(), reason: reason.clone() })
        }
        _ => None,
    }
}

impl QuoteLinks {
    /// Where a quote is found.
    pub fn of(quote: &Quote) -> Self {
        let (this, spec) = (format!("/v1/quotes/{}", quote.id), &quote.spec);
        let analysis = format!("/v1/models/{}/analysis?unit={}", spec.model_id, spec.unit.as_str());
        Self { events: format!("{this}/events"), analysis, this }
    }
}
