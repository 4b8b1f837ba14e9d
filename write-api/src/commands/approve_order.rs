//! A seller, or the CRM's auto-accept rule, confirms manufacturing.

use ::web::{Problem, Scope};
use actix_web::{HttpResponse, web};
use shared::ids::OrderId;
use shared::order::Order;
use shared::order::refusal::CommandKind;

use super::CommandAnswer;
use super::body::PlainBody;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, Work};

/// A seller, or the CRM's auto-accept rule, confirms manufacturing.
#[derive(Debug, Clone)]
pub struct ApproveOrder {
    /// Which order.
    pub order_id: OrderId,
}

impl Command for ApproveOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.update(self.order_id, CommandKind::Approve, Order::approve).await
    }
}

/// A seller, or the CRM's rule, confirms manufacturing.
#[utoipa::path(
    post, path = "/v1/orders/{order_id}/approve",
    operation_id = "approve_order", tag = "orders", request_body = PlainBody,
    params(("order_id" = OrderId, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = CommandAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    order_id: web::Path<OrderId>,
) -> Result<HttpResponse, Problem> {
    request.require_scope_of_systems(Scope::OrdersApprove)?;
    let PlainBody { expected_version } = request.body()?;
    request.execute(ApproveOrder { order_id: *order_id }, expected_version).await
}
