//! The piece has to be made again, with a reason.

use shared::ids::OrderId;
use shared::order::refusal::CommandKind;

use super::text::Reason;
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
        work.update(self.order_id, CommandKind::Rework, |order, by| order.rework(by, self.reason.to_string())).await
    }
}
