//! The order is called off before shipping, with a reason.

use ::web::{Problem, Scope};
use actix_web::{HttpResponse, web};
use shared::ids::OrderId;
use shared::order::refusal::CommandKind;

use super::CommandAnswer;
use super::body::ReasonBody;
use super::text::Reason;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, Work};

/// The order is called off before shipping, with a reason.
#[derive(Debug, Clone)]
pub struct CancelOrder {
    /// Which order.
    pub order_id: OrderId,
    /// Why.
    pub reason: Reason,
}

impl Command for CancelOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.update(self.order_id, CommandKind::Cancel, |order, by| {
            order.cancel(by, self.reason.to_string())
        })
        .await
    }
}

/// Calls the order off before shipping, with a reason.
#[utoipa::path(
    post, path = "/v1/orders/{order_id}/cancel",
    operation_id = "cancel_order", tag = "orders", request_body = ReasonBody,
    params(("order_id" = OrderId, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = CommandAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    order_id: web::Path<OrderId>,
) -> Result<HttpResponse, Problem> {
    request.require_scope_of_systems(Scope::OrdersCancel)?;
    let ReasonBody { reason, expected_version } = request.body()?;
    request.execute(CancelOrder { order_id: *order_id, reason }, expected_version).await
}
