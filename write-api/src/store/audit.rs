//! What people did beside the orders, kept in the transaction of the deed: who, when, why and what.

use chrono::{DateTime, Utc};
use serde_json::Value;
use shared::actor::Actor;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{CommandContext, CommandError};

/// A deed that is to be remembered.
pub(crate) struct Deed<'d> {
    /// What it was done to, as `message:4711`.
    pub subject: &'d str,
    /// What was done.
    pub action: &'static str,
    /// Why, in the person's words.
    pub reason: Option<&'d str>,
    /// With which particulars.
    pub detail: Option<Value>,
    /// Bytes that were replaced.
    pub body: Option<&'d [u8]>,
}

/// Remembers a deed of a command.
pub(super) async fn note(
    connection: &mut PgConnection,
    context: &CommandContext,
    at: DateTime<Utc>,
    deed: Deed<'_>,
) -> Result<(), CommandError> {
    note_by(connection, &context.actor, &context.cause.label(), at, deed).await
}

/// Remembers what somebody did because of something.
pub(crate) async fn note_by(
    connection: &mut PgConnection,
    by: &Actor,
    cause: &str,
    at: DateTime<Utc>,
    deed: Deed<'_>,
) -> Result<(), CommandError> {
    sqlx::query!(
        "INSERT INTO write.audit_entries (subject, action, by_actor, reason, detail, body, cause, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        deed.subject,
        deed.action,
        Json(by) as _,
        deed.reason,
        deed.detail,
        deed.body,
        cause,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}
