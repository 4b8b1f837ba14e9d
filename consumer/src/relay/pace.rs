//! When a relay looks: at news, now and then without any, because announcements get lost, and not all the time: a look costs
//! about as much for one event as for twenty, so that news which comes together is told together.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// From one look to the next, when the first left nothing behind.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// Commits that wait for the same write to disk become visible together.
const WINDOW: Duration = Duration::from_millis(5);

/// When to look again.
#[derive(Clone)]
pub(super) struct Pace {
    news: Arc<Notify>,
    poll: Duration,
}

/// A look, from before it began.
pub(super) struct Look {
    began: Instant,
    news: OwnedNotified,
}

impl Pace {
    pub fn new(news: Arc<Notify>, poll_ms: u64) -> Self {
        Self { news, poll: Duration::from_millis(poll_ms) }
    }

    /// A look begins: what is announced from now on must be looked for again.
    pub fn look(&self) -> Look {
        Look { began: Instant::now(), news: self.news.clone().notified_owned() }
    }

    /// Waits for news since that look began, but not too long.
    pub async fn wait_after(&self, look: Look, stop: &CancellationToken) {
        let Look { began, news } = look;
        let is_announced = async { tokio::time::timeout(self.poll, news).await.is_ok() };
        if stop.run_until_cancelled(is_announced).await == Some(true) {
            let next = (began + BETWEEN_LOOKS).max(Instant::now() + WINDOW);
            stop.run_until_cancelled(sleep_until(next)).await;
        }
    }
}
