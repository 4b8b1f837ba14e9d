//! Jobs whose workers died.

use chrono::{DateTime, TimeDelta, Utc};

use super::{JobFence, Subject, small};
use crate::store::{CommandError, Store};

/// A job whose worker died, or hung for longer than its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostJob {
    /// What was to be priced.
    pub subject: Subject,
    /// Which attempt it was, from 1 on.
    pub attempt: u32,
    /// Where the job waits again.
    pub lane: String,
    /// When the worker should have renewed its lease.
    pub lease_until: DateTime<Utc>,
}

impl Store {
    /// Puts jobs whose lease ran out back to their lanes, and fails those that have used up `max_attempts`.
    /// Answers which it found, at most `limit`.
    #[tracing::instrument(name = "db.pricing_job.rescue", skip_all, err(level = "debug"))]
    pub async fn rescue_jobs(
        &self,
        max_attempts: u32,
        limit: i64,
    ) -> Result<Vec<LostJob>, CommandError> {
        crate::planted!(NoRescue, {
            return Ok(Vec::new());
        });
        let expired = sqlx::query!(
            r#"SELECT order_id, subject, generation, attempts, lease_token AS "lease_token!",
                      lease_until AS "lease_until!", lane
               FROM write.pricing_jobs WHERE state = 'running' AND lease_until < $1
               ORDER BY lease_until LIMIT $2"#,
            self.clock.now(),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut found = Vec::with_capacity(expired.len());
        for row in expired {
            let fence = JobFence {
                subject: Subject::of(&row.subject, row.order_id)?,
                generation: small(row.generation)?,
                lease_token: row.lease_token,
                attempt: small(row.attempts.into())?,
            };
            self.rescue(&fence, max_attempts).await?;
            let JobFence { subject, attempt, .. } = fence;
            let lost = LostJob { subject, attempt, lane: row.lane, lease_until: row.lease_until };
            found.push(lost);
        }
        Ok(found)
    }

    async fn rescue(&self, fence: &JobFence, max_attempts: u32) -> Result<bool, CommandError> {
        if fence.attempt >= max_attempts {
            let reason = format!("{} attempts ended without an answer", fence.attempt);
            self.fail_job(fence, "attempts-exhausted", &reason).await
        } else {
            self.put_back(fence, "the worker's lease ran out", TimeDelta::zero(), 1).await
        }
    }
}
