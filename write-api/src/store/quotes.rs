//! Rows of `write.quotes`, and what ends a quote's pricing job.
//!
//! A quote is locked after its job, and after the order that is made from it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::value::to_raw_value;
use shared::ids::QuoteId;
use shared::order::Origin;
use shared::order::decisions::{Decided, submit_at};
use shared::order::spec::WorkSpec;
use shared::quote::decisions::{Calculated, Calculation, Request};
use shared::quote::refusal::QuoteRefusal;
use shared::quote::view::QuoteView;
use shared::quote::{Quote, QuoteState, RoughPrice};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::analyses::AnalysisKey;
use super::jobs::{self, NewJob};
use super::{CommandError, Handled, Subject, Work, causes, rough_error};

impl Work<'_> {
    /// Keeps a question with its answer, if that is known already, or puts its job into its lane. The same question under the
    /// same reference is the same quote.
    pub async fn request_quote(
        &mut self,
        request: Request,
        rough: Option<RoughPrice>,
        known: Option<Calculation>,
    ) -> Result<Handled, CommandError> {
        let at = self.store.clock().now();
        let quote_id = QuoteId::generate(self.store.ids());
        let valid_seconds = self.store.quotes_valid_seconds;
        let quote =
            Quote::requested(quote_id, request, rough, valid_seconds, at).settled(known, at);
        let trace_context = self.context.trace_context.as_deref();
        if let Some(known) = add(self.connection, &quote, trace_context).await? {
            known.expect_same(&quote.spec)?;
            return self.answer_with(&known).await;
        }
        if quote.state.is_settled() {
            return self.answer_with(&quote).await;
        }
        let job = NewJob {
            subject: Subject::Quote(quote_id),
            generation: 1,
            tenant: &quote.requester.tenant(),
            is_partners: quote.requester.partner_id().is_some(),
            key: &AnalysisKey::of(&quote.spec),
            trace_context,
            at,
        };
        jobs::enqueue(self.connection, &job).await?;
        let handled = self.answer_with(&quote).await?;
        Ok(Handled { wakes_pricers: true, ..handled })
    }

    /// A person decides that a provisional price will do.
    pub async fn accept_quote(&mut self, quote_id: QuoteId) -> Result<Handled, CommandError> {
        let (quote, at) = (self.lock_quote(quote_id).await?, self.store.clock().now());
        let accepted = quote.accept(&self.context.actor, at)?;
        self.keep_quote(quote, accepted, at).await
    }

    /// Whoever asked does not want to know any more.
    pub async fn cancel_quote(&mut self, quote_id: QuoteId) -> Result<Handled, CommandError> {
        let (quote, at) = (self.lock_quote(quote_id).await?, self.store.clock().now());
        let cancelled = quote.cancel(at)?;
        if cancelled.is_some() {
            jobs::withdraw(self.connection, Subject::Quote(quote_id), at).await?;
        }
        self.keep_quote(quote, cancelled, at).await
    }

    /// Makes an order at the price of a quote, which is then used up. The same order from the same quote again is no
    /// mistake. `asked` is what the order says that it is for, if it says so.
    pub async fn order_quote(
        &mut self,
        origin: &Origin,
        quote_id: QuoteId,
        asked: Option<&WorkSpec>,
    ) -> Result<Handled, CommandError> {
        let at = self.store.clock().now();
        let (order_id, order) = self.lock_or_reserve(origin).await?;
        let quote = self.lock_quote(quote_id).await?;
        if !quote.requester.may_order_as(origin) {
            return Err(CommandError::UnknownQuote);
        }
        if asked.is_some_and(|asked| *asked != quote.spec) {
            return Err(QuoteRefusal::DifferentContent.into());
        }
        if matches!(quote.state, QuoteState::Ordered { order_id: known, .. } if known == order_id) {
            return self.record(order_id, order, Ok(Decided::AlreadyDone)).await;
        }
        let (price, ordered) = quote.order(order_id, at)?;
        let decision = submit_at(order.as_ref(), origin.clone(), quote.spec, price);
        save(self.connection, &ordered, at).await?;
        self.record(order_id, order, decision).await
    }

    /// Locks a quote that must exist and be the caller's to see: another partner's quote does not exist.
    pub async fn lock_quote(&mut self, quote_id: QuoteId) -> Result<Quote, CommandError> {
        let quote = lock(self.connection, quote_id).await?;
        let actor = &self.context.actor;
        quote
            .filter(|quote| quote.requester.may_be_seen_by(actor))
            .ok_or(CommandError::UnknownQuote)
    }

    async fn keep_quote(
        &mut self,
        before: Quote,
        after: Option<Quote>,
        at: DateTime<Utc>,
    ) -> Result<Handled, CommandError> {
        if let Some(quote) = &after {
            save(self.connection, quote, at).await?;
        }
        self.answer_with(&after.unwrap_or(before)).await
    }

    async fn answer_with(&mut self, quote: &Quote) -> Result<Handled, CommandError> {
        let view = QuoteView::of(quote, self.store.clock().now());
        let answer = to_raw_value(&view)
            .map_err(|error| CommandError::Inconsistent(format!("answer: {error}")))?;
        causes::keep_answer(self.connection, &self.context.cause, None, &answer).await?;
        Ok(Handled { answer: Arc::from(answer), replayed: false, wakes_pricers: false })
    }
}

impl From<QuoteRefusal> for CommandError {
    fn from(refusal: QuoteRefusal) -> Self {
        Self::QuoteRefused(refusal)
    }
}

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
) -> Result<bool, CommandError> {
    let quote = lock_of_job(connection, quote_id).await?;
    let (rough, exact) = (quote.rough, calculated.price.clone());
    let kept = settle(connection, quote.priced(calculated, at), at).await?;
    if let Some(rough) = rough.filter(|_| kept) {
        rough_error::note("quote", &rough, &exact);
    }
    Ok(kept)
}

/// No price can be made of this model. `false` as for [`finish`].
pub(super) async fn fail(
    connection: &mut PgConnection,
    quote_id: QuoteId,
    code: &str,
    reason: &str,
    at: DateTime<Utc>,
) -> Result<bool, CommandError> {
    let quote = lock_of_job(connection, quote_id).await?;
    settle(connection, quote.refused(code.to_owned(), reason.to_owned(), at), at).await
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
              created_at, changed_at, announce_at, valid_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $9, $10)
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
        quote.state.offer().map(|offer| offer.valid_until),
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
        QuoteState::Ordered { order_id, .. } => Some(order_id.as_uuid()),
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
