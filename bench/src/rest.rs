//! A client of both APIs as a careful partner writes it: the same idempotency key over all retries, patience with
//! 429 and 503, no patience with refusals.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::ids::ModelId;
use shared::order::Status;
use shared::views::{BoardRow, OrderView};

use crate::trouble::Trouble;

const CALL_DEADLINE: Duration = Duration::from_secs(30);
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// A service that restarts is back by then.
const PATIENCE: Duration = Duration::from_mins(1);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// What a command answers.
#[derive(Debug, Clone, Deserialize)]
pub struct CommandAnswer {
    /// The order as it is now.
    pub order: OrderView,
    /// For `MES-Min-Position`.
    pub position: String,
    /// Whether nothing changed.
    pub already_done: bool,
}

/// What an upload answers.
#[derive(Debug, Clone, Deserialize)]
pub struct UploadedModel {
    /// Name it in orders.
    pub model_id: ModelId,
}

/// A page of the board, of search or of one's own work.
#[derive(Debug, Clone, Deserialize)]
pub struct BoardPage {
    /// The rows.
    pub orders: Vec<BoardRow>,
}

/// An order's card.
#[derive(Debug, Clone, Deserialize)]
pub struct OrderCard {
    /// The order.
    pub order: OrderView,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The service says no, and would say it again.
    #[error("refused with {status}: {code}: {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The problem's code.
        code: String,
        /// The problem's detail.
        detail: String,
        /// The status of the order, when the rules refused.
        current_status: Option<Status>,
    },
    /// Nobody answered sensibly for a minute.
    #[error("no answer for a minute: {0}")]
    Unanswered(String),
    /// The answer is not what the contract says.
    #[error("an answer that nobody understands: {0}")]
    Nonsense(String),
}

#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
    current_status: Option<Status>,
}

/// What to ask beside method, path and body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asking<'a> {
    /// Made once per intention.
    pub key: Option<&'a str>,
    /// Answer from no older data than this.
    pub position: Option<&'a str>,
    /// W3C trace context.
    pub trace: Option<&'a str>,
}

/// One caller of one API.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    base: String,
    credentials: String,
    trouble: Arc<Trouble>,
}

/// A client for many callers: connections are shared.
pub fn client() -> reqwest::Result<Client> {
    Client::builder()
        .timeout(CALL_DEADLINE)
        .connect_timeout(CONNECT_DEADLINE)
        .pool_max_idle_per_host(32)
        .build()
}

impl Api {
    /// A caller with a bearer token or an API key.
    pub fn new(http: &Client, base: &str, secret: &str, trouble: &Arc<Trouble>) -> Self {
        Self {
            http: http.clone(),
            base: base.trim_end_matches('/').to_owned(),
            credentials: format!("Bearer {secret}"),
            trouble: trouble.clone(),
        }
    }

    /// Asks a question.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        asking: Asking<'_>,
    ) -> Result<T, CallError> {
        let url = format!("{}{path}", self.base);
        self.answer(path, || self.dressed(self.http.get(&url), asking)).await
    }

    /// Asks for a command.
    pub async fn post(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
        asking: Asking<'_>,
    ) -> Result<CommandAnswer, CallError> {
        let url = format!("{}{path}", self.base);
        self.answer(path, || self.dressed(self.http.post(&url).json(body), asking)).await
    }

    /// Uploads a model.
    pub async fn upload(
        &self,
        file: Vec<u8>,
        asking: Asking<'_>,
    ) -> Result<UploadedModel, CallError> {
        let url = format!("{}/v1/models", self.base);
        // A `Bytes` body: every retry shares the one copy.
        let file = bytes::Bytes::from(file);
        let request = || {
            let request = self.http.post(&url).header("content-type", "application/octet-stream");
            self.dressed(request.body(file.clone()), asking)
        };
        self.answer("/v1/models", request).await
    }

    fn dressed(&self, request: RequestBuilder, asking: Asking<'_>) -> RequestBuilder {
        let headers = [
            ("idempotency-key", asking.key),
            ("mes-min-position", asking.position),
            ("traceparent", asking.trace),
        ];
        let request = request.header(AUTHORIZATION, &self.credentials);
        headers.into_iter().fold(request, |request, (name, value)| match value {
            Some(value) => request.header(name, value),
            None => request,
        })
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        what: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<T, CallError> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let (reason, wait) = match self.try_once(request()).await {
                Ok(answer) => return Ok(answer),
                Err(Trial::Final(error)) => return Err(error),
                Err(Trial::Again { reason, wait }) => (reason, wait.unwrap_or(pause)),
            };
            self.trouble.note(what, &reason);
            if began.elapsed() + wait > PATIENCE {
                return Err(CallError::Unanswered(reason));
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn try_once<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Trial> {
        let response = request.send().await.map_err(|error| Trial::again(chain(&error)))?;
        let status = response.status();
        let wait = retry_after(&response);
        let body = response.bytes().await.map_err(|error| Trial::again(chain(&error)))?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|error| Trial::Final(CallError::Nonsense(error.to_string())));
        }
        Err(Trial::of_refusal(status, wait, &body))
    }
}

/// How one attempt ended.
enum Trial {
    Again { reason: String, wait: Option<Duration> },
    Final(CallError),
}

impl Trial {
    fn again(reason: String) -> Self {
        Self::Again { reason, wait: None }
    }

    /// Overload (429, 5xx, 408 for a request that arrived too slowly) and a twin of the request that is still in
    /// progress pass by themselves.
    fn of_refusal(status: StatusCode, wait: Option<Duration>, body: &[u8]) -> Self {
        let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
        let overload = [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT];
        let passes =
            overload.contains(&status) || status.is_server_error() || problem.code == "in-progress";
        if passes {
            let reason = format!("{status} {} {}", problem.code, problem.detail);
            return Self::Again { reason, wait };
        }
        Self::Final(CallError::Refused {
            status: status.as_u16(),
            code: problem.code,
            detail: problem.detail,
            current_status: problem.current_status,
        })
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// reqwest's own text leaves the cause out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// A value of a query parameter; external ids may hold anything printable.
pub fn encoded(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let encode = |byte: u8| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    value.bytes().map(encode).collect()
}

/// The body of a command that says nothing but which version was seen.
pub fn seen(version: u64) -> Value {
    serde_json::json!({ "expected_version": version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_final_and_overload_is_not() {
        let body = br#"{"code":"wrong-status","detail":"no","current_status":"SHIPPED","x":1}"#;
        let refused = Trial::of_refusal(StatusCode::CONFLICT, None, body);
        assert!(matches!(
            refused,
            Trial::Final(CallError::Refused { current_status: Some(Status::Shipped), .. })
        ));
        let second = Some(Duration::from_secs(1));
        for (status, body) in
            [(429, "{}"), (408, ""), (503, "no JSON"), (409, r#"{"code":"in-progress"}"#)]
        {
            let status = StatusCode::from_u16(status).unwrap();
            let trial = Trial::of_refusal(status, second, body.as_bytes());
            assert!(matches!(trial, Trial::Again { wait, .. } if wait == second), "{status}");
        }
    }

    #[test]
    fn a_reference_survives_the_query_string() {
        assert_eq!(encoded("S-12_a.b~"), "S-12_a.b~");
        assert_eq!(encoded("a b&ж"), "a%20b%26%D0%B6");
    }
}
