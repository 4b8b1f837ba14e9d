//! One PostgreSQL server: its pool, what it is known to show, and the poller that keeps this fresh.
//!
//! The poller is the net under the announcements: it looks every [`Pace::usual`], at once when somebody announces
//! news, and faster while a reader waits for a position. It has a connection of its own, so that a pool full
//! of slow queries does not make a healthy server look dead. The moment a look fails, the server counts as away:
//! nobody is sent there, and queries under way are given up for another server's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use shared::ids::OrderId;
use shared::platform::database::{self, DatabaseConfig};
use shared::position::Position;
use sqlx::PgPool;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::question::{AskError, Head, Question, Snapshot};
use super::standing::{News, REMEMBERED_ORDERS, Standing};

/// A query that takes longer is not worth its answer. Just above the role's `statement_timeout`.
const QUERY_DEADLINE: Duration = Duration::from_millis(2_500);
const POLL_DEADLINE: Duration = Duration::from_secs(1);
/// What was seen longer ago is not known any more, whatever became of the poller.
const SIGHT_HOLDS: Duration = Duration::from_secs(3);
/// Between attempts to reach a server that is away.
const RETRY_EVERY: Duration = Duration::from_millis(250);
const WHILE_SOMEBODY_WAITS: Duration = Duration::from_millis(10);

/// A server of the read model.
#[derive(Debug)]
pub struct Server {
    name: String,
    pool: PgPool,
    polling: PgPool,
    state: watch::Sender<State>,
    look_now: Notify,
    sight_holds: Duration,
    /// It may be promoted, and is no replica any more then.
    may_be_promoted: bool,
}

/// What is known of a server.
#[derive(Debug, Clone, Default)]
struct State {
    healthy: bool,
    standing: Option<Arc<Standing>>,
    seen_at: Option<Instant>,
}

impl State {
    fn is_healthy(&self, sight_holds: Duration) -> bool {
        self.healthy && self.seen_at.is_some_and(|seen_at| seen_at.elapsed() < sight_holds)
    }
}

/// How often pollers look; shared by all of them.
#[derive(Debug)]
pub struct Pace {
    usual: Duration,
    waiting: AtomicUsize,
    hurry: Notify,
}

impl Pace {
    /// Looks this often when nobody waits.
    pub fn usual(usual: Duration) -> Self {
        Self { usual, waiting: AtomicUsize::new(0), hurry: Notify::new() }
    }

    /// Speeds pollers up until the guard is dropped.
    pub fn somebody_waits(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.hurry.notify_waiters();
        Waiting(self)
    }

    fn interval(&self) -> Duration {
        let waited_for = self.waiting.load(Ordering::Relaxed) > 0;
        if waited_for { WHILE_SOMEBODY_WAITS.min(self.usual) } else { self.usual }
    }
}

/// Somebody waits for a position.
#[derive(Debug)]
pub struct Waiting<'a>(&'a Pace);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Server {
    /// A server that has not been looked at yet. Fails only when the URL is not one.
    pub fn new(
        name: String,
        config: &DatabaseConfig,
        poll_every: Duration,
        may_be_promoted: bool,
    ) -> Result<Self, sqlx::Error> {
        let purposes = [("read-api", config.max_connections), ("read-api poller", 1)];
        let [pool, polling] = database::pools(config, purposes)?;
        Ok(Self {
            pool,
            polling,
            name,
            state: watch::Sender::new(State::default()),
            look_now: Notify::new(),
            sight_holds: SIGHT_HOLDS.max(poll_every * 2),
            may_be_promoted,
        })
    }

    /// For logs and metrics.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For the few statements that are no questions.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// What it shows, if it can be asked.
    pub fn standing(&self) -> Option<Arc<Standing>> {
        let state = self.state.borrow();
        if state.is_healthy(self.sight_holds) { state.standing.clone() } else { None }
    }

    /// Whether the last look succeeded.
    pub fn is_healthy(&self) -> bool {
        self.state.borrow().is_healthy(self.sight_holds)
    }

    /// Makes the poller look at once.
    pub fn look_now(&self) {
        self.look_now.notify_one();
    }

    /// Asks a question here. Given up when the server goes away meanwhile, so that a frozen server costs its
    /// readers a second and not their patience.
    pub async fn ask<Q: Question>(&self, question: &Q) -> Result<Snapshot<Q::Answer>, AskError> {
        let mut state = self.state.subscribe();
        let was_healthy = state.borrow_and_update().healthy;
        let gone = async {
            // Without a good look before, its loss tells nothing.
            if !was_healthy || state.wait_for(|state| !state.healthy).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let answer = tokio::select! {
            answer = self.ask_patiently(question) => answer,
            () = gone => Err(AskError::Database(sqlx::Error::PoolTimedOut)),
        };
        let knows_better = match &answer {
            Ok(snapshot) => !self.is_known_to_cover(snapshot.head.position),
            Err(error) => error.blames_the_server(),
        };
        if knows_better {
            self.look_now();
        }
        answer
    }

    fn is_known_to_cover(&self, position: Position) -> bool {
        let state = self.state.borrow();
        state.standing.as_ref().is_some_and(|standing| standing.position.covers(&position))
    }

    async fn ask_patiently<Q: Question>(
        &self,
        question: &Q,
    ) -> Result<Snapshot<Q::Answer>, AskError> {
        let mut connection = self.pool.acquire().await?;
        let answer = match tokio::time::timeout(QUERY_DEADLINE, question.ask(&mut connection)).await
        {
            Ok(answer) => answer,
            Err(_) => Err(AskError::Database(sqlx::Error::PoolTimedOut)),
        };
        if answer.as_ref().is_err_and(AskError::is_worth_another_server) {
            // Nobody knows what this connection still has to say.
            connection.close_on_drop();
        }
        answer
    }

    /// Looks until told to stop. `news` is told of every change; `needed` says whether this server matters now.
    pub async fn poll(
        self: Arc<Self>,
        pace: Arc<Pace>,
        news: watch::Sender<u64>,
        needed: impl Fn() -> bool + Send,
        stop: CancellationToken,
    ) {
        while !stop.is_cancelled() {
            let pause = if needed() {
                self.look(&news).await
            } else {
                self.look_away();
                None
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.look_now.notified() => {}
                () = pace.hurry.notified() => {}
                () = tokio::time::sleep(pause.unwrap_or_else(|| pace.interval())) => {}
            }
        }
    }

    /// What was seen before must not pass for what is seen now.
    fn look_away(&self) {
        self.state.send_if_modified(|state| std::mem::take(&mut state.healthy));
    }

    /// One look. Returns the pause to make when the server is away.
    async fn look(&self, news: &watch::Sender<u64>) -> Option<Duration> {
        let before = self.state.borrow().standing.clone();
        let looking = async {
            if self.may_be_promoted {
                still_follows(&self.polling).await?;
            }
            look(&self.polling, before.as_deref()).await
        };
        let seen = tokio::time::timeout(POLL_DEADLINE, looking).await;
        match seen.unwrap_or(Err(AskError::Database(sqlx::Error::PoolTimedOut))) {
            Ok(seen) => {
                self.note(seen, before.as_deref(), news);
                None
            }
            Err(error) => {
                self.note_loss(&error, news);
                Some(RETRY_EVERY)
            }
        }
    }

    fn note(&self, seen: Standing, before: Option<&Standing>, news: &watch::Sender<u64>) {
        let moved = before.is_none_or(|before| before.position != seen.position);
        let came_back = !self.is_healthy();
        if came_back {
            tracing::info!(server.name = self.name, position = %seen.position, "a database answers");
        }
        let standing = Some(Arc::new(seen));
        let state = State { healthy: true, standing, seen_at: Some(Instant::now()) };
        self.state.send_replace(state);
        if moved || came_back {
            news.send_modify(|count| *count += 1);
        }
    }

    fn note_loss(&self, error: &AskError, news: &watch::Sender<u64>) {
        let lost = self.state.send_if_modified(|state| std::mem::take(&mut state.healthy));
        if lost {
            let error = error as &dyn std::error::Error;
            tracing::warn!(server.name = self.name, error, "a database went away");
            news.send_modify(|count| *count += 1);
        }
    }
}

/// A replica that was promoted has the commands to carry out, and its readers come through the small pool.
async fn still_follows(pool: &PgPool) -> Result<(), AskError> {
    let follows = sqlx::query_scalar("SELECT pg_is_in_recovery()").fetch_one(pool).await?;
    if follows { Ok(()) } else { Err(AskError::Promoted) }
}

/// What a server shows now, in one snapshot: the checkpoint, and whatever moved since `before`.
async fn look(pool: &PgPool, before: Option<&Standing>) -> Result<Standing, AskError> {
    let since = before.map(|before| before.position);
    let mut rows = news_since(pool, since).await?;
    if let Some(before) = before {
        if before.is_continued_by(rows.position) {
            return Ok(before.advanced(rows.position, rows.as_of, rows.news));
        }
        // Another life of the log: whatever was known of the old one means nothing here.
        rows = news_since(pool, None).await?;
    }
    Ok(Standing::first(rows.position, rows.as_of, rows.news.views))
}

struct Seen {
    position: Position,
    as_of: chrono::DateTime<chrono::Utc>,
    news: News,
}

async fn news_since(pool: &PgPool, since: Option<Position>) -> Result<Seen, AskError> {
    let views_after = since.map_or(-1, |since| signed(since.position));
    // Orders are watched from the first look on.
    let orders_after = since.map_or(i64::MAX, |since| signed(since.position));
    let limit = i64::try_from(REMEMBERED_ORDERS).unwrap_or(i64::MAX);
    let rows = sqlx::query!(
        r#"SELECT c.epoch, c.position, c.current_at, n.view AS "view?", n.order_id AS "order_id?",
                  n.version AS "version?"
           FROM read.checkpoint AS c
           LEFT JOIN LATERAL (
               SELECT v.view, NULL::uuid AS order_id, v.version
               FROM read.views AS v WHERE v.version > $1
               UNION ALL
               (SELECT NULL, o.order_id, o.position
                FROM read.orders AS o WHERE o.position > $2 ORDER BY o.position LIMIT $3)
           ) AS n ON true"#,
        views_after,
        orders_after,
        limit,
    )
    .fetch_all(pool)
    .await?;
    let first = rows.first().ok_or_else(|| AskError::Damaged {
        table: "read.checkpoint",
        row: "singleton".to_owned(),
        what: "is missing".to_owned(),
    })?;
    let head = Head::new(first.epoch, first.position, first.current_at, None)?;
    let mut views = Vec::new();
    let mut orders = Vec::new();
    for row in rows {
        let version = u64::try_from(row.version.unwrap_or(0)).unwrap_or(0);
        match (row.view, row.order_id) {
            (Some(view), _) => views.push((view, version)),
            (None, Some(order_id)) => orders.push((OrderId::new(order_id), version)),
            (None, None) => {}
        }
    }
    let orders = (orders.len() < REMEMBERED_ORDERS).then_some(orders);
    Ok(Seen { position: head.position, as_of: head.as_of, news: News { views, orders } })
}

fn signed(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

/// The names of the servers in a URL: host and port, never a password.
pub fn names_in(url: &str) -> Result<Vec<String>, sqlx::Error> {
    let hosts = database::hosts(url)?;
    Ok(hosts.iter().map(|host| format!("{}:{}", host.get_host(), host.get_port())).collect())
}
