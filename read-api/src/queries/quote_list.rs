//! A requester's quotes: the newest, or the one that they call so.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use shared::clock::{Clock, SystemClock};
use shared::position::Position;
use shared::quote::view::QuoteView;
use shared::quote::{Quote, Requester};
use sqlx::PgConnection;
use sqlx::types::Json;
use web::{Problem, QueryParams};

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::page::Limit;
use crate::replicas::{AskError, Head, Question, Snapshot};

const LONGEST_REFERENCE: usize = 200;

/// As it arrives.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {
    /// What the requester calls it, the whole of it. People of the house search all requesters' quotes, and must say it.
    #[param(min_length = 1, max_length = 200)]
    reference: Option<String>,
    /// Quotes at most, 1 to 200; 50 if not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
}

/// Quotes that a caller may see.
#[derive(Debug, Clone)]
pub struct QuoteList {
    /// Whose; everybody's for people of the house.
    requester: Option<String>,
    reference: Option<String>,
    limit: Limit,
}

/// Some quotes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct QuotePage {
    /// The newest first.
    pub quotes: Vec<QuoteView>,
    /// Whether there are older ones.
    pub has_more: bool,
    /// The log's position that was visible beside them.
    pub position: Position,
}

impl QuoteList {
    fn parse(params: Params, reader: &Reader) -> Result<Self, Problem> {
        let limit = Limit::parse(params.limit)
            .map_err(|e| Problem::invalid_field("limit", e.to_string()))?;
        let sees_all = reader.caller.role().is_some();
        let requester = Requester::of(&reader.caller.actor).filter(|_| !sees_all);
        let fits = |text: &String| (1..=LONGEST_REFERENCE).contains(&text.len());
        let is_fit = |text: &String| fits(text) && !text.contains('\0');
        if !params.reference.as_ref().is_none_or(is_fit) {
            let message = format!("1 to {LONGEST_REFERENCE} characters that can be a reference");
            return Err(Problem::invalid_field("reference", message));
        }
        if requester.is_none() && params.reference.is_none() {
            let message = "needed where quotes of all requesters are searched";
            return Err(Problem::invalid_field("reference", message));
        }
        let requester = requester.map(|requester| requester.key());
        Ok(Self { requester, reference: params.reference, limit })
    }

    fn limit(&self) -> i64 {
        i64::try_from(self.limit.rows_and_one()).unwrap_or(i64::MAX)
    }
}

impl Question for QuoteList {
    type Answer = QuotePage;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        // One part of the union is empty, so that each has an index of its own.
        let rows = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, f.quote AS "quote?: Json<Quote>"
               FROM read.checkpoint AS c
               LEFT JOIN LATERAL (
                   (SELECT q.quote, q.created_at, q.quote_id FROM read.quotes AS q
                    WHERE q.reference = $1 AND ($2::text IS NULL OR q.requester = $2)
                    ORDER BY q.created_at DESC, q.quote_id DESC LIMIT $3)
                   UNION ALL
                   (SELECT q.quote, q.created_at, q.quote_id FROM read.quotes AS q
                    WHERE $1::text IS NULL AND q.requester = $2
                    ORDER BY q.created_at DESC, q.quote_id DESC LIMIT $3)
               ) AS f ON true
               ORDER BY f.created_at DESC, f.quote_id DESC"#,
            self.reference,
            self.requester,
            self.limit(),
        )
        .fetch_all(connection)
        .await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(first.epoch, first.position, first.current_at, None)?;
        let now = SystemClock.now();
        let mut quotes: Vec<QuoteView> = rows
            .into_iter()
            .filter_map(|row| row.quote.map(|Json(quote)| QuoteView::of(&quote, now)))
            .collect();
        let has_more = quotes.len() > self.limit.rows();
        quotes.truncate(self.limit.rows());
        Ok(Snapshot { head, answer: QuotePage { quotes, has_more, position: head.position } })
    }
}

/// Quotes, the newest first.
#[utoipa::path(
    get, path = "/v1/quotes", operation_id = "quote_list", tag = "quotes", params(Params),
    responses((status = 200, body = QuotePage), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    params: QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let list = QuoteList::parse(params.0, &reader)?;
    context.answer(&reader, &list).await
}
