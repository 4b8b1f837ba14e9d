//! The cache: bodies that are ready to send and never change.
//!
//! A body's name says which version of its view it shows, so nothing is ever invalidated: when the view moves, its
//! next body has another name, and the old one is asked for by nobody. A body may be looked for in process,
//! then among the copies in Redis; whoever finds neither makes it, once, while others who want the same wait.

mod breaker;
mod copies;
mod entry;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache as Kept;
use moka::policy::EvictionPolicy;

pub use copies::Copies;
pub use entry::{Entry, Key};

const IDLE: Duration = Duration::from_mins(5);
/// Last answers are a consolation while every database is away.
const LAST_ANSWERS_KEPT: Duration = Duration::from_hours(1);

/// Both levels.
#[derive(Clone)]
pub struct Cache {
    kept: Kept<Key, Arc<Entry>>,
    /// The latest answer to each question, whatever its version.
    latest: Kept<String, Arc<Entry>>,
    copies: Option<Copies>,
}

impl Cache {
    /// Keeps at most about `max_bytes` in process.
    pub fn new(max_bytes: u64, copies: Option<Copies>) -> Self {
        let kept = Kept::builder()
            .max_capacity(max_bytes / 4 * 3)
            .weigher(|_, entry: &Arc<Entry>| entry.weight())
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(IDLE)
            .build();
        let latest = Kept::builder()
            .max_capacity(max_bytes / 4)
            .weigher(|_, entry: &Arc<Entry>| entry.weight())
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(LAST_ANSWERS_KEPT)
            .build();
        Self { kept, latest, copies }
    }

    /// A body, if it is in process.
    pub async fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        self.kept.get(key).await
    }

    /// The latest answer to a question that this process gave.
    pub async fn latest(&self, question: &str) -> Option<Arc<Entry>> {
        self.latest.get(question).await
    }

    /// A body, from wherever it is; made by `fill` if nobody has it. What `fill` makes may be of a newer version
    /// than was asked for: it says so itself, and is kept under its own name.
    pub async fn get_or_fill<E>(
        &self,
        key: Key,
        fill: impl Future<Output = Result<Entry, E>>,
    ) -> Result<Arc<Entry>, Arc<E>>
    where
        E: Send + Sync + 'static,
    {
        let find = async {
            if let Some(copies) = &self.copies
                && let Some(entry) = copies.get(&key).await
            {
                return Ok(Arc::new(entry));
            }
            let entry = Arc::new(fill.await?);
            if let Some(copies) = &self.copies {
                copies.put(&key_of(&entry, &key.question), &entry);
            }
            Ok(entry)
        };
        let entry = self.kept.try_get_with(key.clone(), find).await?;
        let own_key = key_of(&entry, &key.question);
        if own_key != key {
            self.kept.invalidate(&key).await;
            self.kept.insert(own_key, Arc::clone(&entry)).await;
        }
        self.note_latest(key.question, &entry).await;
        Ok(entry)
    }

    /// Keeps what was made without knowing its version beforehand.
    pub async fn keep(&self, question: String, entry: Arc<Entry>) {
        self.kept.insert(key_of(&entry, &question), Arc::clone(&entry)).await;
        self.note_latest(question, &entry).await;
    }

    async fn note_latest(&self, question: String, entry: &Arc<Entry>) {
        let known = self.latest.get(&question).await;
        if known.is_none_or(|known| !known.head.position.covers(&entry.head.position)) {
            self.latest.insert(question, Arc::clone(entry)).await;
        }
    }
}

fn key_of(entry: &Entry, question: &str) -> Key {
    #[cfg(feature = "planted-bugs")]
    if crate::planted::is("cache-without-version") {
        let epoch = entry.head.position.epoch;
        return Key { question: question.to_owned(), epoch, version: 0 };
    }
    Key {
        question: question.to_owned(),
        epoch: entry.head.position.epoch,
        version: entry.head.version,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{Ready, ready};

    use chrono::DateTime;
    use shared::position::Position;

    use super::*;
    use crate::replicas::Head;

    fn key(version: u64) -> Key {
        Key { question: "all|status:SUBMITTED|board".to_owned(), epoch: 1, version }
    }

    fn entry(version: u64) -> Entry {
        let position = Position { epoch: 1, position: version };
        let head = Head { position, as_of: DateTime::UNIX_EPOCH, version };
        Entry::new(&key(version).content_tag(), head, b"a body".to_vec())
    }

    fn made(version: u64) -> Ready<Result<Entry, Infallible>> {
        ready(Ok(entry(version)))
    }

    #[tokio::test]
    async fn a_body_that_turned_out_newer_is_kept_under_its_own_name() {
        let cache = Cache::new(1_000_000, None);
        let entry = cache.get_or_fill(key(7), made(8)).await.unwrap();
        assert_eq!(entry.head.version, 8);
        assert!(cache.get(&key(7)).await.is_none());
        assert!(cache.get(&key(8)).await.is_some());
    }

    #[tokio::test]
    async fn the_latest_answer_never_goes_back() {
        let cache = Cache::new(1_000_000, None);
        cache.get_or_fill(key(8), made(8)).await.unwrap();
        cache.get_or_fill(key(7), made(7)).await.unwrap();
        let latest = cache.latest(&key(0).question).await.unwrap();
        assert_eq!(latest.head.version, 8);
    }

    #[tokio::test]
    async fn what_is_kept_takes_what_it_may_and_no_more() {
        let cache = Cache::new(100_000, None);
        for version in 0..1_000 {
            let key = Key { question: version.to_string(), ..key(version) };
            cache.get_or_fill(key, made(version)).await.unwrap();
        }
        cache.kept.run_pending_tasks().await;
        cache.latest.run_pending_tasks().await;
        assert!((70_000..=75_000).contains(&cache.kept.weighted_size()));
        assert!((23_000..=25_000).contains(&cache.latest.weighted_size()));
    }

    #[tokio::test]
    async fn what_was_made_without_being_asked_for_is_found_under_its_own_name() {
        let cache = Cache::new(1_000_000, None);
        cache.keep(key(7).question, Arc::new(entry(7))).await;
        assert!(cache.get(&key(7)).await.is_some());
        assert_eq!(cache.latest(&key(7).question).await.unwrap().head.version, 7);
    }
}
