//! A vhost of one's own on the test broker.

use std::time::Duration;

use lapin::uri::AMQPUri;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::database::in_the_background;
use crate::names;
use crate::servers::variable;

/// A vhost that this test alone uses; deleted with the value.
#[derive(Debug)]
pub struct TestVhost {
    name: String,
    api: Api,
}

impl TestVhost {
    /// An empty vhost.
    pub async fn create() -> Self {
        let vhost = Self { name: names::unique(), api: Api::from_env() };
        vhost.api.delete_abandoned().await;
        vhost.api.send(Method::PUT, &format!("vhosts/{}", vhost.name), None).await;
        let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        let path = format!("permissions/{}/{}", vhost.name, vhost.api.user);
        vhost.api.send(Method::PUT, &path, Some(all)).await;
        vhost
    }

    /// The vhost's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its AMQP URL, without parameters.
    pub fn url(&self) -> String {
        let base = variable("MES_TEST_RABBITMQ_URL");
        format!("{}/{}", base.trim_end_matches('/'), self.name)
    }

    /// Calls the management API at `path` (`queues/{vhost}` is [`Self::path`]`("queues")`).
    pub async fn management(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        self.api.send(method, path, body).await
    }

    /// `kind/<this vhost>`, for the management API.
    pub fn path(&self, kind: &str) -> String {
        format!("{kind}/{}", self.name)
    }
}

impl Drop for TestVhost {
    fn drop(&mut self) {
        let (api, name) = (self.api.clone(), self.name.clone());
        in_the_background(async move {
            let _ = api.try_send(Method::DELETE, &format!("vhosts/{name}"), None).await;
        });
    }
}

#[derive(Debug, Clone)]
struct Api {
    base: String,
    user: String,
    password: String,
}

impl Api {
    fn from_env() -> Self {
        let broker: AMQPUri = variable("MES_TEST_RABBITMQ_URL")
            .parse()
            .unwrap_or_else(|error| panic!("MES_TEST_RABBITMQ_URL is not an AMQP URL: {error}"));
        let userinfo = broker.authority.userinfo;
        Self {
            base: variable("MES_TEST_RABBITMQ_API_URL").trim_end_matches('/').to_owned(),
            user: userinfo.username,
            password: userinfo.password,
        }
    }

    async fn delete_abandoned(&self) {
        let vhosts = self.send(Method::GET, "vhosts", None).await;
        let names = vhosts.as_array().into_iter().flatten().filter_map(|v| v["name"].as_str());
        for name in names.filter(|name| names::is_abandoned(name)) {
            // Another test may be doing the same.
            let _ = self.try_send(Method::DELETE, &format!("vhosts/{name}"), None).await;
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        match self.try_send(method.clone(), path, body).await {
            Ok(answer) => answer,
            Err(error) => panic!("RabbitMQ's management API failed at {method} {path}: {error}"),
        }
    }

    async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        let mut request = Client::new()
            .request(method, format!("{}/api/{path}", self.base))
            .basic_auth(&self.user, Some(&self.password))
            .timeout(Duration::from_secs(30));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        if answer.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&answer)?) }
    }
}
