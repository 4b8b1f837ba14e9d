use chrono::TimeDelta;

use super::refusal::QuoteRefusal;
use super::samples::{VALIDITY, calculated, priced, provisional, refused, requested};
use super::view::QuoteView;
use super::{Quote, QuoteState, Requester};
use crate::actor::Actor;
use crate::order::samples::{anna_acting, moment, order_id, price, seller, spec};
use crate::order::spec::{Quantity, WorkSpec};

const SECOND: TimeDelta = TimeDelta::seconds(1);

#[test]
fn an_exact_price_is_an_offer_for_the_validity_period() {
    let quote = priced();
    let offer = quote.state.offer().unwrap();
    assert_eq!((&offer.price, offer.valid_until), (&price(), moment() + VALIDITY));
    assert_eq!((quote.revision, quote.state.name()), (2, "priced"));
    assert!(quote.order(order_id(), moment() + VALIDITY - SECOND).is_ok());
    let late = quote.order(order_id(), moment() + VALIDITY).unwrap_err();
    assert_eq!(late, QuoteRefusal::Expired { until: moment() + VALIDITY });
}

#[test]
fn an_order_gets_the_quoted_price_and_the_quote_becomes_no_second_one() {
    let (ordered_at_price, quote) = priced().order(order_id(), moment()).unwrap();
    assert_eq!(ordered_at_price, price());
    let again = quote.order(order_id(), moment()).unwrap_err();
    assert_eq!(again, QuoteRefusal::AlreadyOrdered { order_id: order_id() });
    assert_eq!(quote.cancel(moment()).unwrap_err(), again);
}

#[test]
fn a_provisional_price_waits_for_a_person_of_the_house() {
    let quote = provisional();
    assert_eq!(quote.order(order_id(), moment()), Err(QuoteRefusal::NotAcceptedYet));
    for actor in [Actor::Shop, Actor::Crm, anna_acting()] {
        let refused = quote.accept(&actor, moment()).unwrap_err();
        assert_eq!(refused, QuoteRefusal::NotAllowed { role: actor.role() });
    }
    let accepted = quote.accept(&seller(), moment() + SECOND).unwrap().unwrap();
    let offer = accepted.state.offer().unwrap();
    assert_eq!(offer.accepted_by, Some(seller()));
    assert_eq!(offer.valid_until, moment() + SECOND + VALIDITY);
    assert_eq!(accepted.accept(&seller(), moment()), Ok(None), "twice is no mistake");
    assert!(accepted.order(order_id(), moment() + SECOND).is_ok());
    let exact = priced().accept(&seller(), moment()).unwrap_err();
    assert_eq!(exact, QuoteRefusal::NoOffer { state: "priced" });
}

#[test]
fn what_is_settled_stays_as_it_is_when_a_late_worker_comes() {
    for quote in
        [priced(), provisional(), refused(), requested().cancel(moment()).unwrap().unwrap()]
    {
        assert_eq!(quote.clone().priced(calculated(), moment()), None);
        assert_eq!(quote.refused("x".into(), "y".into(), moment()), None);
    }
}

#[test]
fn a_quote_without_a_price_cannot_be_ordered() {
    let not_yet = requested().order(order_id(), moment()).unwrap_err();
    assert!(not_yet == QuoteRefusal::NotPricedYet && not_yet.may_succeed_later());
    let never = refused().order(order_id(), moment()).unwrap_err();
    assert!(never == QuoteRefusal::NoOffer { state: "refused" } && !never.may_succeed_later());
    let cancelled = requested().cancel(moment()).unwrap().unwrap();
    assert_eq!(cancelled.cancel(moment()), Ok(None));
    let gone = cancelled.order(order_id(), moment()).unwrap_err();
    assert_eq!(gone, QuoteRefusal::NoOffer { state: "cancelled" });
}

#[test]
fn one_reference_names_one_question() {
    assert_eq!(requested().expect_same(&spec()), Ok(()));
    let other = WorkSpec { quantity: Quantity::try_from(2).unwrap(), ..spec() };
    assert_eq!(requested().expect_same(&other), Err(QuoteRefusal::ReferenceTaken));
}

#[test]
fn a_quote_reads_back_what_it_writes() {
    let (_, ordered) = priced().order(order_id(), moment()).unwrap();
    for quote in [requested(), priced(), provisional(), refused(), ordered] {
        let written = serde_json::to_value(&quote).unwrap();
        assert_eq!(written["state"], quote.state.name());
        assert_eq!(serde_json::from_value::<Quote>(written).unwrap(), quote);
    }
}

#[test]
fn an_offer_expires_by_the_clock_and_not_by_a_row() {
    let quote = priced();
    let view = |at| QuoteView::of(&quote, at);
    assert_eq!(view(moment()).state, "priced");
    assert_eq!(view(moment() + VALIDITY).state, "expired");
    assert!(matches!(quote.state, QuoteState::Priced { .. }));
}

#[test]
fn partners_and_the_shop_see_their_own_and_the_house_sees_all() {
    let partner = |number| {
        let partner_id = crate::ids::PartnerId::new(uuid::Uuid::from_u128(number));
        (Requester::Partner { partner_id }, Actor::Partner { partner_id })
    };
    let ((goldmann, goldmann_acting), (_, silber_acting)) = (partner(1), partner(2));
    assert!(goldmann.may_be_seen_by(&goldmann_acting) && goldmann.may_be_seen_by(&seller()));
    assert!(!goldmann.may_be_seen_by(&silber_acting) && !goldmann.may_be_seen_by(&Actor::Shop));
    assert!(Requester::Shop.may_be_seen_by(&Actor::Shop));
    assert!(!Requester::Shop.may_be_seen_by(&silber_acting));
}
