//! The piece leaves for the buyer.

use shared::ids::OrderId;
use shared::order::refusal::CommandKind;

use super::text::TrackingNumber;
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
