//! The operator has made the piece.

use ::web::Problem;
use actix_web::{HttpResponse, web};
use shared::ids::OrderId;
use shared::order::Order;
use shared::order::refusal::CommandKind;

use super::CommandAnswer;
use super::body::PlainBody;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, Work};

/// The operator has made the piece.
#[derive(Debug, Clone)]
pub struct CompleteOrder {
    /// Which order.
    pub order_id: OrderId,
}

impl Command for CompleteOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.update(self.order_id, CommandKind::Complete, Order::complete).await
    }
}

/// The operator has made the piece.
#[utoipa::path(
    post, path = "/v1/orders/{order_id}/complete",
    operation_id = "complete_order", tag = "orders", request_body = PlainBody,
    params(("order_id" = OrderId, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = CommandAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    order_id: web::Path<OrderId>,
) -> Result<HttpResponse, Problem> {
    let PlainBody { expected_version } = request.body()?;
    request.execute(CompleteOrder { order_id: *order_id }, expected_version).await
}
