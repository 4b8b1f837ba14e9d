//! Lists that others send of our orders: loaded here, compared by a consumer, and what is behind sent again.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::actor::Actor;
use shared::contracts::outbound::Recipient;
use shared::ids::ReconciliationId;
use shared::reconciliation::{Line, Party};
use sqlx::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;

use super::audit::{self, Deed};
use super::causes::Fingerprint;
use super::{CommandError, Handled, Store, Work};

/// A list whose sender has said nothing for so long is taken for broken off, and the key may be used again.
const BROKEN_OFF: TimeDelta = TimeDelta::seconds(15);
/// Events under way to one recipient before more are sent again.
const MOST_UNDER_WAY: i64 = 10_000;

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
    /// Events that are on their way, each under the id that it always had.
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
    /// Nothing can be sent to a partner: they read their feed.
    #[error("a partner is told by the feed, from which everything can be read again")]
    NoChannel,
    /// The recipient has enough to do.
    #[error(
        "{MOST_UNDER_WAY} events are under way to this recipient: go on when they have arrived"
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

impl Work<'_> {
    /// Sends events again to whoever is behind: through the relay's own table, so that an order's events keep their
    /// order, and under the ids that they always had.
    pub async fn redrive(
        &mut self,
        id: ReconciliationId,
        kinds: &[String],
        limit: u16,
        reason: Option<&str>,
    ) -> Result<Handled, CommandError> {
        let (store, connection, context) = self.parts();
        let now = store.clock().now();
        let party = lock_done(connection, id, &context.actor).await?;
        let recipient = party.recipient().ok_or(ReconciliationRefusal::NoChannel)?;
        if under_way(connection, recipient).await? >= MOST_UNDER_WAY {
            return Err(ReconciliationRefusal::TooManyUnderWay.into());
        }
        let told: Vec<String> = party.told().map(|(event, _)| event.to_owned()).collect();
        let sent = sqlx::query!(
            r#"WITH chosen AS (
                   SELECT row_no, order_id, version FROM write.reconciliation_rows
                   WHERE reconciliation_id = $1 AND kind = ANY($2) AND kind <> 'same'
                     AND resent_at IS NULL
                   ORDER BY row_no LIMIT $3 FOR UPDATE),
               marked AS (
                   UPDATE write.reconciliation_rows AS r SET resent_at = $4
                   FROM chosen WHERE r.reconciliation_id = $1 AND r.row_no = chosen.row_no),
               resent AS (
                   INSERT INTO write.parked_deliveries
                       (recipient, order_id, position, reason, attempts, next_attempt, parked_at)
                   SELECT $5, e.order_id, e.position, 'resent', 0, $4, $4
                   FROM chosen
                   JOIN write.order_events AS e
                     ON e.order_id = chosen.order_id AND e.version > coalesce(chosen.version, 0)
                    AND e.kind = ANY($6)
                   JOIN write.followers AS f ON f.name = 'relay:' || $5 AND e.position <= f.cursor
                   ON CONFLICT (recipient, order_id, position) DO NOTHING
                   RETURNING 1)
               SELECT (SELECT count(*) FROM chosen) AS "rows!", (SELECT count(*) FROM resent) AS "events!""#,
            id.as_uuid(),
            kinds,
            i64::from(limit),
            now,
            recipient.as_str(),
            &told,
        )
        .fetch_one(&mut *connection)
        .await?;
        let left = left(connection, id, kinds).await?;
        let subject = format!("reconciliation:{id}");
        let (rows, events) = (sent.rows.cast_unsigned(), sent.events.cast_unsigned());
        let detail = Some(json!({ "kinds": kinds, "rows": rows, "events": events, "left": left }));
        let deed = Deed { subject: &subject, action: "redrive", reason, detail, body: None };
        audit::note(connection, context, now, deed).await?;
        self.answer(&RedriveAnswer { rows, events, left }).await
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

/// People of the office may deal with everybody's lists, a system with its own.
async fn lock_done(
    connection: &mut PgConnection,
    id: ReconciliationId,
    by: &Actor,
) -> Result<Party, CommandError> {
    let known = sqlx::query!(
        "SELECT party, state FROM write.reconciliations WHERE reconciliation_id = $1 FOR UPDATE",
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await?
    .ok_or(ReconciliationRefusal::Unknown)?;
    let party: Party = known.party.parse().map_err(|error| {
        CommandError::Inconsistent(format!("write.reconciliations {id}: {error}"))
    })?;
    if Party::of(by).is_some_and(|own| own != party) {
        return Err(ReconciliationRefusal::Unknown.into());
    }
    if known.state != "done" {
        return Err(ReconciliationRefusal::NotDone.into());
    }
    Ok(party)
}

async fn under_way(
    connection: &mut PgConnection,
    recipient: Recipient,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "under_way!" FROM (
               SELECT FROM write.parked_deliveries WHERE recipient = $1 LIMIT $2) AS few"#,
        recipient.as_str(),
        MOST_UNDER_WAY,
    )
    .fetch_one(connection)
    .await
}

async fn left(
    connection: &mut PgConnection,
    id: ReconciliationId,
    kinds: &[String],
) -> Result<u64, sqlx::Error> {
    let left = sqlx::query_scalar!(
        r#"SELECT count(*) AS "left!" FROM write.reconciliation_rows
           WHERE reconciliation_id = $1 AND kind = ANY($2) AND kind <> 'same' AND resent_at IS NULL"#,
        id.as_uuid(),
        kinds,
    )
    .fetch_one(connection)
    .await?;
    Ok(left.cast_unsigned())
}
