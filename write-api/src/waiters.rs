//! Requests that wait for the exact price of their quote (`Prefer: wait`, RFC 7240).
//!
//! One task asks for all of them together, by one indexed statement every few milliseconds, and only while
//! somebody waits. Seats are limited: whoever finds none is answered at once, as without the preference.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::ids::QuoteId;
use shared::platform::shutdown::Shutdown;
use shared::quote::Quote;
use sqlx::PgPool;
use sqlx::types::Uuid;
use tokio::sync::{Notify, Semaphore, watch};

const LOOK_EVERY: Duration = Duration::from_millis(25);
const AFTER_A_FAILURE: Duration = Duration::from_millis(500);

type Settled = Option<Arc<Quote>>;

/// Whoever waits for quotes.
#[derive(Clone)]
pub struct Waiters(Arc<Room>);

struct Room {
    pool: PgPool,
    seats: Semaphore,
    awaited: Mutex<HashMap<QuoteId, Awaited>>,
    somebody_came: Notify,
    shutdown: Shutdown,
}

struct Awaited {
    waiting: usize,
    news: watch::Sender<Settled>,
}

impl Waiters {
    /// A room with so many seats; it is looked after until the soft stop.
    pub fn new(pool: PgPool, seats: usize, shutdown: &Shutdown) -> Self {
        let room = Arc::new(Room {
            pool,
            seats: Semaphore::new(seats),
            awaited: Mutex::default(),
            somebody_came: Notify::new(),
            shutdown: shutdown.clone(),
        });
        let looking = Arc::clone(&room);
        shutdown.spawn(async move { looking.look_until_stopped().await });
        Self(room)
    }

    /// Waits until the quote's calculation is over. `None` when there is no seat; `Some(None)` when it took too long, or
    /// the process stops.
    pub async fn settled(&self, quote_id: QuoteId, patience: Duration) -> Option<Settled> {
        let _seat = self.0.seats.try_acquire().ok()?;
        let mut seated = Seated::new(&self.0, quote_id);
        let stop = self.0.shutdown.soft();
        let news = stop.run_until_cancelled(seated.news.wait_for(Option::is_some));
        let news = tokio::time::timeout(patience, news).await;
        Some(news.ok().flatten().and_then(Result::ok).and_then(|settled| settled.clone()))
    }
}

impl Room {
    async fn look_until_stopped(&self) {
        let stop = self.shutdown.soft();
        while !stop.is_cancelled() {
            let ids = self.awaited_ids();
            let pause = if ids.is_empty() {
                stop.run_until_cancelled(self.somebody_came.notified()).await;
                continue;
            } else if let Err(error) = self.look(&ids).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "quotes cannot be looked at"
                );
                AFTER_A_FAILURE
            } else {
                LOOK_EVERY
            };
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    fn awaited_ids(&self) -> Vec<Uuid> {
        self.awaited().keys().map(QuoteId::as_uuid).collect()
    }

    async fn look(&self, ids: &[Uuid]) -> Result<(), sqlx::Error> {
        let settled = sqlx::query_scalar!(
            "SELECT quote FROM write.quotes WHERE quote_id = ANY($1) AND state <> 'requested'",
            ids,
        )
        .fetch_all(&self.pool)
        .await?;
        let awaited = self.awaited();
        // A row that cannot be read is nobody's answer; who waits for it is answered when the wait is over.
        for quote in settled.into_iter().filter_map(|row| serde_json::from_value::<Quote>(row).ok())
        {
            if let Some(awaited) = awaited.get(&quote.id) {
                awaited.news.send_replace(Some(Arc::new(quote)));
            }
        }
        Ok(())
    }

    fn awaited(&self) -> MutexGuard<'_, HashMap<QuoteId, Awaited>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits; gets up when dropped, also when the client hangs up.
struct Seated<'r> {
    room: &'r Room,
    quote_id: QuoteId,
    news: watch::Receiver<Settled>,
}

impl<'r> Seated<'r> {
    fn new(room: &'r Room, quote_id: QuoteId) -> Self {
        let news = {
            let mut awaited = room.awaited();
            let awaited = awaited
                .entry(quote_id)
                .or_insert_with(|| Awaited { waiting: 0, news: watch::Sender::new(None) });
            awaited.waiting += 1;
            awaited.news.subscribe()
        };
        room.somebody_came.notify_one();
        Self { room, quote_id, news }
    }
}

impl Drop for Seated<'_> {
    fn drop(&mut self) {
        let mut awaited = self.room.awaited();
        if let Some(entry) = awaited.get_mut(&self.quote_id) {
            entry.waiting -= 1;
            if entry.waiting == 0 {
                awaited.remove(&self.quote_id);
            }
        }
    }
}
