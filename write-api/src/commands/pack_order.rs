//! Packing begins.

use ::web::Problem;
use actix_web::{HttpResponse, web};
use shared::ids::OrderId;
use shared::order::Order;
use shared::order::refusal::CommandKind;

use super::CommandAnswer;
use super::body::PlainBody;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, Work};

/// Packing begins.
#[derive(Debug, Clone)]
pub struct PackOrder {
    /// Which order.
    pub order_id: OrderId,
}

impl Command for PackOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.update(self.order_id, CommandKind::Pack, Order::pack).await
    }
}

/// Packing begins.
#[utoipa::path(
    post, path = "/v1/orders/{order_id}/pack",
    operation_id = "pack_order", tag = "orders", request_body = PlainBody,
    params(("order_id" = OrderId, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = CommandAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    order_id: web::Path<OrderId>,
) -> Result<HttpResponse, Problem> {
    let PlainBody { expected_version } = request.body()?;
    request.execute(PackOrder { order_id: *order_id }, expected_version).await
}
