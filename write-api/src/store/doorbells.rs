//! "There is a job", "there is news": wakes the pricing workers, and those who tell others, after a commit.
//!
//! A notice leaves in a statement of its own, because a transaction that notifies commits under a lock of the whole
//! database. It may be lost: those who are woken also look by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::Mutex;

/// What pricing workers listen to.
pub const PRICING_CHANNEL: &str = "mes_pricing";
/// What the followers of the log, and of the quotes, may listen to.
pub const LOG_CHANNEL: &str = "mes_log";

/// Of a bell that is pressed all the time: those who hear it take what came together.
const BETWEEN_CALLS_OF_PRICERS: Duration = Duration::from_millis(20);
/// As often as followers look.
const BETWEEN_CALLS_OF_FOLLOWERS: Duration = Duration::from_millis(50);
/// A notice that is not out by then would come later than the listeners' own look.
const DEADLINE: Duration = Duration::from_secs(1);

/// The bells of one process.
#[derive(Clone)]
pub(super) struct Doorbells {
    pricing: Doorbell,
    log: Doorbell,
}

impl Doorbells {
    pub fn new(pool: &PgPool) -> Self {
        let bell = |channel, pause| Doorbell::new(pool.clone(), channel, pause);
        Self {
            pricing: bell(PRICING_CHANNEL, BETWEEN_CALLS_OF_PRICERS),
            log: bell(LOG_CHANNEL, BETWEEN_CALLS_OF_FOLLOWERS),
        }
    }

    /// A job may be due.
    pub fn ring_pricers(&self) {
        self.pricing.ring();
    }

    /// Something happened that others want to hear of.
    pub fn ring_followers(&self) {
        self.log.ring();
    }

    /// A command was carried out, and perhaps left a job.
    pub fn ring_after(&self, wakes_pricers: bool) {
        if wakes_pricers {
            self.ring_pricers();
        }
        self.ring_followers();
    }
}

/// Rings at once, and not again before a pause; rings that come meanwhile are one more.
#[derive(Clone)]
struct Doorbell {
    pool: PgPool,
    channel: &'static str,
    pause: Duration,
    pressed: Arc<AtomicBool>,
    ringing: Arc<Mutex<()>>,
}

impl Doorbell {
    fn new(pool: PgPool, channel: &'static str, pause: Duration) -> Self {
        Self { pool, channel, pause, pressed: Arc::default(), ringing: Arc::default() }
    }

    /// Wakes the listeners; returns at once.
    fn ring(&self) {
        self.pressed.store(true, Ordering::SeqCst);
        let bell = self.clone();
        tokio::spawn(async move { bell.ring_until_released().await });
    }

    async fn ring_until_released(&self) {
        // Whoever presses while another rings leaves; the other looks once more after it has made room.
        while self.pressed.load(Ordering::SeqCst) {
            let Ok(_ringing) = self.ringing.try_lock() else { return };
            while self.pressed.swap(false, Ordering::SeqCst) {
                self.notify().await;
                tokio::time::sleep(self.pause).await;
            }
        }
    }

    async fn notify(&self) {
        let notice = sqlx::query!("SELECT pg_notify($1, '') IS NULL AS sent", self.channel);
        let sent = tokio::time::timeout(DEADLINE, notice.fetch_one(&self.pool)).await;
        if !matches!(sent, Ok(Ok(_))) {
            tracing::debug!("no notice to {}: who listens looks by itself", self.channel);
        }
    }
}
