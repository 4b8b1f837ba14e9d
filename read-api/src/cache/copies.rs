//! The copies that instances share, in Redis.
//!
//! Hot reads go over one shared, multiplexed connection (ADR 0009); a request may spend a budget here and no more,
//! and after failures in a row nobody tries but one probe a second. Whatever is wrong with Redis, the answer is
//! "not here", and the replica goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tokio::sync::Semaphore;

use super::breaker::Breaker;
use super::entry::{Entry, Key};

/// Old versions are asked for by nobody: they just run out.
const KEPT_SECONDS: u64 = 600;
/// Copies being written at once; what does not find room is not copied.
const WRITING_AT_ONCE: usize = 32;

/// A handle on the shared copies.
#[derive(Clone)]
pub struct Copies {
    connection: ConnectionManager,
    prefix: Arc<str>,
    budget: Duration,
    breaker: Arc<Breaker>,
    writing: Arc<Semaphore>,
}

/// What became of a call to Redis.
enum Called<T> {
    Answered(T),
    /// Redis said no: this key is unusable, the server is well.
    Refused(redis::RedisError),
    Failed(String),
}

impl Copies {
    /// Connects when first used. To be called on the process's main runtime.
    pub fn new(
        client: redis::Client,
        prefix: &str,
        budget: Duration,
    ) -> Result<Self, redis::RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(budget * 2))
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(50))
            .set_max_delay(Duration::from_secs(1));
        Ok(Self {
            connection: ConnectionManager::new_lazy_with_config(client, config)?,
            prefix: prefix.into(),
            budget,
            breaker: Arc::default(),
            writing: Arc::new(Semaphore::new(WRITING_AT_ONCE)),
        })
    }

    /// A copy, if there is one that is whole.
    pub async fn get(&self, key: &Key) -> Option<Entry> {
        let mut get = redis::cmd("GET");
        get.arg(self.name(key));
        match self.call::<Option<Vec<u8>>>(&get).await? {
            Called::Answered(value) => Entry::from_value(key, value?)
                .inspect_err(|error| {
                    let error = error as &dyn std::error::Error;
                    tracing::warn!(error, "a shared copy is passed over");
                })
                .ok(),
            Called::Refused(error) => {
                tracing::warn!(%error, "a shared copy is passed over");
                None
            }
            Called::Failed(_) => None,
        }
    }

    /// Leaves a copy for the other instances, in the background.
    pub fn put(&self, key: &Key, entry: &Entry) {
        let Ok(permit) = Arc::clone(&self.writing).try_acquire_owned() else { return };
        let (copies, name, value) = (self.clone(), self.name(key), entry.to_value(key));
        tokio::spawn(async move {
            let mut set = redis::cmd("SET");
            set.arg(name).arg(value).arg("EX").arg(KEPT_SECONDS);
            copies.call::<()>(&set).await;
            drop(permit);
        });
    }

    fn name(&self, key: &Key) -> String {
        format!("{}view:{}", self.prefix, key.to_text())
    }

    /// `None` when the breaker is open.
    async fn call<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> Option<Called<T>> {
        if !self.breaker.allows(Instant::now()) {
            return None;
        }
        let mut connection = self.connection.clone();
        let outcome = tokio::time::timeout(self.budget, command.query_async(&mut connection)).await;
        let called = match outcome {
            Ok(Ok(answer)) => Called::Answered(answer),
            // An error with a code was said by a server that works.
            Ok(Err(error)) if error.code().is_some() => Called::Refused(error),
            Ok(Err(error)) => Called::Failed(error.to_string()),
            Err(_) => Called::Failed("no answer within the budget".to_owned()),
        };
        self.note(&called);
        Some(called)
    }

    fn note<T>(&self, called: &Called<T>) {
        match called {
            Called::Failed(reason) => {
                if self.breaker.failed(Instant::now()) {
                    tracing::warn!(reason, "Redis is left alone, but for a probe a second");
                }
            }
            Called::Answered(_) | Called::Refused(_) => {
                if self.breaker.succeeded() {
                    tracing::info!("Redis answers again");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies(url: &str) -> Copies {
        let client = redis::Client::open(url).unwrap();
        Copies::new(client, &testkit::key_prefix(), Duration::from_secs(5)).unwrap()
    }

    fn key() -> Key {
        Key { question: "all|status:SUBMITTED|newest".to_owned(), epoch: 1, version: 7 }
    }

    #[tokio::test]
    async fn what_redis_refuses_to_give_is_no_reason_to_leave_it_alone() {
        let copies = copies(&testkit::redis_url());
        let mut push = redis::cmd("LPUSH");
        push.arg(copies.name(&key())).arg("no body");
        push.query_async::<i64>(&mut copies.connection.clone()).await.unwrap();
        for _ in 0..10 {
            assert!(copies.get(&key()).await.is_none());
        }
        assert!(copies.breaker.allows(Instant::now()));
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_left_alone() {
        let (copies, before) = (copies("redis://127.0.0.1:1"), Instant::now());
        for _ in 0..5 {
            assert!(copies.get(&key()).await.is_none());
        }
        assert!(!copies.breaker.allows(before + Duration::from_millis(999)));
    }
}
