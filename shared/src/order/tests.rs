use proptest::prelude::*;

use super::decisions::{
    AskingOperator, Decided, Decision, initiate, submit, submit_at, upload_file,
};
use super::refusal::{CommandKind, Reason};
use super::samples::*;
use super::spec::WorkSpec;
use super::stage::{OperatorName, Stage};
use super::*;
use crate::ids::{ModelId, OperatorId};

fn asking(operator: OperatorName) -> AskingOperator {
    AskingOperator { operator, active: true, in_hand: 0, wip_limit: 5 }
}

fn boris() -> OperatorName {
    OperatorName {
        operator_id: OperatorId::new(uuid::Uuid::from_u128(0xB)),
        name: "Boris".to_owned(),
    }
}

fn boris_acting() -> Actor {
    let OperatorName { operator_id, name } = boris();
    Actor::Operator { operator_id, name }
}

const PRICED: usize = 5;
const APPROVED: usize = 6;
const STARTED: usize = 7;
const COMPLETED: usize = 8;
const PACKAGING: usize = 9;
const SHIPPED: usize = 10;
const CLOSED: usize = 11;

#[test]
fn a_whole_life_passes_all_ten_statuses_in_order() {
    let mut seen: Vec<Status> =
        (1..=whole_life().len()).map(|events| order_after(events).status()).collect();
    seen.dedup();
    assert_eq!(seen, Status::ALL[..10]);
}

#[test]
fn an_order_survives_json() {
    for events in 1..=CLOSED {
        let order = order_after(events);
        let json = serde_json::to_string(&order).unwrap();
        assert_eq!(serde_json::from_str::<Order>(&json).unwrap(), order);
    }
}

#[test]
fn an_event_survives_the_log() {
    for (event, _) in whole_life() {
        let (kind, data) = event.to_columns().unwrap();
        let data = serde_json::value::to_raw_value(&data).unwrap();
        assert_eq!(OrderEvent::from_columns(kind, &data).unwrap(), event);
    }
}

#[test]
fn an_approval_before_the_price_may_succeed_later_and_one_after_cancellation_may_not() {
    let refusal = order_after(3).approve(&seller()).unwrap_err();
    assert_eq!(refusal.reason, Reason::WrongStatus);
    assert!(refusal.may_succeed_later());

    let mut life = whole_life()[..3].to_vec();
    life.push((OrderEvent::Cancelled { reason: "changed my mind".into() }, Actor::Shop));
    let cancelled = folded(&life).unwrap().unwrap();
    assert!(!cancelled.approve(&seller()).unwrap_err().may_succeed_later());
}

#[test]
fn approving_twice_changes_nothing() {
    for events in APPROVED..=CLOSED {
        assert_eq!(order_after(events).approve(&Actor::Crm), Ok(Decided::AlreadyDone));
    }
}

#[test]
fn the_second_operator_hears_who_was_faster_and_when() {
    let refusal = order_after(STARTED).take(&asking(boris())).unwrap_err();
    let Reason::AlreadyTaken { by, at } = refusal.reason else { panic!("{refusal:?}") };
    assert_eq!((by.as_str(), at), ("Anna", moment() + TimeDelta::seconds(6)));
    assert_eq!(order_after(STARTED).take(&asking(anna())), Ok(Decided::AlreadyDone));
}

#[test]
fn what_an_operator_is_packing_was_not_taken_by_another() {
    let refusal = order_after(PACKAGING).take(&asking(anna())).unwrap_err();
    assert_eq!(refusal.reason, Reason::WrongStatus);
}

#[test]
fn an_operator_with_full_hands_takes_no_more() {
    let full = AskingOperator { in_hand: 5, ..asking(anna()) };
    let refusal = order_after(APPROVED).take(&full).unwrap_err();
    assert_eq!(refusal.reason, Reason::WipLimitReached { limit: 5 });
}

#[test]
fn nobody_moves_an_order_in_anothers_hands_but_an_administrator() {
    let admin = Actor::Admin { admin_id: uuid::Uuid::from_u128(1), name: "Olga".to_owned() };
    let refusal = order_after(STARTED).complete(&boris_acting()).unwrap_err();
    assert_eq!(refusal.reason, Reason::NotYours { holder: "Anna".to_owned() });
    assert!(order_after(STARTED).complete(&admin).is_ok());
    assert_eq!(
        order_after(STARTED).complete(&seller()).unwrap_err().reason,
        Reason::NotAllowed { role: "seller" }
    );
}

#[test]
fn give_back_returns_it_to_the_pool_and_rework_to_the_same_hands() {
    let mut life = whole_life()[..STARTED].to_vec();
    life.push((OrderEvent::GivenBack { reason: "wrong metal".into() }, anna_acting()));
    let order = folded(&life).unwrap().unwrap();
    assert_eq!((order.status(), order.give_backs), (Status::ManufacturingApproved, 1));
    assert!(order.take(&asking(boris())).is_ok());

    let mut life = whole_life()[..COMPLETED].to_vec();
    life.push((OrderEvent::ReworkRequested { reason: "porosity".into() }, anna_acting()));
    let order = folded(&life).unwrap().unwrap();
    assert_eq!((order.status(), order.reworks), (Status::ManufacturingStarted, 1));
    assert_eq!(order.stage.in_hand_of(), Some(anna().operator_id));
}

#[test]
fn closing_by_hand_needs_a_reason_and_closing_twice_is_kept_on_the_timeline() {
    let shipped = order_after(SHIPPED);
    assert_eq!(shipped.close(&seller(), None).unwrap_err().reason, Reason::ReasonRequired);
    assert!(shipped.close(&Actor::Carrier, None).is_ok());
    let again = order_after(CLOSED).close(&seller(), Some("customer called".into()));
    let Ok(Decided::Events(events)) = again else { panic!("{again:?}") };
    assert!(matches!(events[..], [OrderEvent::ClosingRepeated { .. }]));
}

#[test]
fn an_order_is_cancellable_until_it_ships_and_by_its_own_partner_only() {
    for events in 1..SHIPPED {
        assert!(order_after(events).cancel(&Actor::Shop, "no longer wanted".into()).is_ok());
    }
    let refusal = order_after(SHIPPED).cancel(&Actor::Crm, "too late".into()).unwrap_err();
    assert_eq!(refusal.reason, Reason::WrongStatus);
    let stranger = Actor::Partner { partner_id: PartnerId::new(uuid::Uuid::from_u128(9)) };
    let refusal = order_after(PRICED).cancel(&stranger, "mine?".into()).unwrap_err();
    assert_eq!(refusal.reason, Reason::NotAllowed { role: "partner" });
}

#[test]
fn the_same_submission_again_is_no_mistake_another_one_is() {
    let order = order_after(PRICED);
    assert_eq!(submit(Some(&order), origin(), spec()), Ok(Decided::AlreadyDone));
    let other = WorkSpec { model_id: ModelId::from_sha256([8; 32]), ..spec() };
    assert_eq!(submit(Some(&order), origin(), other).unwrap_err().reason, Reason::DifferentContent);
}

#[test]
fn a_failed_pricing_is_asked_for_again_by_a_person() {
    let mut life = whole_life()[..4].to_vec();
    let failed = OrderEvent::PricingFailed {
        attempts: 1,
        code: "not-closed".into(),
        reason: "12 boundary edges".into(),
    };
    life.push((failed, Actor::system("pricer")));
    let order = folded(&life).unwrap().unwrap();
    assert_eq!(order.status(), Status::Submitted);
    assert!(order.reprice(&anna_acting()).is_err());
    life.push((OrderEvent::RepricingRequested, seller()));
    let order = folded(&life).unwrap().unwrap();
    let Stage::Submitted { pricing, .. } = &order.stage else { panic!("{order:?}") };
    assert_eq!(pricing.generation, 2);
    assert!(order.start_pricing(1).is_ok());
}

/// Any command, with arguments that a caller could send.
#[derive(Debug, Clone)]
struct Asked(u8, u8);

fn ask(order: Option<&Order>, asked: &Asked) -> Decision {
    let by = match asked.1 % 6 {
        0 => Actor::Shop,
        1 => Actor::Crm,
        2 => Actor::Carrier,
        3 => seller(),
        4 => anna_acting(),
        _ => boris_acting(),
    };
    let who = asking(if asked.1.is_multiple_of(2) { anna() } else { boris() });
    let Some(order) = order else {
        return match asked.0 % 3 {
            0 => initiate(None, origin()),
            1 => upload_file(None, origin(), spec().model_id),
            _ => submit(None, origin(), spec()),
        };
    };
    match asked.0 % 16 {
        0 => initiate(Some(order), origin()),
        1 => upload_file(Some(order), origin(), ModelId::from_sha256([asked.1; 32])),
        2 => submit(Some(order), origin(), spec()),
        3 => order.start_pricing(1),
        4 => order.interrupt_pricing("worker died".into(), true),
        5 => order.fail_pricing(3, "x".into(), "y".into()),
        6 => order.set_price(price()),
        7 => order.reprice(&by),
        8 => order.approve(&by),
        9 => order.take(&who),
        10 => order.give_back(&by, "r".into()),
        11 => order.complete(&by),
        12 => order.rework(&by, "r".into()),
        13 => order.pack(&by),
        14 => order.ship(&by, "t".into()),
        _ if asked.1.is_multiple_of(7) => order.cancel(&by, "r".into()),
        _ => order.close(&by, Some("r".into())),
    }
}

/// The only steps that the ten statuses allow.
fn is_legal_step(from: Status, to: Status) -> bool {
    use Status as S;
    let forward = to as u8 == from as u8 + 1 && to <= S::Closed;
    let extension = matches!(
        (from, to),
        (S::Initiated, S::Submitted)
            | (S::ManufacturingStarted, S::ManufacturingApproved)
            | (S::ManufacturingCompleted, S::ManufacturingStarted)
    );
    forward || extension || (to == S::Cancelled && from < S::Shipped) || from == to
}

proptest! {
    /// Whatever is asked in whatever order: what a decision emits can be folded, statuses only take legal
    /// steps, the version has no holes, and a refusal names the status that holds.
    #[test]
    fn no_sequence_of_commands_breaks_an_order(asked in proptest::collection::vec((any::<u8>(), any::<u8>()), 1..200)) {
        let mut order: Option<Order> = None;
        let mut at = moment();
        for (what, who) in asked {
            at += TimeDelta::seconds(1);
            match ask(order.as_ref(), &Asked(what, who)) {
                Ok(Decided::Events(events)) => {
                    prop_assert!(!events.is_empty());
                    for event in events {
                        let before = order.as_ref().map(|o| (o.status(), o.version));
                        let after = Order::apply(order.clone(), order_id(), &event, &seller(), at).unwrap();
                        if let Some((status, version)) = before {
                            prop_assert!(is_legal_step(status, after.status()), "{status} -> {}", after.status());
                            prop_assert_eq!(after.version, version + 1);
                        }
                        order = Some(after);
                    }
                }
                Ok(Decided::AlreadyDone) => {}
                Err(refusal) => {
                    let status = order.as_ref().map(Order::status);
                    prop_assert_eq!(Some(refusal.status), status);
                    let possible = refusal.command.possible_in().contains(&refusal.status);
                    prop_assert!(!possible || refusal.reason != Reason::WrongStatus);
                    prop_assert!(!possible || refusal.allowed().contains(&refusal.command));
                }
            }
        }
    }
}

#[test]
fn every_status_but_the_final_ones_allows_something() {
    for status in Status::ALL {
        assert_eq!(CommandKind::allowed_in(status).is_empty(), status.is_final(), "{status}");
    }
}

#[test]
fn an_order_from_a_quote_is_priced_at_once_and_folds_like_any_other() {
    let decided = submit_at(None, origin(), spec(), price()).unwrap();
    let Decided::Events(events) = decided else { panic!("nothing was decided") };
    let kinds: Vec<&str> = events.iter().map(OrderEvent::kind).collect();
    assert_eq!(kinds, ["submitted", "pricing-started", "price-calculated"]);
    let life: Vec<_> = events.into_iter().map(|event| (event, Actor::Shop)).collect();
    let order = folded(&life).unwrap().unwrap();
    assert_eq!((order.status(), order.version), (Status::PriceCalculated, 3));
    assert_eq!(order.stage.price(), Some(&price()));
}

#[test]
fn a_draft_may_become_an_order_from_a_quote_and_a_submitted_order_may_not() {
    let draft = order_after(2);
    assert!(matches!(submit_at(Some(&draft), origin(), spec(), price()), Ok(Decided::Events(_))));
    for events in [3, 5, 9] {
        let order = order_after(events);
        let refusal = submit_at(Some(&order), origin(), spec(), price()).unwrap_err();
        assert_eq!(refusal.reason, Reason::DifferentContent);
    }
}
