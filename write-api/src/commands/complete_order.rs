//! The operator has made the piece.

use shared::ids::OrderId;
use shared::order::refusal::CommandKind;

use crate::store::{Command, CommandError, Handled, Work};

/// The operator has made the piece.
#[derive(Debug, Clone)]
pub struct CompleteOrder {
    /// Which order.
    pub order_id: OrderId,
}

impl Command for CompleteOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.update(self.order_id, CommandKind::Complete, |order, by| order.complete(by)).await
    }
}
