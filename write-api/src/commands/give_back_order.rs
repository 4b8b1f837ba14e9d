//! The operator returns the order to the pool, with a reason.

use shared::ids::OrderId;
use shared::order::refusal::CommandKind;

use super::text::Reason;
use crate::store::{Command, CommandError, Handled, Work};

/// The operator returns the order to the pool, with a reason.
#[derive(Debug, Clone)]
pub struct GiveBackOrder {
    /// Which order.
    pub order_id: OrderId,
    /// Why.
    pub reason: Reason,
}

impl Command for GiveBackOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.update(self.order_id, CommandKind::GiveBack, |order, by| order.give_back(by, self.reason.to_string())).await
    }
}
