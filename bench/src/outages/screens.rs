//! People of the house who look at their screens: many different ones, so that most of them have to come from Redis or a
//! replica whenever something has changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;

use super::orders::{failure_of, judge};
use super::samples::{Failure, Outcome, Source};
use crate::stack::Stack;

/// Nobody looks at an empty screen for longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The columns that orders of partners stand in.
const STATUSES: [&str; 4] =
    ["SUBMITTED", "PRICE_CALCULATED", "MANUFACTURING_APPROVED", "CANCELLED"];
/// Pages of different lengths are different screens.
const LENGTHS: std::ops::RangeInclusive<u8> = 1..=20;

/// Somebody who looks; clones share the turn.
#[derive(Debug, Clone)]
pub struct Screens(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: Client,
    urls: Vec<String>,
    token: HeaderValue,
    turn: AtomicUsize,
}

/// What every screen has.
#[derive(Deserialize)]
struct Shown {
    position: String,
}

impl Screens {
    /// Somebody of the house.
    ///
    /// # Errors
    /// When the stack has no administrator.
    pub fn new(stack: &Stack, http: &Client) -> Result<Self> {
        let boards = STATUSES.iter().flat_map(|status| {
            LENGTHS.flat_map(move |limit| {
                ["newest", "oldest"]
                    .map(|order| format!("board?status={status}&limit={limit}&order={order}"))
            })
        });
        let screens = boards.chain(["board/counts".to_owned()]);
        let urls = screens.map(|screen| format!("{}/v1/{screen}", stack.read_api)).collect();
        let token = HeaderValue::try_from(format!("Bearer {}", stack.token_of("admin")?))?;
        let turn = AtomicUsize::new(0);
        Ok(Self(Arc::new(Inner { http: http.clone(), urls, token, turn })))
    }

    /// Looks at the next screen.
    pub fn look(&self) -> impl Future<Output = Outcome> + Send + 'static + use<> {
        let screens = Arc::clone(&self.0);
        async move { screens.look().await }
    }
}

impl Inner {
    async fn look(&self) -> Outcome {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let url = &self.urls[turn % self.urls.len()];
        let request = self.http.get(url).timeout(PATIENCE).header(AUTHORIZATION, &self.token);
        match request.send().await {
            Ok(answer) => outcome_of(answer).await,
            Err(error) => Outcome::Failed(failure_of(&error)),
        }
    }
}

async fn outcome_of(answer: Response) -> Outcome {
    let status = answer.status();
    let told_when = answer.headers().contains_key(RETRY_AFTER);
    let source = source_of(answer.headers());
    let body = match answer.bytes().await {
        Ok(body) => body,
        Err(error) => return Outcome::Failed(failure_of(&error)),
    };
    // Garbage in a cache must not become an answer.
    let is_screen = || serde_json::from_slice::<Shown>(&body).is_ok_and(|s| !s.position.is_empty());
    if status == StatusCode::OK && !is_screen() {
        return Outcome::Failed(Failure::Nonsense);
    }
    judge(status, told_when, source)
}

fn source_of(headers: &HeaderMap) -> Source {
    if headers.contains_key("mes-stale") {
        return Source::Stale;
    }
    match headers.get("mes-served-by").map(HeaderValue::as_bytes) {
        Some(b"primary") => Source::ReadOnPrimary,
        Some(b"replica") => Source::Replica,
        _ => Source::Cache,
    }
}
