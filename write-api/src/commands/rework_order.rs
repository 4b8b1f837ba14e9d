//! The piece has to be made again, with a reason.

use ::web::Problem;
use actix_web::{HttpResponse, web};
use shared::ids::OrderId;
use shared::order::refusal::CommandKind;

use super::CommandAnswer;
use super::body::ReasonBody;
use super::text::Reason;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, Work};

/// The piece has to be made again, with a reason.
#[derive(Debug, Clone)]
pub struct ReworkOrder {
    /// Which order.
    pub order_id: OrderId,
    /// Why.
    pub reason: Reason,
}

impl Command for ReworkOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.update(self.order_id, CommandKind::Rework, |order, by| {
            order.rework(by, self.reason.to_string())
        })
        .await
    }
}

/// The piece has to be made again, with a reason.
#[utoipa::path(
    post, path = "/v1/orders/{order_id}/rework",
    operation_id = "rework_order", tag = "orders", request_body = ReasonBody,
    params(("order_id" = OrderId, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = CommandAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    order_id: web::Path<OrderId>,
) -> Result<HttpResponse, Problem> {
    let ReasonBody { reason, expected_version } = request.body()?;
    request.execute(ReworkOrder { order_id: *order_id, reason }, expected_version).await
}
