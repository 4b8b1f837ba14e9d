//! Messages in, commands out.

use chrono::TimeDelta;
use serde_json::{Value, json};
use shared::actor::Actor;
use shared::contracts::inbound::{
    CancelledByShop, FileUploaded, Inbound, OrderApproved, OrderInitiated, OrderSubmitted,
};
use shared::contracts::text::{ReasonText, ShopOrderId};
use shared::contracts::{inbound, samples as messages};
use shared::ids::ModelId;
use shared::order::spec::WorkSpec;
use shared::order::{Status, samples};
use sqlx::types::Json;
use testkit::{DatabaseRole, PATIENCE, Proxy, eventually};

use crate::log;
use crate::world::World;

fn number(text: &str) -> ShopOrderId {
    ShopOrderId::try_from(text.to_owned()).unwrap()
}

fn because(text: &str) -> ReasonText {
    ReasonText::try_from(text.to_owned()).unwrap()
}

fn initiated(shop_order_id: &str) -> Inbound {
    Inbound::ShopOrderInitiated(OrderInitiated { shop_order_id: number(shop_order_id) })
}

fn uploaded(shop_order_id: &str) -> Inbound {
    let model_id = samples::spec().model_id;
    Inbound::ShopFileUploaded(FileUploaded { shop_order_id: number(shop_order_id), model_id })
}

fn submitted(shop_order_id: &str) -> Inbound {
    submitted_of(shop_order_id, samples::spec().model_id)
}

fn submitted_of(shop_order_id: &str, model_id: ModelId) -> Inbound {
    let spec = WorkSpec { model_id, ..samples::spec() };
    Inbound::ShopOrderSubmitted(OrderSubmitted::new(number(shop_order_id), spec))
}

fn cancelled(shop_order_id: &str) -> Inbound {
    let reason = because("changed their mind");
    Inbound::ShopOrderCancelled(CancelledByShop { shop_order_id: number(shop_order_id), reason })
}

fn approved(order: u128) -> Inbound {
    Inbound::CrmOrderApproved(OrderApproved { order_id: log::order_id(order), seller: None })
}

fn acknowledged(order: u128) -> Inbound {
    let order_id = log::order_id(order);
    Inbound::CrmOrderAcknowledged(inbound::OrderAcknowledged { order_id, crm_reference: None })
}

fn body(message: &Inbound, id: &str, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let envelope = message.clone().into_envelope(id.to_owned(), "/test");
    let mut body: Value = serde_json::from_slice(&envelope.to_json()).unwrap();
    change(&mut body);
    body.to_string().into_bytes()
}

#[tokio::test]
async fn the_shops_messages_make_an_order_and_repetitions_change_nothing() {
    let world = World::new().await;
    let life = [initiated("S-1"), uploaded("S-1"), submitted("S-1")];
    world.tell(1, &life).await;
    world.tell(1, &life).await;
    world.intake().take_in(6).await.unwrap();
    world.tell(3, &life[2..]).await;
    world.intake().take_in(1).await.unwrap();
    let order = world.shop_order("S-1").await.unwrap();
    assert_eq!(world.kinds(order.id).await, ["initiated", "file-uploaded", "submitted"]);
    assert_eq!(world.kept().await, []);
}

#[tokio::test]
async fn a_submission_without_a_draft_makes_the_order_and_queues_its_price() {
    let world = World::new().await;
    world.tell(1, &[submitted("S-1")]).await;
    world.intake().take_in(1).await.unwrap();
    let order = world.shop_order("S-1").await.unwrap();
    assert_eq!((order.status(), order.version), (Status::Submitted, 1));
    let lane: String = sqlx::query_scalar("SELECT lane FROM write.pricing_jobs")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(lane, "shop-short");
}

#[tokio::test]
async fn messages_of_one_order_keep_their_order_among_many() {
    let world = World::new().await;
    let orders: Vec<String> = (0..20).map(|order| format!("S-{order}")).collect();
    let mut messages: Vec<Inbound> = Vec::new();
    for step in [initiated, uploaded, submitted, cancelled] {
        messages.extend(orders.iter().map(|order| step(order)));
    }
    world.tell(1, &messages).await;
    world.intake().take_in(messages.len()).await.unwrap();
    for number in orders {
        let order = world.shop_order(&number).await.unwrap();
        let happened = ["initiated", "file-uploaded", "submitted", "cancelled"];
        assert_eq!(world.kinds(order.id).await, happened, "{number}");
    }
    assert_eq!(world.kept().await, []);
}

#[tokio::test]
async fn an_approval_that_came_too_early_waits_until_the_price_is_known() {
    let world = World::new().await;
    let mut connection = world.database.connection().await;
    log::live(&mut connection, 1, 3).await;
    let intake = world.intake();
    world.tell(1, &[approved(1)]).await;
    intake.take_in(1).await.unwrap();
    assert_eq!(world.kept().await, [("waiting".into(), "too-early".into(), 0)]);
    assert_eq!(intake.retry_due().await.unwrap(), 0, "not before its time");
    world.advance(TimeDelta::seconds(1));
    assert_eq!(intake.retry_due().await.unwrap(), 1);
    assert_eq!(world.kept().await, [("waiting".into(), "too-early".into(), 1)]);
    log::live(&mut connection, 1, 5).await;
    world.advance(TimeDelta::seconds(5));
    assert_eq!(intake.retry_due().await.unwrap(), 1);
    assert_eq!(world.kept().await, [("applied".into(), "too-early".into(), 2)]);
    let last = world.kinds(log::order_id(1)).await.pop().unwrap();
    assert_eq!(last, "manufacturing-approved");
}

#[tokio::test]
async fn acknowledgements_are_noted_together_each_once_and_a_strange_one_spares_the_others() {
    let world = World::new().await;
    let mut connection = world.database.connection().await;
    for order in [1, 2, 3] {
        log::live(&mut connection, order, 5).await;
    }
    let noted = "SELECT count(*) FROM write.acknowledgements WHERE recipient = 'crm'";
    let (intake, told) = (world.intake(), [acknowledged(1), approved(2), acknowledged(2)]);
    world.tell(1, &told).await;
    world.tell(1, &told[..1]).await;
    world.tell(4, &[acknowledged(404), acknowledged(1)]).await;
    intake.take_in(6).await.unwrap();
    assert_eq!(world.kept().await, [("waiting".into(), "unknown-order".into(), 0)]);
    assert_eq!(world.count(noted).await, 2);
    let last = world.kinds(log::order_id(2)).await.pop().unwrap();
    assert_eq!(last, "manufacturing-approved");

    world.tell(1, &told).await;
    world.tell(3, &[acknowledged(3)]).await;
    intake.take_in(4).await.unwrap();
    let reused = world.kept().await.pop().unwrap();
    assert_eq!(reused, ("parked".into(), "id-reused".into(), 0), "another word under a known id");
    assert_eq!(world.count(noted).await, 2);
    world.advance(TimeDelta::seconds(1));
    log::live(&mut connection, 404, 1).await;
    assert_eq!(intake.retry_due().await.unwrap(), 1);
    assert_eq!(world.count(noted).await, 3);
}

#[tokio::test]
async fn later_messages_wait_behind_one_that_waits_and_are_applied_in_order() {
    let world = World::new().await;
    let cancelled = Inbound::CrmOrderCancelled(inbound::CancelledByCrm {
        order_id: log::order_id(1),
        reason: because("cannot be reached"),
        seller: None,
    });
    let intake = world.intake();
    world.tell(1, &[approved(1)]).await;
    intake.take_in(1).await.unwrap();
    log::live(&mut world.database.connection().await, 1, 5).await;
    world.tell(2, &[cancelled]).await;
    intake.take_in(1).await.unwrap();
    let waiting = [("waiting", "unknown-order", 0), ("waiting", "behind", 0)];
    assert_eq!(world.kept().await, waiting.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c)));
    world.advance(TimeDelta::seconds(1));
    assert_eq!(intake.retry_due().await.unwrap(), 2);
    let kinds = world.kinds(log::order_id(1)).await;
    assert_eq!(kinds[5..], ["manufacturing-approved", "cancelled"]);
}

#[tokio::test]
async fn a_message_that_waited_often_enough_needs_a_human() {
    let world = World::new().await;
    let intake = world.intake();
    world.tell(1, &[approved(404)]).await;
    intake.take_in(1).await.unwrap();
    let mut attempts = 0;
    while world.kept().await[0].0 == "waiting" {
        world.advance(TimeDelta::hours(5));
        attempts += intake.retry_due().await.unwrap();
        assert!(attempts < 50, "it waits for ever");
    }
    assert_eq!(world.kept().await, [("parked".into(), "unknown-order".into(), 9)]);
}

#[tokio::test]
async fn an_order_for_a_model_that_is_still_being_uploaded_waits_for_it() {
    let world = World::new().await;
    let model = ModelId::from_sha256([9; 32]);
    let intake = world.intake();
    world.tell(1, &[submitted_of("S-1", model.clone())]).await;
    intake.take_in(1).await.unwrap();
    assert_eq!(world.kept().await, [("waiting".into(), "unknown-model".into(), 0)]);
    assert_eq!(world.shop_order("S-1").await, None);
    world.upload(model.as_str()).await;
    world.advance(TimeDelta::seconds(1));
    intake.retry_due().await.unwrap();
    assert_eq!(world.shop_order("S-1").await.unwrap().status(), Status::Submitted);
}

#[tokio::test]
async fn bad_messages_are_parked_with_their_reason_and_bytes_and_good_ones_pass() {
    let world = World::new().await;
    let message = submitted("S-9");
    let key = message.routing_key();
    let bad: Vec<(&str, Vec<u8>, &str)> = vec![
        (key, b"not json \xff\x00".to_vec(), "not-json"),
        (key, b"[1, 2]".to_vec(), "not-a-cloudevent"),
        (key, body(&message, "b-1", |m| m["id"] = json!("a\u{0}b")), "not-a-cloudevent"),
        (
            key,
            body(&message, "b-2", |m| m["type"] = json!("ru.mes.shop.order.lost.v1")),
            "unknown-type",
        ),
        (key, body(&message, "b-3", |m| m["data"]["quantity"] = json!("many")), "bad-data"),
        (key, body(&message, "b-4", |m| m["data"]["colour"] = json!("red")), "bad-data"),
        (key, body(&message, "b-5", |m| m["subject"] = json!("S-8")), "contradiction"),
        ("crm.order.submitted", body(&message, "b-6", |_| {}), "contradiction"),
        ("unheard.of", body(&message, "b-7", |m| m["type"] = json!("strange")), "unknown-type"),
    ];
    let good: Vec<Inbound> =
        (0..bad.len()).map(|order| submitted(&format!("S-good-{order}"))).collect();
    let mixture = bad.iter().zip(&good).enumerate().flat_map(|(id, ((key, bad, _), good))| {
        [(*key, bad.clone()), (good.routing_key(), body(good, &format!("g-{id}"), |_| {}))]
    });
    world.publish(mixture.collect()).await;
    world.intake().take_in(bad.len() * 2).await.unwrap();
    for order in 0..bad.len() {
        assert!(world.shop_order(&format!("S-good-{order}")).await.is_some(), "good {order}");
    }
    let parked: Vec<(String, Vec<u8>)> = sqlx::query_as(
        "SELECT reason_code, body FROM write.waiting_messages WHERE state = 'parked' ORDER BY waiting_id",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let expected: Vec<(String, Vec<u8>)> =
        bad.into_iter().map(|(_, body, reason)| (reason.to_owned(), body)).collect();
    assert_eq!(parked, expected);
    let reason: String =
        sqlx::query_scalar("SELECT reason FROM write.waiting_messages WHERE body = $1")
            .bind(&expected[4].1)
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert!(reason.starts_with("/data/quantity: "), "{reason}");
}

#[tokio::test]
async fn an_unreadable_message_that_comes_again_is_kept_once() {
    let world = World::new().await;
    for _ in 0..2 {
        // As after a crash between keeping it and acknowledging it.
        let unreadable = b"nobody can read this".to_vec();
        world.publish(vec![("shop.order.submitted", unreadable)]).await;
        world.intake().take_in(1).await.unwrap();
    }
    assert_eq!(world.kept().await, [("parked".into(), "not-json".into(), 0)]);
}

#[tokio::test]
async fn a_message_that_moves_an_order_backwards_is_parked() {
    let world = World::new().await;
    let other = submitted_of("S-1", ModelId::from_sha256([9; 32]));
    world.upload(ModelId::from_sha256([9; 32]).as_str()).await;
    world.tell(1, &[submitted("S-1"), initiated("S-1"), other]).await;
    world.intake().take_in(3).await.unwrap();
    let parked = [("parked", "wrong-status", 0), ("parked", "different-content", 0)];
    assert_eq!(world.kept().await, parked.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c)));
    assert_eq!(world.shop_order("S-1").await.unwrap().version, 1);
}

#[tokio::test]
async fn an_id_that_was_used_for_another_message_is_parked() {
    let world = World::new().await;
    world.tell(1, &[submitted("S-1")]).await;
    world.tell(1, &[submitted("S-2")]).await;
    world.intake().take_in(2).await.unwrap();
    assert_eq!(world.kept().await, [("parked".into(), "id-reused".into(), 0)]);
    assert_eq!(world.shop_order("S-2").await, None);
}

/// The database itself breaks the transaction on one message of many.
#[tokio::test]
async fn a_poison_message_stands_alone_and_blocks_nobody() {
    let world = World::new().await;
    let trap = "CREATE FUNCTION write.trap() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF NEW.external_id = 'S-13' THEN RAISE data_exception; END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER trap BEFORE INSERT ON write.order_references
             FOR EACH ROW EXECUTE FUNCTION write.trap()";
    sqlx::raw_sql(trap).execute(&world.pool).await.unwrap();
    let messages: Vec<Inbound> = (0..40).map(|order| submitted(&format!("S-{order}"))).collect();
    world.tell(1, &messages).await;
    world.intake().take_in(40).await.unwrap();
    assert_eq!(world.kept().await, [("parked".into(), "database".into(), 0)]);
    assert_eq!(world.count("SELECT count(*) FROM write.orders").await, 39);
    assert_eq!(world.shop_order("S-13").await, None);
}

#[tokio::test]
async fn while_the_database_is_away_messages_are_held_and_then_applied() {
    let world = World::new().await;
    let url = world.database.url(DatabaseRole::Consumer);
    let address = url.split(['@', '/']).nth(3).unwrap().to_owned();
    let proxy = Proxy::to(address.clone()).await;
    let url = url.replace(&address, &proxy.address().to_string());
    let config = shared::platform::database::DatabaseConfig {
        acquire_timeout_ms: 300,
        ..shared::platform::database::DatabaseConfig::new(url, 3)
    };
    let pool = shared::platform::database::pool(&config, "test").unwrap();
    let intake = world.intake_on(pool);
    world.tell(1, &[submitted("S-1")]).await;
    intake.take_in(1).await.unwrap();
    proxy.set_frozen(true);
    world.tell(2, &[submitted("S-2"), cancelled("S-2")]).await;
    let held = tokio::spawn(async move { intake.take_in(2).await });
    let queue = world.vhost.path("queues") + "/mes.intake";
    let unacknowledged = || async {
        let queue = world.vhost.management(reqwest::Method::GET, &queue, None).await;
        queue["messages_unacknowledged"] == 2
    };
    eventually("the messages are held", unacknowledged, PATIENCE).await;
    assert!(!held.is_finished());
    proxy.set_frozen(false);
    held.await.unwrap().unwrap();
    assert_eq!(world.shop_order("S-2").await.unwrap().status(), Status::Cancelled);
    assert_eq!(world.kept().await, []);
}

#[tokio::test]
async fn what_the_broker_gives_up_on_becomes_a_parked_row() {
    let world = World::new().await;
    world.tell(1, &[submitted("S-1")]).await;
    let mut inbox = world.broker.inbox("mes.intake", 1).await.unwrap();
    let given_up = inbox.collect(1, std::time::Duration::ZERO).await.unwrap().pop().unwrap();
    given_up.reject(lapin::options::BasicRejectOptions { requeue: false }).await.unwrap();
    inbox.close().await;
    world.intake().bury(1).await.unwrap();
    let (reason, key): (String, String) = sqlx::query_as(
        "SELECT reason, order_key FROM write.waiting_messages WHERE state = 'parked'",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(reason, "the broker gave it up in mes.intake: rejected");
    assert_eq!(key, "shop:S-1");
}

#[tokio::test]
async fn the_seller_and_the_trace_of_a_message_stand_in_the_log() {
    let world = World::new().await;
    log::live(&mut world.database.connection().await, 1, 5).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let Inbound::CrmOrderApproved(mut approval) = messages::approved() else { unreachable!() };
    approval.order_id = log::order_id(1);
    let message = Inbound::CrmOrderApproved(approval);
    let body = body(&message, "m-1", |m| m["traceparent"] = json!(trace));
    world.publish(vec![(message.routing_key(), body)]).await;
    world.intake().take_in(1).await.unwrap();
    let (actor, cause, kept): (Json<Actor>, String, String) = sqlx::query_as(
        "SELECT actor, cause, trace_context FROM write.order_events
         WHERE kind = 'manufacturing-approved'",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(actor.0, samples::seller());
    assert_eq!((cause.as_str(), kept.as_str()), ("message:/test/m-1", trace));
}
