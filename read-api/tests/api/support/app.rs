//! The service under test: a method for each endpoint.

use std::net::SocketAddr;
use std::sync::Arc;

use read_api::application::Application;
use read_api::config::Config;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use shared::ids::PartnerId;
use shared::order::stage::OperatorName;
use shared::platform::config::ConfigArgs;
use shared::platform::shutdown::Shutdown;
use shared::position::Position;
use testkit::{DatabaseRole, JWT_SECRET, PATIENCE, TestDatabase, eventually, jwt, key_prefix};
use uuid::Uuid;

use super::{EventStream, ReadModel};

/// A read API of this test's own.
pub struct TestApp {
    pub database: Arc<TestDatabase>,
    pub read_model: ReadModel,
    pub key_prefix: String,
    address: SocketAddr,
    client: reqwest::Client,
    shutdown: Shutdown,
    credentials: String,
}

/// What is different from the usual set-up.
#[derive(Clone)]
pub struct Setup {
    pub database: Arc<TestDatabase>,
    pub key_prefix: String,
    set: Vec<String>,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Setup {
    /// A primary, a streaming replica, and Redis.
    pub async fn usual() -> Self {
        let database = Arc::new(TestDatabase::create().await);
        database.replicated().await;
        let key_prefix = key_prefix();
        let set = vec![
            format!("database.replicas={}", database.replica_url(DatabaseRole::Read)),
            format!("database.primary={}", database.url(DatabaseRole::Read)),
            format!("redis.url={}", testkit::redis_url()),
            format!("redis.key_prefix={key_prefix}"),
            format!("auth.hs256_secret={JWT_SECRET}"),
            "http.listen=127.0.0.1:0".to_owned(),
            "http.workers=1".to_owned(),
            "live.heartbeat_ms=200".to_owned(),
        ];
        Self { database, key_prefix, set }
    }

    /// Overrides a key.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        self.set.push(format!("{key}={value}"));
        self
    }

    /// An instance that nobody runs yet.
    pub async fn try_build(&self) -> anyhow::Result<(Application, Shutdown)> {
        let args = ConfigArgs { set: self.set.clone(), ..ConfigArgs::default() };
        let shutdown = Shutdown::new();
        let application = Application::build(&Config::load(&args)?, shutdown.clone()).await?;
        Ok((application, shutdown))
    }

    pub async fn start(self) -> TestApp {
        let (application, shutdown) = self.try_build().await.unwrap();
        let app = TestApp {
            read_model: ReadModel::of(&self.database),
            database: self.database,
            key_prefix: self.key_prefix,
            address: application.address(),
            client: reqwest::Client::new(),
            shutdown,
            credentials: jwt("seller", Uuid::from_u128(0x5), "Sergei"),
        };
        tokio::spawn(application.run());
        let ready = || async { app.get("/readyz").await.status == StatusCode::OK };
        eventually("the read API is ready", ready, PATIENCE).await;
        app
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.shutdown.stop();
        self.shutdown.hard().cancel();
    }
}

impl TestApp {
    pub async fn start() -> Self {
        Setup::usual().await.start().await
    }

    /// From now on this operator asks.
    pub fn sign_in_operator(&mut self, operator: &OperatorName) {
        self.credentials = jwt("operator", operator.operator_id.as_uuid(), &operator.name);
    }

    /// From now on this partner asks.
    pub async fn sign_in_partner(&mut self, partner_id: PartnerId) {
        self.credentials =
            self.database.add_partner(partner_id, "A partner", &["orders:read"]).await;
        self.database.replicated().await;
    }

    /// From now on whoever has these credentials asks.
    pub fn sign_in_with(&mut self, credentials: impl Into<String>) {
        self.credentials = credentials.into();
    }

    /// Waits until this instance shows all that the read model holds.
    pub async fn caught_up(&self) {
        let wanted = self.read_model.position();
        let covered = || async {
            let answer = self.counts().await;
            // From memory: so the instance knows it, and not just the server that it asked.
            answer.position().covers(&wanted) && answer.served_by() == "cache"
        };
        eventually("the instance has caught up", covered, PATIENCE).await;
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn request(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path)).bearer_auth(&self.credentials)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(path)).await
    }

    /// Asks for nothing from before a position.
    pub async fn get_from(&self, path: &str, floor: Position) -> Answer {
        Answer::of(self.request(path).header("mes-min-position", floor.to_string())).await
    }

    /// Asks whether what one holds is current.
    pub async fn get_unless(&self, path: &str, etag: &str) -> Answer {
        Answer::of(self.request(path).header("if-none-match", etag)).await
    }

    pub async fn board(&self, query: &str) -> Answer {
        self.get(&format!("/v1/board?{query}")).await
    }

    pub async fn counts(&self) -> Answer {
        self.get("/v1/board/counts").await
    }

    pub async fn my_work(&self) -> Answer {
        self.get("/v1/my-work").await
    }

    pub async fn card(&self, number: u128) -> Answer {
        self.get(&format!("/v1/orders/{}", super::order_id(number))).await
    }

    pub async fn timeline(&self, number: u128) -> Answer {
        self.get(&format!("/v1/orders/{}/timeline", super::order_id(number))).await
    }

    pub async fn search(&self, reference: &str) -> Answer {
        let escaped =
            reference.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02x}"));
        self.get(&format!("/v1/orders?reference={escaped}")).await
    }

    /// Opens the stream of live updates.
    pub async fn live(&self, last_event_id: Option<Position>) -> EventStream {
        let mut request = self.request("/v1/live");
        if let Some(last) = last_event_id {
            request = request.header("last-event-id", last.to_string());
        }
        EventStream::open(request).await
    }

    /// The graceful stop, as a signal asks for it.
    pub fn stop(&self) {
        self.shutdown.stop();
    }
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}: {text}", self.status))
    }

    /// The body of a success.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn etag(&self) -> &str {
        self.header("etag").expect("the answer has an ETag")
    }

    pub fn position(&self) -> Position {
        let header = self.header("mes-position").unwrap_or_else(|| panic!("{self:?}"));
        header.parse().unwrap()
    }

    pub fn is_stale(&self) -> bool {
        self.header("mes-stale") == Some("true")
    }

    pub fn served_by(&self) -> &str {
        self.header("mes-served-by").unwrap_or_default()
    }

    /// The ids of the orders in a list.
    pub fn orders(&self) -> Vec<String> {
        let body = self.ok();
        let orders = body["orders"].as_array().expect("a list of orders");
        orders.iter().map(|row| row["order_id"].as_str().unwrap().to_owned()).collect()
    }
}
