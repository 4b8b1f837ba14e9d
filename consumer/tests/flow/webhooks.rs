//! Webhooks, with a real receiver on this machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use consumer::webhooks::{Webhooks, WebhooksConfig, sign};
use serde_json::Value;
use shared::ids::PartnerId;
use shared::order::Origin;
use shared::platform::shutdown::Shutdown;
use sqlx::PgPool;
use testkit::{DatabaseRole, PATIENCE, TestDatabase, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::log::{self, Chance};

/// What arrived.
#[derive(Debug, Clone)]
struct Received {
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    status: u16,
}

impl Received {
    fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The order and the version that it tells of.
    fn told(&self) -> (String, u64) {
        let event = self.json();
        let order_id = event["data"]["order_id"].as_str().unwrap().to_owned();
        (order_id, event["data"]["version"].as_u64().unwrap())
    }

    fn is_signed_with(&self, secret: &[u8]) -> bool {
        let timestamp = self.headers["webhook-timestamp"].parse().unwrap();
        let expected = sign(&[secret.to_vec()], self.id(), timestamp, &self.body);
        self.headers["webhook-signature"].split(' ').any(|signature| signature == expected)
    }
}

/// Answers with what a test says; nothing of an answer is ever late.
#[derive(Clone)]
struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
    behaviour: Arc<Mutex<Behaviour>>,
}

enum Behaviour {
    Always(u16),
    /// 200, or 500 with this chance in ten.
    Random(Chance, u64),
    /// Says nothing at all, and keeps the connection.
    Silent,
    /// Leads elsewhere.
    Redirect(String),
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let behaviour = Arc::new(Mutex::new(Behaviour::Always(204)));
        let receiver = Self { url, received: Arc::default(), behaviour };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(socket).await });
            }
        });
        receiver
    }

    fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    fn taken(&self) -> Vec<Received> {
        self.received().into_iter().filter(|received| received.status == 204).collect()
    }

    async fn has_taken(&self, count: usize) -> Vec<Received> {
        let enough = || async { self.taken().len() >= count };
        eventually("the receiver has taken enough", enough, PATIENCE).await;
        self.taken()
    }

    async fn has_heard(&self, count: usize) {
        let enough = || async { self.received().len() >= count };
        eventually("the receiver has heard enough", enough, PATIENCE).await;
    }

    async fn serve(&self, mut socket: TcpStream) {
        let mut bytes = Vec::new();
        while let Some((headers, body)) = read_request(&mut socket, &mut bytes).await {
            let (status, extra) = self.decide();
            self.received.lock().unwrap().push(Received { headers, body, status });
            if status == 0 {
                std::future::pending::<()>().await;
            }
            let answer = format!("HTTP/1.1 {status} Answer\r\ncontent-length: 0\r\n{extra}\r\n");
            if socket.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    fn decide(&self) -> (u16, String) {
        match &mut *self.behaviour.lock().unwrap() {
            Behaviour::Always(status) => (*status, String::new()),
            Behaviour::Random(chance, tenths) => {
                (if chance.below(10) < *tenths { 500 } else { 204 }, String::new())
            }
            Behaviour::Silent => (0, String::new()),
            Behaviour::Redirect(to) => (302, format!("location: {to}\r\n")),
        }
    }
}

async fn read_request(
    socket: &mut TcpStream,
    bytes: &mut Vec<u8>,
) -> Option<(BTreeMap<String, String>, Vec<u8>)> {
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let headers: BTreeMap<String, String> = head
                .lines()
                .skip(1)
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers["content-length"].parse().unwrap();
            if bytes.len() >= end + 4 + length {
                let body = bytes[end + 4..end + 4 + length].to_vec();
                bytes.drain(..end + 4 + length);
                return Some((headers, body));
            }
        }
        let mut chunk = [0; 4096];
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

const SECRET: [u8; 32] = [7; 32];
/// The order of `log::origin` with this number is a partner's.
const OURS: u128 = 3;

fn partner() -> PartnerId {
    match log::origin(OURS) {
        Origin::Partner { partner_id, .. } => partner_id,
        Origin::Shop { .. } => panic!("order {OURS} is a partner's"),
    }
}

/// A database, a receiver, and the webhook that leads to it.
struct Scene {
    database: TestDatabase,
    pool: PgPool,
    receiver: Receiver,
    webhook_id: Uuid,
}

fn config() -> WebhooksConfig {
    WebhooksConfig {
        allow_private: true,
        batch: 100,
        poll_ms: 10,
        timeout_ms: 500,
        pauses_seconds: vec![0.02; 40],
        pause_after_seconds: 3_600,
        keep_days: 30,
    }
}

impl Scene {
    async fn new() -> Self {
        let database = TestDatabase::create().await;
        let pool = database.pool(DatabaseRole::Superuser);
        let receiver = Receiver::start().await;
        let webhook_id = Uuid::from_u128(0xCAFE);
        let scene = Self { database, pool, receiver, webhook_id };
        scene.register(webhook_id, &scene.receiver.url).await;
        scene
    }

    async fn register(&self, webhook_id: Uuid, url: &str) {
        sqlx::query(
            "INSERT INTO write.webhooks (webhook_id, partner_id, url, event_types, state, created_at, changed_at)
             VALUES ($1, $2, $3, '{}', 'active', now(), now())",
        )
        .bind(webhook_id)
        .bind(partner().as_uuid())
        .bind(url)
        .execute(&self.pool)
        .await
        .unwrap();
        self.add_secret(webhook_id, &SECRET).await;
    }

    async fn add_secret(&self, webhook_id: Uuid, secret: &[u8]) {
        sqlx::query(
            "INSERT INTO write.webhook_secrets (secret_id, webhook_id, secret, created_at)
             VALUES (gen_random_uuid(), $1, $2, now())",
        )
        .bind(webhook_id)
        .bind(secret)
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// The first events of the partner's orders with these numbers, which are multiples of six plus three.
    async fn live(&self, numbers: impl IntoIterator<Item = u128>, events: usize) {
        let mut connection = self.database.connection().await;
        for number in numbers {
            log::live(&mut connection, OURS + 6 * number, events).await;
        }
    }

    fn start(&self, config: WebhooksConfig) -> Shutdown {
        let shutdown = Shutdown::new();
        let webhooks = Webhooks::new(log::access(&self.database, config.batch), config).unwrap();
        webhooks.run(&shutdown, Arc::new(Notify::new()));
        shutdown
    }

    async fn states(&self) -> Vec<(String, i32)> {
        sqlx::query_as(
            "SELECT state, sent FROM write.webhook_deliveries ORDER BY webhook_id, position",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    async fn all_are(&self, state: &str, count: usize) {
        let settled = || async {
            let states = self.states().await;
            states.len() == count && states.iter().all(|(is, _)| is == state)
        };
        eventually(&format!("all are {state}"), settled, PATIENCE).await;
    }

    async fn webhook_state(&self) -> (String, Option<String>) {
        sqlx::query_as("SELECT state, paused_reason FROM write.webhooks WHERE webhook_id = $1")
            .bind(self.webhook_id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn last_error(&self) -> Option<String> {
        let error: Option<Option<String>> =
            sqlx::query_scalar("SELECT last_error FROM write.webhook_deliveries LIMIT 1")
                .fetch_optional(&self.pool)
                .await
                .unwrap();
        error.flatten()
    }

    async fn sql(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.pool).await.unwrap();
    }
}

/// Versions grow for each order, and an event that was taken is not followed by an older one.
fn assert_in_order(taken: &[Received]) {
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for received in taken {
        let (order_id, version) = received.told();
        let before = last.insert(order_id.clone(), version);
        assert!(before.is_none_or(|before| before < version), "{order_id}: {before:?}, {version}");
    }
}

#[tokio::test]
async fn a_partner_is_told_of_its_orders_signed_and_of_no_others() {
    let scene = Scene::new().await;
    let mut connection = scene.database.connection().await;
    for number in 1..=6 {
        log::live(&mut connection, number, 4).await; // the shop's, another partner's, and ours
    }
    let shutdown = scene.start(config());
    scene.all_are("delivered", 4).await;
    let taken = scene.receiver.taken();
    assert_eq!(taken.len(), 4);
    for (received, version) in taken.iter().zip(1..) {
        assert_eq!(received.told(), (log::order_id(OURS).to_string(), version));
        assert_eq!(received.id(), format!("{}:{version}", log::order_id(OURS)));
        assert_eq!(received.json()["id"], received.id());
        assert!(received.is_signed_with(&SECRET));
        assert!(!received.is_signed_with(&[8; 32]));
        assert_eq!(received.headers["content-type"], "application/json");
        assert!(received.headers.contains_key("traceparent"));
    }
    shutdown.stop();
}

#[tokio::test]
async fn while_two_secrets_live_both_verify_and_an_expired_one_does_not() {
    let scene = Scene::new().await;
    scene.add_secret(scene.webhook_id, &[8; 32]).await;
    scene.live([0], 1).await;
    let shutdown = scene.start(config());
    let taken = scene.receiver.has_taken(1).await;
    assert!(taken[0].is_signed_with(&SECRET) && taken[0].is_signed_with(&[8; 32]));
    scene
        .sql("UPDATE write.webhook_secrets SET expires_at = now() - interval '1 s' WHERE get_byte(secret, 0) = 7")
        .await;
    scene.live([1], 1).await;
    let taken = scene.receiver.has_taken(2).await;
    assert!(!taken[1].is_signed_with(&SECRET) && taken[1].is_signed_with(&[8; 32]));
    shutdown.stop();
}

#[tokio::test]
async fn each_orders_order_is_kept_while_the_receiver_fails_at_random() {
    let scene = Scene::new().await;
    scene.receiver.behave(Behaviour::Random(Chance(11), 4));
    let shutdown = scene.start(config());
    scene.live(0..12, 6).await;
    scene.all_are("delivered", 72).await;
    let taken = scene.receiver.taken();
    assert!(scene.receiver.received().len() > taken.len(), "the receiver never failed");
    let ids: std::collections::BTreeSet<&str> = taken.iter().map(Received::id).collect();
    assert_eq!((ids.len(), taken.len()), (72, 72));
    assert_in_order(&taken);
    // And no event was even tried before the one before it was taken.
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for received in scene.receiver.received() {
        let (order_id, version) = received.told();
        let taken_before = last.get(&order_id).copied().unwrap_or_default();
        assert_eq!(version, taken_before + 1, "{order_id}");
        if received.status == 204 {
            last.insert(order_id, version);
        }
    }
    shutdown.stop();
}

#[tokio::test]
async fn an_event_that_is_never_taken_is_given_up_and_holds_nothing_back_for_ever() {
    let scene = Scene::new().await;
    scene.receiver.behave(Behaviour::Always(500));
    scene.live([0], 2).await;
    let shutdown = scene.start(WebhooksConfig { pauses_seconds: vec![0.01, 0.02], ..config() });
    scene.all_are("failed", 2).await;
    assert_eq!(scene.states().await, [("failed".to_owned(), 3), ("failed".to_owned(), 3)]);
    let ids: Vec<String> = scene.receiver.received().iter().map(|r| r.id().to_owned()).collect();
    let first = format!("{}:1", log::order_id(OURS));
    assert_eq!(ids[..3], [first.clone(), first.clone(), first], "the same id each time");
    shutdown.stop();
}

#[tokio::test]
async fn a_webhook_that_takes_nothing_for_long_is_paused_and_catches_up_when_resumed() {
    let scene = Scene::new().await;
    scene.receiver.behave(Behaviour::Always(503));
    let shutdown = scene.start(WebhooksConfig { pause_after_seconds: 1, ..config() });
    scene.live([0, 1], 3).await;
    let paused =
        || async { scene.webhook_state().await == ("paused".into(), Some("failing".into())) };
    eventually("the webhook is paused", paused, PATIENCE).await;
    scene.live([2], 3).await;
    let queued = || async { scene.states().await.len() == 9 };
    eventually("events are queued meanwhile", queued, PATIENCE).await;
    assert!(scene.states().await.iter().all(|(state, _)| state == "waiting"));
    scene.receiver.behave(Behaviour::Always(204));
    scene
        .sql("UPDATE write.webhooks SET state = 'active', failing_since = NULL, paused_at = NULL, paused_reason = NULL")
        .await;
    scene.all_are("delivered", 9).await;
    assert_in_order(&scene.receiver.taken());
    shutdown.stop();
}

#[tokio::test]
async fn a_receiver_that_says_gone_is_not_called_again() {
    let scene = Scene::new().await;
    scene.receiver.behave(Behaviour::Always(410));
    scene.live([0], 1).await;
    let shutdown = scene.start(config());
    let paused = || async { scene.webhook_state().await == ("paused".into(), Some("gone".into())) };
    eventually("the webhook is paused", paused, PATIENCE).await;
    assert_eq!(scene.receiver.received().len(), 1);
    shutdown.stop();
}

#[tokio::test]
async fn a_silent_receiver_stops_nobody_else() {
    let scene = Scene::new().await;
    let silent = Receiver::start().await;
    silent.behave(Behaviour::Silent);
    scene.register(Uuid::from_u128(1), &silent.url).await;
    let shutdown = scene.start(WebhooksConfig { timeout_ms: 20_000, ..config() });
    scene.live(0..20, 3).await;
    // Twenty seconds of silence are not waited for.
    let taken = tokio::time::timeout(Duration::from_secs(15), scene.receiver.has_taken(60)).await;
    assert_in_order(&taken.expect("the other webhook goes on"));
    assert!(silent.received().len() <= 8, "no more than so many at once");
    shutdown.stop();
}

#[tokio::test]
async fn a_crash_between_sending_and_recording_sends_the_same_id_again() {
    let scene = Scene::new().await;
    scene.receiver.behave(Behaviour::Silent);
    scene.live([0], 2).await;
    let first = scene.start(config());
    scene.receiver.has_heard(1).await;
    // The connection of the leader is cut: whatever it was about to record is lost.
    scene
        .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = 'mes_consumer'")
        .await;
    first.stop();
    first.hard().cancel();
    scene.receiver.behave(Behaviour::Always(204));
    let second = scene.start(config());
    let taken = scene.receiver.has_taken(2).await;
    let heard = scene.receiver.received();
    assert_eq!(heard[0].id(), taken[0].id());
    assert_eq!(heard[0].body, taken[0].body, "equal to the byte");
    assert_in_order(&taken);
    second.stop();
}

#[tokio::test]
async fn what_is_put_back_into_the_queue_is_sent_again_as_it_was() {
    let scene = Scene::new().await;
    scene.live([0], 3).await;
    let shutdown = scene.start(config());
    scene.all_are("delivered", 3).await;
    scene
        .sql("UPDATE write.webhook_deliveries SET state = 'waiting', attempts = 0, next_attempt = now(), finished_at = NULL
              WHERE version >= 2")
        .await;
    let taken = scene.receiver.has_taken(5).await;
    assert_eq!(taken[3].body, taken[1].body);
    assert_eq!(taken[4].id(), taken[2].id());
    shutdown.stop();
}

#[tokio::test]
async fn machines_inside_the_house_and_redirects_are_not_called() {
    let scene = Scene::new().await;
    scene.live([0], 1).await;
    let shutdown = scene.start(WebhooksConfig { allow_private: false, ..config() });
    let refused = || async { scene.last_error().await.as_deref() == Some("address-not-allowed") };
    eventually("the address is refused", refused, PATIENCE).await;
    shutdown.stop();
    assert!(scene.receiver.received().is_empty());

    let inside = Receiver::start().await;
    scene.receiver.behave(Behaviour::Redirect(inside.url.clone()));
    let shutdown = scene.start(config());
    let refused = || async { scene.last_error().await.as_deref() == Some("redirect-not-followed") };
    eventually("the redirect is refused", refused, PATIENCE).await;
    shutdown.stop();
    assert!(inside.received().is_empty());
}

#[tokio::test]
async fn old_rows_are_forgotten_and_so_is_what_a_deleted_webhook_was_told() {
    let scene = Scene::new().await;
    let other = Uuid::from_u128(2);
    scene.register(other, &scene.receiver.url).await;
    scene.live([0], 2).await;
    let shutdown = scene.start(config());
    scene.all_are("delivered", 4).await;
    shutdown.stop();
    scene.sql("UPDATE write.webhook_deliveries SET finished_at = now() - interval '31 days' WHERE version = 1").await;
    sqlx::query("UPDATE write.webhooks SET deleted_at = now() WHERE webhook_id = $1")
        .bind(other)
        .execute(&scene.pool)
        .await
        .unwrap();
    let shutdown = scene.start(config());
    let tidy = || async { scene.states().await.len() == 1 };
    eventually("only the newest of the live webhook is left", tidy, PATIENCE).await;
    shutdown.stop();
}

#[test]
fn secrets_are_shown_as_standard_webhooks_writes_them() {
    let secret =
        write_api::webhooks::secret::Secret::try_from(format!("whsec_{}", STANDARD.encode(SECRET)));
    assert_eq!(secret.unwrap().bytes(), SECRET);
}
