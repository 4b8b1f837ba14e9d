//! Which of several servers is the primary.
//!
//! A URL may name several hosts, `postgres://user@one:5432,two:5432/mes`, as libpq's do. A pool of such a URL asks each of
//! them every second whether it takes writes and on which **timeline** it is: every promotion begins a timeline with a
//! higher number, so that of two servers that both believe to be the primary, the one with the higher number is. When
//! another one is, new connections go there and those of before are closed before anybody gets them.
//!
//! A timeline that was seen is never gone back behind: an old primary that wakes up, and that nobody has stopped, says
//! that it takes writes, and its commits would wait for ever for standbys that follow somebody else.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection, PgPool};
use tokio::sync::Notify;

use super::{stands_outside_a_transaction, within};

/// How often each host is asked while the primary answers.
const USUAL_PAUSE: Duration = Duration::from_secs(1);
/// How often while it does not.
const WHILE_MISSING: Duration = Duration::from_millis(200);
/// A frozen server is one that does not answer.
const ASK_DEADLINE: Duration = Duration::from_secs(1);
/// A connection that was just being made to the old primary is not one to the new.
const MARGIN: Duration = Duration::from_millis(100);

/// Each host of a URL, with everything else that the URL says.
pub fn hosts(url: &str) -> Result<Vec<PgConnectOptions>, sqlx::Error> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Ok(vec![PgConnectOptions::from_str(url)?]);
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    let one = |host| PgConnectOptions::from_str(&format!("{scheme}://{user}{host}{tail}"));
    hosts.split(',').map(one).collect()
}

/// A connection to the primary among the hosts of a URL: whoever takes writes, on the highest timeline.
///
/// # Errors
/// When none of them answers in time, or none is the primary.
pub async fn connect_to_primary(url: &str) -> Result<PgConnection, sqlx::Error> {
    let mut asking = tokio::task::JoinSet::new();
    for host in hosts(url)? {
        asking.spawn(async move {
            let connecting = async {
                let mut connection = host.connect().await?;
                Ok((timeline(&mut connection).await?, connection))
            };
            within(ASK_DEADLINE * 2, connecting).await
        });
    }
    let (mut best, mut trouble) = (None, None);
    while let Some(answer) = asking.join_next().await {
        match answer.map_err(|_| sqlx::Error::WorkerCrashed)? {
            Ok((Some(timeline), connection)) => match &best {
                Some((highest, _)) if *highest >= timeline => {}
                _ => best = Some((timeline, connection)),
            },
            Ok((None, _)) => {}
            Err(error) => trouble = Some(error),
        }
    }
    match best {
        Some((_, connection)) => Ok(connection),
        None => Err(trouble.unwrap_or_else(not_the_primary)),
    }
}

/// The timeline that the server writes to; `None` when it is a standby.
pub async fn timeline(connection: &mut PgConnection) -> Result<Option<u32>, sqlx::Error> {
    let row: (Option<i64>,) = sqlx::query_as(
        "SELECT CASE WHEN NOT pg_is_in_recovery()
                THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint END",
    )
    .persistent(false)
    .fetch_one(connection)
    .await?;
    Ok(row.0.and_then(|timeline| u32::try_from(timeline).ok()))
}

fn not_the_primary() -> sqlx::Error {
    let text = "the server is a standby, or a primary that has been replaced";
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::NotConnected, text))
}

/// The sessions that ask, which are no pool's.
const WATCHER: &str = "who is the primary";

/// Pools of connections to whichever of the hosts is the primary, each under its name.
pub(super) fn pools<const N: usize>(
    hosts: Vec<PgConnectOptions>,
    settings: [(&str, PgPoolOptions); N],
) -> [PgPool; N] {
    let hosts = hosts.into_iter().map(|host| host.application_name(WATCHER)).collect();
    let seat =
        Arc::new(Seat { taken: Mutex::new(Taken::unknown()), missing: Notify::new(), hosts });
    let pools = settings.map(|(name, settings)| {
        let (at_checkout, at_connect) = (Arc::clone(&seat), Arc::clone(&seat));
        settings
            .before_acquire(move |connection, of| {
                let is_of_before = at_checkout.is_of_before(of.age);
                Box::pin(async move {
                    Ok(!is_of_before && stands_outside_a_transaction(connection).await?)
                })
            })
            .after_connect(move |connection, _| {
                let seat = Arc::clone(&at_connect);
                Box::pin(async move { seat.accept(connection).await })
            })
            .connect_lazy_with(seat.hosts[0].clone().application_name(name))
    });
    for number in 0..seat.hosts.len() {
        let (seat, pools) = (Arc::clone(&seat), pools.clone());
        tokio::spawn(async move { seat.watch(number, &pools).await });
    }
    pools
}

/// The primary's seat, and who was seen to have it.
struct Seat {
    hosts: Vec<PgConnectOptions>,
    taken: Mutex<Taken>,
    /// The primary does not answer: everybody look.
    missing: Notify,
}

#[derive(Clone, Copy)]
struct Taken {
    host: usize,
    /// 0: nobody was seen yet.
    timeline: u32,
    /// Connections from before are to somebody else.
    since: Option<Instant>,
    answers: bool,
}

impl Taken {
    const fn unknown() -> Self {
        Self { host: 0, timeline: 0, since: None, answers: false }
    }

    /// What an answer changes. `Some(timeline)` is a host that takes writes.
    fn hear(self, host: usize, answer: Option<u32>, now: Instant) -> Self {
        let Some(timeline) = answer else {
            return Self { answers: self.answers && host != self.host, ..self };
        };
        if timeline == self.timeline && host == self.host {
            return Self { answers: true, ..self };
        }
        if timeline <= self.timeline {
            return self;
        }
        let is_first = self.timeline == 0 && host == self.host;
        let since = if is_first { None } else { Some(now + MARGIN) };
        Self { host, timeline, since, answers: true }
    }
}

impl Seat {
    fn taken(&self) -> Taken {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a connection of this age was made to somebody who was replaced since.
    fn is_of_before(&self, age: Duration) -> bool {
        let made = Instant::now().checked_sub(age);
        self.taken().since.is_some_and(|since| made.is_none_or(|made| made < since))
    }

    /// Refuses a connection to a standby, or to a primary of yesterday.
    async fn accept(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        match within(ASK_DEADLINE, timeline(connection)).await? {
            Some(timeline) if timeline >= self.taken().timeline => Ok(()),
            _ => {
                self.missing.notify_waiters();
                Err(not_the_primary())
            }
        }
    }

    /// Until a pool is closed, which for those of a process is never.
    async fn watch(&self, host: usize, pools: &[PgPool]) {
        let mut connection = None;
        while !pools.iter().any(PgPool::is_closed) {
            let answer = ask(&mut connection, &self.hosts[host]).await;
            let pause = self.hear(host, answer, pools);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.missing.notified() => {}
            }
        }
    }

    /// Notes an answer and tells how long to wait with the next question.
    fn hear(&self, host: usize, answer: Option<u32>, pools: &[PgPool]) -> Duration {
        let (before, now) = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            let before = *taken;
            *taken = before.hear(host, answer, Instant::now());
            if taken.timeline != before.timeline {
                let (address, port) = (self.hosts[host].get_host(), self.hosts[host].get_port());
                for pool in pools {
                    let options = PgConnectOptions::clone(&pool.connect_options());
                    pool.set_connect_options(options.host(address).port(port));
                }
            }
            (before, *taken)
        };
        let at = &self.hosts[now.host];
        let (address, port) = (at.get_host(), at.get_port());
        if now.timeline != before.timeline {
            tracing::info!(
                server.address = address,
                server.port = port,
                timeline = now.timeline,
                "the primary"
            );
        }
        if before.answers && !now.answers {
            tracing::warn!(
                server.address = address,
                server.port = port,
                "the primary does not answer"
            );
            self.missing.notify_waiters();
        }
        if now.answers { USUAL_PAUSE } else { WHILE_MISSING }
    }
}

/// Asks over a connection that is kept as long as it answers. A server that is away is one that takes no writes.
async fn ask(kept: &mut Option<PgConnection>, host: &PgConnectOptions) -> Option<u32> {
    let asking = async {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => host.connect().await?,
        };
        Ok((timeline(&mut connection).await?, connection))
    };
    let (answer, connection) = within(ASK_DEADLINE, asking).await.ok()?;
    *kept = Some(connection);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_name_several_hosts() {
        let found =
            hosts("postgres://mes:a%2Cb@one:5433,two,127.0.0.1:7/mes?sslmode=disable").unwrap();
        let told: Vec<_> = found.iter().map(|host| (host.get_host(), host.get_port())).collect();
        assert_eq!(told, [("one", 5433), ("two", 5432), ("127.0.0.1", 7)]);
        assert!(found.iter().all(|host| host.get_database() == Some("mes")));
        assert!(found.iter().all(|host| host.get_username() == "mes"));
        assert_eq!(hosts("postgres://one/mes").unwrap().len(), 1);
        assert!(hosts("not a url").is_err());
    }

    #[test]
    fn the_highest_timeline_has_the_seat_and_it_is_never_gone_back_behind() {
        let now = Instant::now();
        let first = Taken::unknown().hear(0, Some(1), now);
        assert_eq!((first.host, first.timeline, first.since), (0, 1, None));
        let silent = first.hear(0, None, now);
        assert!(!silent.answers);
        // A standby says nothing of interest.
        assert!(first.hear(1, None, now).answers);
        let promoted = silent.hear(1, Some(2), now);
        assert_eq!((promoted.host, promoted.timeline, promoted.answers), (1, 2, true));
        assert!(promoted.since.is_some());
        // The old one wakes up and believes that nothing has happened.
        let woken = promoted.hear(0, Some(1), now);
        assert_eq!((woken.host, woken.timeline), (1, 2));
    }
}
