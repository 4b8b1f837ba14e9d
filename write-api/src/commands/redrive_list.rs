//! What a reconciliation found to be behind is sent again.

use ::web::{Problem, Role, Scope};
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use shared::ids::ReconciliationId;
use utoipa::ToSchema;

use super::text::Reason;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, RedriveAnswer, Work};

/// Rows that one call deals with at most, and unless it says less.
const MOST_AT_ONCE: u16 = 1_000;

/// What can be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Redriven {
    /// Orders whose later events they do not know: these.
    Behind,
    /// Orders that they do not know: all events.
    Missing,
}

/// Which rows.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedriveBody {
    /// Only these; both if not said.
    pub kinds: Option<Vec<Redriven>>,
    /// Rows at most, 1 to 1,000; 1,000 if not said.
    #[schema(minimum = 1, maximum = 1000)]
    pub limit: Option<u16>,
    /// Why.
    pub reason: Option<Reason>,
}

/// Events to be sent again.
#[derive(Debug, Clone)]
pub struct RedriveList {
    /// For what was found in this one.
    pub reconciliation_id: ReconciliationId,
    /// Rows of these kinds.
    pub kinds: Vec<String>,
    /// So many rows at most.
    pub limit: u16,
    /// Why, if somebody says.
    pub reason: Option<Reason>,
}

impl RedriveList {
    fn parse(reconciliation_id: ReconciliationId, body: RedriveBody) -> Result<Self, Problem> {
        let RedriveBody { kinds, limit, reason } = body;
        let kinds = kinds.unwrap_or_else(|| vec![Redriven::Behind, Redriven::Missing]);
        if kinds.is_empty() {
            return Err(Problem::invalid_field("/kinds", "at least one kind"));
        }
        let limit = limit.unwrap_or(MOST_AT_ONCE);
        if !(1..=MOST_AT_ONCE).contains(&limit) {
            return Err(Problem::invalid_field("/limit", "a whole number from 1 to 1000"));
        }
        let kinds = kinds.into_iter().map(|kind| kind.as_str().to_owned()).collect();
        Ok(Self { reconciliation_id, kinds, limit, reason })
    }
}

impl Redriven {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Behind => "behind",
            Self::Missing => "missing",
        }
    }
}

impl Command for RedriveList {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        let reason = self.reason.as_ref().map(Reason::as_str);
        work.redrive(self.reconciliation_id, &self.kinds, self.limit, reason).await
    }
}

/// Sends the events again that the sender of a list does not know of: under the same ids, in each order's order. Each row
/// is dealt with once; what was not relayed for the first time yet is not sent twice.
#[utoipa::path(
    post, path = "/v1/reconciliations/{reconciliation_id}/redrive",
    operation_id = "redrive_reconciliation", tag = "reconciliations", request_body = RedriveBody,
    params(("reconciliation_id" = ReconciliationId, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = RedriveAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    reconciliation_id: web::Path<ReconciliationId>,
) -> Result<HttpResponse, Problem> {
    request.caller.require(&[Role::Admin], Some(Scope::OrdersRead))?;
    let command = RedriveList::parse(*reconciliation_id, request.body()?)?;
    request.execute(command, None).await
}
