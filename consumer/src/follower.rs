//! A follower of the log: one leader, one cursor, one fence.
//!
//! A [`Follower`] holds one connection of its own for everything: the advisory lock that makes it the
//! leader, the reader's barrier, and the transactions of its effects. When that connection goes, all of
//! them go at once and a hot standby takes over; nothing can be half alive.
//!
//! The cursor in `write.followers` moves by compare-and-set. A former leader that wakes up, or one whose
//! cursor was moved by a rebuild, finds another value there, gets [`FollowerError::Fenced`], and must lead
//! anew.
//!
//! To follow the log:
//!
//! - *Effect in this database:* [`Follower::read`], [`Follower::begin`] (moves the cursor first, so that the
//!   fence is held while the effect is written), write through [`Step::connection`], [`Step::commit`].
//! - *Effect elsewhere:* [`Follower::read`], [`Follower::touch`] (waits for the synchronous standby: a row
//!   can be visible here before the standby has it), do it, wait until it is confirmed,
//!   [`Follower::advance`]. The effect may be repeated after a crash.
//! - *No effect at all:* [`Follower::read`], [`Follower::pass`]. To find out again after a crash that there was nothing
//!   to do costs less than a commit for each look.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shared::clock::Clock;
use shared::order::events::LoggedEvent;
use shared::platform::database;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, PgPool, Postgres, Transaction};
use tokio_util::sync::CancellationToken;

use crate::log_reader::{Batch, Gaps, Head, LogReader, ReadError};
use crate::projections::ProjectionError;

/// A commit waits for the synchronous standby, but not for ever.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How often a hot standby asks whether it may lead.
const STANDBY_INTERVAL: Duration = Duration::from_millis(250);
/// What was only passed over is written down this often.
const PASSED_INTERVAL: Duration = Duration::from_secs(1);

/// What may be replayed: its whole effect lies in tables that can be filled again from the log's start.
///
/// Projections are; whoever tells others (the relay, webhooks) is not, and `rebuild` takes nothing else.
pub trait Replayable: Send + Sync {
    /// The name of its cursor.
    const FOLLOWER: &'static str;
    /// The tables of its effect, in schema `read`, without the checkpoint.
    const TABLES: &'static [&'static str];

    /// Applies events, in the order of the log, to the tables in the connection's search path.
    fn apply(
        connection: &mut PgConnection,
        events: &[LoggedEvent],
    ) -> impl Future<Output = Result<(), ProjectionError>> + Send;
}

/// Why a follower cannot go on. After any of these, drop it and lead anew.
#[derive(Debug, thiserror::Error)]
pub enum FollowerError {
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database cannot be reached, or failed.
    #[error("the follower's database failed")]
    Database(#[from] sqlx::Error),
    /// Somebody else moved the cursor.
    #[error("the cursor of `{name}` is not at {cursor} any more: somebody else leads, or rebuilt")]
    Fenced {
        /// Whose.
        name: &'static str,
        /// Where this follower thought it was.
        cursor: u64,
    },
    /// Another server is the primary by now.
    #[error("`{0}` follows the log of a server that is not the primary any more")]
    Moved(&'static str),
}

impl FollowerError {
    /// Whether somebody else has the lead, or the log is elsewhere: no trouble, but for another to go on.
    pub const fn lost_the_lead(&self) -> bool {
        matches!(self, Self::Fenced { .. } | Self::Moved(_))
    }

    /// Whether leading anew, without anybody's help, may be all that is needed.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Fenced { .. } | Self::Moved(_) => true,
            Self::Database(error) | Self::Read(ReadError::Database(error)) => may_recover(error),
            Self::Read(ReadError::Undecodable { .. }) => false,
        }
    }
}

/// Trouble of the kind that ends by itself: a server that is away, a lock, a lost race.
pub fn may_recover(error: &sqlx::Error) -> bool {
    database::is_unavailable(error)
        || database::is_lock_timeout(error)
        || database::is_lost_race(error)
}

/// How to follow: where the log is, how much at a time, by whose clock.
#[derive(Clone)]
pub struct LogAccess {
    options: PgConnectOptions,
    /// Knows which server is the primary.
    pool: Option<PgPool>,
    batch: u32,
    clock: Arc<dyn Clock>,
}

impl LogAccess {
    /// At most `batch` events at a time from the database behind `options`.
    pub fn new(options: &PgConnectOptions, batch: u32, clock: Arc<dyn Clock>) -> Self {
        // A leader whose machine vanished must lose its lock soon, and one that hangs inside a
        // transaction must not hold back everybody's barriers.
        let options = options.clone().options([
            ("tcp_keepalives_idle", "5"),
            ("tcp_keepalives_interval", "2"),
            ("tcp_keepalives_count", "3"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("client_min_messages", "warning"),
            // A follower asks the same few things, by keys, hundreds of times a second: to plan each anew would cost
            // three times what it costs to answer.
            ("plan_cache_mode", "force_generic_plan"),
        ]);
        Self { options, pool: None, batch, clock }
    }

    /// The log of the server that `pool` has for the primary, whichever that is when somebody connects.
    pub fn of(pool: &PgPool, name: &str, batch: u32, clock: Arc<dyn Clock>) -> Self {
        let options = PgConnectOptions::clone(&pool.connect_options()).application_name(name);
        Self { pool: Some(pool.clone()), ..Self::new(&options, batch, clock) }
    }

    /// The same log, seen through connections that find their unqualified tables in `schema`.
    #[must_use]
    pub fn in_schema(&self, schema: &str) -> Self {
        let options = self.options.clone().options([("search_path", schema)]);
        Self { options, ..self.clone() }
    }

    /// A connection of one's own, outside any pool.
    pub async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let options = match &self.pool {
            Some(pool) => {
                let primary = pool.connect_options();
                self.options.clone().host(primary.get_host()).port(primary.get_port())
            }
            None => self.options.clone(),
        };
        database::within(CONNECT_DEADLINE, PgConnection::connect_with(&options)).await
    }

    /// Where the primary is now.
    fn address(&self) -> (String, u16) {
        let present = self.pool.as_ref().map(PgPool::connect_options);
        let options = present.as_deref().unwrap_or(&self.options);
        (options.get_host().to_owned(), options.get_port())
    }

    /// A reader after `cursor` that leads nothing and keeps its cursor to itself.
    pub async fn reader(&self, cursor: u64) -> Result<LogReader, sqlx::Error> {
        Ok(LogReader::new(self.connect().await?, cursor, self.batch))
    }

    /// The present moment, by the follower's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// The one leader among all followers of this name.
pub struct Follower {
    name: &'static str,
    reader: LogReader,
    stored: Stored,
    access: LogAccess,
    /// Whom it asked for the lead.
    address: (String, u16),
}

/// The cursor as it stands in the database; the reader's own may be ahead of it by what was passed over.
struct Stored {
    cursor: u64,
    at: Instant,
}

impl Stored {
    fn new(cursor: u64) -> Self {
        Self { cursor, at: Instant::now() }
    }
}

impl Follower {
    /// Waits, as a hot standby, until it leads. `None` when asked to stop before.
    pub async fn lead(
        access: &LogAccess,
        name: &'static str,
        stop: &CancellationToken,
    ) -> Result<Option<Self>, FollowerError> {
        let address = access.address();
        let mut connection = access.connect().await?;
        while !try_lock(&mut connection, name).await? {
            if access.address() != address {
                return Err(FollowerError::Moved(name));
            }
            let stopped = stop.run_until_cancelled(tokio::time::sleep(STANDBY_INTERVAL)).await;
            if stopped.is_none() {
                return Ok(None);
            }
        }
        Self::leading(access, name, address, connection).await.map(Some)
    }

    /// Leads if nobody else does.
    pub async fn try_lead(
        access: &LogAccess,
        name: &'static str,
    ) -> Result<Option<Self>, FollowerError> {
        let address = access.address();
        let mut connection = access.connect().await?;
        if !try_lock(&mut connection, name).await? {
            return Ok(None);
        }
        Self::leading(access, name, address, connection).await.map(Some)
    }

    async fn leading(
        access: &LogAccess,
        name: &'static str,
        address: (String, u16),
        mut connection: PgConnection,
    ) -> Result<Self, FollowerError> {
        database::within(WRITE_DEADLINE, note_timeline(&mut connection, access.now())).await?;
        let loaded = load_cursor(&mut connection, name, access.now());
        let cursor = database::within(CONNECT_DEADLINE, loaded).await?;
        tracing::info!(follower.name = name, log.position = cursor, "leads");
        let reader = LogReader::new(connection, cursor, access.batch);
        Ok(Self { name, reader, stored: Stored::new(cursor), access: access.clone(), address })
    }

    /// Whose cursor it is.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The last position that was dealt with.
    pub const fn cursor(&self) -> u64 {
        self.reader.gaps().cursor()
    }

    /// How long the oldest hole has been in the way; a metric, and a reason to look for a transaction
    /// that hangs.
    pub fn hole_age(&self) -> Option<Duration> {
        self.reader.gaps().hole_since().map(|since| Instant::now().duration_since(since))
    }

    /// The next events. The cursor stays where it is.
    pub async fn read(&mut self) -> Result<Batch, FollowerError> {
        self.stay_at_the_primary()?;
        Ok(self.reader.read().await?)
    }

    /// As [`Self::read`], of each event only the head.
    pub async fn read_heads(&mut self) -> Result<Batch<Head>, FollowerError> {
        self.stay_at_the_primary()?;
        Ok(self.reader.read_heads().await?)
    }

    /// One that has nothing to write would not find out by itself.
    fn stay_at_the_primary(&self) -> Result<(), FollowerError> {
        if self.access.address() == self.address {
            Ok(())
        } else {
            Err(FollowerError::Moved(self.name))
        }
    }

    /// The follower's connection, for its own small questions outside of a [`Step`].
    pub const fn connection(&mut self) -> &mut PgConnection {
        self.reader.parts().0
    }

    /// Begins the transaction of an effect by moving the cursor to `to`: whoever else wants to move it
    /// waits until this ends.
    pub async fn begin(&mut self, to: u64) -> Result<Step<'_>, FollowerError> {
        self.begin_as("BEGIN", to).await
    }

    /// As [`Self::begin`], and the commit is not waited for on disk: for what is repeated, all of it, when it is lost.
    pub async fn begin_without_waiting(&mut self, to: u64) -> Result<Step<'_>, FollowerError> {
        self.begin_as(database::BEGIN_WITHOUT_WAITING, to).await
    }

    async fn begin_as(
        &mut self,
        statement: &'static str,
        to: u64,
    ) -> Result<Step<'_>, FollowerError> {
        let (name, now) = (self.name, self.access.now());
        let (connection, gaps) = self.reader.parts();
        let mut transaction =
            database::within(WRITE_DEADLINE, connection.begin_with(statement)).await?;
        move_cursor(&mut transaction, name, self.stored.cursor, to, now).await?;
        Ok(Step { transaction, gaps, stored: &mut self.stored, to })
    }

    /// Moves the cursor by itself, after an effect elsewhere was confirmed.
    ///
    /// Not waited for on disk: when it is lost, the effect is repeated, as after any crash.
    pub async fn advance(&mut self, to: u64) -> Result<(), FollowerError> {
        self.begin_without_waiting(to).await?.commit().await
    }

    /// The last position that is written down; [`Self::cursor`] may be ahead of it by what was passed over.
    pub const fn stored_cursor(&self) -> u64 {
        self.stored.cursor
    }

    /// Goes on behind `to`, up to which there was nothing to do, for those who write that down themselves: with
    /// [`Self::begin`], when [`Self::is_note_due`].
    pub fn go_on_behind(&mut self, to: u64) {
        self.reader.move_to(to);
    }

    /// Whether something was passed over and not written down for a while.
    pub fn is_note_due(&self) -> bool {
        self.cursor() != self.stored.cursor && self.stored.at.elapsed() >= PASSED_INTERVAL
    }

    /// Goes on behind `to`, up to which there was nothing to do. Written down with the next effect, or after a while.
    pub async fn pass(&mut self, to: u64) -> Result<(), FollowerError> {
        self.reader.move_to(to);
        self.note_passed(PASSED_INTERVAL).await
    }

    /// Nothing is left to read: writes down what was passed over, if that was not done for a while.
    pub async fn rest(&mut self) -> Result<(), FollowerError> {
        self.note_passed(PASSED_INTERVAL).await
    }

    async fn note_passed(&mut self, at_most_every: Duration) -> Result<(), FollowerError> {
        let cursor = self.cursor();
        if cursor == self.stored.cursor || self.stored.at.elapsed() < at_most_every {
            return Ok(());
        }
        self.advance(cursor).await
    }

    /// A small write that waits for the synchronous standby, and for everything before it; it also finds
    /// out whether this follower still leads. Before an effect leaves the database.
    pub async fn touch(&mut self) -> Result<(), FollowerError> {
        let (name, now, cursor) = (self.name, self.access.now(), self.stored.cursor);
        let query = sqlx::query!(
            "UPDATE write.followers SET touched_at = $3 WHERE name = $1 AND cursor = $2",
            name,
            cursor.cast_signed(),
            now,
        );
        let touched = database::within(WRITE_DEADLINE, query.execute(self.connection())).await?;
        fenced_unless(touched.rows_affected() == 1, name, cursor)
    }

    /// Gives up the lead at once, instead of when the server notices that the connection has gone.
    pub async fn resign(mut self) {
        // What was passed over without being written down is passed over again.
        let _ = self.note_passed(Duration::ZERO).await;
        let mut connection = self.reader.into_connection();
        let unlock = sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut connection);
        // A broken connection has lost the lock already.
        let _ = database::within(CONNECT_DEADLINE, unlock).await;
        let _ = database::within(CONNECT_DEADLINE, connection.close()).await;
    }
}

/// The transaction of one effect. Dropped without [`Self::commit`] it leaves nothing behind.
#[must_use = "without `commit` the effect is rolled back"]
pub struct Step<'f> {
    transaction: Transaction<'f, Postgres>,
    gaps: &'f mut Gaps,
    stored: &'f mut Stored,
    to: u64,
}

impl Step<'_> {
    /// Where the effect is written.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Effect and cursor, at once. After an error the outcome is unknown: lead anew, and the cursor tells.
    pub async fn commit(self) -> Result<(), FollowerError> {
        database::within(WRITE_DEADLINE, self.transaction.commit()).await?;
        self.gaps.move_to(self.to);
        *self.stored = Stored::new(self.to);
        Ok(())
    }
}

/// Locks belong to the session: this one must be nobody else's, so no pool and no transaction-mode proxy.
async fn try_lock(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    let query = sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_lock(hashtextextended('mes.follower.' || $1, 0)) AS "leads!""#,
        name,
    );
    database::within(CONNECT_DEADLINE, query.fetch_one(connection)).await
}

/// A promotion (and a restore) begins a new timeline of PostgreSQL, whoever did it: whoever leads there first begins
/// another epoch of the log. A restore does not know the epochs of the future that it gives up, and none of them may come
/// again: this one is at least as high as the second in which it begins.
async fn note_timeline(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let Some(timeline) = database::timeline(connection).await? else { return Ok(()) };
    let noted = sqlx::query!(
        "UPDATE write.system
         SET epoch = CASE WHEN timeline IS NULL AND $1::bigint = 1 THEN epoch ELSE greatest(epoch + 1, $2) END,
             timeline = $1
         WHERE timeline IS DISTINCT FROM $1",
        i64::from(timeline),
        now.timestamp(),
    )
    .execute(connection)
    .await?;
    if noted.rows_affected() > 0 {
        tracing::info!(timeline, "the log goes on on a timeline that is new to it");
    }
    Ok(())
}

async fn load_cursor(
    connection: &mut PgConnection,
    name: &str,
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    sqlx::query!(
        "INSERT INTO write.followers (name, cursor, moved_at, touched_at) VALUES ($1, 0, $2, $2)
         ON CONFLICT (name) DO NOTHING",
        name,
        now,
    )
    .execute(&mut *connection)
    .await?;
    let cursor = sqlx::query_scalar!("SELECT cursor FROM write.followers WHERE name = $1", name)
        .fetch_one(connection)
        .await?;
    Ok(cursor.cast_unsigned())
}

async fn move_cursor(
    connection: &mut PgConnection,
    name: &'static str,
    from: u64,
    to: u64,
    now: DateTime<Utc>,
) -> Result<(), FollowerError> {
    let query = sqlx::query!(
        "UPDATE write.followers SET cursor = $3, moved_at = $4 WHERE name = $1 AND cursor = $2",
        name,
        from.cast_signed(),
        to.cast_signed(),
        now,
    );
    let moved = database::within(WRITE_DEADLINE, query.execute(connection)).await?;
    fenced_unless(moved.rows_affected() == 1, name, from)
}

const fn fenced_unless(moved: bool, name: &'static str, cursor: u64) -> Result<(), FollowerError> {
    if moved { Ok(()) } else { Err(FollowerError::Fenced { name, cursor }) }
}
