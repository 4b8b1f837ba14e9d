//! Partners who order over REST, and remember what was taken.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use shared::ids::ModelId;

use super::samples::{Failure, Outcome, Source};
use crate::stack::Stack;

/// A customer who waits longer has gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// Partners of one stack; clones share the numbers of their orders.
#[derive(Debug, Clone)]
pub struct Orders(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: Client,
    url: String,
    keys: Vec<HeaderValue>,
    model: ModelId,
    name: String,
    next: AtomicU64,
    taken: Mutex<Vec<u64>>,
}

impl Orders {
    /// The partners of a stack, who order this model; `name` tells their orders from others.
    ///
    /// # Errors
    /// When a key cannot stand in a header.
    pub fn new(stack: &Stack, http: &Client, model: ModelId, name: &str) -> Result<Self> {
        let key = |key: &str| HeaderValue::try_from(format!("Bearer {key}"));
        let keys = stack.partners.iter().map(|partner| key(&partner.key));
        Ok(Self(Arc::new(Inner {
            http: http.clone(),
            url: format!("{}/v1/orders", stack.write_api),
            keys: keys.collect::<Result<_, _>>()?,
            model,
            name: name.to_owned(),
            next: AtomicU64::new(0),
            taken: Mutex::default(),
        })))
    }

    /// One of them orders.
    pub fn order(&self) -> impl Future<Output = Outcome> + Send + 'static + use<> {
        let orders = Arc::clone(&self.0);
        async move { orders.order().await }
    }

    /// What these orders are called, as far as the write API took them.
    pub fn taken(&self) -> Vec<String> {
        let taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.iter().map(|number| self.0.external_id(*number)).collect()
    }
}

impl Inner {
    fn external_id(&self, number: u64) -> String {
        format!("{}-{number}", self.name)
    }

    async fn order(&self) -> Outcome {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let external_id = self.external_id(number);
        let body = format!(
            r#"{{"external_id":"{external_id}","model_id":"{}","unit":"millimetre","material":"silver-925","finish":"polished","quantity":1}}"#,
            self.model
        );
        let turn = usize::try_from(number).unwrap_or_default() % self.keys.len();
        let request = self.http.post(&self.url).timeout(PATIENCE).body(body);
        let request = request
            .header(AUTHORIZATION, &self.keys[turn])
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", &external_id);
        let outcome = match request.send().await {
            Ok(answer) => outcome_of(answer).await,
            Err(error) => Outcome::Failed(failure_of(&error)),
        };
        if matches!(outcome, Outcome::Answered(_)) {
            self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(number);
        }
        outcome
    }
}

/// The whole answer must have come.
async fn outcome_of(answer: Response) -> Outcome {
    let (status, told_when) = (answer.status(), answer.headers().contains_key(RETRY_AFTER));
    if let Err(error) = answer.bytes().await {
        return Outcome::Failed(failure_of(&error));
    }
    judge(status, told_when, Source::Primary)
}

/// "Not now" is only a proper answer when it says when.
pub fn judge(status: StatusCode, told_when: bool, source: Source) -> Outcome {
    let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    if status.is_success() {
        Outcome::Answered(source)
    } else if told_when && busy.contains(&status) {
        Outcome::Busy
    } else {
        Outcome::Failed(Failure::Status(status.as_u16()))
    }
}

/// Which kind of failure it was.
pub fn failure_of(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        Failure::Timeout
    } else if error.is_connect() {
        Failure::NotConnected
    } else {
        Failure::Broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_now_must_say_when() {
        let of = |status, told_when| {
            judge(StatusCode::from_u16(status).unwrap(), told_when, Source::Primary)
        };
        assert_eq!(of(200, false), Outcome::Answered(Source::Primary));
        assert_eq!(of(503, true), Outcome::Busy);
        assert_eq!(of(429, true), Outcome::Busy);
        assert_eq!(of(503, false), Outcome::Failed(Failure::Status(503)));
        assert_eq!(of(409, true), Outcome::Failed(Failure::Status(409)));
    }
}
