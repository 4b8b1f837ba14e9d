//! Quotes in every state, for tests of this crate and of those that use it, and for the documents' examples.

use chrono::TimeDelta;
use uuid::Uuid;

use super::decisions::{Calculated, Request};
use super::{Quote, Requester, RoughBasis, RoughPrice};
use crate::ids::QuoteId;
use crate::money::Money;
use crate::order::samples::{moment, price, spec};

/// A week.
pub const VALIDITY: TimeDelta = TimeDelta::days(7);
const WEEK_SECONDS: u32 = 7 * 24 * 3_600;

/// The id of the sample quote.
pub const fn quote_id() -> QuoteId {
    QuoteId::new(Uuid::from_u128(0xC057))
}

/// 3 900 to 4 600 roubles.
pub fn rough() -> RoughPrice {
    let money = |minor| Money { minor, currency: price().total.currency };
    RoughPrice {
        low: money(390_000),
        likely: money(425_000),
        high: money(460_000),
        basis: RoughBasis::ClosedVolume,
        at: moment(),
    }
}

/// The shop's question Q-4711: what does the sample ring cost?
pub fn requested() -> Quote {
    let reference = Some("Q-4711".to_owned());
    let request = Request { requester: Requester::Shop, reference, spec: spec() };
    Quote::requested(quote_id(), request, Some(rough()), WEEK_SECONDS, moment())
}

/// What the calculation found: the sample price, certain.
pub fn calculated() -> Calculated {
    Calculated { price: price(), is_provisional: false }
}

/// The quote with its exact price.
///
/// # Panics
/// Never: a requested quote can be priced.
pub fn priced() -> Quote {
    requested().priced(calculated(), moment()).expect("it waits for its price")
}

/// The quote with a price that a person must accept.
///
/// # Panics
/// Never: a requested quote can be priced.
pub fn provisional() -> Quote {
    let calculated = Calculated { is_provisional: true, ..calculated() };
    requested().priced(calculated, moment()).expect("it waits for its price")
}

/// The quote of a model that has no volume.
///
/// # Panics
/// Never: a requested quote can be refused.
pub fn refused() -> Quote {
    let (code, reason) = ("not_closed".to_owned(), "the model has holes".to_owned());
    requested().refused(code, reason, moment()).expect("it waits for its price")
}
