//! Lists that others send of our orders: loaded here, compared by a consumer, and what is behind [sent again](redrive).

mod redrive;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shared::actor::Actor;
use shared::ids::ReconciliationId;
use shared::reconciliation::{Line, Party};
use sqlx::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;

use super::causes::Fingerprint;
use super::{CommandError, Store};

/// A list whose sender has said nothing for so long is taken for broken off, and the key may be used again.
const BROKEN_OFF: TimeDelta = TimeDelta::seconds(15);

/// A list that begins, or one that came before and is only compared with itself.
#[derive(Debug, Clone)]
pub struct ReconciliationStart {
    /// Names it.
    pub id: ReconciliationId,
    /// Whether it came before.
    pub is_known: bool,
    body_hash: Option<Vec<u8>>,
}

/// What was sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RedriveAnswer {
    /// Rows of the reconciliation that this call dealt with.
    pub rows: u64,
    /// Events that are on their way, each under the id that it always had; to a partner, to each of its webhooks.
    pub events: u64,
    /// Rows that are left: call again.
    pub left: u64,
}

/// Why a list is not taken, or nothing of it sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReconciliationRefusal {
    /// There is none with this id, or it is not the caller's to see.
    #[error("there is no such reconciliation")]
    Unknown,
    /// One list of a party at a time.
    #[error("another list of this party is being taken in or compared")]
    UnderWay,
    /// Its rows are not compared yet, or it broke off.
    #[error("the reconciliation is not done")]
    NotDone,
    /// Nothing can be sent to a partner without a webhook.
    #[error("this partner has no webhook: the feed tells everything again to whoever reads it")]
    NoChannel,
    /// The recipient has enough to do.
    #[error(
        "{} events are under way to this recipient: go on when they have arrived",
        redrive::MOST_UNDER_WAY
    )]
    TooManyUnderWay,
}

impl ReconciliationRefusal {
    /// A stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "not-found",
            Self::UnderWay => "in-progress",
            Self::NotDone => "not-done",
            Self::NoChannel => "no-channel",
            Self::TooManyUnderWay => "too-many-under-way",
        }
    }
}

impl Store {
    /// Begins a list, or finds the one that came before under this key.
    pub async fn start_reconciliation(
        &self,
        party: Party,
        key: &str,
        by: &Actor,
    ) -> Result<ReconciliationStart, CommandError> {
        let (party, now) = (party.to_string(), self.clock.now());
        let mut transaction = self.pool.begin().await?;
        sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('reconcile'), hashtext($1))", party)
            .execute(&mut *transaction)
            .await?;
        give_up_broken(&mut transaction, &party, now).await?;
        let known = sqlx::query!(
            r#"SELECT reconciliation_id, body_hash, request_key = $2 AS "is_same!"
               FROM write.reconciliations
               WHERE party = $1 AND (request_key = $2 OR state IN ('loading', 'comparing'))
               ORDER BY request_key = $2 DESC LIMIT 1"#,
            party,
            key,
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let start = match known {
            Some(known) if known.is_same && known.body_hash.is_some() => {
                let id = ReconciliationId::new(known.reconciliation_id);
                ReconciliationStart { id, is_known: true, body_hash: known.body_hash }
            }
            Some(_) => return Err(ReconciliationRefusal::UnderWay.into()),
            None => {
                let id = ReconciliationId::generate(self.ids());
                add(&mut transaction, id, &party, key, by, now).await?;
                ReconciliationStart { id, is_known: false, body_hash: None }
            }
        };
        transaction.commit().await?;
        Ok(start)
    }

    /// Keeps lines of a list; the first has the number `before + 1`.
    pub async fn keep_lines(
        &self,
        start: &ReconciliationStart,
        before: i64,
        lines: &[Line],
    ) -> Result<(), CommandError> {
        if start.is_known || lines.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = lines.iter().map(|line| line.external_id.clone()).collect();
        let statuses: Vec<String> =
            lines.iter().map(|line| line.status.as_str().to_owned()).collect();
        let versions: Vec<Option<i64>> =
            lines.iter().map(|line| line.version.map(u64::cast_signed)).collect();
        let moments: Vec<Option<DateTime<Utc>>> = lines.iter().map(|line| line.at).collect();
        let kept = sqlx::query!(
            "WITH list AS (
                 UPDATE write.reconciliations SET touched_at = $2
                 WHERE reconciliation_id = $1 AND state = 'loading' RETURNING reconciliation_id)
             INSERT INTO write.reconciliation_rows
                 (reconciliation_id, row_no, external_id, status, version, seen_at)
             SELECT list.reconciliation_id, $3 + l.n, l.name, l.status, l.version, l.moment
             FROM list, unnest($4::text[], $5::text[], $6::bigint[], $7::timestamptz[])
                        WITH ORDINALITY AS l (name, status, version, moment, n)",
            start.id.as_uuid(),
            self.clock.now(),
            before,
            &names,
            &statuses,
            &versions as &[Option<i64>],
            &moments as &[Option<DateTime<Utc>>],
        )
        .execute(&self.pool)
        .await?;
        if kept.rows_affected() == 0 {
            return Err(ReconciliationRefusal::UnderWay.into());
        }
        Ok(())
    }

    /// The whole list is here: it may be compared.
    pub async fn finish_loading(
        &self,
        start: &ReconciliationStart,
        rows: u64,
        hash: &Fingerprint,
    ) -> Result<(), CommandError> {
        if start.is_known {
            let is_same = start.body_hash.as_deref() == Some(hash);
            return if is_same { Ok(()) } else { Err(CommandError::CauseReused) };
        }
        let finished = sqlx::query!(
            "UPDATE write.reconciliations
             SET state = 'comparing', row_count = $2, body_hash = $3, touched_at = $4
             WHERE reconciliation_id = $1 AND state = 'loading'",
            start.id.as_uuid(),
            rows.cast_signed(),
            &hash[..],
            self.clock.now(),
        )
        .execute(&self.pool)
        .await?;
        if finished.rows_affected() == 0 {
            return Err(ReconciliationRefusal::UnderWay.into());
        }
        Ok(())
    }

    /// The list cannot be used. The key is free again.
    pub async fn fail_reconciliation(
        &self,
        start: &ReconciliationStart,
    ) -> Result<(), CommandError> {
        sqlx::query!(
            "UPDATE write.reconciliations
             SET state = 'failed', request_key = request_key || ' ' || reconciliation_id
             WHERE reconciliation_id = $1 AND state = 'loading'",
            start.id.as_uuid(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

async fn add(
    connection: &mut PgConnection,
    id: ReconciliationId,
    party: &str,
    key: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO write.reconciliations
             (reconciliation_id, party, request_key, state, created_by, created_at, touched_at)
         VALUES ($1, $2, $3, 'loading', $4, $5, $5)",
        id.as_uuid(),
        party,
        key,
        Json(by) as _,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn give_up_broken(
    connection: &mut PgConnection,
    party: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE write.reconciliations
         SET state = 'failed', request_key = request_key || ' ' || reconciliation_id
         WHERE party = $1 AND state = 'loading' AND touched_at < $2",
        party,
        now - BROKEN_OFF,
    )
    .execute(connection)
    .await?;
    Ok(())
}
