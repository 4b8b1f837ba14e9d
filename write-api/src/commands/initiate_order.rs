//! The shop's "new order", or goods in an empty cart.

use shared::order::Origin;
use shared::order::decisions::initiate;

use crate::store::{Command, CommandError, Handled, Work};

/// The shop's "new order".
#[derive(Debug, Clone)]
pub struct InitiateOrder {
    /// Who ordered, and what they call it.
    pub origin: Origin,
}

impl Command for InitiateOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        let (order_id, order) = work.lock_or_reserve(&self.origin).await?;
        let decision = initiate(order.as_ref(), self.origin.clone());
        work.record(order_id, order, decision).await
    }
}
