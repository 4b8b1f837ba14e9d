//! Systems: API keys, looked up by their SHA-256.
//!
//! Only hashes are compared, and a key holds 256 random bits, so that the time of a look-up tells an attacker
//! nothing about a key. What the database said is remembered for a few seconds: that long a
//! revoked key may still work. A key in use is looked up again before that, beside the requests: they do not wait for a
//! database that is busy with what was let in before them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;
use secrecy::{ExposeSecret, SecretString};
use shared::actor::Actor;
use shared::clock::Clock;
use shared::platform::database;
use sqlx::PgPool;
use tokio::runtime::Handle;

use super::{Caller, Recognised, Scope, hash_api_key};
use crate::problem::Problem;

const REMEMBERED: Duration = Duration::from_secs(5);
/// Whoever uses a key after this long has it looked up again.
const FRESH: TimeDelta = TimeDelta::seconds(3);
/// Known and invented keys are remembered apart, so that invented ones push nobody out.
const MOST_KNOWN: u64 = 10_000;
const MOST_UNKNOWN: u64 = 10_000;
const LOOKUP_DEADLINE: Duration = Duration::from_secs(1);
const LONGEST_KEY: usize = 200;

type Hash = [u8; 32];

pub(super) struct ApiKeys {
    pools: Arc<[PgPool]>,
    /// Where look-ups run: a connection belongs to the runtime that opened it, and a server's worker
    /// threads end before the process's last command does.
    runtime: Handle,
    clock: Arc<dyn Clock>,
    known: Cache<Hash, Arc<Known>>,
    unknown: Cache<Hash, ()>,
}

struct ApiKey {
    caller: Caller,
    expires_at: Option<DateTime<Utc>>,
}

struct Known {
    key: ApiKey,
    seen_at: DateTime<Utc>,
    is_looked_up_again: AtomicBool,
}

impl Known {
    /// For the first who asks when it is not fresh any more.
    fn is_to_be_looked_up_again(&self, now: DateTime<Utc>) -> bool {
        now - self.seen_at >= FRESH && !self.is_looked_up_again.swap(true, Ordering::Relaxed)
    }
}

#[derive(Debug, thiserror::Error)]
enum LookupError {
    #[error("nobody has this key")]
    Unknown,
    #[error("the key cannot be looked up")]
    Database(#[from] sqlx::Error),
    #[error("the holder `{0}` of an API key is not of a kind that we know")]
    UnknownHolder(String),
}

impl ApiKeys {
    pub(super) fn new(pools: Vec<PgPool>, clock: Arc<dyn Clock>) -> Self {
        let remember = |most| Cache::builder().max_capacity(most).time_to_live(REMEMBERED);
        let known = remember(MOST_KNOWN).build();
        let unknown = Cache::builder().max_capacity(MOST_UNKNOWN).time_to_live(REMEMBERED).build();
        Self { pools: pools.into(), runtime: Handle::current(), clock, known, unknown }
    }

    pub(super) async fn recognise(&self, key: &SecretString) -> Recognised {
        if key.expose_secret().len() > LONGEST_KEY {
            return Err(refused());
        }
        let hash = hash_api_key(key);
        if self.unknown.contains_key(&hash) {
            return Err(refused());
        }
        let found = self.known.try_get_with(hash, self.look_up(hash)).await;
        let known = match found {
            Ok(known) => known,
            Err(error) => return self.explain(hash, &error).await,
        };
        let now = self.clock.now();
        if known.is_to_be_looked_up_again(now) {
            self.look_up_beside(hash);
        }
        if known.key.expires_at.is_some_and(|end| end <= now) {
            return Err(refused());
        }
        Ok(known.key.caller.clone())
    }

    async fn explain(&self, hash: Hash, error: &LookupError) -> Recognised {
        match error {
            LookupError::Unknown => {
                self.unknown.insert(hash, ()).await;
                Err(refused())
            }
            LookupError::Database(error) => Err(Problem::from_database(error)),
            error @ LookupError::UnknownHolder(_) => Err(Problem::internal(error)),
        }
    }

    fn look_up_beside(&self, hash: Hash) {
        let (known, looking) = (self.known.clone(), self.looking_up(hash));
        self.runtime.spawn(async move {
            match looking.await {
                Ok(key) => known.insert(hash, key).await,
                Err(LookupError::Unknown) => known.invalidate(&hash).await,
                // What is remembered holds for its time, and then whoever comes is told.
                Err(error @ (LookupError::Database(_) | LookupError::UnknownHolder(_))) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "an API key could not be looked up again");
                }
            }
        });
    }

    async fn look_up(&self, hash: Hash) -> Result<Arc<Known>, LookupError> {
        let task = self.runtime.spawn(self.looking_up(hash));
        task.await.map_err(|_| LookupError::Database(sqlx::Error::WorkerCrashed))?
    }

    fn looking_up(
        &self,
        hash: Hash,
    ) -> impl Future<Output = Result<Arc<Known>, LookupError>> + use<> {
        let (pools, seen_at) = (Arc::clone(&self.pools), self.clock.now());
        async move {
            let key = look_up_in_any(&pools, hash).await?;
            Ok(Arc::new(Known { key, seen_at, is_looked_up_again: AtomicBool::new(false) }))
        }
    }
}

/// Asks the next pool when one is away.
async fn look_up_in_any(pools: &[PgPool], hash: Hash) -> Result<ApiKey, LookupError> {
    let mut outcome = Err(LookupError::Database(sqlx::Error::PoolClosed));
    for pool in pools {
        outcome = look_up_in(pool, hash).await;
        match &outcome {
            Err(LookupError::Database(error)) if database::is_unavailable(error) => {}
            _ => break,
        }
    }
    outcome
}

async fn look_up_in(pool: &PgPool, hash: Hash) -> Result<ApiKey, LookupError> {
    let row = sqlx::query!(
        r#"SELECT holder AS "holder!", scopes AS "scopes!", expires_at
           FROM read.api_keys WHERE key_hash = $1"#,
        &hash,
    )
    .fetch_optional(pool);
    let row = database::within(LOOKUP_DEADLINE, row).await?.ok_or(LookupError::Unknown)?;
    let caller = Caller { actor: holder(&row.holder)?, scopes: scopes(&row.scopes) };
    Ok(ApiKey { caller, expires_at: row.expires_at })
}

fn holder(text: &str) -> Result<Actor, LookupError> {
    match text {
        "shop" => Ok(Actor::Shop),
        "crm" => Ok(Actor::Crm),
        "carrier" => Ok(Actor::Carrier),
        other => other
            .strip_prefix("partner:")
            .and_then(|id| id.parse().ok())
            .map(|partner_id| Actor::Partner { partner_id })
            .ok_or_else(|| LookupError::UnknownHolder(other.to_owned())),
    }
}

/// A scope of a later version means nothing to this one.
fn scopes(names: &[String]) -> BTreeSet<Scope> {
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

fn refused() -> Problem {
    Problem::unauthenticated("The API key is unknown, revoked or expired")
}
