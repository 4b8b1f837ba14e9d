//! The application under test, with a method per endpoint and a short way to any stage of an order's life.

mod answer;
mod callers;
mod files;
mod log;
mod stages;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use shared::clock::{Clock, SystemClock};
use shared::ids::{Ids, TimeOrderedIds};
use shared::platform::config::{self, ConfigArgs};
use shared::platform::shutdown::Shutdown;
use testkit::{DatabaseRole, JWT_SECRET, Proxy, TestDatabase};
use uuid::Uuid;
use write_api::application::Application;
use write_api::config::{Config, DEFAULTS};
use write_api::store::Store;

pub use answer::Answer;
pub use callers::Caller;
pub use files::{ascii_stl, binary_stl, pricing_file};
pub use stages::{LEASE, Scene, TERMS, claimed, order_body, order_body_called};

/// What differs from test to test.
pub struct Options {
    pub max_model_bytes: u64,
    pub requests_per_second: u32,
    pub burst: u32,
    pub partner_orders_per_second: u32,
    /// Reaches the database by another way than directly.
    pub database_url: Option<String>,
    pub acquire_timeout_ms: u64,
    pub quotes_valid_seconds: u32,
    pub quotes_max_waiting: usize,
    pub commands_of_systems: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_model_bytes: 64 * 1024 * 1024,
            requests_per_second: 10_000,
            burst: 10_000,
            partner_orders_per_second: 10_000,
            database_url: None,
            acquire_timeout_ms: 20_000,
            quotes_valid_seconds: 604_800,
            quotes_max_waiting: 100,
            commands_of_systems: 200,
        }
    }
}

/// A running write API with everything it needs, for one test alone.
pub struct TestApp {
    pub address: SocketAddr,
    pub admin: Caller,
    pub seller: Caller,
    client: Client,
    shutdown: Shutdown,
    objects: ObjectFolder,
    pub database: TestDatabase,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let database = TestDatabase::create().await;
        Self::on(database, options).await
    }

    pub async fn on(database: TestDatabase, options: Options) -> Self {
        let objects = ObjectFolder::new();
        let config = config_of(&database, &objects, options);
        let shutdown = Shutdown::new();
        let application = Application::build(&config, shutdown.clone())
            .await
            .expect("the application starts on a current schema");
        let address = application.address();
        tokio::spawn(application.run());
        let client = Client::new();
        let (admin, seller) = (Caller::person("admin", "Ada"), Caller::person("seller", "Sergei"));
        Self { address, admin, seller, client, shutdown, objects, database }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request without credentials, key or body.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    /// A POST with a new idempotency key, as commands want it.
    pub fn post(&self, caller: &Caller, path: &str) -> RequestBuilder {
        let request = self.request(Method::POST, path);
        caller.signs(request).header("Idempotency-Key", new_key())
    }

    /// Asks for `command` with `body`.
    pub async fn command(
        &self,
        caller: &Caller,
        order_id: Uuid,
        command: &str,
        body: Value,
    ) -> Answer {
        self.command_with_key(caller, order_id, command, &new_key(), body).await
    }

    pub async fn command_with_key(
        &self,
        caller: &Caller,
        order_id: Uuid,
        command: &str,
        key: &str,
        body: Value,
    ) -> Answer {
        let path = format!("/v1/orders/{order_id}/{command}");
        let request = caller.signs(self.request(Method::POST, &path));
        Answer::to(request.header("Idempotency-Key", key).json(&body)).await
    }

    pub async fn submit(&self, caller: &Caller, body: Value) -> Answer {
        Answer::to(self.post(caller, "/v1/orders").json(&body)).await
    }

    pub async fn approve(&self, caller: &Caller, order_id: Uuid) -> Answer {
        self.command(caller, order_id, "approve", json!({})).await
    }

    pub async fn take(&self, caller: &Caller, order_id: Uuid) -> Answer {
        self.command(caller, order_id, "take", json!({})).await
    }

    pub async fn give_back(&self, caller: &Caller, order_id: Uuid, reason: &str) -> Answer {
        self.command(caller, order_id, "give-back", json!({ "reason": reason })).await
    }

    pub async fn complete(&self, caller: &Caller, order_id: Uuid) -> Answer {
        self.command(caller, order_id, "complete", json!({})).await
    }

    pub async fn rework(&self, caller: &Caller, order_id: Uuid, reason: &str) -> Answer {
        self.command(caller, order_id, "rework", json!({ "reason": reason })).await
    }

    pub async fn pack(&self, caller: &Caller, order_id: Uuid) -> Answer {
        self.command(caller, order_id, "pack", json!({})).await
    }

    pub async fn ship(&self, caller: &Caller, order_id: Uuid, number: &str) -> Answer {
        self.command(caller, order_id, "ship", json!({ "tracking_number": number })).await
    }

    pub async fn close(&self, caller: &Caller, order_id: Uuid, reason: &str) -> Answer {
        self.command(caller, order_id, "close", json!({ "reason": reason })).await
    }

    pub async fn cancel(&self, caller: &Caller, order_id: Uuid, reason: &str) -> Answer {
        self.command(caller, order_id, "cancel", json!({ "reason": reason })).await
    }

    pub async fn reprice(&self, caller: &Caller, order_id: Uuid) -> Answer {
        self.command(caller, order_id, "reprice", json!({})).await
    }

    pub async fn upload(&self, caller: &Caller, file: Vec<u8>) -> Answer {
        Answer::to(caller.signs(self.request(Method::POST, "/v1/models")).body(file)).await
    }

    /// An administrator's JSON request.
    pub async fn administer(&self, method: Method, path: &str, body: Value) -> Answer {
        Answer::to(self.admin.signs(self.request(method, path)).json(&body)).await
    }

    /// The write side as the consumer uses it, with the consumer's rights.
    pub fn store(&self) -> Store {
        self.store_at(Arc::new(SystemClock))
    }

    pub fn store_at(&self, clock: Arc<dyn Clock>) -> Store {
        Store::new(self.database.pool(DatabaseRole::Consumer), clock, Arc::new(TimeOrderedIds))
    }

    /// Every file in the object store.
    pub fn stored_files(&self) -> Vec<PathBuf> {
        files_under(&self.objects.0)
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.shutdown.stop();
    }
}

/// Nobody used it before.
pub fn new_key() -> String {
    new_id().to_string()
}

pub fn new_id() -> Uuid {
    TimeOrderedIds.next()
}

/// The configuration of an application on `database`, as its command line would give it.
pub fn config_of(database: &TestDatabase, objects: &ObjectFolder, options: Options) -> Config {
    let url = options.database_url.unwrap_or_else(|| database.url(DatabaseRole::Write));
    let set = vec![
        "http.listen=127.0.0.1:0".to_owned(),
        "http.workers=1".to_owned(),
        format!("database.url={url}"),
        format!("database.acquire_timeout_ms={}", options.acquire_timeout_ms),
        format!("models.url={}", objects.url()),
        format!("models.max_bytes={}", options.max_model_bytes),
        format!("auth.hs256_secret={JWT_SECRET}"),
        format!("quotas.requests_per_second={}", options.requests_per_second),
        format!("quotas.burst={}", options.burst),
        format!("pace.orders_per_second={}", options.partner_orders_per_second),
        format!("pace.at_once={}", options.partner_orders_per_second),
        format!("quotes.valid_seconds={}", options.quotes_valid_seconds),
        format!("quotes.max_waiting={}", options.quotes_max_waiting),
        format!("admission.most_of_systems={}", options.commands_of_systems),
    ];
    config::load(DEFAULTS, &ConfigArgs { set, ..ConfigArgs::default() })
        .expect("the configuration is usable")
}

/// A folder for the object store; deleted with the value.
pub struct ObjectFolder(PathBuf);

impl ObjectFolder {
    pub fn new() -> Self {
        Self(std::env::temp_dir().join(format!("mes-test-objects-{}", new_id())))
    }

    fn url(&self) -> String {
        format!("file://{}", self.0.display())
    }
}

impl Drop for ObjectFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("a folder can be listed").path());
    paths.flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] }).collect()
}

/// A proxy in front of the database, and the options of an application that goes through it and gives up soon.
pub async fn through(database: &TestDatabase) -> (Proxy, Options) {
    let url = database.url(DatabaseRole::Write);
    let (_, rest) = url.split_once('@').expect("a URL with a user");
    let (server, _) = rest.split_once('/').expect("a URL with a database");
    let proxy = Proxy::to(server).await;
    let database_url = Some(url.replace(server, &proxy.address().to_string()));
    (proxy, Options { database_url, acquire_timeout_ms: 700, ..Options::default() })
}
