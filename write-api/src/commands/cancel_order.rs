//! The order is called off before shipping, with a reason.

use shared::ids::OrderId;
use shared::order::refusal::CommandKind;

use super::text::Reason;
use crate::store::{Command, CommandError, Handled, Work};

/// The order is called off before shipping, with a reason.
#[derive(Debug, Clone)]
pub struct CancelOrder {
    /// Which order.
    pub order_id: OrderId,
    /// Why.
    pub reason: Reason,
}

impl Command for CancelOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.update(self.order_id, CommandKind::Cancel, |order, by| order.cancel(by, self.reason.to_string())).await
    }
}
