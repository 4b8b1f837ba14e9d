//! A parked message is tried again, after the repair.

use ::web::{Problem, Role};
use actix_web::{HttpResponse, web};

use super::body::MaybeBecause;
use super::text::Reason;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, MessageAnswer, MessageFate, Work};

/// Back among those that wait.
#[derive(Debug, Clone)]
pub struct ReplayMessage {
    /// Which message.
    pub message_no: i64,
    /// Why, if somebody says.
    pub reason: Option<Reason>,
}

impl Command for ReplayMessage {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        let reason = self.reason.as_ref().map(Reason::as_str);
        work.settle_message(self.message_no, MessageFate::Replay, reason).await
    }
}

/// Replays a message that is parked, or tries one that waits now. It meets the same rules as when it came, and is
/// never applied twice.
#[utoipa::path(
    post, path = "/v1/messages/{message_no}/replay",
    operation_id = "replay_message", tag = "messages", request_body = MaybeBecause,
    params(("message_no" = i64, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = MessageAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    message_no: web::Path<i64>,
) -> Result<HttpResponse, Problem> {
    request.caller.require_role(&[Role::Admin])?;
    let MaybeBecause { reason } = request.body()?;
    request.execute(ReplayMessage { message_no: *message_no, reason }, None).await
}
