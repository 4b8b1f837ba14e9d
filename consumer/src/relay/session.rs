//! One leader of one route: reads, publishes, parks and moves the cursor.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use shared::ids::OrderId;
use tokio_util::sync::CancellationToken;

use super::route::{Parcel, Route};
use super::waves::{apart, waves};
use super::{Relay, RelayError, book, mend, parked};
use crate::delivery::{Fate, Outgoing, Publisher};
use crate::follower::Follower;
use crate::log_reader::Behind;
use crate::metrics::FollowerMetrics;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Something; there may be more.
    Moved,
    /// Something, and that was all there was.
    CaughtUp,
    /// Nothing: the log has no more.
    Idle,
    /// Nothing yet: somebody may still fill a hole.
    BehindAHole,
    /// Nothing: the route takes no messages.
    Stopped,
}

/// A parcel that did not get through, or waits behind one.
struct Undelivered {
    parcel: Parcel,
    reason: &'static str,
}

pub(super) struct Session<'r> {
    relay: &'r Relay,
    route: Route,
    follower: Follower,
    publisher: Publisher,
    metrics: FollowerMetrics,
    epoch: u32,
    /// The route was found broken: try with a few until one gets through.
    is_stopped: bool,
}

impl<'r> Session<'r> {
    pub async fn lead(
        relay: &'r Relay,
        route: Route,
        stop: &CancellationToken,
    ) -> Result<Option<Self>, RelayError> {
        let Some(mut follower) = Follower::lead(&relay.access, route.follower(), stop).await?
        else {
            return Ok(None);
        };
        let epoch = sqlx::query_scalar!("SELECT epoch FROM write.system")
            .fetch_one(follower.connection())
            .await?;
        let epoch = u32::try_from(epoch)
            .map_err(|_| RelayError::Inconsistent(format!("write.system: epoch {epoch}")))?;
        let publisher = relay.broker.publisher(route.follower()).await?;
        if route.keeps_promises() {
            let cursor = follower.cursor();
            book::begin(follower.connection(), route, cursor).await?;
        }
        let metrics = FollowerMetrics::of(route.follower());
        Ok(Some(Self { relay, route, follower, publisher, metrics, epoch, is_stopped: false }))
    }

    /// Gives up the lead in good order.
    pub async fn resign(mut self) {
        let passed = self.follower.cursor();
        if self.route.keeps_promises() && passed != self.follower.stored_cursor() {
            // What was passed over without being written down is passed over again.
            let _ = self.settle(passed, &[], &[]).await;
        }
        self.publisher.close().await;
        self.follower.resign().await;
    }

    /// What is parked and due, then what comes next in the log.
    pub async fn step(&mut self) -> Result<Progress, RelayError> {
        let retried = self.route.keeps_promises() && self.retry_parked().await?;
        match self.relay_next().await? {
            Progress::Idle if retried => Ok(Progress::Moved),
            progress => Ok(progress),
        }
    }

    async fn relay_next(&mut self) -> Result<Progress, RelayError> {
        let mut batch = self.follower.read().await?;
        self.metrics.note_hole(self.follower.hole_age());
        let mut moved = match batch.behind {
            Behind::Nothing => Progress::CaughtUp,
            Behind::More | Behind::Hole => Progress::Moved,
        };
        if self.is_stopped {
            batch.events.truncate(self.relay.config.many);
            moved = Progress::Moved;
        }
        let Some(last) = batch.last_position() else {
            self.note_passed().await?;
            let hole = batch.behind == Behind::Hole;
            return Ok(if hole { Progress::BehindAHole } else { Progress::Idle });
        };
        let parcels =
            self.route.parcels(self.follower.connection(), &batch.events, self.epoch).await?;
        if parcels.is_empty() {
            self.follower.go_on_behind(last);
            self.note_passed().await?;
            self.metrics.note_batch(&batch.events, self.now());
            return Ok(moved);
        }
        write_api::planted!(CursorBeforePublishing, {
            self.settle(last, &[], &[]).await?;
            self.send(parcels).await?;
            return Ok(Progress::Moved);
        });
        let held = self.held(&parcels).await?;
        let owed: Vec<(OrderId, u64)> = parcels
            .iter()
            .filter(|parcel| parcel.wants_acknowledgement)
            .map(|parcel| (parcel.order_id, parcel.position))
            .collect();
        let (free, behind) = apart(parcels, &held);
        let behind = behind.into_iter().map(|parcel| Undelivered { parcel, reason: "behind" });
        let (sent, mut undelivered) = self.send(free).await?;
        if self.find_route_broken(sent, &undelivered).await? {
            return Ok(Progress::Stopped);
        }
        undelivered.extend(behind);
        self.settle(last, &undelivered, &owed).await?;
        self.metrics.note_batch(&batch.events, self.now());
        Ok(moved)
    }

    /// What this route had nothing to do with is written down now and then, and in the book of one that has a book.
    async fn note_passed(&mut self) -> Result<(), RelayError> {
        if !self.route.keeps_promises() {
            self.follower.rest().await?;
        } else if self.follower.is_note_due() {
            self.settle(self.follower.cursor(), &[], &[]).await?;
        }
        Ok(())
    }

    async fn held(&mut self, parcels: &[Parcel]) -> Result<HashSet<OrderId>, RelayError> {
        if !self.route.keeps_promises() {
            return Ok(HashSet::new());
        }
        Ok(parked::held(self.follower.connection(), self.route, parcels).await?)
    }

    /// Publishes wave by wave. An order whose event did not get through is left out of later waves.
    async fn send(
        &mut self,
        parcels: Vec<Parcel>,
    ) -> Result<(usize, Vec<Undelivered>), RelayError> {
        if parcels.is_empty() {
            return Ok((0, Vec::new()));
        }
        // What the standby does not have yet must not leave the house.
        self.follower.touch().await?;
        let (mut sent, mut undelivered) = (0, Vec::<Undelivered>::new());
        for wave in waves(parcels) {
            let held = undelivered.iter().map(|left| left.parcel.order_id).collect();
            let (wave, behind) = apart(wave, &held);
            for (parcel, fate) in self.publish(wave).await? {
                match self.reason_to_park(fate) {
                    None => sent += 1,
                    Some(reason) => undelivered.push(Undelivered { parcel, reason }),
                }
            }
            undelivered
                .extend(behind.into_iter().map(|parcel| Undelivered { parcel, reason: "behind" }));
        }
        Ok((sent, undelivered))
    }

    async fn publish(&mut self, wave: Vec<Parcel>) -> Result<Vec<(Parcel, Fate)>, RelayError> {
        let messages: Vec<Outgoing> = wave.iter().map(|parcel| parcel.message.clone()).collect();
        let fates = self.publisher.publish_batch(&messages).await?;
        let count = |wanted: Fate| fates.iter().filter(|fate| **fate == wanted).count();
        let metrics = &self.relay.metrics;
        metrics.note(self.route, "sent", count(Fate::Sent));
        metrics.note(self.route, "unroutable", count(Fate::Unroutable));
        metrics.note(self.route, "refused", count(Fate::Refused));
        if count(Fate::Unroutable) > 0 && self.route.keeps_promises() {
            mend::bind_again(self.relay, self.route).await;
        }
        Ok(wave.into_iter().zip(fates).collect())
    }

    const fn reason_to_park(&self, fate: Fate) -> Option<&'static str> {
        match fate {
            Fate::Unroutable if self.route.keeps_promises() => Some("unroutable"),
            Fate::Refused if self.route.keeps_promises() => Some("refused"),
            _ => None,
        }
    }

    /// One order may be at fault; many at once are the route's fault. When nothing was tried, nothing is known.
    async fn find_route_broken(
        &mut self,
        sent: usize,
        undelivered: &[Undelivered],
    ) -> Result<bool, RelayError> {
        let orders: HashSet<OrderId> =
            undelivered.iter().map(|left| left.parcel.order_id).collect();
        if orders.is_empty() && sent == 0 {
            return Ok(false);
        }
        let many = self.relay.config.many;
        let broken = orders.len() >= many
            || (sent == 0 && (self.is_stopped || self.parked().await? + orders.len() >= many));
        self.note_route(broken);
        Ok(broken)
    }

    async fn parked(&mut self) -> Result<usize, RelayError> {
        Ok(parked::count_orders(self.follower.connection(), self.route).await?)
    }

    fn note_route(&mut self, broken: bool) {
        if broken && !self.is_stopped {
            tracing::error!(route = self.route.name(), "the route takes no messages: it stops");
        } else if !broken && self.is_stopped {
            tracing::info!(route = self.route.name(), "the route works again");
        }
        self.is_stopped = broken;
        self.relay.metrics.note_stopped(self.route, broken);
    }

    /// Parks what did not get through, writes down what did, and moves the cursor, at once. `owed` are orders that the
    /// recipient must acknowledge, with the positions that tell it of them.
    async fn settle(
        &mut self,
        to: u64,
        undelivered: &[Undelivered],
        owed: &[(OrderId, u64)],
    ) -> Result<(), RelayError> {
        let (route, now, from) = (self.route, self.now(), self.follower.stored_cursor());
        if undelivered.is_empty() && !route.keeps_promises() {
            return Ok(self.follower.advance(to).await?);
        }
        // Cursor and book are lost together, and then the messages are sent again.
        let mut step = if undelivered.is_empty() {
            self.follower.begin_without_waiting(to).await?
        } else {
            self.follower.begin(to).await?
        };
        for left in undelivered {
            parked::park(step.connection(), route, &left.parcel, left.reason, now).await?;
        }
        if route.keeps_promises() {
            let left: HashSet<u64> = undelivered.iter().map(|left| left.parcel.position).collect();
            // Positions that nobody has any more are passed like the others.
            let sent = (from + 1..=to).filter(|position| !left.contains(position));
            book::note(step.connection(), route, sent).await?;
            let owed: Vec<OrderId> = owed
                .iter()
                .filter(|(_, position)| !left.contains(position))
                .map(|(order_id, _)| *order_id)
                .collect();
            book::await_acknowledgements(step.connection(), route, &owed, now).await?;
            if from / book::BLOCK != to / book::BLOCK {
                book::forget_old(step.connection(), route, to).await?;
            }
        }
        step.commit().await?;
        for left in undelivered.iter().filter(|left| left.reason != "behind") {
            tracing::warn!(
                route = route.name(),
                order.id = %left.parcel.order_id,
                reason = left.reason,
                "an event cannot be delivered: it is parked"
            );
        }
        Ok(())
    }

    /// Tries the oldest parked event of each order that is due. `true` when something got through.
    async fn retry_parked(&mut self) -> Result<bool, RelayError> {
        let (route, now) = (self.route, self.now());
        let due = parked::due(self.follower.connection(), route, now).await?;
        if due.is_empty() {
            return Ok(false);
        }
        let parcels = route.parcels(self.follower.connection(), &due, self.epoch).await?;
        self.follower.touch().await?;
        let mut got_through = false;
        // The contract may have changed since: what the recipient is not told of any more holds nothing back.
        for gone in due.iter().filter(|event| !parcels.iter().any(|p| p.position == event.position))
        {
            let (connection, position) = (self.follower.connection(), gone.position);
            book::note(connection, route, std::iter::once(position)).await?;
            parked::forget(connection, route, gone.order_id, position).await?;
            got_through = true;
        }
        for (parcel, fate) in self.publish(parcels).await? {
            let connection = self.follower.connection();
            if fate == Fate::Sent {
                book::note(connection, route, std::iter::once(parcel.position)).await?;
                let owed = parcel.wants_acknowledgement.then_some(parcel.order_id);
                book::await_acknowledgements(connection, route, owed.as_slice(), now).await?;
                parked::delivered(connection, route, &parcel, now).await?;
                got_through = true;
            } else {
                let reason = if fate == Fate::Refused { "refused" } else { "unroutable" };
                parked::postpone(connection, route, &parcel, reason, now).await?;
            }
        }
        Ok(got_through)
    }

    fn now(&self) -> DateTime<Utc> {
        self.relay.access.now()
    }
}
