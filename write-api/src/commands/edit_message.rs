//! A message with a mistake that its sender cannot mend: a person writes it anew, and it is tried again.

use ::web::{Problem, Role};
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::contracts::inbound::Inbound;
use utoipa::ToSchema;

use super::text::Reason;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, EditedMessage, Handled, MessageAnswer, Work};

/// The new text.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditBody {
    /// The whole message, envelope and all, as its sender should have sent it.
    #[schema(value_type = Object)]
    pub message: Value,
    /// What was wrong.
    pub reason: Reason,
}

/// A message written anew.
#[derive(Debug, Clone)]
pub struct EditMessage {
    /// Which message.
    pub message_no: i64,
    /// What it says now.
    pub edited: EditedMessage,
    /// What was wrong.
    pub reason: Reason,
}

impl EditMessage {
    fn parse(message_no: i64, body: EditBody) -> Result<Self, Problem> {
        let EditBody { message, reason } = body;
        let body = message.to_string().into_bytes();
        let (envelope, message) = Inbound::parse(&body).map_err(|malformed| {
            Problem::invalid_field(format!("/message{}", malformed.pointer), malformed.message)
        })?;
        let edited = EditedMessage { body, source: envelope.source, id: envelope.id, message };
        Ok(Self { message_no, edited, reason })
    }
}

impl Command for EditMessage {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.edit_message(self.message_no, &self.edited, self.reason.as_str()).await
    }
}

/// Gives a message that is parked or waits another text, and replays it. What it said at first stays, and so does what
/// each edit replaced.
#[utoipa::path(
    post, path = "/v1/messages/{message_no}/edit",
    operation_id = "edit_message", tag = "messages", request_body = EditBody,
    params(("message_no" = i64, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = MessageAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    message_no: web::Path<i64>,
) -> Result<HttpResponse, Problem> {
    request.caller.require_role(&[Role::Admin])?;
    let command = EditMessage::parse(*message_no, request.body()?)?;
    request.execute(command, None).await
}
