//! Every service as a process of its own, against a database, vhost and key prefix of this test alone.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lapin::options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use shared::contracts::inbound::Inbound;
use testkit::{
    DatabaseRole, JWT_SECRET, TestDatabase, TestVhost, binary, eventually, jwt, key_prefix,
    redis_url,
};
use uuid::Uuid;

/// Debug builds on a busy machine are slow to start; nothing here waits this long when all is well.
pub const PATIENCE: Duration = Duration::from_mins(4);
/// The exchange that producers publish to.
const COMMANDS: &str = "mes.commands";

/// All processes of the product.
pub const PROCESSES: [&str; 6] =
    ["write-api", "read-api", "intake", "relay", "projector", "pricer"];

/// A running system.
pub struct Stack {
    /// Its database.
    pub database: TestDatabase,
    /// Its broker.
    pub vhost: TestVhost,
    pub http: Client,
    /// A partner's API key.
    pub partner_key: String,
    /// A key of the shop's.
    pub shop_key: String,
    processes: BTreeMap<&'static str, Process>,
    models: PathBuf,
    intentions: AtomicU64,
}

struct Process {
    child: Child,
    port: u16,
}

impl Drop for Stack {
    fn drop(&mut self) {
        for process in self.processes.values_mut() {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.models);
    }
}

impl Stack {
    /// Starts everything and waits until it is ready; publishes a rate card and registers operator Anna.
    pub async fn start() -> Self {
        let (database, vhost) = (TestDatabase::create().await, TestVhost::create().await);
        database.replicated().await;
        let partner_id = shared::ids::PartnerId::new(Uuid::from_u128(0xBEE));
        let all = ["models:write", "orders:submit", "orders:read", "orders:cancel"];
        let partner_key = database.add_partner(partner_id, "Goldsmith & Sons", &all).await;
        let shop_key = database.add_api_key("shop", &["models:write"]).await;
        let models = std::env::temp_dir().join(database.name());
        let prefix = key_prefix();
        let mut stack = Self {
            database,
            vhost,
            http: Client::builder().timeout(Duration::from_secs(20)).build().unwrap(),
            partner_key,
            shop_key,
            processes: BTreeMap::new(),
            models,
            intentions: AtomicU64::new(0),
        };
        for name in PROCESSES {
            let port = free_port();
            let child = stack.spawn(name, port, &prefix);
            stack.processes.insert(name, Process { child, port });
        }
        for name in PROCESSES {
            stack.ready(name).await;
        }
        stack.prepare().await;
        stack
    }

    /// `kill -9`, and a new process on the same port.
    pub fn kill_and_restart(&mut self, name: &'static str) {
        let process = self.processes.get_mut(name).expect("a process of the stack");
        process.child.kill().expect("it runs");
        process.child.wait().expect("it ends");
        let port = process.port;
        // Announcements are only hints, so a restarted process may have a prefix of its own.
        let child = self.spawn(name, port, &key_prefix());
        self.processes.insert(name, Process { child, port });
    }

    /// Waits until a process can work.
    pub async fn ready(&self, name: &'static str) {
        let url = format!("{}/readyz", self.url(name));
        let ask = || async {
            let answer = self.http.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
        };
        eventually(&format!("{name} is ready"), ask, PATIENCE).await;
    }

    /// Where a process listens.
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}", self.processes[name].port)
    }

    fn spawn(&self, name: &'static str, port: u16, prefix: &str) -> Child {
        let mut command = self.configured(name, prefix);
        command.env("MES__HTTP__LISTEN", format!("127.0.0.1:{port}")).stdout(Stdio::null());
        command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// What a role of the consumer that answers and ends says on the command line.
    pub async fn asked(&self, role: &str, arguments: &[&str]) -> Output {
        let mut command = self.configured(role, "unused:");
        command.args(arguments);
        let asked = tokio::task::spawn_blocking(move || command.output());
        asked.await.unwrap().unwrap_or_else(|error| panic!("consumer {role}: {error}"))
    }

    /// A program with everything that it must know of the stack, but for where it listens.
    fn configured(&self, name: &str, prefix: &str) -> Command {
        let (program, role) = match name {
            "write-api" | "read-api" => (name, None),
            role => ("consumer", Some(role)),
        };
        let database = match name {
            "write-api" => self.database.url(DatabaseRole::Write),
            "read-api" => String::new(),
            _ => self.database.url(DatabaseRole::Consumer),
        };
        let mut command = Command::new(binary(program));
        command.args(role).env("MES__TELEMETRY__LOG", "warn").env("MES__TELEMETRY__FORMAT", "text");
        if name == "read-api" {
            command
                .env("MES__DATABASE__REPLICAS", self.database.replica_url(DatabaseRole::Read))
                .env("MES__DATABASE__PRIMARY", self.database.url(DatabaseRole::Read));
        } else {
            command.env("MES__DATABASE__URL", database);
        }
        command
            .env("MES__REDIS__URL", redis_url())
            .env("MES__REDIS__KEY_PREFIX", prefix)
            .env("MES__AUTH__HS256_SECRET", JWT_SECRET)
            .env("MES__RABBITMQ__URL", self.vhost.url())
            .env("MES__MODELS__URL", format!("file://{}", self.models.display()))
            .env("MES__QUOTAS__REQUESTS_PER_SECOND", "100000")
            .env("MES__QUOTAS__BURST", "100000")
            .env("MES__PRICER__LEASE_SECONDS", "3")
            .stdin(Stdio::null());
        command
    }

    async fn prepare(&self) {
        let admin = jwt("admin", Uuid::from_u128(0xAD), "Olga");
        let card: Value =
            serde_json::from_str(include_str!("../../../pricing/rate_cards/demo.json")).unwrap();
        let url = format!("{}/v1/rate-cards", self.url("write-api"));
        let body = json!({ "rate_card": card });
        let answer = self.http.post(url).bearer_auth(&admin).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED, "{:?}", answer.text().await);
        for (metal, price) in [("gold", "1020000"), ("platinum", "395000")] {
            let url = format!("{}/v1/metal-fixings", self.url("write-api"));
            let body = json!({
                "metal": metal, "price_per_gram_minor": price, "currency": "RUB", "source": "test",
            });
            let request = self.http.post(url).bearer_auth(&admin).json(&body);
            let answer = request.header("idempotency-key", format!("first-{metal}"));
            let answer = answer.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.text().await);
        }
        let url = format!("{}/v1/operators/{}", self.url("write-api"), anna_id());
        let body = json!({ "display_name": "Anna", "wip_limit": 10 });
        let answer = self.http.put(url).bearer_auth(&admin).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.text().await);
    }

    /// Uploads a model and answers what the write API says of it.
    pub async fn uploaded(&self, model: Vec<u8>) -> Value {
        let url = format!("{}/v1/models", self.url("write-api"));
        // A large model through a debug build beside other tests takes longer than any command.
        let upload = self.http.post(url).bearer_auth(&self.shop_key).body(model).timeout(PATIENCE);
        upload.send().await.unwrap().json().await.unwrap()
    }

    /// Uploads the 20 mm cube and answers its id.
    pub async fn upload_cube(&self) -> String {
        let cube = include_bytes!("../../../pricing/tests/models/20mm-xyz-cube.stl");
        self.upload(cube.to_vec()).await
    }

    /// Uploads a model and answers its id.
    pub async fn upload(&self, model: Vec<u8>) -> String {
        let answer = self.uploaded(model).await;
        answer["model_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// A partner's submission.
    pub async fn submit(
        &self,
        external_id: &str,
        model_id: &str,
        key: &str,
    ) -> reqwest::Result<Response> {
        self.submit_in(external_id, model_id, "millimetre", key).await
    }

    /// A partner's submission of a model in a unit.
    pub async fn submit_in(
        &self,
        external_id: &str,
        model_id: &str,
        unit: &str,
        key: &str,
    ) -> reqwest::Result<Response> {
        let body = json!({
            "external_id": external_id, "model_id": model_id, "unit": unit,
            "material": "silver-925", "finish": "polished", "quantity": 1,
        });
        let url = format!("{}/v1/orders", self.url("write-api"));
        let request = self.http.post(url).bearer_auth(&self.partner_key);
        request.header("idempotency-key", key).json(&body).send().await
    }

    /// A command on an order, each call an intention of its own; answers status and body.
    pub async fn command(
        &self,
        token: &str,
        order_id: &str,
        verb: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        let url = format!("{}/v1/orders/{order_id}/{verb}", self.url("write-api"));
        let intention = self.intentions.fetch_add(1, Ordering::Relaxed);
        let key = format!("{verb}-{order_id}-{intention}");
        let request = self.http.post(url).bearer_auth(token).header("idempotency-key", key);
        let answer = request.json(&body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// Asks the read API.
    pub async fn read(&self, token: &str, path: &str) -> Option<Value> {
        let url = format!("{}{path}", self.url("read-api"));
        let answer = self.http.get(url).bearer_auth(token).send().await.ok()?;
        if answer.status() == StatusCode::OK { answer.json().await.ok() } else { None }
    }

    /// A connection to the broker like any producer's.
    pub async fn channel(&self) -> Channel {
        let options = ConnectionProperties::default();
        let connection = Connection::connect(&self.vhost.url(), options).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        channel
    }

    /// A pool that may see everything.
    pub fn pool(&self) -> sqlx::PgPool {
        self.database.pool(DatabaseRole::Superuser)
    }
}

/// Publishes a message as its producer does and waits for the broker's word.
pub async fn publish(channel: &Channel, message: Inbound, id: &str, routing_key: &str) {
    let body = message.into_envelope(id.to_owned(), "/tests").to_json();
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_message_id(id.into())
        .with_content_type("application/cloudevents+json".into());
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let confirm = channel
        .basic_publish(COMMANDS.into(), routing_key.into(), options, &body, properties)
        .await
        .unwrap()
        .await
        .unwrap();
    assert!(confirm.is_ack(), "{id} was refused");
    assert!(confirm.take_message().is_none(), "{id} was not routed");
}

/// Everything that waits in a recipient's queue, as parsed envelopes.
pub async fn received(channel: &Channel, queue: &str) -> Vec<Value> {
    let mut messages = Vec::new();
    let options = BasicGetOptions { no_ack: true };
    while let Some(message) = channel.basic_get(queue.into(), options).await.unwrap() {
        messages.push(serde_json::from_slice(&message.delivery.data).unwrap());
    }
    messages
}

/// Operator Anna's id.
pub const fn anna_id() -> Uuid {
    Uuid::from_u128(0xA)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
