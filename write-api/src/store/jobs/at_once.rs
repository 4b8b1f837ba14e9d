//! A price that needs nothing but what is known is made in the transaction that takes its job: it costs microseconds, and
//! everything else that a worker says about a job costs more than the price itself. Nobody ever sees such a job running.

use chrono::TimeDelta;
use pricing::analysis::{Analysis, Standing};
use shared::actor::Actor;
use shared::order::Order;
use shared::order::decisions::Decided;
use shared::order::price::Price;
use shared::order::spec::WorkSpec;
use shared::quote::decisions::Calculated;
use sqlx::PgConnection;

use super::claim::Wanted;
use super::{JobFence, Lane, PRICER, Subject, end};
use crate::prices;
use crate::store::{CommandError, Store, quotes};

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

impl Store {
    /// Prices what was just leased and locked. `false`, and nothing is changed, when that takes more than what is
    /// known: the worker that claims the job then finds out, and says why.
    pub(super) async fn price_at_once(
        &self,
        connection: &mut PgConnection,
        fence: &JobFence,
        wanted: &Wanted,
        analysis: &Analysis,
        trace_context: Option<&str>,
    ) -> Result<bool, CommandError> {
        let Some(price) = self.price_of_known(connection, wanted.spec(), analysis).await? else {
            return Ok(false);
        };
        let now = self.clock.now();
        match wanted {
            Wanted::Order { order, .. } => {
                let Some(decided) = self.begun_and_priced(order, fence.attempt, price)? else {
                    return Ok(false);
                };
                let order = Order::clone(order);
                end(connection, fence, "done", None, now).await?;
                self.append_for_job(connection, fence, order, trace_context, decided).await?;
            }
            Wanted::Quote { quote_id, .. } => {
                let is_provisional = price.needs_a_person();
                let calculated = Calculated { price, is_provisional };
                if !quotes::finish(connection, *quote_id, calculated, now).await? {
                    return Ok(false);
                }
                end(connection, fence, "done", None, now).await?;
            }
        }
        Ok(true)
    }

    async fn price_of_known(
        &self,
        connection: &mut PgConnection,
        spec: &WorkSpec,
        analysis: &Analysis,
    ) -> Result<Option<Price>, CommandError> {
        if analysis.standing() != Standing::Exact {
            return Ok(None);
        }
        let now = self.clock.now();
        let book = match self.price_book_on(connection, now).await {
            Ok(book) => book,
            // A card that cannot be read must not keep the lane from going on.
            Err(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(book.and_then(|book| prices::of_order(analysis, spec, &book, now).ok()))
    }

    /// Both events of a price, as if a worker had had the order in hand in between.
    fn begun_and_priced(
        &self,
        order: &Order,
        attempt: u32,
        price: Price,
    ) -> Result<Option<Decided>, CommandError> {
        let Ok(Decided::Events(mut events)) = order.start_pricing(attempt) else {
            return Ok(None);
        };
        let (mut begun, pricer, at) = (order.clone(), Actor::system(PRICER), self.clock.now());
        for event in &events {
            begun = Order::apply(Some(begun), order.id, event, &pricer, at)?;
        }
        let Ok(Decided::Events(end)) = begun.set_price(price) else { return Ok(None) };
        events.extend(end);
        Ok(Some(Decided::Events(events)))
    }
}
