//! The parcel arrived, or a person closes the order by hand with a reason.

use shared::ids::OrderId;
use shared::order::refusal::CommandKind;

use super::text::Reason;
use crate::store::{Command, CommandError, Handled, Work};

/// The parcel arrived, or a person closes the order by hand with a reason.
#[derive(Debug, Clone)]
pub struct CloseOrder {
    /// Which order.
    pub order_id: OrderId,
    /// Why; people must say.
    pub reason: Option<Reason>,
}

impl Command for CloseOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        let reason = self.reason.as_ref().map(ToString::to_string);
        work.update(self.order_id, CommandKind::Close, |order, by| order.close(by, reason)).await
    }
}
