//! One leader of one route: reads, publishes, parks and moves the cursor.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use shared::ids::OrderId;
use tokio_util::sync::CancellationToken;

use super::packing::{News, Packer};
use super::parked::Undelivered;
use super::route::{Parcel, Route};
use super::waves::{apart, waves};
use super::{Relay, RelayError, book, mend, parked};
use crate::delivery::{Fate, Publisher};
use crate::follower::Follower;
use crate::log_reader::{Behind, Reach};
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

pub(super) struct Session<'r> {
    relay: &'r Relay,
    route: Route,
    follower: Follower,
    publisher: Publisher,
    metrics: FollowerMetrics,
    packer: Packer,
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
        let packer = Packer::new(route, epoch);
        Ok(Some(Self { relay, route, follower, publisher, metrics, packer, is_stopped: false }))
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
        let at_most = if self.is_stopped { self.relay.config.many } else { usize::MAX };
        let News { parcels, reach, behind } = self.packer.next(&mut self.follower, at_most).await?;
        self.metrics.note_hole(self.follower.hole_age());
        let moved = match behind {
            Behind::Nothing if !self.is_stopped => Progress::CaughtUp,
            _ => Progress::Moved,
        };
        let Some(Reach { position: last, .. }) = reach else {
            self.note_passed().await?;
            let hole = behind == Behind::Hole;
            return Ok(if hole { Progress::BehindAHole } else { Progress::Idle });
        };
        if parcels.is_empty() {
            self.follower.go_on_behind(last);
            self.note_passed().await?;
            self.metrics.note_batch(reach, self.now());
            return Ok(moved);
        }
        write_api::planted!(CursorBeforePublishing, {
            self.settle(last, &[], &[]).await?;
            self.send(parcels).await?;
            return Ok(Progress::Moved);
        });
        let held = self.held(&parcels).await?;
        let owed = parcels.iter().filter(|parcel| parcel.wants_acknowledgement);
        let owed: Vec<(OrderId, u64)> = owed.map(Parcel::place).collect();
        let (free, held) = apart(parcels, &held);
        let held = held.into_iter().map(|parcel| Undelivered { parcel, reason: "behind" });
        let (sent, mut undelivered) = self.send(free).await?;
        if self.find_route_broken(sent, &undelivered).await? {
            return Ok(Progress::Stopped);
        }
        undelivered.extend(held);
        self.settle(last, &undelivered, &owed).await?;
        self.metrics.note_batch(reach, self.now());
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
        let fates = self.publisher.publish_batch(&wave).await?;
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
        parked::park(step.connection(), route, undelivered, now).await?;
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
        let parcels = self.packer.pack(self.follower.connection(), &due).await?;
        self.follower.touch().await?;
        let told: HashSet<u64> = parcels.iter().map(|parcel| parcel.position).collect();
        let tried = self.publish(parcels).await?;
        let all = |wanted: Fate| {
            let events = tried.iter().filter(move |(_, fate)| *fate == wanted);
            events.map(|(parcel, _)| parcel)
        };
        let connection = self.follower.connection();
        if all(Fate::Sent).next().is_some() {
            parked::hurry(connection, route, now).await?;
        }
        for (fate, reason) in [(Fate::Refused, "refused"), (Fate::Unroutable, "unroutable")] {
            let again: Vec<_> = all(fate).map(Parcel::place).collect();
            parked::postpone(connection, route, &again, reason, now).await?;
        }
        // The contract may have changed since: what the recipient is not told of any more holds nothing back.
        let gone = due.iter().filter(|event| !told.contains(&event.position));
        let gone = gone.map(|event| (event.order_id, event.position));
        let passed: Vec<_> = gone.chain(all(Fate::Sent).map(Parcel::place)).collect();
        let owed = all(Fate::Sent).filter(|parcel| parcel.wants_acknowledgement);
        let owed: Vec<OrderId> = owed.map(|parcel| parcel.order_id).collect();
        // Written down before the rows go: what is in neither is missed.
        book::note(connection, route, passed.iter().map(|(_, position)| *position)).await?;
        book::await_acknowledgements(connection, route, &owed, now).await?;
        parked::forget(connection, route, &passed).await?;
        Ok(!passed.is_empty())
    }

    fn now(&self) -> DateTime<Utc> {
        self.relay.access.now()
    }
}
