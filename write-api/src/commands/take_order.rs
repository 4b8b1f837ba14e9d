//! An operator takes an order: of a hundred who ask at once, one gets it.

use ::web::Problem;
use actix_web::{HttpResponse, web};
use shared::actor::Actor;
use shared::ids::{OperatorId, OrderId};
use shared::order::refusal::CommandKind;

use super::CommandAnswer;
use super::body::PlainBody;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, Work};

/// An operator takes an order.
#[derive(Debug, Clone)]
pub struct TakeOrder {
    /// Which order.
    pub order_id: OrderId,
    /// Who asks.
    pub operator_id: OperatorId,
}

impl Command for TakeOrder {
    /// The operator is locked before the order, here and in `take next`: two tabs of one operator must not pass
    /// the WIP limit together, and a fixed sequence of locks cannot deadlock.
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        let asking = work.lock_operator(self.operator_id).await?;
        work.update(self.order_id, CommandKind::Take, |order, _| order.take(&asking)).await
    }
}

/// An operator takes an approved order.
#[utoipa::path(
    post, path = "/v1/orders/{order_id}/take",
    operation_id = "take_order", tag = "orders", request_body = PlainBody,
    params(("order_id" = OrderId, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = CommandAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    order_id: web::Path<OrderId>,
) -> Result<HttpResponse, Problem> {
    let Actor::Operator { operator_id, .. } = request.caller.actor else {
        return Err(Problem::forbidden("Only operators take orders"));
    };
    let PlainBody { expected_version } = request.body()?;
    request.execute(TakeOrder { order_id: *order_id, operator_id }, expected_version).await
}
