//! The relay is to try parked events now, because somebody mended the recipient's queue.

use ::web::{Problem, Role};
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use shared::ids::OrderId;
use utoipa::ToSchema;

use super::text::Reason;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, DeliveriesAnswer, Handled, Work};

/// Who is told outside, with a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// The internet shop.
    Shop,
    /// The CRM.
    Crm,
}

/// Which parked events; all when nothing is said.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryDeliveries {
    /// Only this recipient's.
    pub recipient: Option<Told>,
    /// Only this order's.
    pub order_id: Option<OrderId>,
    /// Why.
    pub reason: Option<Reason>,
}

impl Told {
    /// As in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::Crm => "crm",
        }
    }
}

impl Command for RetryDeliveries {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        let reason = self.reason.as_ref().map(Reason::as_str);
        work.retry_deliveries(self.recipient.map(Told::as_str), self.order_id, reason).await
    }
}

/// Tries parked events now.
#[utoipa::path(
    post, path = "/v1/parked-deliveries/retry",
    operation_id = "retry_deliveries", tag = "messages", request_body = RetryDeliveries,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = DeliveriesAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(request: CommandRequest) -> Result<HttpResponse, Problem> {
    request.caller.require_role(&[Role::Admin])?;
    let command: RetryDeliveries = request.body()?;
    request.execute(command, None).await
}
