//! A batch in one transaction; when that fails, in parts, until the culprit stands alone. It is mostly known which
//! message was in hand when a transaction was lost; when it was lost at its commit, halves tell.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use write_api::store::{Acknowledgement, CommandError, Within};

use super::commands::{Executor, acknowledgement};
use super::incoming::Incoming;
use super::{Intake, IntakeError, waiting};
use crate::delivery::Backoff;
use crate::failure::{Failure, Why};

/// A statement that takes longer is this message's fault or a bad moment's: either way the others go on. Longer than
/// the wait for a lock, which has an error of its own.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// A message that was not applied, and what to do with it.
pub(super) struct Kept<'m> {
    pub message: &'m Incoming,
    pub failure: Failure,
}

/// What became of a part of a batch.
enum Part<'m> {
    /// Everything was applied but for these.
    Done(Vec<Kept<'m>>),
    /// The transaction could not be finished, and nothing of it stayed. The number is that of the message in hand.
    Undone(CommandError, Option<usize>),
}

/// What is still to be done, the last one first.
enum Step<'m> {
    Apply(&'m [Incoming]),
    Keep(Kept<'m>),
}

/// A part that was undone, without its culprit as far as that is known: whatever came before it goes first.
fn apart(part: &[Incoming], at: Option<usize>, failure: Failure) -> Vec<Step<'_>> {
    match (part, at, failure) {
        ([alone], _, failure) => vec![Step::Keep(Kept { message: alone, failure })],
        // It took its time already, and is tried again later anyhow: the others need not wait for it once more.
        (part, Some(at), failure @ Failure::Wait(_)) => vec![
            Step::Apply(&part[at + 1..]),
            Step::Keep(Kept { message: &part[at], failure }),
            Step::Apply(&part[..at]),
        ],
        (part, Some(at), _) => vec![
            Step::Apply(&part[at + 1..]),
            Step::Apply(&part[at..=at]),
            Step::Apply(&part[..at]),
        ],
        (part, None, _) => {
            let (first, second) = part.split_at(part.len() / 2);
            vec![Step::Apply(second), Step::Apply(first)]
        }
    }
}

impl Intake {
    /// Applies or keeps every message, in order. Returns when all of that is lasting; holds on while the database
    /// is away. Doing part of it twice changes nothing.
    pub(super) async fn apply_all(
        &self,
        messages: &[Incoming],
        stop: &CancellationToken,
    ) -> Result<(), IntakeError> {
        let mut backoff = Backoff::default();
        while let Err(why) = self.try_apply_all(messages).await {
            self.hold(why, &mut backoff, stop).await?;
        }
        Ok(())
    }

    async fn try_apply_all(&self, messages: &[Incoming]) -> Result<(), Why> {
        let keys = messages.iter().filter_map(Incoming::order_key).collect();
        let mut held = waiting::orders_that_wait(self.store.pool(), keys).await?;
        let mut steps = vec![Step::Apply(messages)];
        while let Some(step) = steps.pop() {
            let part = match step {
                Step::Apply([]) => continue,
                Step::Apply(part) => part,
                Step::Keep(kept) => {
                    self.keep(std::slice::from_ref(kept.message), vec![kept], &mut held).await?;
                    continue;
                }
            };
            match self.apply_together(part, &held).await {
                Part::Done(kept) => self.keep(part, kept, &mut held).await?,
                Part::Undone(error, at) => match Failure::from(&error) {
                    Failure::Hold(why) => return Err(why),
                    failure => steps.extend(apart(part, at, failure)),
                },
            }
        }
        Ok(())
    }

    /// Without savepoints first: they are a quarter of all that is said to the database, and hardly ever needed.
    async fn apply_together<'m>(&self, part: &'m [Incoming], held: &HashSet<String>) -> Part<'m> {
        match self.try_together(part, held, Within::Transaction).await {
            Part::Undone(error, _) if error.spares_the_batch() => {
                self.try_together(part, held, Within::Savepoint).await
            }
            done => done,
        }
    }

    async fn try_together<'m>(
        &self,
        part: &'m [Incoming],
        held: &HashSet<String>,
        within: Within,
    ) -> Part<'m> {
        let mut executor = match self.store.begin_batch(PATIENCE, within).await {
            Ok(batch) => Executor::new(batch),
            Err(error) => return Part::Undone(error, None),
        };
        let mut acknowledged = match acknowledge(&mut executor, part, held).await {
            Ok(acknowledged) => acknowledged,
            Err(error) => return Part::Undone(error, None),
        };
        let (mut kept, mut held) = (Vec::new(), held.clone());
        for (at, message) in part.iter().enumerate() {
            let applied = match acknowledged.remove(&at) {
                Some(outcome) => Ok(outcome),
                None => apply(&mut executor, message, &held, within).await,
            };
            match applied {
                Ok(None) => {}
                Ok(Some(failure)) => {
                    hold_back(message, &failure, &mut held);
                    kept.push(Kept { message, failure });
                }
                Err(error) => return Part::Undone(error, Some(at)),
            }
        }
        match executor.commit().await {
            Ok(()) => Part::Done(kept),
            Err(error) => Part::Undone(error, None),
        }
    }

    /// Puts what was not applied into the table.
    async fn keep(
        &self,
        part: &[Incoming],
        kept: Vec<Kept<'_>>,
        held: &mut HashSet<String>,
    ) -> Result<(), Why> {
        waiting::keep(self.store.pool(), &kept, self.store.clock().now()).await?;
        for kept in &kept {
            hold_back(kept.message, &kept.failure, held);
            self.report(kept.message, &kept.failure);
        }
        for message in part {
            if !kept.iter().any(|kept| std::ptr::eq(kept.message, message)) {
                self.metrics.note(message, "applied", "");
            }
        }
        Ok(())
    }

    /// Counts it; a parked one also gets a line, without anything that the message says.
    pub(super) fn report(&self, message: &Incoming, failure: &Failure) {
        self.metrics.note_failure(message, failure);
        if let Failure::Park(why) = failure {
            let field = message.understood.as_ref().err().map(|malformed| &malformed.pointer);
            tracing::warn!(
                message.kind = message.known_kind(),
                message.bytes = message.body.len(),
                reason = why.code,
                field,
                "a message is parked: somebody must look"
            );
        }
    }
}

/// Notes together what the CRM says that it has, unless an earlier message of the order waits; answers what became of
/// each, by its number. Nothing about an order depends on it, so that it may go before what came first.
async fn acknowledge(
    executor: &mut Executor<'_>,
    part: &[Incoming],
    held: &HashSet<String>,
) -> Result<HashMap<usize, Option<Failure>>, CommandError> {
    let (numbers, told): (Vec<usize>, Vec<Acknowledgement>) = part
        .iter()
        .enumerate()
        .filter_map(|(at, message)| Some((at, message.understood.as_ref().ok()?)))
        .filter(|(_, understood)| !held.contains(&understood.order_key))
        .filter_map(|(at, understood)| Some((at, acknowledgement(understood)?)))
        .unzip();
    if told.is_empty() {
        return Ok(HashMap::new());
    }
    let outcomes = executor.acknowledge(&told).await?.into_iter();
    Ok(numbers
        .into_iter()
        .zip(outcomes.map(|outcome| outcome.err().as_ref().map(Failure::from)))
        .collect())
}

/// `None`: applied. `Some`: not this one, and the others may go on. `Err`: the transaction is lost.
async fn apply(
    executor: &mut Executor<'_>,
    message: &Incoming,
    held: &HashSet<String>,
    within: Within,
) -> Result<Option<Failure>, CommandError> {
    let understood = match &message.understood {
        Ok(understood) => understood,
        Err(malformed) => return Ok(Some(malformed.into())),
    };
    if held.contains(&understood.order_key) {
        let why = Why::new("behind", "an earlier message of this order waits");
        return Ok(Some(Failure::Wait(why)));
    }
    match executor.apply(understood).await {
        Ok(()) => Ok(None),
        Err(error) if within == Within::Savepoint && error.spares_the_batch() => {
            Ok(Some(Failure::from(&error)))
        }
        Err(error) => Err(error),
    }
}

/// Later messages of the order wait behind one that waits, and not behind one that is parked for good.
fn hold_back(message: &Incoming, failure: &Failure, held: &mut HashSet<String>) {
    if let (Failure::Wait(_), Some(key)) = (failure, message.order_key()) {
        held.insert(key.to_owned());
    }
}
