//! Everything a command handler needs of a request, read once: who asks, their idempotency key, the body.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ::web::{Caller, Detached, Problem, Scope, body};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::de::DeserializeOwned;
use shared::platform::telemetry;

use crate::application::State;
use crate::commands::request_quote::preferred_wait;
use crate::commands::submit_batch;
use crate::store::{Cause, Command, CommandContext, Handled};

/// The longest body of a command; models have an endpoint of their own.
const BODY_LIMIT: usize = 64 * 1024;
const KEY_HEADER: &str = "idempotency-key";

/// A request that asks for a command.
pub struct CommandRequest {
    /// Who asks.
    pub caller: Caller,
    state: Data<State>,
    detached: Detached,
    key: String,
    preferred_wait: Option<Duration>,
    target: String,
    body: Bytes,
}

impl CommandRequest {
    /// The body, as a type that cannot be wrong. No body reads as an empty object.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        body::parse_json(if self.body.is_empty() { b"{}" } else { &self.body })
    }

    /// 403 for a system whose key lacks the scope. What people may is decided by the rules, from their role.
    pub fn require_scope_of_systems(&self, scope: Scope) -> Result<(), Problem> {
        if self.caller.role().is_some() { Ok(()) } else { self.caller.require_scope(scope) }
    }

    /// How long the caller would wait for more than the first answer.
    pub const fn preferred_wait(&self) -> Option<Duration> {
        self.preferred_wait
    }

    /// What handlers share.
    pub fn state(&self) -> Data<State> {
        self.state.clone()
    }

    /// Carries the command out in a task of its own (a client that hangs up does not stop it).
    pub async fn carry_out(
        self,
        command: impl Command + 'static,
        expected_version: Option<u64>,
    ) -> Result<Handled, Problem> {
        let place = self.state.admission.enter(&self.caller)?;
        let cause = Cause::new(self.caller.id(), self.key, &[self.target.as_bytes(), &self.body]);
        let context = CommandContext {
            actor: self.caller.actor,
            cause,
            trace_context: telemetry::current_traceparent(),
            expected_version,
        };
        let store = self.state.store.clone();
        self.detached
            .run(async move {
                let _place = place;
                store.execute(&context, &command).await
            })
            .await
    }

    /// Carries the command out and answers what it answers.
    pub async fn execute(
        self,
        command: impl Command + 'static,
        expected_version: Option<u64>,
    ) -> Result<HttpResponse, Problem> {
        let handled = self.carry_out(command, expected_version).await?;
        let mut answer = HttpResponse::Ok();
        if handled.replayed {
            answer.insert_header(("idempotent-replayed", "true"));
        }
        if let Some(position) = handled.position() {
            answer.insert_header(("mes-position", position));
        }
        Ok(answer.insert_header(header::ContentType::json()).body(handled.answer.get().to_owned()))
    }
}

/// A request of a partner for many commands at once.
pub struct BatchRequest {
    /// Who asks.
    pub caller: Caller,
    /// What handlers share.
    pub state: Data<State>,
    /// Where the commands are carried out.
    pub detached: Detached,
    /// As it came.
    pub body: Bytes,
    key: String,
    target: String,
}

impl BatchRequest {
    /// What makes a retry the same request.
    pub fn cause(&self) -> Cause {
        Cause::new(self.caller.id(), self.key.clone(), &[self.target.as_bytes(), &self.body])
    }
}

impl FromRequest for BatchRequest {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let caller = Caller::extract(&request).await?;
            let state = request.app_data::<Data<State>>().cloned();
            Ok(Self {
                caller,
                state: state.ok_or_else(Problem::internal_logged)?,
                detached: Detached::extract(&request).await?,
                key: idempotency_key(&request)?,
                target: format!("{} {}", request.method(), request.path()),
                body: body::read(payload, submit_batch::BODY_LIMIT).await?,
            })
        })
    }
}

impl FromRequest for CommandRequest {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let caller = Caller::extract(&request).await?;
            let state = request.app_data::<Data<State>>().cloned();
            Ok(Self {
                caller,
                state: state.ok_or_else(Problem::internal_logged)?,
                detached: Detached::extract(&request).await?,
                key: idempotency_key(&request)?,
                preferred_wait: preferred_wait(request.headers()),
                target: format!("{} {}", request.method(), request.path()),
                body: body::read(payload, BODY_LIMIT).await?,
            })
        })
    }
}

/// 8 to 100 visible characters; best a UUID made once per intention and kept over retries.
pub(crate) fn idempotency_key(request: &HttpRequest) -> Result<String, Problem> {
    let wanted =
        "8 to 100 visible ASCII characters, made once per intention and repeated on a retry";
    let key = request.headers().get(KEY_HEADER);
    let key =
        key.ok_or_else(|| Problem::invalid_field("Idempotency-Key", format!("missing: {wanted}")))?;
    let key = key.to_str().unwrap_or_default();
    if (8..=100).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(key.to_owned())
    } else {
        Err(Problem::invalid_field("Idempotency-Key", wanted))
    }
}
