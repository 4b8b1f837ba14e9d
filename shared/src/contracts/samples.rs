//! A sample of every message: for tests, for the documents' examples, and for whoever builds a producer.

use super::inbound::{
    CancelledByCrm, CancelledByShop, Delivered, FileUploaded, FixingPublished, Inbound,
    OrderAcknowledged, OrderApproved, OrderClosed, OrderInitiated, OrderSubmitted, QuoteRequested,
    Seller,
};
use super::text::{ForeignReference, PersonName, ReasonText, ShopOrderId, ShopQuoteId};
use crate::actor::Actor;
use crate::ids::SellerId;
use crate::metals::Metal;
use crate::order::events::{LoggedEvent, OrderEvent};
use crate::order::samples::{anna_acting, moment, order_id, seller, spec, whole_life};
use crate::quote::Quote;
use crate::quote::samples::{priced, provisional, refused, requested};

/// One of each that we understand, in the order of [`super::inbound::INBOUND`].
pub fn inbound() -> Vec<Inbound> {
    let spec = spec();
    vec![
        Inbound::ShopOrderInitiated(OrderInitiated { shop_order_id: shop_order_id() }),
        Inbound::ShopFileUploaded(FileUploaded {
            shop_order_id: shop_order_id(),
            model_id: spec.model_id,
        }),
        submitted(),
        Inbound::ShopOrderCancelled(CancelledByShop {
            shop_order_id: shop_order_id(),
            reason: reason("the customer changed their mind"),
        }),
        quote_requested(),
        approved(),
        Inbound::CrmOrderCancelled(CancelledByCrm {
            order_id: order_id(),
            reason: reason("the customer cannot be reached"),
            seller: Some(sergei()),
        }),
        Inbound::CrmOrderClosed(OrderClosed {
            order_id: order_id(),
            reason: Some(reason("handed over in the office")),
            seller: Some(sergei()),
        }),
        Inbound::CrmOrderAcknowledged(OrderAcknowledged {
            order_id: order_id(),
            crm_reference: Some(reference("CRM-17")),
        }),
        Inbound::ParcelDelivered(Delivered {
            order_id: order_id(),
            tracking_number: Some(reference("RA123456785RU")),
        }),
        fixing(),
    ]
}

/// Gold at 10 200.50 RUB a gram.
///
/// # Panics
/// Never: the literals are valid.
pub fn fixing() -> Inbound {
    Inbound::MetalFixingPublished(FixingPublished {
        metal: Metal::Gold,
        price_per_gram_minor: "1020050".to_owned().try_into().expect("a literal price"),
        currency: "RUB".parse().expect("a literal currency"),
        source: "LBMA Gold PM".to_owned().try_into().expect("a literal source"),
        observed_at: moment(),
    })
}

/// The shop's order S-4711, submitted.
pub fn submitted() -> Inbound {
    Inbound::ShopOrderSubmitted(OrderSubmitted::new(shop_order_id(), spec()))
}

/// The shop's question Q-4711: what does the sample ring cost?
///
/// # Panics
/// Never: the number is a literal.
pub fn quote_requested() -> Inbound {
    let number = ShopQuoteId::try_from("Q-4711".to_owned()).expect("a literal number");
    Inbound::ShopQuoteRequested(QuoteRequested::new(number, spec()))
}

/// The sample quote in every state.
///
/// # Panics
/// Never: the sample quote can come to each.
pub fn quotes() -> Vec<Quote> {
    let (_, ordered) = priced().order(order_id(), moment()).expect("a fresh offer can be ordered");
    let cancelled = requested().cancel(moment()).expect("it was not ordered");
    let cancelled = cancelled.expect("it was not cancelled before");
    vec![requested(), priced(), provisional(), refused(), ordered, cancelled]
}

/// The sample order, approved by Sergei.
pub fn approved() -> Inbound {
    Inbound::CrmOrderApproved(OrderApproved { order_id: order_id(), seller: Some(sergei()) })
}

/// One of each event that the log may hold, as if all had happened to the sample order.
pub fn logged_events() -> Vec<LoggedEvent> {
    let mut events = whole_life();
    let because = |reason: &str| reason.to_owned();
    let pricer = Actor::system("pricer");
    events.extend([
        (
            OrderEvent::PricingInterrupted {
                reason: because("the worker stopped"),
                uncounted: true,
            },
            pricer.clone(),
        ),
        (
            OrderEvent::PricingFailed {
                attempts: 1,
                code: "not-closed".to_owned(),
                reason: because("the model has holes"),
            },
            pricer,
        ),
        (OrderEvent::RepricingRequested, seller()),
        (OrderEvent::GivenBack { reason: because("the tool is broken") }, anna_acting()),
        (OrderEvent::ReworkRequested { reason: because("a scratch") }, anna_acting()),
        (
            OrderEvent::ClosingRepeated { closing: crate::order::stage::Closing::Confirmed },
            Actor::Crm,
        ),
        (OrderEvent::Cancelled { reason: because("the customer changed their mind") }, Actor::Shop),
    ]);
    (1..)
        .zip(events)
        .map(|(version, (event, actor))| LoggedEvent {
            position: 4710 + version,
            order_id: order_id(),
            version,
            event,
            actor,
            cause: "sample".to_owned(),
            trace_context: Some(
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
            ),
            occurred_at: moment(),
        })
        .collect()
}

fn shop_order_id() -> ShopOrderId {
    ShopOrderId::try_from("S-4711".to_owned()).expect("a literal number")
}

fn reason(text: &str) -> ReasonText {
    ReasonText::try_from(text.to_owned()).expect("a literal reason")
}

fn reference(text: &str) -> ForeignReference {
    ForeignReference::try_from(text.to_owned()).expect("a literal reference")
}

fn sergei() -> Seller {
    let name = PersonName::try_from("Sergei".to_owned()).expect("a literal name");
    Seller { seller_id: SellerId::new(uuid::Uuid::from_u128(0x5)), name }
}
