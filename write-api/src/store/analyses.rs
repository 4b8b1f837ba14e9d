//! What was measured of a model, kept once for each unit and engine version.
//!
//! A calculation runs under a lease that has its job's token. Whoever finds it running sets the waiting jobs aside
//! until the lease ends; whoever ends it frees them all at once. So that nobody is set aside after that, the finder
//! holds the analysis' row shared while it looks: the end then comes after it and finds it waiting.
//!
//! Locks: job, order, analysis, in this order; the end of an analysis skips jobs that are locked, because whoever has
//! them locked is about to look at the analysis.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use moka::sync::Cache;
use pricing::ENGINE_VERSION;
use pricing::analysis::Analysis;
use serde::{Deserialize, Serialize};
use shared::ids::ModelId;
use shared::order::spec::{Unit, WorkSpec};
use shared::platform::database::BEGIN_WITHOUT_WAITING;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::reports::DUE_AFTER;
use super::{CommandError, JobFence, Store};

/// Analyses that a process keeps in memory; each is a kilobyte or two.
const KEPT_IN_MEMORY: u64 = 1_000;

/// Which analysis: a model read in a unit. The engine's version is the process's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AnalysisKey {
    /// The file.
    pub model_id: ModelId,
    /// As the caller says.
    pub unit: Unit,
}

/// What is known of a model.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// It was measured.
    Measured(Arc<Analysis>),
    /// It cannot be measured.
    Refused(FileRefusal),
}

/// Why a file cannot be measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRefusal {
    /// The kind, stable for programs.
    pub code: String,
    /// For people.
    pub reason: String,
}

/// What a claimed job needs before it can be priced.
#[derive(Debug, Clone, PartialEq)]
pub enum Need {
    /// Nothing: this is known already.
    Nothing(Known),
    /// The analysis, which this worker now has the lease for.
    Analysis,
}

/// What somebody who needs an analysis finds.
pub(super) enum Found {
    Known(Known),
    /// It is the finder's to calculate.
    Yours,
    /// Somebody calculates it, at least until then.
    Running {
        until: DateTime<Utc>,
    },
}

/// A calculation that somebody wants to begin.
pub(super) struct Asked<'a> {
    pub key: &'a AnalysisKey,
    pub lease_token: Uuid,
    pub lease_until: DateTime<Utc>,
    /// So often it may be begun before the file counts as one that kills workers.
    pub max_begun: u32,
    pub now: DateTime<Utc>,
}

/// Analyses that this process has seen.
#[derive(Clone)]
pub(super) struct Remembered(Cache<AnalysisKey, Arc<Analysis>>);

impl Default for Remembered {
    fn default() -> Self {
        Self(Cache::new(KEPT_IN_MEMORY))
    }
}

impl AnalysisKey {
    /// What pricing this needs.
    pub fn of(spec: &WorkSpec) -> Self {
        Self { model_id: spec.model_id.clone(), unit: spec.unit }
    }

    /// The unit as in rows: its name in JSON.
    pub(super) fn unit_name(&self) -> String {
        unit_name(self.unit)
    }
}

/// The unit's name in rows: as in JSON.
pub(super) fn unit_name(unit: Unit) -> String {
    match serde_json::to_value(unit) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// The unit with this name in rows.
pub(super) fn unit_named(name: &str) -> Option<Unit> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
}

impl Store {
    /// What is known of a model, if anything is.
    pub async fn lookup_analysis(&self, key: &AnalysisKey) -> Result<Option<Known>, CommandError> {
        self.remembered_or_known(&mut *self.pool.acquire().await?, key).await
    }

    /// As [`Store::lookup_analysis`], inside a transaction.
    pub(super) async fn remembered_or_known(
        &self,
        connection: &mut PgConnection,
        key: &AnalysisKey,
    ) -> Result<Option<Known>, CommandError> {
        match self.remembered.0.get(key) {
            Some(measured) => Ok(Some(Known::Measured(measured))),
            None => self.known(connection, key).await,
        }
    }

    /// What an engine, perhaps an older one, measured of a model; `None` when it did not, or when this version of the
    /// program cannot read it any more.
    pub async fn lookup_analysis_of_engine(
        &self,
        key: &AnalysisKey,
        engine_version: &str,
    ) -> Result<Option<Analysis>, CommandError> {
        let kept = sqlx::query_scalar!(
            "SELECT analysis FROM write.analyses
             WHERE model_id = $1 AND unit = $2 AND engine_version = $3 AND state = 'done'",
            key.model_id.as_str(),
            key.unit_name(),
            engine_version,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(kept.flatten().and_then(|kept| serde_json::from_value(kept).ok()))
    }

    /// How large a model is: bytes of the file, and facets as counted at the upload. `None` when there is no such
    /// model.
    pub async fn model_size(&self, model_id: &ModelId) -> Result<Option<(u64, u64)>, CommandError> {
        let size = sqlx::query!(
            "SELECT bytes, facets FROM write.models WHERE model_id = $1",
            model_id.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(size.map(|size| (size.bytes.unsigned_abs(), size.facets.unsigned_abs())))
    }

    /// Keeps what was measured and frees the jobs that wait for it; the report of what was measured is then due. `false`
    /// when the lease was lost.
    #[tracing::instrument(name = "db.analysis.finish", skip_all, err(level = "debug"))]
    pub async fn finish_analysis(
        &self,
        fence: &JobFence,
        key: &AnalysisKey,
        known: &Known,
    ) -> Result<bool, CommandError> {
        let (analysis, refusal) = match known {
            Known::Measured(analysis) => (Some(&**analysis), None),
            Known::Refused(refusal) => (None, Some(refusal)),
        };
        let now = self.clock.now();
        let state = if refusal.is_some() { "refused" } else { "done" };
        // The end of the job is waited for; if this is lost before, the lease runs out and the model is measured again.
        let mut transaction = self.pool.begin_with(BEGIN_WITHOUT_WAITING).await?;
        let kept = sqlx::query!(
            "UPDATE write.analyses
             SET state = $5, analysis = $6, report_due = $7, refusal = $8, finished_at = $9,
                 standing = $10, lease_token = NULL, lease_until = NULL
             WHERE model_id = $1 AND unit = $2 AND engine_version = $3 AND lease_token = $4",
            key.model_id.as_str(),
            key.unit_name(),
            ENGINE_VERSION,
            fence.lease_token,
            state,
            analysis.map(Json) as _,
            analysis.map(|_| now + DUE_AFTER),
            refusal.map(Json) as _,
            now,
            analysis.map(|analysis| Json(analysis.standing())) as _,
        )
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if kept == 0 {
            return Ok(false);
        }
        let freed =
            free(&mut transaction, fence.subject.id(), key.model_id.as_str(), &key.unit_name())
                .await?;
        transaction.commit().await?;
        let freed_late = free_what_was_locked(&self.pool, key).await?;
        if freed || freed_late {
            self.bells.ring_pricers();
        }
        self.remember(key, known);
        Ok(true)
    }

    /// What is known, or the lease to calculate it, or until when somebody else has it.
    pub(super) async fn ask_for_analysis(
        &self,
        connection: &mut PgConnection,
        asked: &Asked<'_>,
    ) -> Result<Found, CommandError> {
        if let Some(known) = self.remembered_or_known(connection, asked.key).await? {
            return Ok(Found::Known(known));
        }
        if begin(connection, asked).await? {
            return Ok(Found::Yours);
        }
        let running = sqlx::query!(
            r#"SELECT lease_until FROM write.analyses
               WHERE model_id = $1 AND unit = $2 AND engine_version = $3 AND state = 'running'
               FOR SHARE"#,
            asked.key.model_id.as_str(),
            asked.key.unit_name(),
            ENGINE_VERSION,
        )
        .fetch_optional(&mut *connection)
        .await?;
        match running.and_then(|row| row.lease_until) {
            Some(until) if until > asked.now => Ok(Found::Running { until }),
            Some(_) => Ok(Found::Known(refuse_killer(connection, asked).await?)),
            None => match self.known(connection, asked.key).await? {
                Some(known) => Ok(Found::Known(known)),
                None => Ok(Found::Running { until: asked.now }),
            },
        }
    }

    async fn known(
        &self,
        connection: &mut PgConnection,
        key: &AnalysisKey,
    ) -> Result<Option<Known>, CommandError> {
        let row = sqlx::query!(
            r#"SELECT analysis, refusal AS "refusal: Json<FileRefusal>"
               FROM write.analyses
               WHERE model_id = $1 AND unit = $2 AND engine_version = $3 AND state <> 'running'"#,
            key.model_id.as_str(),
            key.unit_name(),
            ENGINE_VERSION,
        )
        .fetch_optional(&mut *connection)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let known = match (row.analysis.map(serde_json::from_value), row.refusal) {
            (Some(Ok(analysis)), _) => Some(Known::Measured(Arc::new(analysis))),
            (Some(Err(error)), _) => {
                tracing::error!(model.id = %key.model_id, %error, "a kept analysis cannot be read");
                forget(connection, key).await?;
                None
            }
            (None, Some(Json(refusal))) => Some(Known::Refused(refusal)),
            (None, None) => None,
        };
        if let Some(known) = &known {
            self.remember(key, known);
        }
        Ok(known)
    }

    /// Whether this process has what was measured in memory.
    pub(super) fn remembers(&self, key: Option<&AnalysisKey>) -> bool {
        key.is_some_and(|key| self.remembered.0.contains_key(key))
    }

    /// Refusals are not remembered: a person may have them forgotten.
    fn remember(&self, key: &AnalysisKey, known: &Known) {
        if let Known::Measured(analysis) = known {
            self.remembered.0.insert(key.clone(), analysis.clone());
        }
    }
}

/// Takes the lease of an analysis that nobody has calculated or is calculating.
async fn begin(connection: &mut PgConnection, asked: &Asked<'_>) -> Result<bool, CommandError> {
    let begun = sqlx::query!(
        "INSERT INTO write.analyses AS a
             (model_id, unit, engine_version, state, lease_token, lease_until)
         VALUES ($1, $2, $3, 'running', $4, $5)
         ON CONFLICT (model_id, unit, engine_version) DO UPDATE
         SET lease_token = EXCLUDED.lease_token, lease_until = EXCLUDED.lease_until,
             begun = a.begun + 1
         WHERE a.state = 'running' AND a.lease_until <= $6 AND a.begun < $7",
        asked.key.model_id.as_str(),
        asked.key.unit_name(),
        ENGINE_VERSION,
        asked.lease_token,
        asked.lease_until,
        asked.now,
        i32::try_from(asked.max_begun).unwrap_or(i32::MAX),
    )
    .execute(connection)
    .await?
    .rows_affected();
    Ok(begun == 1)
}

/// A job has ended or gone back, and with it the lease of an analysis that it may have had: another worker may begin
/// at once. Answers whether somebody waited for it.
pub(super) async fn let_go(
    connection: &mut PgConnection,
    job_of: Uuid,
    lease_token: Uuid,
    counts: bool,
    now: DateTime<Utc>,
) -> Result<bool, CommandError> {
    let left = sqlx::query!(
        "UPDATE write.analyses SET lease_until = $2, begun = begun - $3
         WHERE lease_token = $1 AND state = 'running' RETURNING model_id, unit",
        lease_token,
        now,
        i32::from(!counts),
    )
    .fetch_optional(&mut *connection)
    .await?;
    match left {
        Some(left) => free(connection, job_of, &left.model_id, &left.unit).await,
        None => Ok(false),
    }
}

/// Those who wait for an analysis wait no longer, but for the job that just went back: it may have to wait for
/// something else. Answers whether there were any.
async fn free(
    connection: &mut PgConnection,
    but: Uuid,
    model_id: &str,
    unit: &str,
) -> Result<bool, CommandError> {
    let freed = sqlx::query!(
        "UPDATE write.pricing_jobs AS j SET not_before = j.queued_at
         FROM (SELECT w.order_id, w.generation FROM write.pricing_jobs AS w
               WHERE w.state = 'queued' AND w.model_id = $1 AND w.unit = $2
                 AND w.not_before > w.queued_at AND w.order_id <> $3
               FOR UPDATE SKIP LOCKED) AS waiting
         WHERE j.order_id = waiting.order_id AND j.generation = waiting.generation",
        model_id,
        unit,
        but,
    )
    .execute(connection)
    .await?
    .rows_affected();
    Ok(freed > 0)
}

/// Frees those that were locked when their analysis ended, by somebody who was *not* about to look at it: who looks
/// for a due job also locks, for a moment, one that was just set aside. With nothing else locked, to wait for them
/// blocks nobody.
async fn free_what_was_locked(pool: &PgPool, key: &AnalysisKey) -> Result<bool, CommandError> {
    let freed = sqlx::query!(
        "UPDATE write.pricing_jobs SET not_before = queued_at
         WHERE state = 'queued' AND model_id = $1 AND unit = $2 AND not_before > queued_at",
        key.model_id.as_str(),
        key.unit_name(),
    )
    .execute(pool)
    .await?
    .rows_affected();
    Ok(freed > 0)
}

/// Workers died of this file, or so it looks: nobody tries again until a person asks.
async fn refuse_killer(
    connection: &mut PgConnection,
    asked: &Asked<'_>,
) -> Result<Known, CommandError> {
    let refusal = FileRefusal {
        code: "attempts-exhausted".to_owned(),
        reason: format!("{} calculations ended without an answer", asked.max_begun),
    };
    sqlx::query!(
        "UPDATE write.analyses
         SET state = 'refused', refusal = $4, finished_at = $5, lease_token = NULL, lease_until = NULL
         WHERE model_id = $1 AND unit = $2 AND engine_version = $3 AND state = 'running'",
        asked.key.model_id.as_str(),
        asked.key.unit_name(),
        ENGINE_VERSION,
        Json(&refusal) as _,
        asked.now,
    )
    .execute(connection)
    .await?;
    Ok(Known::Refused(refusal))
}

/// A row of another shape, made by a program with the same engine version: it is made anew.
async fn forget(connection: &mut PgConnection, key: &AnalysisKey) -> Result<(), CommandError> {
    sqlx::query!(
        "DELETE FROM write.analyses
         WHERE model_id = $1 AND unit = $2 AND engine_version = $3 AND state = 'done'",
        key.model_id.as_str(),
        key.unit_name(),
        ENGINE_VERSION,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A person has mended what made the pricing fail: the file is looked at anew.
pub(super) async fn forget_refusal(
    connection: &mut PgConnection,
    key: &AnalysisKey,
) -> Result<(), CommandError> {
    sqlx::query!(
        "DELETE FROM write.analyses
         WHERE model_id = $1 AND unit = $2 AND engine_version = $3 AND state = 'refused'",
        key.model_id.as_str(),
        key.unit_name(),
        ENGINE_VERSION,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Sets all jobs that need a running analysis aside until its lease ends.
pub(super) async fn set_aside(
    connection: &mut PgConnection,
    key: &AnalysisKey,
    until: DateTime<Utc>,
) -> Result<(), CommandError> {
    sqlx::query!(
        "UPDATE write.pricing_jobs AS j SET not_before = $3
         FROM (SELECT w.order_id, w.generation FROM write.pricing_jobs AS w
               WHERE w.state = 'queued' AND w.model_id = $1 AND w.unit = $2 AND w.not_before < $3
               FOR UPDATE SKIP LOCKED) AS waiting
         WHERE j.order_id = waiting.order_id AND j.generation = waiting.generation",
        key.model_id.as_str(),
        key.unit_name(),
        until,
    )
    .execute(connection)
    .await?;
    Ok(())
}
