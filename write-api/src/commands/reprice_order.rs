//! A person has mended what made the pricing fail; it is tried again.

use shared::ids::OrderId;
use shared::order::refusal::CommandKind;

use crate::store::{Command, CommandError, Handled, Work};

/// A person has mended what made the pricing fail; it is tried again.
#[derive(Debug, Clone)]
pub struct RepriceOrder {
    /// Which order.
    pub order_id: OrderId,
}

impl Command for RepriceOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.update(self.order_id, CommandKind::Reprice, |order, by| order.reprice(by)).await
    }
}
