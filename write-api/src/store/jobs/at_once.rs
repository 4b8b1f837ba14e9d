//! A price that needs nothing but what is known is made in the transaction that takes its job: it costs microseconds, and
//! everything else that a worker says about a job costs more than the price itself. Nobody ever sees such a job running.
//!
//! Orders whose turn it is are priced together, because what a transaction costs is mostly its statements. A quote is priced
//! by itself.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use pricing::analysis::{Analysis, Standing};
use pricing::quote::PriceBook;
use shared::actor::Actor;
use shared::ids::{OrderId, QuoteId};
use shared::order::Order;
use shared::order::decisions::Decided;
use shared::order::events::OrderEvent;
use shared::order::price::Price;
use shared::order::spec::WorkSpec;
use shared::quote::decisions::Calculated;
use sqlx::PgConnection;

use super::fairest::Due;
use super::{JobFence, Lane, PRICER, Subject, cause, end, is_current};
use crate::prices;
use crate::store::analyses::Known;
use crate::store::{CommandError, Store, log, quotes, rows, work};

/// A job that was priced as soon as it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedJob {
    /// What was priced.
    pub subject: Subject,
    /// Where it waited.
    pub lane: Lane,
    /// For how long it was in its lane, from the first time on.
    pub waited: TimeDelta,
    /// W3C `traceparent` of the submission.
    pub trace_context: Option<String>,
}

/// An order whose job is due, with the price that it gets.
struct Pricing<'d> {
    due: &'d Due,
    order: Order,
    events: Vec<OrderEvent>,
}

/// What follows from a price.
const EVENTS: usize = 2;
/// So many orders are priced in one transaction: it takes some ten milliseconds then, and its statements are a small part of
/// a price.
pub const MOST_AT_ONCE: usize = 16;

impl Store {
    /// Prices the first of the jobs that are `due`, up to one that takes more than what is known, or whose order somebody
    /// has locked, and answers those that it priced. The worker that claims the next one finds out, and says why.
    pub(super) async fn price_known(
        &self,
        connection: &mut PgConnection,
        lane: Lane,
        due: &[Due],
        now: DateTime<Utc>,
    ) -> Result<Vec<PricedJob>, CommandError> {
        let measured = self.measured(connection, due).await?;
        if measured.is_empty() {
            return Ok(Vec::new());
        }
        let Some(book) = self.readable_book(connection, now).await? else {
            return Ok(Vec::new());
        };
        let ids: Vec<OrderId> = measured.iter().map(|(_, order_id, _)| *order_id).collect();
        let mut orders = rows::lock_free(connection, &ids).await?;
        let mut pricings = Vec::with_capacity(measured.len());
        for (due, order_id, analysis) in measured {
            let Some(order) = orders.remove(&order_id) else { break };
            let Some(events) = priced_events(&order, due, &analysis, &book, now)? else { break };
            pricings.push(Pricing { due, order, events });
        }
        if !pricings.is_empty() {
            end_together(connection, &pricings, now).await?;
            append_together(connection, &pricings, now).await?;
        }
        let priced = pricings.into_iter().map(|pricing| PricedJob {
            subject: pricing.due.subject,
            lane,
            waited: now - pricing.due.queued_at,
            trace_context: pricing.due.trace_context.clone(),
        });
        Ok(priced.collect())
    }

    /// Prices the quote of a job that was just leased. `false`, and nothing is changed, when that takes more than what
    /// is known.
    pub(super) async fn price_quote_at_once(
        &self,
        connection: &mut PgConnection,
        fence: &JobFence,
        quote_id: QuoteId,
        spec: &WorkSpec,
        analysis: &Analysis,
    ) -> Result<bool, CommandError> {
        if analysis.standing() != Standing::Exact {
            return Ok(false);
        }
        let now = self.clock.now();
        let Some(book) = self.readable_book(connection, now).await? else { return Ok(false) };
        let Ok(price) = prices::of_order(analysis, spec, &book, now) else { return Ok(false) };
        let is_provisional = price.needs_a_person();
        let calculated = Calculated { price, is_provisional };
        if !quotes::finish(connection, quote_id, calculated, now).await? {
            return Ok(false);
        }
        end(connection, fence, "done", None, now).await?;
        Ok(true)
    }

    /// The first orders among the jobs whose models are measured exactly.
    async fn measured<'d>(
        &self,
        connection: &mut PgConnection,
        due: &'d [Due],
    ) -> Result<Vec<(&'d Due, OrderId, Arc<Analysis>)>, CommandError> {
        let mut measured = Vec::with_capacity(due.len());
        for due in due {
            let (Subject::Order(order_id), Some(key)) = (due.subject, &due.key) else { break };
            match self.remembered_or_known(connection, key).await? {
                Some(Known::Measured(analysis)) if analysis.standing() == Standing::Exact => {
                    measured.push((due, order_id, analysis));
                }
                _ => break,
            }
        }
        Ok(measured)
    }

    async fn readable_book(
        &self,
        connection: &mut PgConnection,
        now: DateTime<Utc>,
    ) -> Result<Option<PriceBook>, CommandError> {
        match self.price_book_on(connection, now).await {
            Ok(book) => Ok(book),
            // A card that cannot be read must not keep the lane from going on.
            Err(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Both events of a price, as if a worker had had the order in hand in between; `None` when the job does not speak for the
/// order any more, or no price can be made.
fn priced_events(
    order: &Order,
    due: &Due,
    analysis: &Analysis,
    book: &PriceBook,
    now: DateTime<Utc>,
) -> Result<Option<Vec<OrderEvent>>, CommandError> {
    let Some(spec) = order.stage.spec().filter(|_| is_current(order, due.generation)) else {
        return Ok(None);
    };
    let Ok(price) = prices::of_order(analysis, spec, book, now) else { return Ok(None) };
    let Some(events) = begun_and_priced(order, due.attempts + 1, price, now)? else {
        return Ok(None);
    };
    Ok((events.len() == EVENTS).then_some(events))
}

fn begun_and_priced(
    order: &Order,
    attempt: u32,
    price: Price,
    now: DateTime<Utc>,
) -> Result<Option<Vec<OrderEvent>>, CommandError> {
    let Ok(Decided::Events(mut events)) = order.start_pricing(attempt) else { return Ok(None) };
    let (mut begun, pricer) = (order.clone(), Actor::system(PRICER));
    for event in &events {
        begun = Order::apply(Some(begun), order.id, event, &pricer, now)?;
    }
    let Ok(Decided::Events(end)) = begun.set_price(price) else { return Ok(None) };
    events.extend(end);
    Ok(Some(events))
}

/// From waiting to done, without a lease in between.
async fn end_together(
    connection: &mut PgConnection,
    pricings: &[Pricing<'_>],
    now: DateTime<Utc>,
) -> Result<(), CommandError> {
    let (ids, generations): (Vec<_>, Vec<_>) = pricings
        .iter()
        .map(|pricing| (pricing.order.id.as_uuid(), i64::from(pricing.due.generation)))
        .unzip();
    sqlx::query!(
        "UPDATE write.pricing_jobs AS j
         SET state = 'done', attempts = j.attempts + 1, started_at = $3, finished_at = $3,
             last_error = NULL, phase = NULL, progress = NULL
         FROM unnest($1::uuid[], $2::bigint[]) AS priced (order_id, generation)
         WHERE j.order_id = priced.order_id AND j.generation = priced.generation",
        &ids,
        &generations,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn append_together(
    connection: &mut PgConnection,
    pricings: &[Pricing<'_>],
    now: DateTime<Utc>,
) -> Result<(), CommandError> {
    let actor = Actor::system(PRICER);
    let causes: Vec<String> = pricings
        .iter()
        .map(|pricing| cause(pricing.due.generation, pricing.due.attempts + 1))
        .collect();
    let records: Vec<log::Append<'_>> = pricings
        .iter()
        .zip(&causes)
        .map(|(pricing, cause)| log::Append {
            order_id: pricing.order.id,
            before: pricing.order.version,
            events: &pricing.events,
            actor: &actor,
            cause,
            trace_context: pricing.due.trace_context.as_deref(),
            at: now,
        })
        .collect();
    let priced: Result<Vec<Order>, _> = pricings
        .iter()
        .zip(&records)
        .map(|(pricing, record)| work::folded(Some(pricing.order.clone()), record))
        .collect();
    rows::save(connection, &priced?, EVENTS).await?;
    log::append(connection, &records).await?;
    Ok(())
}
