//! One command inside its transaction.

use std::sync::Arc;

use serde_json::value::to_raw_value;
use shared::actor::Actor;
use shared::ids::{ModelId, OperatorId, OrderId};
use shared::order::decisions::{AskingOperator, Decided, Decision};
use shared::order::events::OrderEvent;
use shared::order::refusal::CommandKind;
use shared::order::{Order, Origin, Status};
use shared::position::Position;
use sqlx::PgConnection;

use super::{
    Command, CommandContext, CommandError, Handled, Store, Subject, causes, jobs, log, operators,
    rows,
};
use crate::commands::CommandAnswer;

/// What a command may do inside the transaction: look up, lock, and record what was decided.
pub struct Work<'w> {
    pub(super) store: &'w Store,
    pub(super) connection: &'w mut PgConnection,
    pub(super) context: &'w CommandContext,
}

impl<'w> Work<'w> {
    pub(super) fn new(
        store: &'w Store,
        connection: &'w mut PgConnection,
        context: &'w CommandContext,
    ) -> Self {
        Self { store, connection, context }
    }

    pub(super) async fn claim_and_carry_out(
        mut self,
        command: &impl Command,
    ) -> Result<Handled, CommandError> {
        let now = self.store.clock.now();
        match causes::claim(self.connection, &self.context.cause, now).await? {
            Some(replayed) => Ok(replayed),
            None => command.carry_out(&mut self).await,
        }
    }

    /// Who asks, and why.
    pub const fn context(&self) -> &CommandContext {
        self.context
    }

    /// What a file of rows beside this one works with.
    pub(super) const fn parts(&mut self) -> (&Store, &mut PgConnection, &CommandContext) {
        (self.store, self.connection, self.context)
    }

    /// Keeps the answer to a command that is about no order.
    pub(crate) async fn answer(
        &mut self,
        answer: &impl serde::Serialize,
    ) -> Result<Handled, CommandError> {
        let answer = to_raw_value(answer)
            .map_err(|error| CommandError::Inconsistent(format!("answer: {error}")))?;
        causes::keep_answer(self.connection, &self.context.cause, None, &answer).await?;
        Ok(Handled { answer: Arc::from(answer), replayed: false, wakes_pricers: false })
    }

    /// The usual command: lock the order, decide, check the caller's version, record. Who would be refused anyhow
    /// hears why ("taken by Anna"), not that the order has changed.
    pub async fn update(
        &mut self,
        order_id: OrderId,
        command: CommandKind,
        decide: impl FnOnce(&Order, &Actor) -> Decision + Send,
    ) -> Result<Handled, CommandError> {
        let order = self.lock_order(order_id).await?;
        let decided = decide(&order, &self.context.actor)?;
        order.expect_version(command, self.context.expected_version)?;
        self.record(order_id, Some(order), Ok(decided)).await
    }

    /// Locks an order that must exist and be the caller's to see: another partner's order does not exist.
    pub async fn lock_order(&mut self, order_id: OrderId) -> Result<Order, CommandError> {
        let order = rows::lock(self.connection, order_id).await?;
        order.filter(|order| self.may_see(order)).ok_or(CommandError::UnknownOrder)
    }

    fn may_see(&self, order: &Order) -> bool {
        match &self.context.actor {
            Actor::Partner { partner_id } => order.origin.partner_id() == Some(*partner_id),
            _ => true,
        }
    }

    /// Locks the order with this outside name, or reserves the name for a new order.
    pub async fn lock_or_reserve(
        &mut self,
        origin: &Origin,
    ) -> Result<(OrderId, Option<Order>), CommandError> {
        let new_id = OrderId::generate(self.store.ids());
        match rows::claim_reference(self.connection, origin, new_id).await? {
            None => Ok((new_id, None)),
            Some(order_id) => Ok((order_id, Some(self.lock_order(order_id).await?))),
        }
    }

    /// Locks an operator and counts what they have in hand.
    pub async fn lock_operator(
        &mut self,
        operator_id: OperatorId,
    ) -> Result<AskingOperator, CommandError> {
        operators::lock(self.connection, operator_id).await
    }

    /// Makes sure that a model was uploaded.
    pub async fn require_model(&mut self, model_id: &ModelId) -> Result<(), CommandError> {
        match rows::model_facets(self.connection, model_id).await? {
            Some(_) => Ok(()),
            None => Err(CommandError::UnknownModel(model_id.clone())),
        }
    }

    /// Saves what was decided, appends its events, enqueues pricing where it follows, and keeps the answer.
    pub async fn record(
        &mut self,
        order_id: OrderId,
        order: Option<Order>,
        decision: Decision,
    ) -> Result<Handled, CommandError> {
        let mut wakes_pricers = false;
        let (order, position, already_done) = match (decision?, order) {
            (Decided::Events(events), before) => {
                wakes_pricers =
                    events.iter().any(|event| asks_for_a_price(event) || is_cancelled(event));
                let (order, position) = self.append(order_id, before, &events).await?;
                (order, position, false)
            }
            (Decided::AlreadyDone, Some(order)) => {
                (order, log::newest(self.connection, order_id).await?, true)
            }
            (Decided::AlreadyDone, None) => return Err(CommandError::UnknownOrder),
        };
        let answer = CommandAnswer { order: (&order).into(), position, already_done };
        let answer = to_raw_value(&answer)
            .map_err(|error| CommandError::Inconsistent(format!("answer: {error}")))?;
        causes::keep_answer(self.connection, &self.context.cause, Some(order_id), &answer).await?;
        Ok(Handled { answer: Arc::from(answer), replayed: false, wakes_pricers })
    }

    async fn append(
        &mut self,
        order_id: OrderId,
        before: Option<Order>,
        events: &[OrderEvent],
    ) -> Result<(Order, Position), CommandError> {
        let record = log::Append {
            order_id,
            before: before.as_ref().map_or(0, |order| order.version),
            events,
            actor: &self.context.actor,
            cause: &self.context.cause.label(),
            trace_context: self.context.trace_context.as_deref(),
            at: self.store.clock.now(),
        };
        append_events(self.connection, before, record).await
    }
}

/// Folds the events, saves the row, enqueues or withdraws pricing where an event asks for it, and appends to the log last.
pub(super) async fn append_events(
    connection: &mut PgConnection,
    before: Option<Order>,
    record: log::Append<'_>,
) -> Result<(Order, Position), CommandError> {
    let order = folded(before, &record)?;
    rows::save(connection, std::slice::from_ref(&order), record.events.len()).await?;
    if leaves_a_job(&order, record.events) {
        jobs::enqueue_order(connection, &order, record.trace_context, record.at).await?;
    }
    if record.events.iter().any(is_cancelled) {
        jobs::withdraw(connection, Subject::Order(order.id), record.at).await?;
    }
    let position = log::append(connection, &[record]).await?;
    Ok((order, position))
}

/// The order after events.
pub(super) fn folded(
    before: Option<Order>,
    record: &log::Append<'_>,
) -> Result<Order, CommandError> {
    let mut folded = before;
    for event in record.events {
        folded = Some(Order::apply(folded, record.order_id, event, record.actor, record.at)?);
    }
    folded.ok_or_else(|| CommandError::Inconsistent("a decision without events".to_owned()))
}

const fn is_cancelled(event: &OrderEvent) -> bool {
    matches!(event, OrderEvent::Cancelled { .. })
}

/// Whether a price is still to be calculated after these events: an order from a quote has it already.
fn leaves_a_job(order: &Order, events: &[OrderEvent]) -> bool {
    order.status() == Status::Submitted && events.iter().any(asks_for_a_price)
}

const fn asks_for_a_price(event: &OrderEvent) -> bool {
    matches!(event, OrderEvent::Submitted { .. } | OrderEvent::RepricingRequested)
}
