//! A server with a few routes, and a client for it.

use std::sync::Arc;

use actix_web::web::ServiceConfig;
use reqwest::{Client, Response};
use serde_json::Value;
use shared::clock::{Clock, SystemClock};
use shared::platform::shutdown::Shutdown;
use web::{AuthConfig, Authenticator, Health, HttpConfig, Kit, QuotaConfig};

pub struct TestServer {
    pub base: String,
    pub client: Client,
    pub shutdown: Shutdown,
}

/// What a test may want to be different.
#[derive(Default)]
pub struct Options {
    pub pools: Vec<sqlx::PgPool>,
    pub auth: Option<AuthConfig>,
    pub quotas: Option<QuotaConfig>,
    pub health: Option<Health>,
    pub shutdown: Shutdown,
    pub cors_origins: Vec<String>,
    pub clock: Option<Arc<dyn Clock>>,
}

pub fn auth() -> AuthConfig {
    AuthConfig {
        hs256_secret: testkit::JWT_SECRET.into(),
        jwks_url: String::new(),
        issuer: String::new(),
        audience: String::new(),
    }
}

impl TestServer {
    pub fn start(
        options: Options,
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Self {
        let shutdown = options.shutdown;
        let auth = options.auth.unwrap_or_else(auth);
        let clock = options.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let authenticator = Authenticator::new(&auth, options.pools, clock);
        let health = options.health.unwrap_or_else(|| Health::builder(shutdown.clone()).build());
        let kit = Kit {
            health,
            authenticator: Some(authenticator.unwrap()),
            quotas: options.quotas,
            shutdown: shutdown.clone(),
        };
        let config =
            HttpConfig { cors_origins: options.cors_origins, ..HttpConfig::on_free_port() };
        let bound = kit.bind(&config, routes).unwrap();
        let base = format!("http://{}", bound.address());
        tokio::spawn(bound.run());
        Self { base, client: Client::new(), shutdown }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub async fn get_as(&self, path: &str, token: &str) -> Response {
        self.client.get(self.url(path)).bearer_auth(token).send().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &'static str) -> Response {
        let request = self.client.post(self.url(path)).header("content-type", "application/json");
        request.body(body).send().await.unwrap()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shutdown.stop();
    }
}

/// The problem that an answer is, checked for what every problem has.
pub async fn problem(answer: Response, status: u16, code: &str) -> Value {
    assert_eq!(answer.status().as_u16(), status);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["type"], format!("urn:mes:problem:{code}"), "{problem}");
    problem
}
