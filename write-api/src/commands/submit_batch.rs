//! `POST /v1/orders/batch`: up to 1,000 orders of a partner in one request, an answer for each.
//!
//! A row's key is its external id, which is unique for ever: a batch that is sent again, whole or in part, cut
//! otherwise or mixed with new rows, gives each order that is here already its first answer, equal to the byte. Rows
//! are carried out in short transactions of a few rows each; when one of them is refused, once more with every row behind
//! a savepoint: a refused row leaves nothing, and the others stay. When the machinery fails a transaction, it is done
//! again in halves until the culprit stands alone. When the database goes away, the request fails as a whole, and sending
//! it again goes on where it stopped.

use std::sync::Arc;
use std::time::Duration;

use ::web::quotas::Allowance;
use ::web::{Problem, body};
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use shared::actor::Actor;
use shared::ids::PartnerId;
use shared::platform::telemetry;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::CommandAnswer;
use super::submit_order::{PartnerOrder, SubmitBody, submitting_partner};
use crate::context::BatchRequest;
use crate::store::{Cause, Command, CommandContext, CommandError, Handled, Store, Within, Work};

/// The most rows of a request.
pub const MOST_ROWS: usize = 1_000;
/// The longest body, in bytes: 2 KiB for each of the most rows.
pub const BODY_LIMIT: usize = MOST_ROWS * 2 * 1024;
/// So many rows count as one request of the caller's quota.
const ROWS_A_REQUEST: usize = 10;
/// Rows in one transaction: a commit costs more than a row, and what waits for the rows' locks waits for all.
const ROWS_A_TRANSACTION: usize = 50;
/// Batches that one process carries out at the same time: other commands must find a connection.
pub const MOST_AT_ONCE: usize = 4;
/// The longest that one statement may take, as for every command.
const PATIENCE: Duration = Duration::from_secs(5);
const COME_BACK: Duration = Duration::from_secs(1);

/// The orders, each as in `POST /v1/orders`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    orders: Vec<Box<RawValue>>,
}

/// Up to 1,000 orders.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubmitBatchBody {
    /// Each as in `POST /v1/orders`.
    #[schema(min_items = 1, max_items = 1000)]
    pub orders: Vec<SubmitBody>,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The order is new.
    Created,
    /// The order was here already.
    Replayed,
    /// There is no such order, and `problem` says why.
    Refused,
}

/// The answer to one row.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RowAnswer {
    /// Which row, from 0.
    pub row: usize,
    /// The row's key, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// As to a single submission; equal to the byte however often the row is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CommandAnswer>)]
    pub answer: Option<Arc<RawValue>>,
    /// Why it was refused; `violations` name fields of the request's body, such as `/orders/3/quantity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Problem>)]
    pub problem: Option<Arc<RawValue>>,
}

/// The answers, in the order of the rows.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BatchAnswer {
    /// Orders that are new.
    pub created: usize,
    /// Orders that were here already.
    pub replayed: usize,
    /// Rows that became no order.
    pub refused: usize,
    /// One for each row.
    #[serde(default)]
    pub rows: Vec<RowAnswer>,
}

/// A partner submits up to 1,000 orders. Each row is taken or refused by itself, under its external id.
///
/// The `Idempotency-Key` names the request: with another body it is refused. A retry is safe with the same key and
/// with a new one, because every row is known by its external id.
#[utoipa::path(
    post, path = "/v1/orders/batch",
    operation_id = "submit_batch", tag = "orders", request_body = SubmitBatchBody,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = BatchAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(request: BatchRequest, allowance: Allowance) -> Result<HttpResponse, Problem> {
    let partner_id = submitting_partner(&request.caller)?;
    let rows = parse(partner_id, &request.body)?;
    let batches = Arc::clone(&request.state.batches);
    let seat = take_a_seat(&batches)?;
    allowance.take(u32::try_from(rows.len() / ROWS_A_REQUEST).unwrap_or(u32::MAX)).await?;
    let batch = SubmitBatch {
        store: request.state.store.clone(),
        partner_id,
        trace_context: telemetry::current_traceparent(),
        request: request.cause(),
    };
    let answer = request.detached.run(async move {
        let _seat = seat;
        batch.carry_out(rows).await
    });
    Ok(HttpResponse::Ok().json(answer.await?))
}

fn take_a_seat(batches: &Arc<Semaphore>) -> Result<tokio::sync::OwnedSemaphorePermit, Problem> {
    let busy = |_| Problem::unavailable("Too many batches at the same time", COME_BACK);
    Arc::clone(batches).try_acquire_owned().map_err(busy)
}

/// A row as it came: an order, or what is wrong with it.
struct Row {
    external_id: Option<String>,
    order: Result<(PartnerOrder, Cause), Problem>,
}

fn parse(partner_id: PartnerId, bytes: &[u8]) -> Result<Vec<Row>, Problem> {
    let Body { orders } = body::parse_json(bytes)?;
    if !(1..=MOST_ROWS).contains(&orders.len()) {
        let message = format!("1 to {MOST_ROWS} orders; there are {}", orders.len());
        return Err(Problem::invalid_field("/orders", message));
    }
    let rows = orders.iter().enumerate();
    Ok(rows.map(|(number, raw)| Row::parse(partner_id, number, raw)).collect())
}

impl Row {
    fn parse(partner_id: PartnerId, number: usize, raw: &RawValue) -> Self {
        let in_the_body = |problem: Problem| problem.under(&format!("/orders/{number}"));
        let body: SubmitBody = match body::parse_json(raw.get().as_bytes()) {
            Ok(body) => body,
            Err(problem) => return Self { external_id: None, order: Err(in_the_body(problem)) },
        };
        let external_id = body.external_id.to_string();
        let cause = cause_of(partner_id, &body);
        let order = body.into_order(partner_id).map_err(in_the_body);
        Self { external_id: Some(external_id), order: order.and_then(|order| Ok((order, cause?))) }
    }
}

/// The same order under the same external id is the same command, however it is written.
fn cause_of(partner_id: PartnerId, body: &SubmitBody) -> Result<Cause, Problem> {
    let written = serde_json::to_vec(body).map_err(|error| Problem::internal(&error))?;
    let source = format!("partner:{partner_id}/orders");
    Ok(Cause::new(source, body.external_id.to_string(), &[&written]))
}

/// The rows of a request, to be carried out.
struct SubmitBatch {
    store: Store,
    partner_id: PartnerId,
    trace_context: Option<String>,
    request: Cause,
}

/// Keeps the request's key, so that another body under it is noticed.
struct KeepKey {
    rows: usize,
}

impl Command for KeepKey {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.answer(&serde_json::json!({ "rows": self.rows })).await
    }
}

/// An order that stands at `row`, and what it needs.
struct Wanted<'r> {
    row: usize,
    order: &'r PartnerOrder,
    context: CommandContext,
}

type Answered = (usize, Result<Handled, Problem>);

impl SubmitBatch {
    async fn carry_out(self, rows: Vec<Row>) -> Result<BatchAnswer, Problem> {
        let key = self.context(self.request.clone());
        self.store.execute(&key, &KeepKey { rows: rows.len() }).await?;
        let mut wanted: Vec<Wanted<'_>> = rows
            .iter()
            .enumerate()
            .filter_map(|(row, parsed)| {
                let (order, cause) = parsed.order.as_ref().ok()?;
                Some(Wanted { row, order, context: self.context(cause.clone()) })
            })
            .collect();
        let mut outcomes: Vec<Option<Result<Handled, Problem>>> =
            rows.iter().map(|_| None).collect();
        for part in wanted.chunks_mut(ROWS_A_TRANSACTION) {
            // Whoever sends the same rows otherwise arranged takes their locks in the same order.
            part.sort_by(|one, other| one.context.cause.key.cmp(&other.context.cause.key));
            for (row, outcome) in self.submit(part).await? {
                outcomes[row] = Some(outcome);
            }
        }
        BatchAnswer::of(rows, outcomes)
    }

    fn context(&self, cause: Cause) -> CommandContext {
        CommandContext {
            actor: Actor::Partner { partner_id: self.partner_id },
            cause,
            trace_context: self.trace_context.clone(),
            expected_version: None,
        }
    }

    /// Together; when that fails, in halves.
    async fn submit(&self, part: &[Wanted<'_>]) -> Result<Vec<Answered>, Problem> {
        let mut answered = Vec::with_capacity(part.len());
        let mut parts = vec![part];
        while let Some(part) = parts.pop() {
            match self.submit_together(part).await {
                Ok(together) => answered.extend(together),
                Err(error) if is_away(&error) => return Err(error.into()),
                Err(_) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(_) => answered.extend(self.submit_alone(part).await?),
            }
        }
        Ok(answered)
    }

    /// Without savepoints first, which are hardly ever needed.
    async fn submit_together(&self, part: &[Wanted<'_>]) -> Result<Vec<Answered>, CommandError> {
        match self.try_together(part, Within::Transaction).await {
            Err(error) if error.spares_the_batch() => {
                self.try_together(part, Within::Savepoint).await
            }
            outcome => outcome,
        }
    }

    async fn try_together(
        &self,
        part: &[Wanted<'_>],
        within: Within,
    ) -> Result<Vec<Answered>, CommandError> {
        let mut batch = self.store.begin_batch(PATIENCE, within).await?;
        let causes: Vec<&Cause> = part.iter().map(|wanted| &wanted.context.cause).collect();
        let mut known = batch.replay(&self.request, &causes).await?;
        let mut answered = Vec::with_capacity(part.len());
        for wanted in part {
            let cause = &wanted.context.cause;
            if let Some(handled) = known.remove(&(cause.key.clone(), cause.fingerprint)) {
                answered.push((wanted.row, Ok(handled)));
                continue;
            }
            match batch.execute(&wanted.context, wanted.order).await {
                Ok(handled) => answered.push((wanted.row, Ok(handled))),
                Err(error) if within == Within::Savepoint && error.spares_the_batch() => {
                    answered.push((wanted.row, Err(row_problem(error, wanted.row))));
                }
                Err(error) => return Err(error),
            }
        }
        batch.commit().await?;
        Ok(answered)
    }

    /// The culprit, or what it hit: once more, with an outcome that is looked up when the commit breaks.
    async fn submit_alone(&self, part: &[Wanted<'_>]) -> Result<Vec<Answered>, Problem> {
        let mut answered = Vec::new();
        for wanted in part {
            let outcome = match self.store.execute(&wanted.context, wanted.order).await {
                Err(error) if is_away(&error) => return Err(error.into()),
                outcome => outcome.map_err(|error| row_problem(error, wanted.row)),
            };
            answered.push((wanted.row, outcome));
        }
        Ok(answered)
    }
}

/// Not about any row: the whole request is to be sent again.
const fn is_away(error: &CommandError) -> bool {
    matches!(error, CommandError::Unavailable(_) | CommandError::OutcomeUnknown(_))
}

fn row_problem(error: CommandError, row: usize) -> Problem {
    let place = format!("/orders/{row}");
    if matches!(error, CommandError::CauseReused) {
        let message = "another order was submitted under this external id";
        return Problem::invalid_field("/external_id", message).under(&place);
    }
    Problem::from(error).with("row", place.clone()).under(&place)
}

impl BatchAnswer {
    fn of(
        rows: Vec<Row>,
        outcomes: Vec<Option<Result<Handled, Problem>>>,
    ) -> Result<Self, Problem> {
        let mut answer = Self { created: 0, replayed: 0, refused: 0, rows: Vec::new() };
        for (number, (row, outcome)) in rows.into_iter().zip(outcomes).enumerate() {
            let outcome = match row.order {
                Err(problem) => Err(problem),
                Ok(_) => outcome.unwrap_or_else(|| Err(Problem::internal_logged())),
            };
            answer.rows.push(RowAnswer::of(number, row.external_id, outcome)?);
        }
        for row in &answer.rows {
            match row.outcome {
                Outcome::Created => answer.created += 1,
                Outcome::Replayed => answer.replayed += 1,
                Outcome::Refused => answer.refused += 1,
            }
        }
        Ok(answer)
    }
}

impl RowAnswer {
    fn of(
        row: usize,
        external_id: Option<String>,
        outcome: Result<Handled, Problem>,
    ) -> Result<Self, Problem> {
        let nothing =
            Self { row, external_id, outcome: Outcome::Refused, answer: None, problem: None };
        match outcome {
            Ok(handled) => {
                let was_here = handled.replayed || was_done_already(&handled);
                let outcome = if was_here { Outcome::Replayed } else { Outcome::Created };
                Ok(Self { outcome, answer: Some(handled.answer), ..nothing })
            }
            Err(problem) => {
                let problem = to_raw_value(&problem).map_err(|error| Problem::internal(&error))?;
                Ok(Self { problem: Some(Arc::from(problem)), ..nothing })
            }
        }
    }
}

/// Submitted before under another key, by itself, say.
fn was_done_already(handled: &Handled) -> bool {
    handled.parse::<CommandAnswer>().is_ok_and(|answer| answer.already_done)
}
