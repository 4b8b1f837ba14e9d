//! Printability reports: made after the price, because no price waits for them.
//!
//! The end of an analysis says when its report is due. Whoever measured the model makes it before that; what is
//! overdue is taken by whoever looks first, a few times at most.

use std::sync::Arc;

use chrono::TimeDelta;
use pricing::ENGINE_VERSION;
use pricing::analysis::Analysis;
use serde_json::Value;

use super::{AnalysisKey, CommandError, Store};

/// Whoever begins a report should have it by then.
pub(super) const DUE_AFTER: TimeDelta = TimeDelta::minutes(1);

/// A report that was begun so often without an end is not tried again: its file kills workers.
const MAX_BEGUN: i16 = 3;

/// The printability findings of a model as they are stored.
pub type Report = Value;

/// A report that somebody should have made by now.
#[derive(Debug, Clone, PartialEq)]
pub struct OverdueReport {
    /// Of which analysis.
    pub key: AnalysisKey,
    /// What was measured.
    pub analysis: Arc<Analysis>,
}

impl Store {
    /// Keeps a report beside its analysis. `false` when there is one already, or no such analysis.
    pub async fn keep_report(
        &self,
        key: &AnalysisKey,
        report: &Report,
    ) -> Result<bool, CommandError> {
        let kept = sqlx::query!(
            "UPDATE write.analyses SET report = $4, report_due = NULL
             WHERE model_id = $1 AND unit = $2 AND engine_version = $3 AND state = 'done'
               AND report IS NULL",
            key.model_id.as_str(),
            key.unit_name(),
            ENGINE_VERSION,
            report,
        )
        .execute(&self.pool)
        .await?
        .rows_affected();
        Ok(kept == 1)
    }

    /// Takes the report of this engine that is overdue longest, and makes it due again later. `None` when none is.
    pub async fn claim_overdue_report(&self) -> Result<Option<OverdueReport>, CommandError> {
        let now = self.clock.now();
        let row = sqlx::query!(
            r#"UPDATE write.analyses AS a
               SET report_begun = a.report_begun + 1,
                   report_due = CASE WHEN a.report_begun + 1 < $4 THEN $3::timestamptz END
               FROM (SELECT model_id, unit, engine_version FROM write.analyses
                     WHERE report_due <= $1 AND engine_version = $2
                     ORDER BY report_due LIMIT 1 FOR UPDATE SKIP LOCKED) AS overdue
               WHERE a.model_id = overdue.model_id AND a.unit = overdue.unit
                 AND a.engine_version = overdue.engine_version
               RETURNING a.model_id, a.unit, a.analysis AS "analysis!""#,
            now,
            ENGINE_VERSION,
            now + DUE_AFTER,
            i32::from(MAX_BEGUN),
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let unreadable = |what: &str, why: &dyn std::fmt::Display| {
            CommandError::Inconsistent(format!("write.analyses {}: {what}: {why}", row.model_id))
        };
        let model_id = row.model_id.parse().map_err(|error| unreadable("model", &error))?;
        let unit = serde_json::from_value(Value::String(row.unit.clone()))
            .map_err(|error| unreadable("unit", &error))?;
        let analysis =
            serde_json::from_value(row.analysis).map_err(|error| unreadable("analysis", &error))?;
        let key = AnalysisKey { model_id, unit };
        Ok(Some(OverdueReport { key, analysis: Arc::new(analysis) }))
    }
}
