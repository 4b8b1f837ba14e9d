//! What a recipient was sent and has not acknowledged.

use chrono::TimeDelta;
use serde_json::{Value, json};
use testkit::{PATIENCE, eventually};

use super::{Watched, acknowledge, seen};

const WAITING_FOR_A_LOCK: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

fn ids(messages: &[Value]) -> Vec<Value> {
    messages.iter().map(|message| message["id"].clone()).collect()
}

#[tokio::test]
async fn whatever_lost_a_message_may_have_lost_its_neighbours() {
    let mut watched = Watched::new().await;
    let before = watched.submit_of_partner(1).await;
    watched.submit_of_shop(2).await;
    watched.submit_of_partner(3).await;
    watched.submit_of_shop(4).await;
    let after = watched.submit_of_partner(5).await;
    watched.submit_of_shop(6).await;
    watched.settle().await;
    let told = watched.world.receive("mes.to.crm", 6).await;
    watched.acknowledge(1, before).await;
    watched.acknowledge(2, after).await;
    assert_eq!(watched.look_after(11).await.open["not-acknowledged"], 1);
    watched.relay_all().await;
    let again = watched.world.receive("mes.to.crm", 3).await;
    assert_eq!(ids(&again), ids(&told[1..4]), "of both sides up to what is known to have arrived");
}

#[tokio::test]
async fn what_the_broker_returned_a_moment_ago_may_have_lain_beside_newer_messages() {
    let mut watched = Watched::new().await;
    watched.unbind("crm").await;
    watched.submit_of_shop(1).await;
    watched.settle().await;
    assert_eq!(watched.look().await.open["route-unbound"], 1, "it came back, and all is bound");
    let before = watched.submit_of_partner(2).await;
    watched.submit_of_partner(3).await;
    let after = watched.submit_of_partner(4).await;
    watched.settle().await;
    watched.world.advance(TimeDelta::seconds(5));
    watched.relay_all().await;
    let told = watched.world.receive("mes.to.crm", 4).await;
    watched.acknowledge(1, before).await;
    watched.acknowledge(2, after).await;
    assert_eq!(watched.look_after(11).await.open["not-acknowledged"], 1);
    watched.relay_all().await;
    let again = watched.world.receive("mes.to.crm", 3).await;
    let [newer @ .., returned] = &ids(&told)[..] else { panic!("it was told something") };
    assert_eq!(ids(&again), [returned.clone(), newer[0].clone(), newer[1].clone()]);
}

#[tokio::test]
async fn what_was_passed_over_beside_a_lost_order_is_an_incident_of_its_own_before_its_time() {
    let mut watched = Watched::new().await;
    watched.submit_of_partner(1).await;
    watched.settle().await;
    watched.world.advance(TimeDelta::seconds(5));
    watched.submit_of_partner(2).await;
    watched.settle().await;
    watched.world.advance(TimeDelta::seconds(3));
    let passed_over = watched.submit_of_partner(3).await;
    watched.submit_of_partner(4).await; // just as old as the newest that is acknowledged: perhaps on its way
    watched.settle().await;
    watched.acknowledge(1, passed_over).await;
    assert_eq!(watched.look_after(1).await.open, [].into(), "nobody is late");
    assert_eq!(watched.look_after(2).await.open, [("not-acknowledged", 2)].into());
}

#[tokio::test]
async fn what_was_lost_together_is_sent_again_once() {
    let mut watched = Watched::new().await;
    watched.submit_of_partner(1).await;
    watched.submit_of_partner(2).await;
    watched.settle().await;
    watched.world.advance(TimeDelta::seconds(11));
    let later = watched.submit_of_partner(3).await;
    watched.settle().await;
    let told = watched.world.receive("mes.to.crm", 3).await;
    watched.acknowledge(1, later).await;
    assert_eq!(watched.look().await.open["not-acknowledged"], 2);
    watched.relay_all().await;
    let last = watched.submit_of_partner(4).await;
    watched.settle().await;
    let again = watched.world.receive("mes.to.crm", 3).await;
    assert_eq!(ids(&again[..2]), ids(&told[..2]));
    assert_eq!(again[2]["subject"], json!(last.to_string()), "and nothing twice");
}

#[tokio::test]
async fn what_is_acknowledged_while_others_are_being_healed_is_not_sent_again() {
    let mut watched = Watched::new().await;
    let first = watched.submit_of_partner(1).await;
    let second = watched.submit_of_partner(2).await;
    watched.settle().await;
    watched.world.receive("mes.to.crm", 2).await;
    watched.world.advance(TimeDelta::seconds(31));
    let Watched { world, watchdog, .. } = &mut watched;
    // What is found may be read, and nothing may be sent again yet.
    let mut held_up = world.pool.begin().await.unwrap();
    let lock = "LOCK TABLE write.parked_deliveries IN EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *held_up).await.unwrap();
    let meanwhile = async {
        let waits = || async { world.count(WAITING_FOR_A_LOCK).await == 1 };
        eventually("the first remedy is held up", waits, PATIENCE).await;
        acknowledge(world, 1, first).await;
        acknowledge(world, 2, second).await;
        held_up.rollback().await.unwrap();
    };
    let (round, ()) = tokio::join!(watchdog.round(), meanwhile);
    assert_eq!(round.unwrap().unwrap().tried, 2);
    let again = world.count("SELECT count(*) FROM write.parked_deliveries").await;
    assert_eq!(again, 1, "of the one whose remedy had begun");
}

#[tokio::test]
async fn a_recipient_that_acknowledges_nothing_is_one_incident_and_is_not_flooded() {
    let mut watched = Watched::new().await;
    let mut orders = Vec::new();
    for number in 1..=12 {
        orders.push(watched.submit_of_partner(number).await);
    }
    watched.settle().await;
    let first = watched.look_after(31).await;
    assert_eq!(first.open, [("not-acknowledged", 10), ("recipient-silent", 1)].into());
    assert_eq!(
        (first.tried, first.escalated),
        (10, 1),
        "the oldest are tried, the CRM's owner is called"
    );
    // It comes back and works its queue off, oldest first.
    for (id, order_id) in (1..).zip(&orders[..11]) {
        watched.acknowledge(id, *order_id).await;
    }
    let back = watched.look().await;
    assert_eq!(back.open, [("not-acknowledged", 1)].into(), "the last one is the oldest now");
    watched.acknowledge(12, orders[11]).await;
    assert_eq!(watched.look().await.open, [].into());
}

#[tokio::test]
async fn what_was_passed_over_is_lost_however_much_it_is() {
    let mut watched = Watched::new().await;
    for number in 1..=12 {
        watched.submit_of_partner(number).await;
    }
    watched.settle().await;
    watched.world.advance(TimeDelta::seconds(11));
    let later = watched.submit_of_partner(13).await;
    watched.settle().await;
    watched.acknowledge(1, later).await;
    assert_eq!(watched.look().await.open, [("not-acknowledged", 12)].into());
}

#[tokio::test]
async fn an_acknowledgement_that_nobody_waits_for_is_recalled() {
    let mut watched = Watched::new().await;
    watched.submit_of_partner(1).await;
    watched.settle().await;
    watched.world.run("DELETE FROM write.awaited_acknowledgements").await;
    assert_eq!(watched.look_after(60).await.open, [].into(), "it gets its time from now on");
    assert_eq!(watched.look_after(11).await.open["not-acknowledged"], 1);
}

#[tokio::test]
async fn an_acknowledgement_that_was_faster_than_the_relays_note_leaves_nothing_behind() {
    let mut watched = Watched::new().await;
    let order_id = watched.submit_of_partner(1).await;
    watched.acknowledge(1, order_id).await;
    watched.settle().await;
    assert_eq!(watched.look_after(60).await.open, [].into());
    let waiting = "SELECT count(*) FROM write.awaited_acknowledgements";
    assert_eq!(watched.world.count(waiting).await, 0);
}

#[tokio::test]
async fn what_the_crm_lost_is_sent_again_under_the_same_id_until_it_is_acknowledged() {
    let mut watched = Watched::new().await;
    let order_id = watched.submit_of_partner(1).await;
    watched.submit_of_shop(2).await; // the CRM acknowledges partners' orders only
    watched.settle().await;
    let lost = watched.world.receive("mes.to.crm", 2).await;
    assert_eq!(watched.look_after(9).await.open, [].into(), "it has a moment");
    assert_eq!(watched.look_after(11).await.open["not-acknowledged"], 1);
    watched.relay_all().await;
    let again = watched.world.receive("mes.to.crm", 1).await;
    assert!(lost.iter().any(|message| message["id"] == again[0]["id"]), "{again:?}");
    watched.acknowledge(1, order_id).await;
    assert_eq!(watched.look_after(1).await.healed, 1);
    let healed = seen("not-acknowledged", "order", "healed", &["resend"]);
    assert_eq!(watched.incidents().await, [healed]);
}

#[tokio::test]
async fn a_crm_that_never_acknowledges_is_somebodys_business_after_three_attempts() {
    let mut watched = Watched::new().await;
    watched.submit_of_partner(1).await;
    watched.settle().await;
    for _ in 0..4 {
        watched.look_after(31).await;
        watched.relay_all().await;
    }
    let tried = ["resend", "resend", "resend", "escalate"];
    let escalated = seen("not-acknowledged", "order", "escalated", &tried);
    assert_eq!(watched.incidents().await, std::slice::from_ref(&escalated));
    watched.look_after(31).await;
    assert_eq!(watched.incidents().await, [escalated], "and it is left to them");
    assert_eq!(watched.world.receive("mes.to.crm", 4).await.len(), 4);
}
