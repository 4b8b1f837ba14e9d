//! "Was this handled, and what was the answer?" One table for HTTP and AMQP, in the transaction of the work.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use shared::ids::OrderId;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{CommandError, Handled};

/// The SHA-256 of what was asked: the same key with another body is a mistake of the caller.
pub type Fingerprint = [u8; 32];

/// What makes a retry the same command: for HTTP the caller and their `Idempotency-Key`, for AMQP the message's
/// source and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Whose key it is.
    pub source: String,
    /// Unique within the source.
    pub key: String,
    /// Of what was asked.
    pub fingerprint: Fingerprint,
}

impl Cause {
    /// A cause whose fingerprint is that of `parts`, one after another with their lengths.
    pub fn new(source: impl Into<String>, key: impl Into<String>, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        Self { source: source.into(), key: key.into(), fingerprint: hash.finalize().into() }
    }

    /// How events name their cause.
    pub fn label(&self) -> String {
        format!("{}/{}", self.source, self.key)
    }
}

/// Claims the cause for this transaction. Waits for another transaction that holds the same one.
///
/// Answers the kept answer when the command was handled before; that path writes too, so that its commit waits
/// for the synchronous standby to have everything before it.
pub(super) async fn claim(
    connection: &mut PgConnection,
    cause: &Cause,
    now: DateTime<Utc>,
) -> Result<Option<Handled>, CommandError> {
    let claimed = sqlx::query!(
        "INSERT INTO write.causes (source, key, fingerprint, created_at, last_seen_at)
         VALUES ($1, $2, $3, $4, $4)
         ON CONFLICT (source, key) DO NOTHING",
        cause.source,
        cause.key,
        &cause.fingerprint[..],
        now,
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    crate::planted!(NoDedupe, {
        return Ok(None);
    });
    if claimed == 1 { Ok(None) } else { find_answer(connection, cause, now).await }
}

/// The kept answer to a cause, if it was handled.
pub(super) async fn find_answer(
    connection: &mut PgConnection,
    cause: &Cause,
    now: DateTime<Utc>,
) -> Result<Option<Handled>, CommandError> {
    crate::planted!(ReplayWithoutWrite, {
        let known: Option<Json<Box<RawValue>>> =
            sqlx::query_scalar("SELECT answer FROM write.causes WHERE source = $1 AND key = $2")
                .bind(&cause.source)
                .bind(&cause.key)
                .fetch_optional(connection)
                .await?;
        return Ok(known.map(|answer| Handled {
            answer: Arc::from(answer.0),
            replayed: true,
            wakes_pricers: false,
        }));
    });
    let known = sqlx::query!(
        r#"UPDATE write.causes SET last_seen_at = $3 WHERE source = $1 AND key = $2
           RETURNING fingerprint, answer AS "answer: Json<Box<RawValue>>""#,
        cause.source,
        cause.key,
        now,
    )
    .fetch_optional(connection)
    .await?;
    let Some(known) = known else { return Ok(None) };
    if known.fingerprint != cause.fingerprint {
        return Err(CommandError::CauseReused);
    }
    let answer = known.answer.ok_or_else(|| {
        CommandError::Inconsistent(format!("write.causes {}: no answer kept", cause.label()))
    })?;
    Ok(Some(Handled { answer: Arc::from(answer.0), replayed: true, wakes_pricers: false }))
}

/// The kept answers to those of these causes, of one source, that were handled with the same fingerprint. Only looks:
/// whoever passes an answer on must commit a write afterwards.
pub(super) async fn find_answers(
    connection: &mut PgConnection,
    causes: &[&Cause],
) -> Result<HashMap<(String, Fingerprint), Handled>, CommandError> {
    let Some(first) = causes.first() else { return Ok(HashMap::new()) };
    let keys: Vec<String> = causes.iter().map(|cause| cause.key.clone()).collect();
    let rows = sqlx::query!(
        r#"SELECT key, fingerprint, answer AS "answer!: Json<Box<RawValue>>" FROM write.causes
           WHERE source = $1 AND key = ANY($2) AND answer IS NOT NULL"#,
        first.source,
        &keys,
    )
    .fetch_all(connection)
    .await?;
    let known = rows.into_iter().filter_map(|row| {
        let fingerprint = Fingerprint::try_from(row.fingerprint).ok()?;
        let answer = Arc::from(row.answer.0);
        let handled = Handled { answer, replayed: true, wakes_pricers: false };
        Some(((row.key, fingerprint), handled))
    });
    Ok(known.collect())
}

/// Keeps the answer beside the claimed cause. It goes as text: as a JSON parameter it would be `jsonb` on the way,
/// and come back with other spaces and another order of its members.
pub(super) async fn keep_answer(
    connection: &mut PgConnection,
    cause: &Cause,
    order_id: Option<OrderId>,
    answer: &RawValue,
) -> Result<(), CommandError> {
    sqlx::query!(
        "UPDATE write.causes SET answer = ($3::text)::json, order_id = $4
         WHERE source = $1 AND key = $2",
        cause.source,
        cause.key,
        answer.get(),
        order_id.map(|order_id| order_id.as_uuid()),
    )
    .execute(connection)
    .await?;
    Ok(())
}
