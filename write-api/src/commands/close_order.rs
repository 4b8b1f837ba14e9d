//! The parcel arrived, or a person closes the order by hand with a reason.

use ::web::{Problem, Scope};
use actix_web::{HttpResponse, web};
use shared::ids::OrderId;
use shared::order::refusal::CommandKind;

use super::CommandAnswer;
use super::body::CloseBody;
use super::text::Reason;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, Work};

/// The parcel arrived, or a person closes the order by hand with a reason.
#[derive(Debug, Clone)]
pub struct CloseOrder {
    /// Which order.
    pub order_id: OrderId,
    /// Why; people must say.
    pub reason: Option<Reason>,
}

impl Command for CloseOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        let reason = self.reason.as_ref().map(ToString::to_string);
        work.update(self.order_id, CommandKind::Close, |order, by| order.close(by, reason)).await
    }
}

/// Closes a shipped order by hand, with a reason.
#[utoipa::path(
    post, path = "/v1/orders/{order_id}/close",
    operation_id = "close_order", tag = "orders", request_body = CloseBody,
    params(("order_id" = OrderId, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = CommandAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    order_id: web::Path<OrderId>,
) -> Result<HttpResponse, Problem> {
    request.require_scope_of_systems(Scope::OrdersClose)?;
    let CloseBody { reason, expected_version } = request.body()?;
    request.execute(CloseOrder { order_id: *order_id, reason }, expected_version).await
}
