//! A seller, or the CRM's auto-accept rule, confirms manufacturing.

use shared::ids::OrderId;
use shared::order::refusal::CommandKind;

use crate::store::{Command, CommandError, Handled, Work};

/// A seller, or the CRM's auto-accept rule, confirms manufacturing.
#[derive(Debug, Clone)]
pub struct ApproveOrder {
    /// Which order.
    pub order_id: OrderId,
}

impl Command for ApproveOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.update(self.order_id, CommandKind::Approve, |order, by| order.approve(by)).await
    }
}
