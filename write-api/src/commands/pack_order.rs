//! Packing begins.

use shared::ids::OrderId;
use shared::order::refusal::CommandKind;

use crate::store::{Command, CommandError, Handled, Work};

/// Packing begins.
#[derive(Debug, Clone)]
pub struct PackOrder {
    /// Which order.
    pub order_id: OrderId,
}

impl Command for PackOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.update(self.order_id, CommandKind::Pack, |order, by| order.pack(by)).await
    }
}
