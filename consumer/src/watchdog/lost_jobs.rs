//! Jobs whose worker died: whoever puts one back says so, so that a worker that dies again and again is seen although
//! each of its jobs is priced in the end.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use shared::incident::{Finding, Owner, Subject};
use write_api::store::{self, CommandError, LostJob, Store};

/// A worker did not renew the lease of its job.
pub(super) const CAUSE: &str = "lease-expired";
/// A job that was put back is priced soon, or found again.
const PATIENCE: TimeDelta = TimeDelta::minutes(1);

pub(super) fn finding(
    subject: Subject,
    lane: &str,
    attempts: i32,
    seconds: i64,
    deadline: DateTime<Utc>,
) -> Finding {
    let evidence = json!({ "lane": lane, "attempts": attempts, "seconds": seconds });
    Finding { subject, cause: CAUSE, owner: Owner::OnCall, evidence, deadline }
}

/// Pricers have put these jobs back: an incident each, which the next look of the watchdog closes. That it cannot be
/// written is no reason not to go on.
pub async fn tell(store: &Store, lost: &[LostJob]) {
    for job in lost {
        if let Err(error) = tell_one(store, job).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, subject = %job.subject, "the incident of a lost job cannot be written");
        }
    }
}

async fn tell_one(store: &Store, job: &LostJob) -> Result<(), CommandError> {
    let subject = match job.subject {
        store::Subject::Order(order_id) => Subject::order(order_id),
        store::Subject::Quote(quote_id) => Subject::new("quote", quote_id.to_string()),
    };
    let now = store.clock().now();
    let attempts = i32::try_from(job.attempt).unwrap_or(i32::MAX);
    let seconds = super::age_seconds(job.lease_until, now);
    let finding = finding(subject, &job.lane, attempts, seconds, now + PATIENCE);
    let incident = store.open_incident(&finding).await?;
    store.note_attempt(incident.incident_id, "rescue", "put back by a pricer").await
}
