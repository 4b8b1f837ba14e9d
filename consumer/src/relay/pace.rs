//! How long a relay that found nothing waits: until news is announced, or for a while, because announcements get lost.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio_util::sync::CancellationToken;

/// News that comes together is told together.
const WINDOW: Duration = Duration::from_millis(5);

/// When to look again.
#[derive(Clone)]
pub(super) struct Pace {
    news: Arc<Notify>,
    poll: Duration,
}

impl Pace {
    pub fn new(news: Arc<Notify>, poll_ms: u64) -> Self {
        Self { news, poll: Duration::from_millis(poll_ms) }
    }

    /// News from now on. Ask before looking: what is announced meanwhile must be looked for again.
    pub fn news(&self) -> OwnedNotified {
        self.news.clone().notified_owned()
    }

    /// Waits for that news, but not too long.
    pub async fn wait(&self, news: OwnedNotified, stop: &CancellationToken) {
        let is_announced = async { tokio::time::timeout(self.poll, news).await.is_ok() };
        if stop.run_until_cancelled(is_announced).await == Some(true) {
            stop.run_until_cancelled(tokio::time::sleep(WINDOW)).await;
        }
    }
}
