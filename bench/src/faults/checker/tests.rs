//! Each rule is broken once, in a world that is sound otherwise, and is found by its name and by no other.

use super::*;

const PARTNERS: Uuid = Uuid::from_u128(1);
const SHOPS: Uuid = Uuid::from_u128(2);

fn event(position: u64, order_id: Uuid, version: u64, kind: &'static str) -> EventRow {
    EventRow { position, order_id, version, kind }
}

fn receipt(order_id: Uuid, version: u64, kind: &'static str) -> Receipt {
    Receipt { event: format!("{order_id}:{version}"), order_id, version, kind }
}

fn asked(channel: Channel, order_id: Uuid) -> Asked {
    Asked { channel, certainty: Certainty::Done, told: BTreeSet::from([order_id]) }
}

/// A partner's order that was called off after its price, and one of the shop's that was confirmed.
fn sound() -> (Seen, Said) {
    let events = vec![
        event(1, PARTNERS, 1, "submitted"),
        event(3, PARTNERS, 2, "pricing-started"),
        event(4, SHOPS, 1, "submitted"),
        event(5, PARTNERS, 3, "price-calculated"),
        event(6, SHOPS, 2, "pricing-started"),
        event(7, PARTNERS, 4, "cancelled"),
        event(8, SHOPS, 3, "price-calculated"),
        event(9, SHOPS, 4, "manufacturing-approved"),
    ];
    let crm = events.iter().filter(|event| event.kind != "pricing-started");
    let shop = events.iter().filter(|event| event.order_id == SHOPS);
    let receipts = |events: Vec<&EventRow>| -> Vec<Receipt> {
        events.into_iter().map(|e| receipt(e.order_id, e.version, e.kind)).collect()
    };
    let seen = Seen {
        asked: BTreeMap::from([
            ("P-1".to_owned(), asked(Channel::Partner, PARTNERS)),
            ("S-1".to_owned(), asked(Channel::Shop, SHOPS)),
        ]),
        cancelled: BTreeMap::from([(PARTNERS, Certainty::Done)]),
        approved: BTreeMap::from([(SHOPS, Certainty::Done)]),
        poison: BTreeMap::from([("poison-1".to_owned(), Certainty::Done)]),
        answers: BTreeMap::from([("submit-1".to_owned(), BTreeSet::from(["aa".to_owned()]))]),
        acknowledged: vec![Acknowledged { op: "submit-1".to_owned(), since: 10, at: 20 }],
        frozen: vec![(15, 40)],
        receipts: BTreeMap::from([
            ("crm".to_owned(), receipts(crm.collect())),
            ("shop".to_owned(), receipts(shop.collect())),
        ]),
        reads: vec![ReadBack { order_id: PARTNERS, wrote: 1, seen: Some(3), excused: false }],
        hits: 1,
    };
    let row = |order_id, status: &str, external_id: &str| OrderRow {
        order_id,
        version: 4,
        status: status.to_owned(),
        external_id: external_id.to_owned(),
    };
    let orders =
        vec![row(PARTNERS, "CANCELLED", "P-1"), row(SHOPS, "MANUFACTURING_APPROVED", "S-1")];
    let board = orders.iter().map(|order| BoardRow {
        order_id: order.order_id,
        version: order.version,
        status: order.status.clone(),
    });
    let said = Said {
        board: board.collect(),
        counts: BTreeMap::from([
            ("CANCELLED".to_owned(), 1),
            ("MANUFACTURING_APPROVED".to_owned(), 1),
            ("CLOSED".to_owned(), 0),
        ]),
        cards: BTreeMap::from([(PARTNERS, Some(4))]),
        standby: (2, 8),
        put_aside: vec![PutAside {
            state: "parked".to_owned(),
            body: "poison-1".to_owned(),
            reason: "not-json".to_owned(),
        }],
        events,
        orders,
        ..Said::default()
    };
    (seen, said)
}

/// The rules that are broken after `spoil`.
fn found(spoil: impl FnOnce(&mut Seen, &mut Said)) -> Vec<&'static str> {
    let (mut seen, mut said) = sound();
    spoil(&mut seen, &mut said);
    let mut rules: Vec<&str> = check(&seen, &said).into_iter().map(|found| found.rule).collect();
    rules.dedup();
    rules
}

#[test]
fn a_sound_world_has_no_violations() {
    let (seen, said) = sound();
    assert_eq!(check(&seen, &said), []);
}

#[test]
fn what_is_not_known_may_be_either_way() {
    let unknown = |seen: &mut Seen| {
        let orders = seen.asked.values_mut();
        orders.for_each(|asked| asked.certainty = Certainty::Unknown);
        seen.cancelled.insert(PARTNERS, Certainty::Unknown);
        seen.approved.insert(SHOPS, Certainty::Unknown);
        seen.poison.insert("poison-2".to_owned(), Certainty::Unknown);
    };
    assert!(found(|seen, _| unknown(seen)).is_empty());
    let never = |seen: &mut Seen, _: &mut Said| {
        let certainty = Certainty::Unknown;
        let asked = Asked { channel: Channel::Shop, certainty, told: BTreeSet::new() };
        seen.asked.insert("S-2".to_owned(), asked);
    };
    assert!(found(never).is_empty());
}

#[test]
fn an_acknowledged_order_that_is_not_there_is_lost() {
    let lose = |seen: &mut Seen, _: &mut Said| {
        seen.asked.insert("P-2".to_owned(), asked(Channel::Partner, Uuid::from_u128(9)));
    };
    assert_eq!(found(lose), ["lost order"]);
    let other_id = |seen: &mut Seen, _: &mut Said| {
        seen.asked.insert("P-1".to_owned(), asked(Channel::Partner, Uuid::from_u128(9)));
    };
    assert_eq!(found(other_id), ["lost order"]);
}

#[test]
fn an_order_that_was_refused_must_not_exist_and_neither_one_that_nobody_asked_for() {
    let refused = |seen: &mut Seen, _: &mut Said| {
        seen.asked.get_mut("S-1").unwrap().certainty = Certainty::Refused;
    };
    assert_eq!(found(refused), ["refused and done"]);
    let unasked = |seen: &mut Seen, _: &mut Said| {
        seen.asked.remove("S-1");
    };
    assert_eq!(found(unasked), ["unasked order"]);
}

#[test]
fn an_order_that_exists_twice_is_found() {
    let double = |_: &mut Seen, said: &mut Said| {
        said.orders[0].external_id = "S-1".to_owned();
    };
    assert_eq!(found(double).first(), Some(&"lost order"));
    assert!(found(double).contains(&"doubled order"));
}

#[test]
fn a_command_takes_effect_once_if_acknowledged_and_never_if_refused() {
    let not_done = |seen: &mut Seen, _: &mut Said| {
        seen.approved.insert(PARTNERS, Certainty::Done);
    };
    assert_eq!(found(not_done), ["effect of a command"]);
    let refused = |seen: &mut Seen, _: &mut Said| {
        seen.approved.insert(SHOPS, Certainty::Refused);
    };
    assert_eq!(found(refused), ["effect of a command"]);
    let unasked = |seen: &mut Seen, _: &mut Said| {
        seen.approved.remove(&SHOPS);
    };
    assert_eq!(found(unasked), ["effect of a command"]);
}

#[test]
fn an_order_has_one_price() {
    let second = |seen: &mut Seen, said: &mut Said| {
        said.events[7].kind = "price-calculated";
        seen.approved.clear();
        for receipt in seen.receipts.values_mut().flatten().filter(|r| r.order_id == SHOPS) {
            if receipt.version == 4 {
                receipt.kind = "price-calculated";
            }
        }
    };
    assert_eq!(found(second), ["one price"]);
    let none = |_: &mut Seen, said: &mut Said| said.events[6].kind = "pricing-started";
    assert_eq!(found(none).first(), Some(&"one price"));
}

#[test]
fn a_hole_a_step_back_and_a_row_that_ran_ahead_are_found() {
    let hole = |_: &mut Seen, said: &mut Said| said.events[7].version = 5;
    assert!(found(hole).contains(&"versions in the log"));
    let ahead = |_: &mut Seen, said: &mut Said| {
        said.orders[0].version = 5;
        said.board[0].version = 5;
        said.cards.clear();
    };
    assert_eq!(found(ahead), ["row and log"]);
}

#[test]
fn a_board_that_lags_lacks_or_invents_is_found() {
    assert_eq!(found(|_, said| said.board[0].version = 3), ["board"]);
    assert_eq!(found(|_, said| said.board[0].status = "CLOSED".to_owned()), ["board"]);
    let lacks = |_: &mut Seen, said: &mut Said| {
        said.board.pop();
    };
    assert_eq!(found(lacks), ["board"]);
    let cards = |_: &mut Seen, said: &mut Said| {
        said.cards.insert(SHOPS, None);
    };
    assert_eq!(found(cards), ["read API"]);
}

#[test]
fn counts_that_drift_are_found() {
    let drift = |_: &mut Seen, said: &mut Said| {
        said.counts.insert("CLOSED".to_owned(), 1);
    };
    assert_eq!(found(drift), ["counts"]);
}

#[test]
fn news_that_are_lost_out_of_order_or_of_nothing_are_found() {
    let lose = |seen: &mut Seen, _: &mut Said| {
        seen.receipts.get_mut("shop").unwrap().remove(1);
    };
    assert_eq!(found(lose), ["lost news"]);
    let swap = |seen: &mut Seen, _: &mut Said| seen.receipts.get_mut("shop").unwrap().swap(0, 1);
    assert_eq!(found(swap), ["order of news"]);
    let invent = |seen: &mut Seen, _: &mut Said| {
        seen.receipts.get_mut("crm").unwrap().push(receipt(SHOPS, 9, "shipped"));
    };
    assert_eq!(found(invent), ["news of nothing"]);
}

#[test]
fn the_same_news_again_are_fine_however_late() {
    let again = |seen: &mut Seen, _: &mut Said| {
        let crm = seen.receipts.get_mut("crm").unwrap();
        crm.push(crm[0].clone());
    };
    assert!(found(again).is_empty());
}

#[test]
fn another_answer_to_the_same_command_is_found() {
    let differ = |seen: &mut Seen, _: &mut Said| {
        seen.answers.get_mut("submit-1").unwrap().insert("bb".to_owned());
    };
    assert_eq!(found(differ), ["repeated answer"]);
}

#[test]
fn an_answer_while_the_standby_was_frozen_and_a_standby_that_lacks_something_are_found() {
    let frozen = |seen: &mut Seen, _: &mut Said| seen.frozen = vec![(5, 30)];
    assert_eq!(found(frozen), ["acknowledged without the standby"]);
    assert_eq!(found(|_, said| said.standby = (2, 7)), ["standby"]);
}

#[test]
fn a_reader_that_does_not_see_its_own_write_is_found_unless_it_was_told() {
    let behind = |seen: &mut Seen, _: &mut Said| seen.reads[0].wrote = 4;
    assert_eq!(found(behind), ["own write"]);
    let missing = |seen: &mut Seen, _: &mut Said| seen.reads[0].seen = None;
    assert_eq!(found(missing), ["own write"]);
    let told = |seen: &mut Seen, _: &mut Said| {
        seen.reads[0].wrote = 4;
        seen.reads[0].excused = true;
    };
    assert!(found(told).is_empty());
}

#[test]
fn whatever_is_left_over_is_found_and_poison_must_be_parked() {
    let waits = |_: &mut Seen, said: &mut Said| said.put_aside[0].state = "waiting".to_owned();
    assert!(found(waits).contains(&"left over"));
    let parked = |seen: &mut Seen, _: &mut Said| seen.poison.clear();
    assert_eq!(found(parked), ["left over"]);
    assert_eq!(found(|_, said| said.put_aside.clear()), ["lost message"]);
    let twice = |_: &mut Seen, said: &mut Said| said.put_aside.push(said.put_aside[0].clone());
    assert_eq!(found(twice), ["parked twice"]);
    let queue = |_: &mut Seen, said: &mut Said| {
        said.queues.insert("mes.dead".to_owned(), 1);
    };
    assert_eq!(found(queue), ["left over"]);
    assert_eq!(found(|_, said| said.parked_deliveries = 1), ["left over"]);
    assert_eq!(found(|_, said| said.open_jobs = 1), ["left over"]);
    assert_eq!(found(|_, said| said.unrest.push("projector".to_owned())), ["no rest"]);
}
