//! Rows that have served: answers kept for retries, and quotes that are settled, go when they are old.
//!
//! Each call deletes one batch, oldest first, in a short transaction of its own; rows that somebody has locked are left
//! for the next time, so that several processes may do this at once. What orders are made of is never deleted here:
//! neither the log, nor models and what was measured of them, which old prices are made again from.

use chrono::{DateTime, Utc};

use super::{CommandError, Store};

/// Rows of one batch.
pub const HOUSEKEEPING_BATCH: u64 = 1_000;

impl Store {
    /// Forgets answers that nobody asked for again since then. Answers how many, at most a batch.
    ///
    /// A retry that comes even later meets the order itself: numbers of shops and partners stay unique for ever.
    pub async fn delete_causes_before(&self, before: DateTime<Utc>) -> Result<u64, CommandError> {
        let deleted = sqlx::query!(
            "DELETE FROM write.causes AS c
             USING (SELECT source, key FROM write.causes WHERE last_seen_at < $1
                    ORDER BY last_seen_at LIMIT $2 FOR UPDATE SKIP LOCKED) AS old
             WHERE c.source = old.source AND c.key = old.key",
            before,
            HOUSEKEEPING_BATCH.cast_signed(),
        )
        .execute(&self.pool)
        .await?;
        Ok(deleted.rows_affected())
    }

    /// Deletes incidents that were healed before then. Answers how many, at most a batch. Those that are not healed stay.
    pub async fn delete_incidents_before(
        &self,
        before: DateTime<Utc>,
    ) -> Result<u64, CommandError> {
        let deleted = sqlx::query!(
            "DELETE FROM write.incidents AS i
             USING (SELECT incident_id FROM write.incidents
                    WHERE status = 'healed' AND opened_at < $1 AND closed_at < $1
                    ORDER BY opened_at LIMIT $2 FOR UPDATE SKIP LOCKED) AS old
             WHERE i.incident_id = old.incident_id",
            before,
            HOUSEKEEPING_BATCH.cast_signed(),
        )
        .execute(&self.pool)
        .await?;
        Ok(deleted.rows_affected())
    }

    /// Deletes quotes that were settled and told before then, and whose offer has ended. Answers how many, at most a
    /// batch. Those that wait for a price or for a person stay.
    pub async fn delete_quotes_before(&self, before: DateTime<Utc>) -> Result<u64, CommandError> {
        let deleted = sqlx::query!(
            "DELETE FROM write.quotes AS q
             USING (SELECT quote_id FROM write.quotes
                    WHERE state IN ('priced', 'refused', 'ordered', 'cancelled') AND changed_at < $1
                      AND coalesce(valid_until, changed_at) < $1 AND announced_revision = revision
                    ORDER BY changed_at LIMIT $2 FOR UPDATE SKIP LOCKED) AS old
             WHERE q.quote_id = old.quote_id",
            before,
            HOUSEKEEPING_BATCH.cast_signed(),
        )
        .execute(&self.pool)
        .await?;
        Ok(deleted.rows_affected())
    }
}
