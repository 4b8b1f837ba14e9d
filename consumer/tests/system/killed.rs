//! `kill -9` of each process while 2,000 orders flow: every accepted order has exactly one price, the board equals a
//! recount, and the CRM has heard everything in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use consumer::recount;
use shared::contracts::inbound::{Inbound, OrderSubmitted};
use shared::ids::ModelId;
use shared::order::samples;
use shared::order::spec::WorkSpec;
use testkit::{eventually, jwt};
use tokio::sync::RwLock;

use crate::stack::{PATIENCE, PROCESSES, Stack, anna_id, publish, received};

const BY_REST: usize = 1_000;
const BY_AMQP: usize = 1_000;
const ALL: usize = BY_REST + BY_AMQP;
/// Partners' clients at once.
const CLIENTS: usize = 8;

#[tokio::test]
async fn every_accepted_order_is_priced_once_whatever_is_killed() {
    let stack = Stack::start().await;
    let model = stack.upload_cube().await;
    let accepted = Arc::new(AtomicUsize::new(0));
    let stack = Arc::new(RwLock::new(stack));

    let mut senders = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        senders.spawn(partner(stack.clone(), client, model.clone(), accepted.clone()));
    }
    senders.spawn(shop(stack.clone(), model.clone(), accepted.clone()));
    for (turn, name) in PROCESSES.into_iter().cycle().take(PROCESSES.len() * 2).enumerate() {
        let reached = (turn + 1) * ALL / (PROCESSES.len() * 2 + 2);
        let far_enough = || async { accepted.load(Ordering::Relaxed) >= reached };
        eventually(&format!("{reached} orders are accepted"), far_enough, PATIENCE).await;
        stack.write().await.kill_and_restart(name);
    }
    while let Some(sent) = senders.join_next().await {
        sent.unwrap();
    }

    let stack = stack.read().await;
    each_has_one_price(&stack).await;
    the_board_equals_a_recount(&stack).await;
    the_crm_heard_each_price_in_order(&stack).await;
}

/// Submits a share of the partner's orders, repeating each with the same key until it is accepted.
async fn partner(
    stack: Arc<RwLock<Stack>>,
    client: usize,
    model: String,
    accepted: Arc<AtomicUsize>,
) {
    for number in (client..BY_REST).step_by(CLIENTS) {
        let (external_id, key) = (format!("P-{number}"), format!("submit-{number}"));
        let submit = || async {
            let answer = stack.read().await.submit(&external_id, &model, &key).await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        eventually("the order is accepted", submit, PATIENCE).await;
        accepted.fetch_add(1, Ordering::Relaxed);
    }
}

/// Publishes the shop's orders, every tenth of them twice.
async fn shop(stack: Arc<RwLock<Stack>>, model: String, accepted: Arc<AtomicUsize>) {
    let channel = stack.read().await.channel().await;
    let model_id = model.parse::<ModelId>().unwrap();
    for number in 0..BY_AMQP {
        let submitted = Inbound::ShopOrderSubmitted(OrderSubmitted::new(
            format!("S-{number}").try_into().unwrap(),
            WorkSpec { model_id: model_id.clone(), ..samples::spec() },
        ));
        for _ in 0..=usize::from(number % 10 == 0) {
            let id = format!("shop-{number}");
            publish(&channel, submitted.clone(), &id, "shop.order.submitted").await;
        }
        accepted.fetch_add(1, Ordering::Relaxed);
    }
}

async fn each_has_one_price(stack: &Stack) {
    let pool = stack.pool();
    let priced = || async {
        let query = "SELECT count(*) FROM write.orders WHERE status = 'PRICE_CALCULATED'";
        let priced: i64 = sqlx::query_scalar(query).fetch_one(&pool).await.unwrap();
        priced == all()
    };
    eventually("all orders have a price", priced, PATIENCE).await;
    let query = "SELECT count(*), count(DISTINCT order_id) FROM write.order_events
                 WHERE kind = 'price-calculated'";
    let (events, orders): (i64, i64) = sqlx::query_as(query).fetch_one(&pool).await.unwrap();
    assert_eq!((events, orders), (all(), all()), "exactly one price each");
    let query = "SELECT count(*) FROM write.orders";
    let orders: i64 = sqlx::query_scalar(query).fetch_one(&pool).await.unwrap();
    assert_eq!(orders, all(), "no order twice");
    let query = "SELECT count(*) FROM write.waiting_messages WHERE state IN ('waiting', 'parked')";
    let left: i64 = sqlx::query_scalar(query).fetch_one(&pool).await.unwrap();
    assert_eq!(left, 0, "nothing waits or is parked");
}

/// As PostgreSQL counts.
fn all() -> i64 {
    i64::try_from(ALL).unwrap()
}

async fn the_board_equals_a_recount(stack: &Stack) {
    let anna = jwt("operator", anna_id(), "Anna");
    let shown = || async {
        let counts = stack.read(&anna, "/v1/board/counts").await?;
        (counts["counts"]["PRICE_CALCULATED"] == ALL).then_some(())
    };
    eventually("the board counts all orders", shown, PATIENCE).await;
    let mut connection = stack.database.connection().await;
    let differences = recount::differences(&mut connection).await.unwrap();
    assert!(differences.is_empty(), "{differences:?}");
}

/// The relay was killed between publishing and noting so: repetitions are allowed, holes and steps back are not.
async fn the_crm_heard_each_price_in_order(stack: &Stack) {
    let channel = stack.channel().await;
    let mut heard: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let mut priced: BTreeSet<String> = BTreeSet::new();
    let end = tokio::time::Instant::now() + PATIENCE;
    while priced.len() < ALL {
        assert!(tokio::time::Instant::now() < end, "the CRM heard {} prices", priced.len());
        for message in received(&channel, "mes.to.crm").await {
            let order = message["data"]["order_id"].as_str().unwrap().to_owned();
            let version = message["data"]["version"].as_u64().unwrap();
            let versions = heard.entry(order.clone()).or_default();
            let newest = versions.last().copied().unwrap_or(0);
            let repeated = !versions.insert(version);
            assert!(repeated || version > newest, "{order}: {version} came after {newest}");
            if message["type"].as_str().unwrap().contains("price-calculated") {
                priced.insert(order);
            }
        }
    }
}
