//! Pools of PostgreSQL connections, and what their errors mean.
//!
//! Every pool is made by [`pool`], because a plain one can acknowledge a write that is never committed:
//! sqlx 0.9.0 returns a connection to the pool *inside an open transaction* when the future that
//! awaited `BEGIN` was dropped. The guard here asks the server, on each checkout and within a deadline of
//! its own, whether the connection stands outside a transaction, and throws it away when not.

mod primary;

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use opentelemetry::{KeyValue, global};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, PgPool, Row};

pub use primary::{connect_to_primary, hosts, timeline};

/// A connection is replaced after this long, so that plans and parameters of yesterday go away.
const MAX_LIFETIME: Duration = Duration::from_mins(10);
const IDLE_TIMEOUT: Duration = Duration::from_mins(2);
/// A half-open connection must not eat the caller's whole deadline.
const GUARD_DEADLINE: Duration = Duration::from_millis(200);

/// Where a database is and how much of it a process may use.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `postgres://user:password@host:port/database`; of several hosts, `one:5432,two:5432`, the primary is used.
    #[serde(serialize_with = "super::config::hidden_url")]
    pub url: SecretString,
    /// The most connections that this process opens.
    pub max_connections: u32,
    /// How long a caller waits for a connection before it is told that the database is unavailable.
    #[serde(default = "default_acquire_timeout_ms")]
    pub acquire_timeout_ms: u64,
    /// Prepared statements kept per connection; 0 behind a PgBouncer that is older than 1.21.
    #[serde(default = "default_statement_cache")]
    pub statement_cache: usize,
}

const fn default_acquire_timeout_ms() -> u64 {
    2_000
}

const fn default_statement_cache() -> usize {
    200
}

impl DatabaseConfig {
    /// The usual limits, for a database at `url`.
    pub fn new(url: impl Into<String>, max_connections: u32) -> Self {
        Self {
            url: SecretString::from(url.into()),
            max_connections,
            acquire_timeout_ms: default_acquire_timeout_ms(),
            statement_cache: default_statement_cache(),
        }
    }
}

/// A guarded pool that connects when it is first used. Fails only when the URL is not one.
///
/// With several hosts its connections are to whichever is the primary; [`PgPool::connect_options`] tells who that is.
pub fn pool(config: &DatabaseConfig, application_name: &str) -> Result<PgPool, sqlx::Error> {
    let [pool] = pools(config, [(application_name, config.max_connections)])?;
    Ok(pool)
}

/// As [`pool`], for several purposes, each with a name and the most connections of its own: all of them together watch
/// who the primary is, once.
pub fn pools<const N: usize>(
    config: &DatabaseConfig,
    purposes: [(&str, u32); N],
) -> Result<[PgPool; N], sqlx::Error> {
    let hosts = hosts(config.url.expose_secret())?.into_iter();
    let hosts: Vec<_> =
        hosts.map(|host| host.statement_cache_capacity(config.statement_cache)).collect();
    let settings = purposes.map(|(name, most)| (name, guarded(config).max_connections(most)));
    let pools = match &*hosts {
        [only] => settings.map(|(name, settings)| {
            settings.connect_lazy_with(only.clone().application_name(name))
        }),
        _ => primary::pools(hosts, settings),
    };
    for (pool, (name, _)) in pools.iter().zip(purposes) {
        measure(pool, name);
    }
    Ok(pools)
}

/// How full the pool is: a pool that is all used is what callers wait for first.
fn measure(pool: &PgPool, name: &str) {
    let (pool, name) = (pool.clone(), name.to_owned());
    // The meter keeps the callback for as long as the process lives, as the pool does.
    let _gauge = global::meter("mes")
        .u64_observable_gauge("db.client.connection.count")
        .with_description("Connections of a pool, by state")
        .with_callback(move |observer| {
            let idle = u64::try_from(pool.num_idle()).unwrap_or(u64::MAX);
            let used = u64::from(pool.size()).saturating_sub(idle);
            for (state, count) in [("idle", idle), ("used", used)] {
                observer.observe(
                    count,
                    &[
                        KeyValue::new("db.client.connection.pool.name", name.clone()),
                        KeyValue::new("db.client.connection.state", state),
                    ],
                );
            }
        })
        .build();
}

fn guarded(config: &DatabaseConfig) -> PgPoolOptions {
    PgPoolOptions::new()
        .acquire_timeout(Duration::from_millis(config.acquire_timeout_ms))
        .max_lifetime(MAX_LIFETIME)
        .idle_timeout(IDLE_TIMEOUT)
        // The guard below is the one round trip that the ping would be.
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(stands_outside_a_transaction(connection)))
}

/// Equal only outside a transaction block. `false` makes the pool close the connection.
async fn stands_outside_a_transaction(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let question = sqlx::raw_sql("SELECT transaction_timestamp() = statement_timestamp()");
    within(GUARD_DEADLINE, async { question.fetch_one(connection).await?.try_get(0) }).await
}

/// Gives a database call a deadline, because sqlx has none: a frozen server would hang it for ever.
/// The expiry reads as [`is_unavailable`]; what the call did on the server is then unknown.
pub async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(deadline, call).await {
        Ok(outcome) => outcome,
        Err(_) => Err(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            "the database did not answer within its deadline",
        ))),
    }
}

/// Makes the commit of the transaction that is open wait for neither disk nor standby.
///
/// For what nobody outside is told before a later commit that does wait: the log on disk and on the standby has no holes,
/// so that one waits for this one too. After a crash of the server the last of such transactions may never have
/// been, and whoever began them must do them again.
pub const WITHOUT_WAITING: &str = "SET LOCAL synchronous_commit = off";

/// Begins such a transaction, for `begin_with`: see [`WITHOUT_WAITING`].
pub const BEGIN_WITHOUT_WAITING: &str = "BEGIN; SET LOCAL synchronous_commit = off";

/// SQL that was built at run time, by sea-query: the one door through which it goes to sqlx.
#[expect(clippy::disallowed_methods, reason = "this is the one place that vouches for built SQL")]
pub fn built(sql: String) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(sql)
}

/// The SQLSTATEs that somebody here acts upon.
pub mod sqlstate {
    /// A unique constraint refused a row.
    pub const UNIQUE_VIOLATION: &str = "23505";
    /// Two transactions could not both go on.
    pub const SERIALIZATION_FAILURE: &str = "40001";
    /// Two transactions waited for each other.
    pub const DEADLOCK_DETECTED: &str = "40P01";
    /// A lock was not granted within `lock_timeout`.
    pub const LOCK_NOT_AVAILABLE: &str = "55P03";
    /// `statement_timeout` passed, or somebody cancelled the statement.
    pub const QUERY_CANCELED: &str = "57014";
    /// A write on a server that is (by now) a standby.
    pub const READ_ONLY_TRANSACTION: &str = "25006";
    /// A table or view that is not there.
    pub const UNDEFINED_TABLE: &str = "42P01";
    /// The role has no right to do this.
    pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
}

/// The server's code for an error, if the server spoke at all.
pub fn sqlstate_of(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error()?.code()
}

/// The name of the constraint that refused a row.
pub fn violated_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.constraint()
}

/// The database cannot be reached or cannot work now: try later, nothing is wrong with the request.
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => true,
        error => sqlstate_of(error).is_some_and(|code| is_unavailable_state(&code)),
    }
}

/// Connection trouble (08), no resources (53), shutting down or starting (57P), no longer the primary.
fn is_unavailable_state(code: &str) -> bool {
    code.starts_with("08")
        || code.starts_with("53")
        || code.starts_with("57P")
        || code == sqlstate::READ_ONLY_TRANSACTION
}

/// Somebody else held a lock for too long, or the statement took too long: a short retry may succeed.
pub fn is_lock_timeout(error: &sqlx::Error) -> bool {
    sqlstate_of(error).is_some_and(|code| {
        code == sqlstate::LOCK_NOT_AVAILABLE || code == sqlstate::QUERY_CANCELED
    })
}

/// The statement took longer than it may.
pub fn is_too_slow(error: &sqlx::Error) -> bool {
    sqlstate_of(error).is_some_and(|code| code == sqlstate::QUERY_CANCELED)
}

/// The transaction lost a race and was rolled back: run it again from the start.
pub fn is_lost_race(error: &sqlx::Error) -> bool {
    sqlstate_of(error).is_some_and(|code| {
        code == sqlstate::SERIALIZATION_FAILURE || code == sqlstate::DEADLOCK_DETECTED
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_with_the_server_is_told_from_trouble_with_the_request() {
        assert!(is_unavailable(&sqlx::Error::PoolTimedOut));
        assert!(!is_unavailable(&sqlx::Error::RowNotFound));
        for code in ["08006", "53300", "57P01", "57P03", "25006"] {
            assert!(is_unavailable_state(code), "{code}");
        }
        for code in ["23505", "40001", "57014", "42P01"] {
            assert!(!is_unavailable_state(code), "{code}");
        }
    }

    #[tokio::test]
    async fn a_call_without_an_answer_reads_as_unavailable() {
        let silence = std::future::pending::<Result<(), sqlx::Error>>();
        let error = within(Duration::from_millis(1), silence).await.unwrap_err();
        assert!(is_unavailable(&error));
    }

    #[test]
    fn a_url_that_is_none_is_refused() {
        assert!(pool(&DatabaseConfig::new("not a url", 1), "test").is_err());
    }
}
