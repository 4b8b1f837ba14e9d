//! A person has looked at a metal price that jumped, and it is wrong: it is never used.

use ::web::{Problem, Role};
use actix_web::{HttpResponse, web};

use super::body::MaybeBecause;
use super::text::Reason;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Decision, FixingAnswer, Handled, Work};

/// A person's word on a price that waits.
#[derive(Debug, Clone)]
pub struct RejectFixing {
    /// Which fixing.
    pub fixing_id: i64,
    /// Why.
    pub reason: Option<Reason>,
}

impl Command for RejectFixing {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        let because = self.reason.as_ref().map(Reason::as_str);
        work.decide_fixing(self.fixing_id, Decision::Reject, because).await
    }
}

/// Rejects a metal price that waits; the one that holds goes on.
#[utoipa::path(
    post, path = "/v1/metal-fixings/{fixing_id}/reject",
    operation_id = "reject_fixing", tag = "administration", request_body = MaybeBecause,
    params(("fixing_id" = i64, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = FixingAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    fixing_id: web::Path<i64>,
) -> Result<HttpResponse, Problem> {
    request.caller.require_role(&[Role::Admin])?;
    let MaybeBecause { reason } = request.body()?;
    request.execute(RejectFixing { fixing_id: *fixing_id, reason }, None).await
}
