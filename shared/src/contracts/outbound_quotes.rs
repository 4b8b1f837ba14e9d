//! What we tell of quotes: one message for each revision that is told, named after the state that holds.
//!
//! Each says all that whoever asked may want to know, so that one which was missed is made good by the next. A
//! recipient ignores a revision that it has seen, and older ones.

use serde::{Deserialize, Serialize};

use super::envelope::Envelope;
use super::outbound::{OutboundType, Recipient, SOURCE};
use crate::ids::{OrderId, PartnerId, QuoteId};
use crate::order::price::Price;
use crate::order::spec::WorkSpec;
use crate::quote::view::{QuoteView, RefusalView};
use crate::quote::{Quote, QuoteState, Requester, RoughPrice};

macro_rules! quote_messages {
    ($($event:literal, $kind:literal, $summary:literal;)+) => {
        /// All messages that we send of quotes, to the shop if it asked, and to listeners.
        pub const OUTBOUND_QUOTES: &[OutboundType] = &[$(OutboundType {
            event: $event,
            kind: $kind,
            shop: true,
            crm: false,
            summary: $summary,
            schema: |generator| generator.subschema_for::<QuoteAnnouncement>(),
        },)+];
    };
}

quote_messages! {
    "quote-requested", "ru.mes.quote.requested.v1",
        "The question is accepted; the rough price is known. Left out when the exact price is faster.";
    "quote-priced", "ru.mes.quote.priced.v1",
        "The exact price is known and holds until `valid_until`.";
    "quote-provisional", "ru.mes.quote.provisional.v1",
        "The model has no certain volume: the price is that of the most it can be, and a person must accept it.";
    "quote-refused", "ru.mes.quote.refused.v1",
        "No price can be made of this model; `refusal` says why.";
    "quote-ordered", "ru.mes.quote.ordered.v1",
        "The quote became an order.";
    "quote-cancelled", "ru.mes.quote.cancelled.v1",
        "The question was called off.";
}

/// The data of every message about a quote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct QuoteAnnouncement {
    /// Ours.
    pub quote_id: QuoteId,
    /// What the requester calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// `shop`, `partner` or `staff`.
    pub channel: String,
    /// Which partner, if one asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<PartnerId>,
    /// Grows with each change; some may not be told.
    pub revision: u32,
    /// `requested`, `priced`, `provisional`, `refused`, `ordered` or `cancelled`.
    pub state: String,
    /// What would be made.
    pub spec: WorkSpec,
    /// The rough price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rough: Option<RoughPrice>,
    /// The price, once calculated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// An order must be made before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<chrono::DateTime<chrono::Utc>>,
    /// Why there is no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalView>,
    /// The order that it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
}

/// The line of the table for a state.
///
/// # Panics
/// Never: a test asks for every state.
pub fn outbound_quote(state: &QuoteState) -> &'static OutboundType {
    let event = format!("quote-{}", state.name());
    OUTBOUND_QUOTES.iter().find(|told| told.event == event).expect("every state has its line")
}

impl Recipient {
    /// Whether this recipient is told of quotes that `requester` asked for.
    pub const fn wants_quotes_of(self, requester: &Requester) -> bool {
        match self {
            Self::Shop => matches!(requester, Requester::Shop),
            Self::Crm => false,
            Self::Listeners => true,
        }
    }
}

/// The message that tells what holds of a quote. Its id is the same however often a revision is sent.
///
/// # Errors
/// Only when a number of the price cannot be written as JSON (infinite or NaN), which parsing forbids.
pub fn announce_quote(
    quote: &Quote,
    trace_context: Option<String>,
) -> Result<Envelope, serde_json::Error> {
    // Whether an offer has expired is for the recipient's clock to say: the message says until when it holds.
    let view = QuoteView::of(quote, quote.created_at);
    let announcement = QuoteAnnouncement {
        quote_id: view.quote_id,
        reference: view.reference,
        channel: view.channel,
        partner_id: view.partner_id,
        revision: view.revision,
        state: view.state,
        spec: view.spec,
        rough: view.rough,
        price: view.price,
        valid_until: view.valid_until,
        refusal: view.refusal,
        order_id: view.order_id,
    };
    let kind = outbound_quote(&quote.state).kind;
    let data = serde_json::to_value(announcement)?;
    let id = quote_event_id(quote.id, quote.revision);
    let mut envelope = Envelope::new(id, SOURCE, kind, quote.id.to_string(), data);
    envelope.traceparent = trace_context;
    Ok(envelope)
}

/// The id of a revision in messages: the same for ever, so that a recipient notices a repetition.
pub fn quote_event_id(quote_id: QuoteId, revision: u32) -> String {
    format!("{quote_id}:{revision}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::samples::quotes;

    #[test]
    fn every_state_has_exactly_one_line_and_a_type_of_its_name() {
        assert_eq!(quotes().len(), OUTBOUND_QUOTES.len());
        for quote in quotes() {
            let told = outbound_quote(&quote.state);
            assert_eq!(told.kind, format!("ru.mes.quote.{}.v1", quote.state.name()));
        }
    }

    #[test]
    fn an_announcement_keeps_its_id_and_names_both_sides_names() {
        let quote = crate::quote::samples::priced();
        let message = announce_quote(&quote, None).unwrap();
        assert_eq!(message, announce_quote(&quote, None).unwrap());
        assert_eq!(message.id, format!("{}:2", quote.id));
        assert_eq!(message.data["reference"], "Q-4711");
        assert_eq!(message.data["price"]["total"]["minor"], 420_000);
        assert!(message.data["valid_until"].is_string());
    }

    #[test]
    fn the_shop_is_told_of_its_own_quotes_only() {
        let partner = Requester::Partner { partner_id: PartnerId::new(uuid::Uuid::from_u128(1)) };
        assert!(Recipient::Shop.wants_quotes_of(&Requester::Shop));
        assert!(!Recipient::Shop.wants_quotes_of(&partner));
        assert!(!Recipient::Crm.wants_quotes_of(&Requester::Shop));
        assert!(Recipient::Listeners.wants_quotes_of(&partner));
    }
}
