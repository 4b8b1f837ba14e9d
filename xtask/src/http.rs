//! A few HTTP calls to our own servers, each with a timeout.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

fn agent() -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(5)))
        .http_status_as_error(false);
    config.build().into()
}

/// `GET` with user and password; any answer but 200 is an error.
pub fn basic(url: &str, user: &str, password: &str) -> Result<Value> {
    let login = STANDARD.encode(format!("{user}:{password}"));
    get(url, &format!("Basic {login}"))
}

/// `GET` with a token.
pub fn bearer(url: &str, token: &str) -> Result<Value> {
    get(url, &format!("Bearer {token}"))
}

/// Whether `GET` answers 200.
pub fn is_ok(url: &str) -> bool {
    agent().get(url).call().is_ok_and(|response| response.status() == 200)
}

/// Sends JSON with a token, as the same command however often it is sent; any answer but 2xx is an error that shows it.
pub fn send(method: &str, url: &str, token: &str, body: &Value) -> Result<Value> {
    let body = serde_json::to_vec(body)?;
    let intention = Sha256::new().chain_update(url).chain_update(&body).finalize();
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("Idempotency-Key", STANDARD.encode(intention))
        .header("Authorization", format!("Bearer {token}"))
        .header("Content-Type", "application/json")
        .body(body)?;
    let response = agent().run(request).with_context(|| format!("{method} {url}"))?;
    read(response).with_context(|| format!("{method} {url}"))
}

fn get(url: &str, authorization: &str) -> Result<Value> {
    let request = agent().get(url).header("Authorization", authorization);
    read(request.call().with_context(|| format!("GET {url}"))?)
        .with_context(|| format!("GET {url}"))
}

fn read(mut response: Response<Body>) -> Result<Value> {
    let status = response.status();
    let text = response.body_mut().read_to_string()?;
    if !status.is_success() {
        bail!("answered {status}: {text}");
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).context("answered with something that is not JSON")
}
