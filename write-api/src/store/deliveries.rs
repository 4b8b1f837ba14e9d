//! Events that a recipient's queue would not take: the relay tries them again by itself; people may ask for now.

use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::ids::OrderId;
use utoipa::ToSchema;

use super::audit::{self, Deed};
use super::{CommandError, Handled, Work};

/// Orders made due by one call.
const MOST_AT_ONCE: i64 = 1_000;

/// What became of deliveries that wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveriesAnswer {
    /// Orders whose oldest parked event is tried now; what waits behind it follows by itself.
    pub due: u64,
    /// Whether there are more: call again.
    pub has_more: bool,
}

impl Work<'_> {
    /// The relay is to try parked events now: of one recipient, of one order, or all.
    pub async fn retry_deliveries(
        &mut self,
        recipient: Option<&str>,
        order_id: Option<OrderId>,
        reason: Option<&str>,
    ) -> Result<Handled, CommandError> {
        let (store, connection, context) = self.parts();
        let now = store.clock().now();
        let due = sqlx::query!(
            "WITH heads AS (
                 SELECT d.recipient, d.order_id, d.position FROM write.parked_deliveries AS d
                 WHERE d.next_attempt > $1
                   AND ($2::text IS NULL OR d.recipient = $2) AND ($3::uuid IS NULL OR d.order_id = $3)
                   AND NOT EXISTS (
                       SELECT FROM write.parked_deliveries AS earlier
                       WHERE earlier.recipient = d.recipient AND earlier.order_id = d.order_id
                         AND earlier.position < d.position)
                 ORDER BY d.next_attempt LIMIT $4)
             UPDATE write.parked_deliveries AS d SET next_attempt = $1
             FROM heads
             WHERE d.recipient = heads.recipient AND d.order_id = heads.order_id
               AND d.position = heads.position",
            now,
            recipient,
            order_id.map(|order_id| order_id.as_uuid()),
            MOST_AT_ONCE,
        )
        .execute(&mut *connection)
        .await?
        .rows_affected();
        let subject = format!("deliveries:{}", recipient.unwrap_or("all"));
        let detail = Some(json!({ "order_id": order_id, "due": due }));
        let deed = Deed { subject: &subject, action: "retry", reason, detail, body: None };
        audit::note(connection, context, now, deed).await?;
        let has_more = due == MOST_AT_ONCE.unsigned_abs();
        self.answer(&DeliveriesAnswer { due, has_more }).await
    }
}
