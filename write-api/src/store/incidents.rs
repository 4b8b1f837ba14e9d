//! Rows of `write.incidents`. Whoever finds trouble opens an incident here; opening it again only says that it is
//! still so. None of this is part of a command: an incident must be seen even when a command failed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::actor::Actor;
use shared::ids::OrderId;
use shared::incident::{Finding, Incident, IncidentStatus};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{CommandError, Handled, Store, Work};

/// Attempts that are kept; older ones are counted in `tries`.
const KEPT_ATTEMPTS: i32 = 20;

/// What acknowledging an incident answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct IncidentAnswer {
    /// As it is now.
    pub incident: Incident,
    /// Whether it was closed already and nothing changed.
    pub already_done: bool,
}

struct Row {
    incident_id: Uuid,
    subject_kind: String,
    subject: String,
    order_id: Option<Uuid>,
    cause: String,
    status: String,
    owner: String,
    evidence: Value,
    attempts: Value,
    tries: i32,
    opened_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    tried_at: Option<DateTime<Utc>>,
    deadline: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Incident {
    type Error = CommandError;

    fn try_from(row: Row) -> Result<Self, CommandError> {
        let unknown = || {
            let text = format!("write.incidents {}: status {}", row.incident_id, row.status);
            CommandError::Inconsistent(text)
        };
        Ok(Self {
            status: IncidentStatus::parse(&row.status).ok_or_else(unknown)?,
            incident_id: row.incident_id,
            subject_kind: row.subject_kind,
            subject: row.subject,
            order_id: row.order_id.map(OrderId::new),
            cause: row.cause,
            owner: row.owner,
            evidence: row.evidence,
            attempts: row.attempts,
            tries: row.tries,
            opened_at: row.opened_at,
            last_seen_at: row.last_seen_at,
            tried_at: row.tried_at,
            deadline: row.deadline,
            closed_at: row.closed_at,
        })
    }
}

/// Findings, a column an array. A subject and cause that stand twice are one.
#[derive(Default)]
struct Columns<'f> {
    ids: Vec<Uuid>,
    kinds: Vec<&'static str>,
    subjects: Vec<&'f str>,
    orders: Vec<Option<Uuid>>,
    causes: Vec<&'static str>,
    owners: Vec<&'static str>,
    evidence: Vec<&'f Value>,
    deadlines: Vec<DateTime<Utc>>,
}

impl Store {
    /// Opens an incident, or says of the open one that it is still so. Repeating it changes nothing else.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_incident(&self, finding: &Finding) -> Result<Incident, CommandError> {
        let mut opened = self.open_incidents(std::slice::from_ref(finding)).await?;
        opened.pop().ok_or_else(|| CommandError::Inconsistent("no incident opened".to_owned()))
    }

    /// Opens many at once, in no order: one answer for each subject and cause.
    ///
    /// # Errors
    /// As for [`Self::open_incident`].
    pub async fn open_incidents(
        &self,
        findings: &[Finding],
    ) -> Result<Vec<Incident>, CommandError> {
        let mut columns = Columns::default();
        for finding in findings {
            columns.ids.push(self.ids.next());
            columns.kinds.push(finding.subject.kind);
            columns.subjects.push(&finding.subject.name);
            columns.orders.push(finding.subject.order_id.map(|id| id.as_uuid()));
            columns.causes.push(finding.cause);
            columns.owners.push(finding.owner.as_str());
            columns.evidence.push(&finding.evidence);
            columns.deadlines.push(finding.deadline);
        }
        if columns.ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query_as!(
            Row,
            "INSERT INTO write.incidents AS i
                 (incident_id, subject_kind, subject, order_id, cause, status, owner, evidence,
                  opened_at, last_seen_at, deadline)
             SELECT DISTINCT ON (n.cause, n.kind, n.subject)
                    n.id, n.kind, n.subject, n.order_id, n.cause, 'open', n.owner, n.evidence,
                    $9, $9, n.deadline
             FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[],
                         $7::jsonb[], $8::timestamptz[])
                  AS n (id, kind, subject, order_id, cause, owner, evidence, deadline)
             ORDER BY n.cause, n.kind, n.subject, n.id
             ON CONFLICT (cause, subject_kind, subject) WHERE closed_at IS NULL DO UPDATE
             SET last_seen_at = excluded.last_seen_at, evidence = excluded.evidence
             RETURNING incident_id, subject_kind, subject, order_id, cause, status, owner, evidence,
                       attempts, tries, opened_at, last_seen_at, tried_at, deadline, closed_at",
            &columns.ids,
            &columns.kinds as &[&str],
            &columns.subjects as &[&str],
            &columns.orders as &[Option<Uuid>],
            &columns.causes as &[&str],
            &columns.owners as &[&str],
            &columns.evidence as &[&Value],
            &columns.deadlines,
            self.clock.now(),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Incident::try_from).collect()
    }

    /// Writes down that the system tried to heal it, and what came of it. An open one is being healed from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_attempt(
        &self,
        incident_id: Uuid,
        what: &str,
        outcome: &str,
    ) -> Result<(), CommandError> {
        let now = self.clock.now();
        let entry = json!([{ "at": now, "what": what, "outcome": outcome }]);
        sqlx::query!(
            "UPDATE write.incidents
             SET status = CASE status WHEN 'open' THEN 'healing' ELSE status END,
                 tries = tries + 1, tried_at = $3,
                 attempts = CASE WHEN jsonb_array_length(attempts) >= $4 THEN attempts - 0
                                 ELSE attempts END || $2::jsonb
             WHERE incident_id = $1 AND closed_at IS NULL",
            incident_id,
            entry,
            now,
            KEPT_ATTEMPTS,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The system cannot heal it: its owner must act. One that was escalated or acknowledged stays as it is.
    /// Answers whether it was escalated now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn escalate(&self, incident_id: Uuid, why: &str) -> Result<bool, CommandError> {
        let entry = json!([{ "at": self.clock.now(), "what": "escalate", "outcome": why }]);
        let escalated = sqlx::query!(
            "UPDATE write.incidents
             SET status = 'escalated',
                 attempts = CASE WHEN jsonb_array_length(attempts) >= $3 THEN attempts - 0
                                 ELSE attempts END || $2::jsonb
             WHERE incident_id = $1 AND status IN ('open', 'healing')",
            incident_id,
            entry,
            KEPT_ATTEMPTS,
        )
        .execute(&self.pool)
        .await?;
        Ok(escalated.rows_affected() == 1)
    }

    /// The cause is gone. Answers whether it was open until now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn close_incident(&self, incident_id: Uuid) -> Result<bool, CommandError> {
        let closed = sqlx::query!(
            "UPDATE write.incidents SET status = 'healed', closed_at = $2
             WHERE incident_id = $1 AND closed_at IS NULL",
            incident_id,
            self.clock.now(),
        )
        .execute(&self.pool)
        .await?;
        Ok(closed.rows_affected() == 1)
    }

    /// Closes those of these causes that a complete look did not find any more: all but the `seen`. Answers how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn close_unseen_incidents(
        &self,
        causes: &[&'static str],
        seen: &[Uuid],
    ) -> Result<u64, CommandError> {
        let closed = sqlx::query!(
            "UPDATE write.incidents SET status = 'healed', closed_at = $3
             WHERE cause = ANY($1) AND closed_at IS NULL AND NOT (incident_id = ANY($2))",
            causes as &[&str],
            seen,
            self.clock.now(),
        )
        .execute(&self.pool)
        .await?;
        Ok(closed.rows_affected())
    }
}

impl Work<'_> {
    /// A person knows of it, and says why it may stay: the system leaves it to them. What is closed stays closed.
    pub async fn acknowledge_incident(
        &mut self,
        incident_id: Uuid,
        reason: &str,
    ) -> Result<Handled, CommandError> {
        let (store, connection, context) = self.parts();
        let now = store.clock().now();
        let acknowledged =
            acknowledge(connection, incident_id, &context.actor, reason, now).await?;
        let incident = load(connection, incident_id).await?;
        let incident = incident.ok_or(CommandError::UnknownIncident)?;
        self.answer(&IncidentAnswer { incident, already_done: !acknowledged }).await
    }
}

async fn acknowledge(
    connection: &mut PgConnection,
    incident_id: Uuid,
    by: &Actor,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool, CommandError> {
    let entry = json!([{ "at": now, "what": "acknowledge", "outcome": reason, "by": by }]);
    let acknowledged = sqlx::query!(
        "UPDATE write.incidents
         SET status = 'acknowledged',
             attempts = CASE WHEN jsonb_array_length(attempts) >= $3 THEN attempts - 0
                             ELSE attempts END || $2::jsonb
         WHERE incident_id = $1 AND closed_at IS NULL",
        incident_id,
        entry,
        KEPT_ATTEMPTS,
    )
    .execute(connection)
    .await?;
    Ok(acknowledged.rows_affected() == 1)
}

async fn load(
    connection: &mut PgConnection,
    incident_id: Uuid,
) -> Result<Option<Incident>, CommandError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT incident_id, subject_kind, subject, order_id, cause, status, owner, evidence,
                attempts, tries, opened_at, last_seen_at, tried_at, deadline, closed_at
         FROM write.incidents WHERE incident_id = $1",
        incident_id,
    )
    .fetch_optional(connection)
    .await?;
    row.map(Incident::try_from).transpose()
}
