//! The piece leaves for the buyer.

use ::web::Problem;
use actix_web::{HttpResponse, web};
use shared::ids::OrderId;
use shared::order::refusal::CommandKind;

use super::CommandAnswer;
use super::body::ShipBody;
use super::text::TrackingNumber;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, Work};

/// The piece leaves for the buyer.
#[derive(Debug, Clone)]
pub struct ShipOrder {
    /// Which order.
    pub order_id: OrderId,
    /// The carrier's number.
    pub tracking_number: TrackingNumber,
}

impl Command for ShipOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        let number = self.tracking_number.to_string();
        work.update(self.order_id, CommandKind::Ship, |order, by| order.ship(by, number)).await
    }
}

/// The piece leaves for the buyer.
#[utoipa::path(
    post, path = "/v1/orders/{order_id}/ship",
    operation_id = "ship_order", tag = "orders", request_body = ShipBody,
    params(("order_id" = OrderId, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = CommandAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    order_id: web::Path<OrderId>,
) -> Result<HttpResponse, Problem> {
    let ShipBody { tracking_number, expected_version } = request.body()?;
    request.execute(ShipOrder { order_id: *order_id, tracking_number }, expected_version).await
}
