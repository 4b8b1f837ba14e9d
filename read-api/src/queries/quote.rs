//! One quote: what a piece would cost, or how far the answer is.
//!
//! Quotes are seen through a view of the write side's rows, replicated with them. Whoever has just asked may be faster
//! than the replica, so that a quote which is not there is looked for on the primary before it is called missing.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Path};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::clock::{Clock, SystemClock};
use shared::ids::QuoteId;
use shared::quote::Quote;
use shared::quote::view::QuoteView;
use sqlx::PgConnection;
use sqlx::types::Uuid;
use web::{Caller, Problem};

use super::order_list::no_checkpoint;
use super::pricing_place::{PricingPlace, place_of};
use crate::context::{Context, Reader};
use crate::replicas::{AskError, Head, Question, Replicas, Snapshot, Unreadable};

/// Quotes whose place in the queue is looked up with one question.
const MOST_PLACES: usize = 50;

/// Quotes by their ids; what is not there is not in the answer.
#[derive(Debug, Clone)]
pub struct QuotesById {
    pub ids: Vec<QuoteId>,
    /// Whether the places of those that wait are wanted, of the first [`MOST_PLACES`] at most.
    pub with_places: bool,
}

/// A quote as a snapshot shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenQuote {
    pub quote: Quote,
    /// How far the calculation is, if it is under way and was looked up.
    pub place: Option<PricingPlace>,
}

/// A quote, and how far its calculation is.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct QuoteAnswer {
    /// The quote.
    #[serde(flatten)]
    pub quote: QuoteView,
    /// Its place in the queue, when the price may be expected, and what the worker does; while `requested`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pricing: Option<PricingPlace>,
}

impl SeenQuote {
    /// Whether this tells more than `shown`: a replica may be behind what the primary showed.
    pub fn follows(&self, shown: &Self) -> bool {
        let is_later = self.quote.revision > shown.quote.revision;
        let is_same = self.quote.revision == shown.quote.revision;
        is_later || (is_same && self.place.is_some() && self.place != shown.place)
    }

    /// What a caller is shown at a moment.
    pub fn answer(&self, now: DateTime<Utc>) -> QuoteAnswer {
        QuoteAnswer { quote: QuoteView::of(&self.quote, now), pricing: self.place.clone() }
    }
}

impl Question for QuotesById {
    type Answer = HashMap<QuoteId, SeenQuote>;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let ids: Vec<Uuid> = self.ids.iter().map(QuoteId::as_uuid).collect();
        let rows = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, q.quote AS "quote?"
               FROM read.checkpoint AS c
               LEFT JOIN read.quotes AS q ON q.quote_id = ANY($1)"#,
            &ids,
        )
        .fetch_all(&mut *connection)
        .await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(first.epoch, first.position, first.current_at, None)?;
        let quotes = rows.into_iter().filter_map(|row| self.readable(row.quote?).transpose());
        let mut answer = HashMap::new();
        for quote in quotes {
            let quote = quote?;
            answer.insert(quote.id, SeenQuote { quote, place: None });
        }
        if self.with_places {
            let waiting = answer.values_mut().filter(|seen| !seen.quote.state.is_settled());
            for seen in waiting.take(MOST_PLACES) {
                seen.place = place_of(connection, seen.quote.id.as_uuid()).await?;
            }
        }
        Ok(Snapshot { head, answer })
    }
}

impl QuotesById {
    /// Among many, a row that cannot be read must not hide the others.
    fn readable(&self, quote: serde_json::Value) -> Result<Option<Quote>, AskError> {
        match serde_json::from_value(quote) {
            Ok(quote) => Ok(Some(quote)),
            Err(_) if self.ids.len() > 1 => Ok(None),
            Err(error) => Err(AskError::Damaged {
                table: "write.quotes",
                row: self.ids.first().map(ToString::to_string).unwrap_or_default(),
                what: error.to_string(),
            }),
        }
    }
}

/// The quote, if there is one that the caller may see: on a replica, or on the primary when none has it yet.
pub async fn find(
    replicas: &Replicas,
    caller: &Caller,
    quote_id: QuoteId,
) -> Result<SeenQuote, Problem> {
    let question = QuotesById { ids: vec![quote_id], with_places: true };
    let unreadable = |error: Unreadable| Problem::from(&error);
    let reading = replicas.ask(&question, None).await.map_err(unreadable)?;
    let mut found = reading.snapshot.answer.into_values().next();
    if found.is_none() {
        let reading = replicas.ask_primary(&question, None).await.map_err(unreadable)?;
        found = reading.and_then(|reading| reading.snapshot.answer.into_values().next());
    }
    found
        .filter(|seen| seen.quote.requester.may_be_seen_by(&caller.actor))
        .ok_or_else(|| Problem::not_found("No quote of yours has this id"))
}

/// What something would cost, or how far the answer is.
#[utoipa::path(
    get, path = "/v1/quotes/{quote_id}", operation_id = "quote", tag = "quotes",
    params(("quote_id" = QuoteId, Path)),
    responses((status = 200, body = QuoteAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    quote_id: Path<QuoteId>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let seen = find(&context.replicas, &reader.caller, *quote_id).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .json(seen.answer(SystemClock.now())))
}
