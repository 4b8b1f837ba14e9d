//! An operator takes an order: of a hundred who ask at once, one gets it.

use shared::ids::{OperatorId, OrderId};
use shared::order::refusal::CommandKind;

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
