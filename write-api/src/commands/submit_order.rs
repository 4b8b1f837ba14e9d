//! "Make order": from the shop after a draft or at once, from a partner always at once.

use shared::order::Origin;
use shared::order::decisions::submit;
use shared::order::spec::WorkSpec;

use crate::store::{Command, CommandError, Handled, Work};

/// "Make order". The pricing job is created in the same transaction.
#[derive(Debug, Clone)]
pub struct SubmitOrder {
    /// Who ordered, and what they call it.
    pub origin: Origin,
    /// What is to be made.
    pub spec: WorkSpec,
}

impl Command for SubmitOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.require_model(&self.spec.model_id).await?;
        let (order_id, order) = work.lock_or_reserve(&self.origin).await?;
        let decision = submit(order.as_ref(), self.origin.clone(), self.spec.clone());
        work.record(order_id, order, decision).await
    }
}
