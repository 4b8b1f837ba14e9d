//! Reading the log without skipping: the one place where a follower learns what comes next.
//!
//! A position is taken from a sequence, so a lower one may commit after a higher one, and a rollback
//! leaves a hole for ever. A cursor that jumps over a hole loses whatever fills it later; one that waits
//! for a hole waits for ever when it was a rollback. The rule that does neither:
//!
//! 1. Deliver the contiguous prefix after the cursor.
//! 2. On seeing a hole, take a transaction id of our own (`pg_current_xact_id()`) as barrier X and note the
//!    highest position that is visible in the same statement.
//! 3. Pass the hole when *one* statement shows that no transaction below X is running
//!    (`pg_snapshot_xmin(pg_current_snapshot()) >= X`) and the hole is still there, and only up to the
//!    position noted with X.
//!
//! Why this holds: every position below a visible one was taken earlier (`CACHE 1`), by a transaction that
//! had its id by then (rows are saved first, events are inserted last), which is therefore below X. Once
//! all of these have ended, a position that a snapshot does not show was rolled back. Transaction ids mean
//! nothing on another server or after a promotion, so a barrier lives and dies with one connection.
//!
//! [`Gaps`] is the rule without any I/O; [`LogReader`] asks PostgreSQL and obeys it.

mod row;

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shared::ids::OrderId;
use shared::order::events::LoggedEvent;
use shared::platform::database;
use sqlx::PgConnection;

use row::{HeadRow, Row, Text};
pub(crate) use row::{events_at, events_of};

/// A server that does not answer must not hang a follower for ever.
const READ_DEADLINE: Duration = Duration::from_secs(10);
/// How much is read while a hole is the very next thing: only whether it still is there.
const PROBE: i64 = 1;

/// What one statement showed of the log.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// `pg_snapshot_xmin`: every transaction below has ended, and this statement sees what it left.
    pub xmin: u64,
    /// The positions after the cursor, ascending: all that are visible, or the first so many.
    pub positions: &'a [u64],
}

/// What may be done after a [`View`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// How many of the positions may be delivered, from the front.
    pub deliver: usize,
    /// A hole is in the way and no barrier stands: take one.
    pub wants_barrier: bool,
}

/// A transaction id of our own, and the highest position that was visible when it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Barrier {
    xid: u64,
    visible: u64,
}

/// Somebody may still fill the position after `after`.
#[derive(Debug, Clone, Copy)]
struct Hole {
    after: u64,
    since: Instant,
}

/// The rule: which positions may be delivered, decided from what statements showed. No I/O.
#[derive(Debug, Clone)]
pub struct Gaps {
    cursor: u64,
    /// Up to here nothing can appear any more: a position is visible to every later statement, or never.
    settled: u64,
    barrier: Option<Barrier>,
    hole: Option<Hole>,
}

impl Gaps {
    /// A reader that has had everything up to `cursor`.
    pub const fn after(cursor: u64) -> Self {
        Self { cursor, settled: cursor, barrier: None, hole: None }
    }

    /// The last position that was delivered and dealt with.
    pub const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Since when the oldest hole is in the way.
    pub fn hole_since(&self) -> Option<Instant> {
        self.hole.map(|hole| hole.since)
    }

    /// What may be delivered of what one statement showed. The cursor stays where it is until
    /// [`Self::move_to`].
    pub fn judge(&mut self, view: View<'_>, now: Instant) -> Verdict {
        if let Some(barrier) = self.barrier.filter(|barrier| view.xmin >= barrier.xid) {
            self.settle(barrier.visible);
            self.barrier = None;
        }
        write_api::planted!(PlainCursor, {
            return Verdict { deliver: view.positions.len(), wants_barrier: false };
        });
        let deliver = self.deliverable(view.positions);
        let blocked = deliver < view.positions.len();
        self.note_hole(blocked.then(|| last_before(view.positions, deliver, self.cursor)), now);
        Verdict { deliver, wants_barrier: blocked && self.barrier.is_none() }
    }

    /// A barrier was taken: the statement that took `xid` saw `visible` as the highest position.
    pub fn set_barrier(&mut self, xid: u64, visible: u64) {
        self.barrier = Some(Barrier { xid, visible });
    }

    /// Somebody else proved that nothing can appear up to `position` any more.
    pub fn settle(&mut self, position: u64) {
        self.settled = self.settled.max(position);
    }

    /// Everything up to `position` was dealt with.
    pub fn move_to(&mut self, position: u64) {
        self.cursor = self.cursor.max(position);
    }

    fn deliverable(&self, positions: &[u64]) -> usize {
        let mut last = self.cursor;
        let follows = |&&position: &&u64| {
            let fits = position == last + 1 || position <= self.settled;
            last = position;
            fits
        };
        positions.iter().take_while(follows).count()
    }

    /// The same hole keeps its age; another one starts anew.
    fn note_hole(&mut self, after: Option<u64>, now: Instant) {
        self.hole = after.map(|after| match self.hole {
            Some(known) if known.after == after => known,
            _ => Hole { after, since: now },
        });
    }
}

fn last_before(positions: &[u64], index: usize, cursor: u64) -> u64 {
    index.checked_sub(1).map_or(cursor, |last| positions[last])
}

/// What lies behind a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// Nothing that this statement showed.
    Nothing,
    /// More events.
    More,
    /// A hole that somebody may still fill.
    Hole,
}

/// An event without what happened: for those who only pass it by, or look closer at a few. To read it costs a quarter
/// of what the whole event costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its place in the log.
    pub position: u64,
    /// Whose.
    pub order_id: OrderId,
    /// Which of that order.
    pub version: u64,
    /// The event's name. It may be one that this version does not know.
    pub kind: String,
    /// When.
    pub occurred_at: DateTime<Utc>,
}

/// Something that has its place in the log.
pub trait Placed {
    /// Where, and when it happened.
    fn place(&self) -> (u64, DateTime<Utc>);
}

impl Placed for Head {
    fn place(&self) -> (u64, DateTime<Utc>) {
        (self.position, self.occurred_at)
    }
}

impl Placed for LoggedEvent {
    fn place(&self) -> (u64, DateTime<Utc>) {
        (self.position, self.occurred_at)
    }
}

/// How far a batch reaches.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    /// How many events it has.
    pub events: u64,
    /// The position of the last.
    pub position: u64,
    /// When that happened.
    pub occurred_at: DateTime<Utc>,
}

/// Events, or their heads, in the order of the log.
#[derive(Debug)]
pub struct Batch<E = LoggedEvent> {
    /// Directly after the cursor; nothing is skipped.
    pub events: Vec<E>,
    /// What comes next.
    pub behind: Behind,
}

impl<E: Placed> Batch<E> {
    /// The position of the last event.
    pub fn last_position(&self) -> Option<u64> {
        self.reach().map(|reach| reach.position)
    }

    /// `None` when it has no event.
    pub fn reach(&self) -> Option<Reach> {
        let (position, occurred_at) = self.events.last()?.place();
        Some(Reach { events: self.events.len() as u64, position, occurred_at })
    }
}

/// Why the log cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database cannot be reached, or failed.
    #[error("the log cannot be read")]
    Database(#[from] sqlx::Error),
    /// The log holds what this version of the program does not understand. Never skipped.
    #[error(
        "position {position} (order {order_id}, {kind}) is not an event that this version knows"
    )]
    Undecodable {
        /// Where it stands.
        position: u64,
        /// Whose it is.
        order_id: OrderId,
        /// What it calls itself.
        kind: String,
        /// What does not fit.
        source: serde_json::Error,
    },
}

/// Reads the log over one connection; when the connection goes, so do the reader and its barrier.
#[derive(Debug)]
pub struct LogReader {
    connection: PgConnection,
    gaps: Gaps,
    batch: i64,
    /// The last read gave nothing because of a hole.
    is_stuck: bool,
}

impl LogReader {
    /// A reader that goes on after `cursor`, at most `batch` events at a time.
    pub fn new(connection: PgConnection, cursor: u64, batch: u32) -> Self {
        let batch = i64::from(batch.max(1));
        Self { connection, gaps: Gaps::after(cursor), batch, is_stuck: false }
    }

    /// The next events after the cursor, which stays until [`Self::move_to`]. After an error throw the
    /// reader away.
    pub async fn read(&mut self) -> Result<Batch, ReadError> {
        let limit = self.limit();
        let rows = self.rows(limit).await?;
        let seen: Vec<i64> = rows.iter().map(|row| row.position).collect();
        let xmin = rows.first().and_then(|row| row.xmin);
        let (deliver, behind) = self.judge(&seen, xmin, limit).await?;
        let events = rows.into_iter().take(deliver).map(Row::decode);
        Ok(Batch { events: events.collect::<Result<_, _>>()?, behind })
    }

    /// As [`Self::read`], of each event only the head.
    pub async fn read_heads(&mut self) -> Result<Batch<Head>, ReadError> {
        let limit = self.limit();
        let rows = self.head_rows(limit).await?;
        let seen: Vec<i64> = rows.iter().map(|row| row.position).collect();
        let xmin = rows.first().and_then(|row| row.xmin);
        let (deliver, behind) = self.judge(&seen, xmin, limit).await?;
        Ok(Batch { events: rows.into_iter().take(deliver).map(Into::into).collect(), behind })
    }

    const fn limit(&self) -> i64 {
        if self.is_stuck { PROBE } else { self.batch }
    }

    /// How many of the positions that one statement showed the rule lets through, and what lies behind them.
    async fn judge(
        &mut self,
        seen: &[i64],
        xmin: Option<i64>,
        limit: i64,
    ) -> Result<(usize, Behind), ReadError> {
        let positions: Vec<u64> = seen.iter().copied().map(i64::cast_unsigned).collect();
        let xmin = xmin.map_or(0, i64::cast_unsigned);
        let verdict = self.gaps.judge(View { xmin, positions: &positions }, Instant::now());
        if verdict.wants_barrier {
            self.take_barrier().await?;
        }
        let behind = if verdict.deliver < positions.len() {
            Behind::Hole
        } else if i64::try_from(positions.len()) == Ok(limit) {
            Behind::More
        } else {
            Behind::Nothing
        };
        self.is_stuck = verdict.deliver == 0 && behind == Behind::Hole;
        Ok((verdict.deliver, behind))
    }

    /// Everything up to `position` was dealt with.
    pub fn move_to(&mut self, position: u64) {
        self.gaps.move_to(position);
    }

    /// Another follower has passed every hole up to `position`: nothing can appear there any more.
    pub fn settle(&mut self, position: u64) {
        self.gaps.settle(position);
    }

    /// The rule's state.
    pub const fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// The connection and the rule's state, to deal with events where they were read.
    pub const fn parts(&mut self) -> (&mut PgConnection, &mut Gaps) {
        (&mut self.connection, &mut self.gaps)
    }

    /// The connection, when reading is over.
    pub fn into_connection(self) -> PgConnection {
        self.connection
    }

    async fn rows(&mut self, limit: i64) -> Result<Vec<Row>, sqlx::Error> {
        let query = sqlx::query_as!(
            Row,
            r#"
            SELECT position, order_id, version, kind, data AS "data: Text", actor AS "actor: Text",
                   cause, trace_context, occurred_at,
                   pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin
            FROM write.order_events
            WHERE position > $1
            ORDER BY position
            LIMIT $2
            "#,
            self.gaps.cursor().cast_signed(),
            limit,
        );
        database::within(READ_DEADLINE, query.fetch_all(&mut self.connection)).await
    }

    async fn head_rows(&mut self, limit: i64) -> Result<Vec<HeadRow>, sqlx::Error> {
        let query = sqlx::query_as!(
            HeadRow,
            r#"
            SELECT position, order_id, version, kind, occurred_at,
                   pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin
            FROM write.order_events
            WHERE position > $1
            ORDER BY position
            LIMIT $2
            "#,
            self.gaps.cursor().cast_signed(),
            limit,
        );
        database::within(READ_DEADLINE, query.fetch_all(&mut self.connection)).await
    }

    /// One statement: what is visible belongs to a snapshot that is older than the id it takes.
    async fn take_barrier(&mut self) -> Result<(), sqlx::Error> {
        let query = sqlx::query!(
            r#"
            SELECT pg_current_xact_id()::text::bigint AS "xid!",
                   (SELECT max(position) FROM write.order_events) AS "visible!"
            "#,
        );
        let taken = database::within(READ_DEADLINE, query.fetch_one(&mut self.connection)).await?;
        self.gaps.set_barrier(taken.xid.cast_unsigned(), taken.visible.cast_unsigned());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
