//! Whose turn it is.

use chrono::{DateTime, TimeDelta, Utc};
use shared::ids::ModelId;
use sqlx::PgConnection;

use super::{Lane, Subject, small};
use crate::store::CommandError;
use crate::store::analyses::{AnalysisKey, unit_named};

/// A job that is due, and locked.
pub(super) struct Due {
    pub subject: Subject,
    pub generation: u32,
    /// So often it was begun before.
    pub attempts: u32,
    /// What its price needs; jobs of older code do not say.
    pub key: Option<AnalysisKey>,
    pub queued_at: DateTime<Utc>,
    pub trace_context: Option<String>,
}

/// A lane with a job that is due.
pub(super) struct Busy {
    pub lane: Lane,
    /// What one of its jobs needs: a hint of what the fairest one needs.
    pub needs: Option<AnalysisKey>,
}

/// Those of `lanes` that have a job which is due, in the order in which they are given.
pub(super) async fn lanes_with_work(
    connection: &mut PgConnection,
    lanes: &[Lane],
    now: DateTime<Utc>,
) -> Result<Vec<Busy>, CommandError> {
    let names: Vec<String> = lanes.iter().map(|lane| lane.as_str().to_owned()).collect();
    let busy = sqlx::query!(
        r#"SELECT wanted.lane AS "lane!", due.model_id, due.unit
           FROM unnest($1::text[]) WITH ORDINALITY AS wanted (lane, nth)
           CROSS JOIN LATERAL (
               SELECT j.model_id, j.unit FROM write.pricing_jobs AS j
               WHERE j.lane = wanted.lane AND j.state = 'queued' AND j.not_before <= $2
               ORDER BY j.tenant, j.not_before LIMIT 1) AS due
           ORDER BY wanted.nth"#,
        &names,
        now,
    )
    .fetch_all(connection)
    .await?;
    let busy = busy.into_iter().filter_map(|row| {
        let lane = row.lane.parse().ok()?;
        Some(Busy { lane, needs: key_of(row.model_id, row.unit) })
    });
    Ok(busy.collect())
}

fn key_of(model_id: Option<String>, unit: Option<String>) -> Option<AnalysisKey> {
    let (model_id, unit) = model_id.zip(unit)?;
    Some(AnalysisKey { model_id: ModelId::try_from(model_id).ok()?, unit: unit_named(&unit)? })
}

/// The jobs of a lane that come next, at most `most`, as if they were taken one after another: tenants take turns, of
/// each the job that is due longest. Jobs that somebody else has locked are passed over. With a pause between
/// the jobs of a partner, one of each.
pub(super) async fn lock_fairest(
    connection: &mut PgConnection,
    lane: Lane,
    now: DateTime<Utc>,
    partner_pause: TimeDelta,
    most: usize,
) -> Result<Vec<Due>, CommandError> {
    let pause = (lane.is_partners() && partner_pause > TimeDelta::zero()).then_some(partner_pause);
    // The recursive part hops from tenant to tenant along the index instead of reading every queued job. Nobody has more
    // jobs locked than he can get.
    let due = sqlx::query!(
        r#"WITH RECURSIVE tenants AS (
               (SELECT tenant FROM write.pricing_jobs
                WHERE lane = $1 AND state = 'queued' ORDER BY tenant LIMIT 1)
               UNION ALL
               SELECT (SELECT j.tenant FROM write.pricing_jobs AS j
                       WHERE j.lane = $1 AND j.state = 'queued' AND j.tenant > t.tenant
                       ORDER BY j.tenant LIMIT 1)
               FROM tenants AS t WHERE t.tenant IS NOT NULL
           )
           SELECT job.order_id AS "order_id!", job.subject AS "subject!",
                  job.generation AS "generation!", job.attempts AS "attempts!",
                  job.model_id, job.unit, job.queued_at AS "queued_at!", job.trace_context
           FROM tenants AS t
           LEFT JOIN LATERAL (
               SELECT s.started_at FROM write.pricing_jobs AS s
               WHERE s.lane = $1 AND s.tenant = t.tenant AND s.started_at IS NOT NULL
               ORDER BY s.started_at DESC LIMIT 1
           ) AS last ON true
           CROSS JOIN LATERAL (
               SELECT q.*, row_number() OVER (ORDER BY q.not_before) AS turn FROM (
                   SELECT j.* FROM write.pricing_jobs AS j
                   WHERE j.lane = $1 AND j.state = 'queued' AND j.tenant = t.tenant
                     AND j.not_before <= $2
                     AND ($3::timestamptz IS NULL OR last.started_at IS NULL
                          OR last.started_at <= $3)
                   ORDER BY j.not_before
                   LIMIT CASE WHEN $3::timestamptz IS NULL
                         THEN greatest(1, $4 / (SELECT count(tenant) FROM tenants)) ELSE 1 END
                   FOR UPDATE SKIP LOCKED) AS q
           ) AS job
           ORDER BY (SELECT count(*) FROM write.pricing_jobs AS r
                     WHERE r.state = 'running' AND r.lane = $1 AND r.tenant = t.tenant) + job.turn,
                    last.started_at NULLS FIRST,
                    job.not_before
           LIMIT $4"#,
        lane.as_str(),
        now,
        pause.map(|pause| now - pause),
        i64::try_from(most).unwrap_or(i64::MAX),
    )
    .fetch_all(connection)
    .await?;
    let jobs = due.into_iter().map(|row| {
        Ok(Due {
            subject: Subject::of(&row.subject, row.order_id)?,
            generation: small(row.generation)?,
            attempts: small(row.attempts.into())?,
            key: key_of(row.model_id, row.unit),
            queued_at: row.queued_at,
            trace_context: row.trace_context,
        })
    });
    jobs.collect()
}
