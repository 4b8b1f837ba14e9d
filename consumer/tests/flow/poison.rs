//! Messages of five classes that cannot be applied (bytes that nobody can read, nonsense of the domain, a constraint of the
//! database, one that always takes too long, one that ends the process) delay nobody else; and people's decisions.

use chrono::TimeDelta;
use serde_json::{Value, json};
use shared::actor::Actor;
use shared::contracts::inbound::{CancelledByShop, Inbound, OrderInitiated, OrderSubmitted};
use shared::contracts::text::{ReasonText, ShopOrderId};
use shared::ids::TimeOrderedIds;
use shared::order::{Status, samples};
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::{DatabaseRole, PATIENCE, eventually};
use write_api::commands::{EditMessage, ReplayMessage, ReplayMessages};
use write_api::store::{Cause, Command, CommandContext, EditedMessage, MessageSelection, Store};

use crate::world::World;

fn number(text: &str) -> ShopOrderId {
    ShopOrderId::try_from(text.to_owned()).unwrap()
}

fn initiated(shop_order_id: &str) -> Inbound {
    Inbound::ShopOrderInitiated(OrderInitiated { shop_order_id: number(shop_order_id) })
}

fn submitted(shop_order_id: &str) -> Inbound {
    Inbound::ShopOrderSubmitted(OrderSubmitted::new(number(shop_order_id), samples::spec()))
}

fn cancelled(shop_order_id: &str) -> Inbound {
    let reason = ReasonText::try_from("changed their mind".to_owned()).unwrap();
    Inbound::ShopOrderCancelled(CancelledByShop { shop_order_id: number(shop_order_id), reason })
}

fn bytes(message: &Inbound, id: &str) -> Vec<u8> {
    message.clone().into_envelope(id.to_owned(), "/test").to_json()
}

impl World {
    /// Whoever makes the order S-13 sets off `act`.
    async fn trap(&self, act: &str) {
        let trap = format!(
            "CREATE OR REPLACE FUNCTION write.trap() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN IF NEW.external_id = 'S-13' THEN {act}; END IF; RETURN NEW; END $$;
             CREATE OR REPLACE TRIGGER trap BEFORE INSERT ON write.order_references
                 FOR EACH ROW EXECUTE FUNCTION write.trap()"
        );
        sqlx::raw_sql(shared::platform::database::built(trap)).execute(&self.pool).await.unwrap();
    }

    async fn disarm(&self) {
        sqlx::raw_sql("DROP TRIGGER trap ON write.order_references")
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// As an administrator over the write API.
    async fn decide(&self, key: &str, command: &impl Command) -> Value {
        let pool = self.database.pool(DatabaseRole::Write);
        let store = Store::new(pool, Arc::new(self.clock.clone()), Arc::new(TimeOrderedIds));
        let actor = Actor::Admin { admin_id: uuid::Uuid::from_u128(1), name: "Ada".to_owned() };
        let cause = Cause::new("test", key, &[]);
        let context = CommandContext { actor, cause, trace_context: None, expected_version: None };
        store.execute(&context, command).await.unwrap().parse().unwrap()
    }

    async fn only_message(&self) -> i64 {
        self.count("SELECT waiting_id FROM write.waiting_messages").await
    }

    /// A process takes messages and dies before it acknowledges.
    async fn die_with(&self, prefetch: u16) {
        let mut inbox = self.broker.inbox("mes.intake", prefetch).await.unwrap();
        let most = usize::from(prefetch);
        inbox.collect(most, Duration::from_millis(300)).await.unwrap();
        inbox.close().await;
    }
}

#[tokio::test]
async fn the_same_garbage_again_is_one_row_seen_twice() {
    let world = World::new().await;
    let garbage = || ("shop.order.submitted", b"\xff\x00 nothing".to_vec());
    world.publish(vec![garbage(), garbage(), ("shop.order.submitted", b"else".to_vec())]).await;
    world.intake().take_in(3).await.unwrap();
    let seen: Vec<(i32, Vec<u8>)> =
        sqlx::query_as("SELECT seen, body FROM write.waiting_messages ORDER BY waiting_id")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(seen, [(2, garbage().1), (1, b"else".to_vec())]);
}

#[tokio::test]
async fn domain_nonsense_among_many_is_parked_and_the_others_pass() {
    let world = World::new().await;
    world.tell(1, &[submitted("S-1"), initiated("S-1"), submitted("S-2"), cancelled("S-2")]).await;
    world.intake().take_in(4).await.unwrap();
    assert_eq!(world.kept().await, [("parked".into(), "wrong-status".into(), 0)]);
    assert_eq!(world.shop_order("S-2").await.unwrap().status(), Status::Cancelled);
}

#[tokio::test]
async fn a_constraint_of_the_database_parks_its_message_and_the_others_pass() {
    let world = World::new().await;
    world.trap("RAISE check_violation").await;
    let messages: Vec<Inbound> = (0..40).map(|order| submitted(&format!("S-{order}"))).collect();
    world.tell(1, &messages).await;
    world.intake().take_in(40).await.unwrap();
    assert_eq!(world.kept().await, [("parked".into(), "database".into(), 0)]);
    assert_eq!(world.count("SELECT count(*) FROM write.orders").await, 39);
}

#[tokio::test]
async fn a_message_that_always_takes_too_long_costs_the_others_one_deadline() {
    let world = World::new().await;
    world.trap("PERFORM pg_sleep(600)").await;
    let messages: Vec<Inbound> = (0..40)
        .flat_map(|order| [initiated(&format!("S-{order}")), cancelled(&format!("S-{order}"))])
        .collect();
    world.tell(1, &messages).await;
    let (intake, begun) = (world.intake(), Instant::now());
    intake.take_in(80).await.unwrap();
    let took = begun.elapsed();
    // Three seconds on an idle machine. With the role's own deadline, and halves, it would be minutes.
    assert!(took < Duration::from_mins(1), "{took:?}");
    let kept = [("waiting", "too-slow", 0), ("waiting", "behind", 0)];
    assert_eq!(world.kept().await, kept.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c)));
    assert_eq!(world.count("SELECT count(*) FROM write.orders").await, 39);
    world.advance(TimeDelta::seconds(1));
    intake.retry_due().await.unwrap();
    assert_eq!(world.kept().await[0], ("waiting".into(), "too-slow".into(), 1));
    world.disarm().await;
    world.advance(TimeDelta::minutes(1));
    intake.retry_due().await.unwrap();
    let order = world.shop_order("S-13").await.unwrap();
    assert_eq!(
        world.kinds(order.id).await,
        ["initiated", "cancelled"],
        "in order, after the repair"
    );
}

#[tokio::test]
async fn what_several_processes_died_with_is_set_aside_and_the_innocent_get_through() {
    let world = World::new().await;
    let innocent: Vec<Inbound> = (0..10).map(|order| submitted(&format!("S-{order}"))).collect();
    world.tell(1, &[submitted("S-13")]).await;
    for _ in 0..2 {
        world.die_with(1).await;
    }
    world.tell(2, &innocent).await;
    world.die_with(20).await;
    world.intake().take_in(11).await.unwrap();
    assert_eq!(world.kept().await, [("waiting".into(), "set-aside".into(), 0)]);
    assert_eq!(world.count("SELECT count(*) FROM write.orders").await, 10);
}

#[tokio::test]
async fn a_retry_that_never_comes_to_an_end_is_not_begun_for_ever() {
    let world = World::new().await;
    world.tell(1, &[submitted("S-404")]).await;
    sqlx::query("DELETE FROM write.models").execute(&world.pool).await.unwrap();
    world.intake().take_in(1).await.unwrap();
    assert_eq!(world.kept().await[0].0, "waiting");
    // Two processes began a try and died.
    sqlx::query("UPDATE write.waiting_messages SET begun = 2").execute(&world.pool).await.unwrap();
    world.advance(TimeDelta::seconds(1));
    world.intake().retry_due().await.unwrap();
    assert_eq!(world.kept().await, [("parked".into(), "ends-the-process".into(), 1)]);
}

#[tokio::test]
async fn a_try_notes_that_it_began_before_it_does_anything() {
    let world = World::new().await;
    world.trap("PERFORM pg_sleep(600)").await;
    world.tell(1, &[submitted("S-13")]).await;
    let intake = world.intake();
    intake.take_in(1).await.unwrap();
    world.advance(TimeDelta::seconds(1));
    let trying = tokio::spawn(async move { intake.retry_due().await });
    let begun =
        || async { world.count("SELECT begun::bigint FROM write.waiting_messages").await == 1 };
    eventually("the try has begun", begun, PATIENCE).await;
    trying.await.unwrap().unwrap();
    assert_eq!(world.count("SELECT begun::bigint FROM write.waiting_messages").await, 0);
}

#[tokio::test]
async fn a_replayed_message_meets_the_intakes_rules_and_is_applied_once() {
    let world = World::new().await;
    world.trap("RAISE check_violation").await;
    world.tell(1, &[submitted("S-13"), cancelled("S-13")]).await;
    let intake = world.intake();
    intake.take_in(2).await.unwrap();
    let kept = [("parked", "database", 0), ("parked", "database", 0)];
    assert_eq!(world.kept().await, kept.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c)));
    world.disarm().await;
    let all = MessageSelection { limit: 10, ..MessageSelection::default() };
    let replay = ReplayMessages { selection: all, reason: None };
    let answer = world.decide("first", &replay).await;
    assert_eq!(answer["changed"], 2);
    world.advance(TimeDelta::seconds(1));
    intake.retry_due().await.unwrap();
    let order = world.shop_order("S-13").await.unwrap();
    assert_eq!(world.kinds(order.id).await, ["submitted", "cancelled"]);
    // Sent once more by the shop, and by an operator who repeats himself.
    world.tell(1, &[submitted("S-13")]).await;
    intake.take_in(1).await.unwrap();
    assert_eq!(world.shop_order("S-13").await.unwrap().version, 2);
    assert_eq!(world.decide("second", &replay).await["changed"], 0);
}

#[tokio::test]
async fn an_edited_message_is_applied_and_its_original_is_known_when_it_comes_again() {
    let world = World::new().await;
    let message = submitted("S-1");
    let mut wrong: Value = serde_json::from_slice(&bytes(&message, "m-1")).unwrap();
    wrong["data"]["colour"] = json!("red");
    let wrong = || ("shop.order.submitted", wrong.to_string().into_bytes());
    world.publish(vec![wrong()]).await;
    let intake = world.intake();
    intake.take_in(1).await.unwrap();
    assert_eq!(world.kept().await, [("parked".into(), "bad-data".into(), 0)]);
    let message_no = world.only_message().await;
    let edited = EditedMessage {
        body: bytes(&message, "m-1"),
        source: "/test".to_owned(),
        id: "m-1".to_owned(),
        message,
    };
    let reason = "no such field".to_owned().try_into().unwrap();
    world.decide("edit", &EditMessage { message_no, edited, reason }).await;
    intake.retry_due().await.unwrap();
    assert_eq!(world.shop_order("S-1").await.unwrap().status(), Status::Submitted);
    assert_eq!(world.kept().await, [("applied".into(), "bad-data".into(), 1)]);
    let replay = ReplayMessage { message_no, reason: None };
    assert_eq!(world.decide("late", &replay).await["already_done"], true);
}

#[tokio::test]
async fn what_was_settled_long_ago_is_deleted_and_nothing_else() {
    let world = World::new().await;
    sqlx::query(
        "INSERT INTO write.waiting_messages
             (state, body, headers, reason_code, reason, attempts, received_at, settled_at)
         SELECT s.state, '', '{}', 'x', 'x', 0, $1, s.settled_at
         FROM (VALUES ('applied', $1), ('discarded', $1), ('parked', NULL), ('applied', $1 + interval '2 days'))
              AS s (state, settled_at)",
    )
    .bind(samples::moment())
    .execute(&world.pool)
    .await
    .unwrap();
    world.advance(TimeDelta::days(91));
    world.intake().delete_old().await.unwrap();
    let kept: Vec<String> = world.kept().await.into_iter().map(|(state, ..)| state).collect();
    assert_eq!(kept, ["parked", "applied"]);
}
