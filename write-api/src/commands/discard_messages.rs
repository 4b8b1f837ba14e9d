//! Parked messages that will never be applied, such as a flood of somebody's test: together, with one reason.

use ::web::{Problem, Role};
use actix_web::HttpResponse;

use super::replay_messages::SelectionBody;
use super::text::Reason;
use crate::context::CommandRequest;
use crate::store::{
    Command, CommandError, Handled, MessageFate, MessageSelection, MessagesAnswer, Work,
};

/// Never to be applied.
#[derive(Debug, Clone)]
pub struct DiscardMessages {
    /// Which messages.
    pub selection: MessageSelection,
    /// Why.
    pub reason: Reason,
}

impl Command for DiscardMessages {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        let reason = Some(self.reason.as_str());
        work.settle_messages(&self.selection, MessageFate::Discard, reason).await
    }
}

/// Discards parked messages, the oldest first. Their rows stay.
#[utoipa::path(
    post, path = "/v1/messages/discard",
    operation_id = "discard_messages", tag = "messages", request_body = SelectionBody,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = MessagesAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(request: CommandRequest) -> Result<HttpResponse, Problem> {
    request.caller.require_role(&[Role::Admin])?;
    let (selection, reason) = request.body::<SelectionBody>()?.parse()?;
    let reason = reason.ok_or_else(|| Problem::invalid_field("/reason", "needed to discard"))?;
    request.execute(DiscardMessages { selection, reason }, None).await
}
