//! The customer uploaded or assembled a model; it may be replaced until submission.

use shared::ids::ModelId;
use shared::order::Origin;
use shared::order::decisions::upload_file;

use crate::store::{Command, CommandError, Handled, Work};

/// The customer uploaded or assembled a model.
#[derive(Debug, Clone)]
pub struct AttachFile {
    /// Who ordered, and what they call it.
    pub origin: Origin,
    /// The uploaded model.
    pub model_id: ModelId,
}

impl Command for AttachFile {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.require_model(&self.model_id).await?;
        let (order_id, order) = work.lock_or_reserve(&self.origin).await?;
        let decision = upload_file(order.as_ref(), self.origin.clone(), self.model_id.clone());
        work.record(order_id, order, decision).await
    }
}
