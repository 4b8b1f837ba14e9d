//! An answer, read to its end, and the ways to look at it.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;
use shared::order::Status;
use shared::order::refusal::CommandKind;
use shared::position::Position;
use uuid::Uuid;
use write_api::commands::CommandAnswer;

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn to(request: RequestBuilder) -> Self {
        Self::try_to(request).await.expect("the server answers")
    }

    pub async fn try_to(request: RequestBuilder) -> Result<Self, reqwest::Error> {
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Ok(Self { status, headers, text: answer.text().await? })
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error} in {} {}", self.status, self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header is text"))
    }

    pub fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    /// A command that was carried out: the answer has the order, and the position twice.
    #[track_caller]
    pub fn done(&self) -> CommandAnswer {
        assert_eq!(self.status, 200, "{}", self.text);
        let answer: CommandAnswer = serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error} in {}", self.text));
        let position: Position = self
            .header("mes-position")
            .expect("a command's answer has a position")
            .parse()
            .expect("the header is a position");
        assert_eq!(position, answer.position, "header and body differ");
        answer
    }

    /// A command that was carried out and left the order in `status`.
    #[track_caller]
    pub fn now(&self, status: Status) -> CommandAnswer {
        let answer = self.done();
        assert_eq!(answer.order.status, status, "{}", self.text);
        answer
    }

    /// A problem as RFC 9457 wants it.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text);
        assert_eq!(self.header("mes-position"), None, "a problem has no position");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["type"], format!("urn:mes:problem:{code}"), "{problem}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        problem
    }

    /// The rules said no in `current`, and said what is allowed there.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str, current: Status) -> Value {
        let problem = self.problem(status, code);
        assert_eq!(problem["current_status"], current.as_str(), "{problem}");
        let allowed = CommandKind::allowed_in(current);
        let allowed: Vec<&str> = allowed.into_iter().map(CommandKind::as_str).collect();
        assert_eq!(problem["allowed"], serde_json::json!(allowed), "{problem}");
        problem
    }

    /// One field of the request makes no sense.
    #[track_caller]
    pub fn invalid(&self, field: &str) -> Value {
        let problem = self.problem(422, "invalid");
        assert_eq!(problem["violations"][0]["field"], field, "{problem}");
        let message = problem["violations"][0]["message"].as_str();
        assert!(message.is_some_and(|message| !message.is_empty()), "{problem}");
        problem
    }

    /// The id of the order in a command's answer.
    #[track_caller]
    pub fn order_id(&self) -> Uuid {
        self.done().order.order_id.as_uuid()
    }
}
