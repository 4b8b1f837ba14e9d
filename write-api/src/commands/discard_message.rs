//! A message that will never be applied: a person says so, and why. Its row stays.

use ::web::{Problem, Role};
use actix_web::{HttpResponse, web};

use super::body::Because;
use super::text::Reason;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, MessageAnswer, MessageFate, Work};

/// Never to be applied.
#[derive(Debug, Clone)]
pub struct DiscardMessage {
    /// Which message.
    pub message_no: i64,
    /// Why.
    pub reason: Reason,
}

impl Command for DiscardMessage {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        let reason = Some(self.reason.as_str());
        work.settle_message(self.message_no, MessageFate::Discard, reason).await
    }
}

/// Discards a message that is parked or waits. Later messages of its order go on.
#[utoipa::path(
    post, path = "/v1/messages/{message_no}/discard",
    operation_id = "discard_message", tag = "messages", request_body = Because,
    params(("message_no" = i64, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = MessageAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    message_no: web::Path<i64>,
) -> Result<HttpResponse, Problem> {
    request.caller.require_role(&[Role::Admin])?;
    let Because { reason } = request.body()?;
    request.execute(DiscardMessage { message_no: *message_no, reason }, None).await
}
