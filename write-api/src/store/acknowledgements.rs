//! Rows of `write.acknowledgements`: which recipient has said that it has which order in its books.

use shared::ids::OrderId;

use super::{CommandError, Work};

impl Work<'_> {
    /// The recipient has the order. Saying so again changes nothing.
    pub async fn note_acknowledged(
        &mut self,
        order_id: OrderId,
        recipient: &str,
    ) -> Result<(), CommandError> {
        let (store, connection, _) = self.parts();
        // Faster than the relay can note that it awaits it, it leaves a row behind, which the watchdog removes.
        sqlx::query!(
            "WITH awaited AS (
                 DELETE FROM write.awaited_acknowledgements WHERE order_id = $1 AND recipient = $2
                 RETURNING sent_at
             )
             INSERT INTO write.acknowledgements (order_id, recipient, acknowledged_at, sent_at)
             VALUES ($1, $2, $3, (SELECT sent_at FROM awaited))
             ON CONFLICT (order_id, recipient) DO NOTHING",
            order_id.as_uuid(),
            recipient,
            store.clock().now(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}
