//! Sends one message, to a machine on the public internet and nowhere else.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, header};
use write_api::webhooks::address;

use super::signature::sign;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// What is read of an answer, so that the connection can be used again. None of it is kept.
const ANSWER_BYTES: usize = 16 * 1024;
/// A receiver may ask for this much patience.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// A message that is ready to be signed.
pub(super) struct Message {
    pub url: String,
    /// `webhook-id`: the same for ever.
    pub id: String,
    pub secrets: Vec<Vec<u8>>,
    pub body: Vec<u8>,
    pub trace_context: Option<String>,
}

/// What became of a message.
pub(super) enum Outcome {
    Delivered {
        status: u16,
    },
    Failed(Failure),
    /// The webhook is gone, or the contract does not tell of this event any more.
    Dropped,
}

/// Why a message was not taken. Nothing of what a stranger answered is in it.
pub(super) struct Failure {
    pub status: Option<u16>,
    pub reason: &'static str,
    pub retry_after: Option<Duration>,
    /// The receiver says: never again.
    pub is_gone: bool,
}

impl Outcome {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Failed(_) => "failed",
            Self::Dropped => "dropped",
        }
    }
}

impl Failure {
    const fn without_answer(reason: &'static str) -> Self {
        Self { status: None, reason, retry_after: None, is_gone: false }
    }
}

pub(super) struct Sender {
    client: Client,
    allow_private: bool,
}

impl Sender {
    pub fn new(timeout: Duration, allow_private: bool) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .dns_resolver(Arc::new(PublicNames { allow_private }))
            // A redirect leads wherever a stranger wants, and a proxy connects in our stead.
            .redirect(Policy::none())
            .no_proxy()
            .timeout(timeout)
            .connect_timeout(CONNECT_WITHIN.min(timeout))
            .user_agent("mes-webhooks/1")
            .build()?;
        Ok(Self { client, allow_private })
    }

    pub async fn send(&self, message: &Message, now: DateTime<Utc>) -> Outcome {
        // An address that is written as numbers is not asked for: it is checked here.
        let Ok(url) = address::check(&message.url, self.allow_private) else {
            return Outcome::Failed(Failure::without_answer("address-not-allowed"));
        };
        let timestamp = now.timestamp();
        let mut request = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", timestamp)
            .header(
                "webhook-signature",
                sign(&message.secrets, &message.id, timestamp, &message.body),
            );
        if let Some(trace_context) = &message.trace_context {
            request = request.header("traceparent", trace_context);
        }
        match request.body(message.body.clone()).send().await {
            Ok(answer) => judge(answer).await,
            Err(error) => Outcome::Failed(Failure::without_answer(reason_of(&error))),
        }
    }
}

async fn judge(mut answer: Response) -> Outcome {
    let status = answer.status();
    let retry_after = retry_after(&answer);
    let mut read = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read += chunk.len();
        if read > ANSWER_BYTES {
            break;
        }
    }
    if status.is_success() {
        return Outcome::Delivered { status: status.as_u16() };
    }
    let reason = if status.is_redirection() { "redirect-not-followed" } else { "refused" };
    let is_gone = status == StatusCode::GONE;
    Outcome::Failed(Failure { status: Some(status.as_u16()), reason, retry_after, is_gone })
}

fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

fn reason_of(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return "address-not-allowed";
        }
        cause = error.source();
    }
    if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "no-connection"
    } else {
        "broken-off"
    }
}

/// Looks names up and passes on public addresses only: the connection is made to one of just these.
struct PublicNames {
    allow_private: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the name belongs to no machine on the public internet")]
struct NotPublic;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> =
                found.filter(|found| allow_private || address::is_public(found.ip())).collect();
            if public.is_empty() {
                return Err(Box::new(NotPublic) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(url: &str) -> Message {
        Message {
            url: url.to_owned(),
            id: "m".to_owned(),
            secrets: vec![vec![1; 32]],
            body: b"{}".to_vec(),
            trace_context: None,
        }
    }

    /// A name that passes the check of its text and means this machine: only the check of the address can stop it.
    #[tokio::test]
    async fn a_name_of_a_machine_inside_is_not_connected_to() {
        let names = PublicNames { allow_private: false };
        let error = names.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert!(error.is::<NotPublic>(), "{error}");
        let names = PublicNames { allow_private: true };
        assert!(names.resolve("localhost".parse().unwrap()).await.is_ok());
    }

    #[tokio::test]
    async fn an_address_inside_is_refused_however_it_is_written() {
        let sender = Sender::new(Duration::from_secs(1), false).unwrap();
        for url in ["https://127.0.0.1/", "https://[::ffff:10.0.0.1]/", "http://example.com/"] {
            let Outcome::Failed(failure) = sender.send(&message(url), DateTime::UNIX_EPOCH).await
            else {
                panic!("{url} was called");
            };
            assert_eq!(failure.reason, "address-not-allowed", "{url}");
        }
    }
}
