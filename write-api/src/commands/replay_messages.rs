//! Parked messages are tried again together: a group after its repair, or all. A call is bounded and says how many
//! are left.

use ::web::{Problem, Role};
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::text::Reason;
use crate::context::CommandRequest;
use crate::store::{
    Command, CommandError, Handled, MessageFate, MessageSelection, MessagesAnswer, Work,
};

/// Messages that one call deals with at most, and unless it says less.
const MOST_AT_ONCE: u16 = 1_000;

/// Which of the parked messages: those that fit every given part.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SelectionBody {
    /// Of this group.
    pub fingerprint: Option<String>,
    /// With this cause.
    pub reason_code: Option<String>,
    /// Sent by this source.
    pub source: Option<String>,
    /// Truly all of them; needed when nothing else is said.
    #[serde(default)]
    pub all: bool,
    /// Behind this message: `last` of the call before.
    pub after: Option<i64>,
    /// 1 to 1,000; 1,000 if not said.
    #[schema(minimum = 1, maximum = 1000)]
    pub limit: Option<u16>,
    /// Why, kept with each message. Needed for discarding.
    pub reason: Option<Reason>,
}

impl SelectionBody {
    /// The selection, and the reason if one was given.
    pub(super) fn parse(self) -> Result<(MessageSelection, Option<Reason>), Problem> {
        let Self { fingerprint, reason_code, source, all, after, limit, reason } = self;
        let is_narrow = fingerprint.is_some() || reason_code.is_some() || source.is_some();
        if is_narrow == all {
            let message = "say which messages (fingerprint, reason_code, source), or that all are meant, and not both";
            return Err(Problem::invalid_field("/all", message));
        }
        let limit = limit.unwrap_or(MOST_AT_ONCE);
        if !(1..=MOST_AT_ONCE).contains(&limit) {
            return Err(Problem::invalid_field("/limit", "a whole number from 1 to 1000"));
        }
        for (field, text) in
            [("/fingerprint", &fingerprint), ("/reason_code", &reason_code), ("/source", &source)]
        {
            if text.as_ref().is_some_and(|text| text.contains('\0') || text.len() > 200) {
                return Err(Problem::invalid_field(
                    field,
                    "at most 200 characters, none of them NUL",
                ));
            }
        }
        let after = after.unwrap_or_default();
        Ok((MessageSelection { fingerprint, reason_code, source, after, limit }, reason))
    }
}

/// Back among those that wait.
#[derive(Debug, Clone)]
pub struct ReplayMessages {
    /// Which messages.
    pub selection: MessageSelection,
    /// Why, if somebody says.
    pub reason: Option<Reason>,
}

impl Command for ReplayMessages {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        let reason = self.reason.as_ref().map(Reason::as_str);
        work.settle_messages(&self.selection, MessageFate::Replay, reason).await
    }
}

/// Replays parked messages, the oldest first.
#[utoipa::path(
    post, path = "/v1/messages/replay",
    operation_id = "replay_messages", tag = "messages", request_body = SelectionBody,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = MessagesAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(request: CommandRequest) -> Result<HttpResponse, Problem> {
    request.caller.require_role(&[Role::Admin])?;
    let (selection, reason) = request.body::<SelectionBody>()?.parse()?;
    request.execute(ReplayMessages { selection, reason }, None).await
}
