//! The servers of the read model, and the choice of one that has seen enough.
//!
//! A reader may bring a floor: "not from before position p". For each server the poller knows how far it is, and
//! every answer carries the checkpoint of its own snapshot, so that the choice is checked where it counts. The order
//! of preference: a replica that has it; a replica that gets it within a short wait; the same schema on
//! the primary, through a small capped pool; and at last whatever there is, which the answer then says.

mod question;
mod server;
mod standing;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use shared::platform::database::DatabaseConfig;
use shared::platform::shutdown::Shutdown;
use shared::position::Position;
use sqlx::PgPool;
use tokio::sync::{Semaphore, watch};

use crate::config::{DatabaseSettings, FreshnessSettings};
pub use question::{AskError, Head, Question, Snapshot, order_from};
use server::{Pace, Server};
pub use standing::Standing;

/// Nobody queues long for the primary: it has other work.
const WAIT_FOR_PRIMARY: Duration = Duration::from_millis(100);
/// A primary that lacked a floor is not asked for it, or for more, again and again.
const PRIMARY_REMEMBERED: Duration = Duration::from_millis(100);

/// All servers of the read model.
#[derive(Debug, Clone)]
pub struct Replicas(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    replicas: Vec<Arc<Server>>,
    primary: Option<Primary>,
    pace: Arc<Pace>,
    patience: Duration,
    /// Counts every change of what the servers show.
    news: watch::Sender<u64>,
    turn: AtomicUsize,
}

/// The primary's schema `read`: the last resort, and never more of it than the cap.
#[derive(Debug)]
struct Primary {
    server: Arc<Server>,
    cap: Semaphore,
    /// A floor that it did not have, and when.
    missed: Mutex<Option<(Instant, Position)>>,
}

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Replica,
    Primary,
}

/// An answer, with what one must know of it.
#[derive(Debug)]
pub struct Reading<T> {
    /// The answer and its head.
    pub snapshot: Snapshot<T>,
    /// Who gave it.
    pub source: Source,
}

/// Why nobody answered.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Every server is away, or the primary has no room for us.
    #[error("no database can answer at the moment")]
    Nobody,
    /// A server answered with an error that another one would repeat.
    #[error("the question failed")]
    Failed(#[source] AskError),
}

impl Replicas {
    /// The servers of the configuration; nobody is asked yet. Fails only when a URL is not one.
    pub fn new(
        database: &DatabaseSettings,
        freshness: &FreshnessSettings,
    ) -> Result<Self, sqlx::Error> {
        let poll_every = Duration::from_millis(freshness.poll_ms);
        let promotable = match database
            .primary_url()
            .map(|url| server::names_in(url.expose_secret()))
        {
            // A single one is a fixed address, and may well be that of a replica in a small installation.
            Some(names) => names.map(|names| if names.len() > 1 { names } else { Vec::new() })?,
            None => Vec::new(),
        };
        let server = |url: &SecretString, max_connections| {
            let names = server::names_in(url.expose_secret())?;
            let may_be_promoted = names.len() == 1 && promotable.contains(&names[0]);
            let config = DatabaseConfig {
                acquire_timeout_ms: database.acquire_timeout_ms,
                ..DatabaseConfig::new(url.expose_secret(), max_connections)
            };
            Server::new(names.join(","), &config, poll_every, may_be_promoted).map(Arc::new)
        };
        let replicas = database.replicas.iter().map(|url| server(url, database.max_connections));
        let replicas = replicas.collect::<Result<_, _>>()?;
        let cap = database.primary_max_connections;
        let primary = database.primary_url().map(|url| server(url, cap)).transpose()?;
        let primary = primary.map(|server| Primary {
            server,
            cap: Semaphore::new(usize::try_from(cap).unwrap_or(usize::from(u8::MAX))),
            missed: Mutex::default(),
        });
        Ok(Self(Arc::new(Inner {
            replicas,
            primary,
            pace: Arc::new(Pace::usual(poll_every)),
            patience: Duration::from_millis(freshness.wait_ms),
            news: watch::Sender::new(0),
            turn: AtomicUsize::new(0),
        })))
    }

    /// Begins to watch the servers, until the soft stop. The primary is only watched while no replica answers.
    pub fn watch(&self, shutdown: &Shutdown) {
        let servers = self.0.replicas.iter().map(|server| (server, false));
        let primary = self.0.primary.iter().map(|primary| (&primary.server, true));
        for (server, is_primary) in servers.chain(primary) {
            let all = self.clone();
            let needed = move || !is_primary || !all.any_replica_is_healthy();
            let polling = Arc::clone(server).poll(
                Arc::clone(&self.0.pace),
                self.0.news.clone(),
                needed,
                shutdown.soft().clone(),
            );
            shutdown.spawn(polling);
        }
    }

    /// Pools in the order in which to ask what is no question of a screen: API keys, the schema's version.
    pub fn pools(&self) -> Vec<PgPool> {
        let primary = self.0.primary.iter().map(|primary| &primary.server);
        self.0.replicas.iter().chain(primary).map(|server| server.pool().clone()).collect()
    }

    /// Each server by name, with what it shows if it answers.
    pub fn standings(&self) -> Vec<(String, Option<Arc<Standing>>)> {
        let primary = self.0.primary.iter().map(|primary| &primary.server);
        let servers = self.0.replicas.iter().chain(primary);
        servers.map(|server| (server.name().to_owned(), server.standing())).collect()
    }

    /// Wakes the pollers: somebody says that there is news.
    pub fn look_now(&self) {
        self.0.replicas.iter().for_each(|server| server.look_now());
    }

    /// Tells when what the servers show has changed.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.0.news.subscribe()
    }

    /// Whether anybody can be asked.
    pub fn can_answer(&self) -> bool {
        self.best().is_some()
    }

    /// The most that any server shows. Replicas come first: the primary only counts when none answers.
    pub fn best(&self) -> Option<Arc<Standing>> {
        let best = self.0.replicas.iter().filter_map(|server| server.standing()).max_by_key(rank);
        best.or_else(|| self.0.primary.as_ref()?.server.standing())
    }

    /// As [`best`](Self::best), after a short wait for the floor if nobody has it yet. The standing
    /// may still be behind the floor.
    pub async fn best_for(&self, floor: Option<Position>) -> Option<Arc<Standing>> {
        match (self.best(), floor) {
            (Some(best), Some(floor)) if may_yet_cover(&best, floor) => {
                self.wait_for(floor).await;
                self.best()
            }
            (best, _) => best,
        }
    }

    /// Asks a server that has seen `floor`, or the one that comes closest. Whoever must know compares the answer's
    /// position with the floor.
    pub async fn ask<Q: Question>(
        &self,
        question: &Q,
        floor: Option<Position>,
    ) -> Result<Reading<Q::Answer>, Unreadable> {
        if let Some(reading) = self.ask_replicas(question, floor).await? {
            return Ok(reading);
        }
        let primary_may_help = floor.is_none_or(|floor| self.primary_may_cover(floor));
        if (primary_may_help || !self.any_replica_is_healthy())
            && let Some(reading) = self.ask_primary(question, floor).await?
        {
            return Ok(reading);
        }
        self.ask_replicas(question, None).await?.ok_or(Unreadable::Nobody)
    }

    /// Whether the primary may have seen what no replica has. Its schema `read` is filled by the projector, too: when
    /// it was behind a moment ago, the projector is, and the primary is left in peace.
    pub fn primary_may_cover(&self, floor: Position) -> bool {
        let Some(primary) = &self.0.primary else { return false };
        let best = self.best().map(|best| best.position);
        let unknown_life = best.is_some_and(|best| floor.epoch < best.epoch);
        let missed = *primary.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let was_behind = missed
            .is_some_and(|(at, missed)| at.elapsed() < PRIMARY_REMEMBERED && floor.covers(&missed));
        !unknown_life && !was_behind
    }

    /// Asks a replica that covers the floor; if it fails in a way that another may not, one more.
    async fn ask_replicas<Q: Question>(
        &self,
        question: &Q,
        floor: Option<Position>,
    ) -> Result<Option<Reading<Q::Answer>>, Unreadable> {
        let Some(first) = self.choose(floor, None) else { return Ok(None) };
        let error = match first.ask(question).await {
            Ok(snapshot) => return Ok(Some(Reading { snapshot, source: Source::Replica })),
            Err(error) if error.is_worth_another_server() => error,
            Err(error) => return Err(Unreadable::Failed(error)),
        };
        tracing::warn!(
            server.name = first.name(),
            error = &error as &dyn std::error::Error,
            "asking another server"
        );
        let Some(second) = self.choose(floor, Some(&first)) else { return Ok(None) };
        match second.ask(question).await {
            Ok(snapshot) => Ok(Some(Reading { snapshot, source: Source::Replica })),
            // A query that two servers gave up is not given to a third.
            Err(error) if error.blames_the_server() => Ok(None),
            Err(error) => Err(Unreadable::Failed(error)),
        }
    }

    /// Asks the primary, if it has room.
    pub async fn ask_primary<Q: Question>(
        &self,
        question: &Q,
        floor: Option<Position>,
    ) -> Result<Option<Reading<Q::Answer>>, Unreadable> {
        let Some(primary) = &self.0.primary else { return Ok(None) };
        let permit = tokio::time::timeout(WAIT_FOR_PRIMARY, primary.cap.acquire()).await;
        let Ok(Ok(_permit)) = permit else { return Ok(None) };
        match primary.server.ask(question).await {
            Ok(snapshot) => {
                let position = snapshot.head.position;
                if let Some(floor) = floor.filter(|floor| !position.covers(floor)) {
                    let mut missed = primary.missed.lock().unwrap_or_else(PoisonError::into_inner);
                    *missed = Some((Instant::now(), floor));
                }
                Ok(Some(Reading { snapshot, source: Source::Primary }))
            }
            Err(error) if error.is_worth_another_server() => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the primary cannot help out"
                );
                Ok(None)
            }
            Err(error) => Err(Unreadable::Failed(error)),
        }
    }

    /// Taking turns among the healthy replicas that have seen the floor.
    fn choose(&self, floor: Option<Position>, except: Option<&Arc<Server>>) -> Option<Arc<Server>> {
        let eligible: Vec<&Arc<Server>> = self
            .0
            .replicas
            .iter()
            .filter(|server| except.is_none_or(|except| !Arc::ptr_eq(server, except)))
            .filter(|server| {
                let standing = server.standing();
                standing.is_some_and(|s| floor.is_none_or(|floor| s.position.covers(&floor)))
            })
            .collect();
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        eligible.get(turn % eligible.len().max(1)).map(|server| Arc::clone(server))
    }

    /// Returns when a server has the floor, or when it took too long.
    async fn wait_for(&self, floor: Position) {
        let mut news = self.0.news.subscribe();
        let _waiting = self.0.pace.somebody_waits();
        let covered = async {
            while !self.best().is_some_and(|best| best.position.covers(&floor)) {
                if news.changed().await.is_err() {
                    return;
                }
            }
        };
        // Not in time is an answer, too: the caller looks what there is.
        let _ = tokio::time::timeout(self.0.patience, covered).await;
    }

    fn any_replica_is_healthy(&self) -> bool {
        self.0.replicas.iter().any(|server| server.is_healthy())
    }
}

fn rank(standing: &Arc<Standing>) -> (u32, u64) {
    (standing.position.epoch, standing.position.position)
}

/// A token of an earlier life of the log compares with nothing here: waiting cannot help. One of a later
/// life means that this server has not heard of it yet.
fn may_yet_cover(best: &Standing, floor: Position) -> bool {
    !best.position.covers(&floor) && floor.epoch >= best.position.epoch
}
