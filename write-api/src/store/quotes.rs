//! Rows of `write.quotes`, and what ends a quote's pricing job.
//!
//! A quote is locked after its job and before an order that is made from it.

use chrono::{DateTime, TimeDelta, Utc};
use shared::ids::QuoteId;
use shared::order::spec::WorkSpec;
use shared::quote::Quote;
use shared::quote::decisions::Calculated;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::CommandError;

/// A worker begins with a quote's job: what is to be priced, or `None` when nobody wants to know any more.
pub(super) async fn start(
    connection: &mut PgConnection,
    quote_id: QuoteId,
) -> Result<Option<WorkSpec>, CommandError> {
    let quote = lock_of_job(connection, quote_id).await?;
    Ok((!quote.state.is_settled()).then_some(quote.spec))
}

/// The price is known. `false` when nobody wants to know any more: the result is dropped.
pub(super) async fn finish(
    connection: &mut PgConnection,
    quote_id: QuoteId,
    calculated: Calculated,
    at: DateTime<Utc>,
    validity: TimeDelta,
) -> Result<bool, CommandError> {
    let quote = lock_of_job(connection, quote_id).await?;
    settle(connection, quote.priced(calculated, at, validity), at).await
}

/// No price can be made of this model. `false` as for [`finish`].
pub(super) async fn fail(
    connection: &mut PgConnection,
    quote_id: QuoteId,
    code: &str,
    reason: &str,
    report: Option<serde_json::Value>,
    at: DateTime<Utc>,
) -> Result<bool, CommandError> {
    let quote = lock_of_job(connection, quote_id).await?;
    settle(connection, quote.refused(code.to_owned(), reason.to_owned(), report, at), at).await
}

async fn settle(
    connection: &mut PgConnection,
    settled: Option<Quote>,
    at: DateTime<Utc>,
) -> Result<bool, CommandError> {
    match settled {
        Some(quote) => save(connection, &quote, at).await.map(|()| true),
        None => Ok(false),
    }
}

async fn lock_of_job(
    connection: &mut PgConnection,
    quote_id: QuoteId,
) -> Result<Quote, CommandError> {
    lock(connection, quote_id).await?.ok_or_else(|| {
        CommandError::Inconsistent(format!("pricing job of unknown quote {quote_id}"))
    })
}

/// Locks the quote's row and answers the quote.
pub(super) async fn lock(
    connection: &mut PgConnection,
    quote_id: QuoteId,
) -> Result<Option<Quote>, CommandError> {
    let row = sqlx::query!(
        r#"SELECT revision, quote AS "quote: Json<Quote>" FROM write.quotes
           WHERE quote_id = $1 FOR UPDATE"#,
        quote_id.as_uuid(),
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let quote = row.quote.0;
    if i64::from(quote.revision) == row.revision && quote.id == quote_id {
        Ok(Some(quote))
    } else {
        Err(CommandError::Inconsistent(format!(
            "write.quotes {quote_id}: quote and columns differ"
        )))
    }
}

/// Adds a new quote, or answers the one that has its reference already. Waits for a transaction that is just
/// adding it.
pub(super) async fn add(
    connection: &mut PgConnection,
    quote: &Quote,
    trace_context: Option<&str>,
) -> Result<Option<Quote>, CommandError> {
    let added = sqlx::query!(
        "INSERT INTO write.quotes
             (quote_id, requester, reference, model_id, state, revision, quote, trace_context,
              created_at, changed_at, announce_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $9)
         ON CONFLICT (reference, requester) DO NOTHING",
        quote.id.as_uuid(),
        quote.requester.key(),
        quote.reference,
        quote.spec.model_id.as_str(),
        quote.state.name(),
        i64::from(quote.revision),
        Json(quote) as _,
        trace_context,
        quote.created_at,
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if added == 1 { Ok(None) } else { of_reference(connection, quote).await.map(Some) }
}

async fn of_reference(connection: &mut PgConnection, asked: &Quote) -> Result<Quote, CommandError> {
    let known = sqlx::query_scalar!(
        r#"SELECT quote AS "quote: Json<Quote>" FROM write.quotes
           WHERE reference = $1 AND requester = $2"#,
        asked.reference,
        asked.requester.key(),
    )
    .fetch_optional(connection)
    .await?;
    known.map(|known| known.0).ok_or(CommandError::InProgress)
}

/// Saves a quote one revision later; whoever is to be told of it is told anew.
pub(super) async fn save(
    connection: &mut PgConnection,
    quote: &Quote,
    at: DateTime<Utc>,
) -> Result<(), CommandError> {
    let order_id = match &quote.state {
        shared::quote::QuoteState::Ordered { order_id, .. } => Some(order_id.as_uuid()),
        _ => None,
    };
    let saved = sqlx::query!(
        "UPDATE write.quotes
         SET state = $2, revision = $3, quote = $4, valid_until = $5, order_id = $6, changed_at = $7,
             announce_at = $7, announce_attempts = 0
         WHERE quote_id = $1 AND revision = $8",
        quote.id.as_uuid(),
        quote.state.name(),
        i64::from(quote.revision),
        Json(quote) as _,
        quote.state.offer().map(|offer| offer.valid_until),
        order_id,
        at,
        i64::from(quote.revision) - 1,
    )
    .execute(connection)
    .await?
    .rows_affected();
    if saved == 1 {
        Ok(())
    } else {
        let before = quote.revision - 1;
        Err(CommandError::Inconsistent(format!("write.quotes {}: not at {before}", quote.id)))
    }
}
