//! What may become of a quote: pure, with the time as an argument.
//!
//! A calculation that comes to a quote which is settled already is answered with `None`: there is nothing to do, and
//! nobody to tell.

use chrono::{DateTime, TimeDelta, Utc};

use super::refusal::QuoteRefusal;
use super::{Offer, Quote, QuoteState, Requester, RoughPrice};
use crate::actor::Actor;
use crate::ids::{OrderId, QuoteId};
use crate::order::price::Price;
use crate::order::spec::WorkSpec;

/// What somebody asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Who.
    pub requester: Requester,
    /// What they call it.
    pub reference: Option<String>,
    /// The price of what.
    pub spec: WorkSpec,
}

/// What a calculation found.
#[derive(Debug, Clone, PartialEq)]
pub struct Calculated {
    /// The price; of the most that the model can be when `is_provisional`.
    pub price: Price,
    /// Whether a person must decide.
    pub is_provisional: bool,
}

/// How a calculation ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Calculation {
    /// With a price.
    Done(Box<Calculated>),
    /// No price can be made of this.
    Impossible {
        /// The kind of trouble, for programs.
        code: String,
        /// What is wrong, for people.
        reason: String,
    },
}

impl Quote {
    /// A quote that was just asked for. An offer will hold for `valid_seconds` from the price on.
    pub fn requested(
        id: QuoteId,
        request: Request,
        rough: Option<RoughPrice>,
        valid_seconds: u32,
        at: DateTime<Utc>,
    ) -> Self {
        let Request { requester, reference, spec } = request;
        Self {
            id,
            requester,
            reference,
            spec,
            valid_seconds,
            revision: 1,
            created_at: at,
            rough,
            state: QuoteState::Requested,
        }
    }

    /// The quote after a calculation that was made before it was asked for; as it is when there was none.
    #[must_use]
    pub fn settled(self, known: Option<Calculation>, at: DateTime<Utc>) -> Self {
        let settled = match known {
            Some(Calculation::Done(calculated)) => self.clone().priced(*calculated, at),
            Some(Calculation::Impossible { code, reason }) => {
                self.clone().refused(code, reason, at)
            }
            None => None,
        };
        settled.unwrap_or(self)
    }

    /// Asking again under the same reference is no mistake; asking for something else is.
    ///
    /// # Errors
    /// [`QuoteRefusal::ReferenceTaken`].
    pub fn expect_same(&self, spec: &WorkSpec) -> Result<(), QuoteRefusal> {
        if self.spec == *spec { Ok(()) } else { Err(QuoteRefusal::ReferenceTaken) }
    }

    /// The calculation is done: an exact price is an offer, a provisional one waits for a person.
    pub fn priced(self, calculated: Calculated, at: DateTime<Utc>) -> Option<Self> {
        let Calculated { price, is_provisional } = calculated;
        let state = match (&self.state, is_provisional) {
            (QuoteState::Requested, true) => QuoteState::Provisional { price, priced_at: at },
            (QuoteState::Requested, false) => {
                QuoteState::Priced { offer: self.offer(price, None, at) }
            }
            _ => return None,
        };
        Some(self.becoming(state))
    }

    /// No price can be made of this model, or attempts are used up.
    pub fn refused(self, code: String, reason: String, at: DateTime<Utc>) -> Option<Self> {
        if self.state.is_settled() {
            return None;
        }
        let state = QuoteState::Refused { code, reason, refused_at: at };
        Some(self.becoming(state))
    }

    /// A person decides that the provisional price will do: it becomes an offer. Accepting twice is no mistake.
    ///
    /// # Errors
    /// When the caller is not a person of the house, or there is no provisional price.
    pub fn accept(&self, by: &Actor, at: DateTime<Utc>) -> Result<Option<Self>, QuoteRefusal> {
        if !matches!(by, Actor::Seller { .. } | Actor::Admin { .. }) {
            return Err(QuoteRefusal::NotAllowed { role: by.role() });
        }
        match &self.state {
            QuoteState::Provisional { price, .. } => {
                let offer = self.offer(price.clone(), Some(by.clone()), at);
                Ok(Some(self.clone().becoming(QuoteState::Priced { offer })))
            }
            QuoteState::Priced { offer } if offer.accepted_by.is_some() => Ok(None),
            QuoteState::Requested => Err(QuoteRefusal::NotPricedYet),
            state => Err(without_offer(state)),
        }
    }

    /// Whoever asked does not want to know any more. Calling off twice is no mistake.
    ///
    /// # Errors
    /// When it became an order.
    pub fn cancel(&self, at: DateTime<Utc>) -> Result<Option<Self>, QuoteRefusal> {
        match &self.state {
            QuoteState::Ordered { order_id, .. } => {
                Err(QuoteRefusal::AlreadyOrdered { order_id: *order_id })
            }
            QuoteState::Cancelled { .. } | QuoteState::Refused { .. } => Ok(None),
            _ => Ok(Some(self.clone().becoming(QuoteState::Cancelled { cancelled_at: at }))),
        }
    }

    /// The offer becomes an order: answers the price to order at, and the quote as it is then.
    ///
    /// # Errors
    /// When there is no offer, it does not hold any more, or it became another order.
    pub fn order(
        &self,
        order_id: OrderId,
        at: DateTime<Utc>,
    ) -> Result<(Price, Self), QuoteRefusal> {
        match &self.state {
            QuoteState::Priced { offer } if at < offer.valid_until => {
                let state = QuoteState::Ordered { offer: offer.clone(), order_id, ordered_at: at };
                Ok((offer.price.clone(), self.clone().becoming(state)))
            }
            QuoteState::Priced { offer } => Err(QuoteRefusal::Expired { until: offer.valid_until }),
            QuoteState::Requested => Err(QuoteRefusal::NotPricedYet),
            QuoteState::Provisional { .. } => Err(QuoteRefusal::NotAcceptedYet),
            state => Err(without_offer(state)),
        }
    }

    fn offer(&self, price: Price, accepted_by: Option<Actor>, at: DateTime<Utc>) -> Offer {
        let valid_until = at + TimeDelta::seconds(self.valid_seconds.into());
        Offer { price, priced_at: at, valid_until, accepted_by }
    }

    fn becoming(self, state: QuoteState) -> Self {
        Self { revision: self.revision + 1, state, ..self }
    }
}

const fn without_offer(state: &QuoteState) -> QuoteRefusal {
    match state {
        QuoteState::Ordered { order_id, .. } => {
            QuoteRefusal::AlreadyOrdered { order_id: *order_id }
        }
        state => QuoteRefusal::NoOffer { state: state.name() },
    }
}
