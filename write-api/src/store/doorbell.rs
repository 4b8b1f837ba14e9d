//! "There is a job": wakes the pricing workers after a commit.
//!
//! The notice leaves in a statement of its own, because a transaction that notifies commits under a lock of the whole
//! database. It may be lost: the lanes' messages and the workers' own looking are behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::Mutex;

/// What workers listen to.
pub const PRICING_CHANNEL: &str = "mes_pricing";

/// A notice that is not out by then would come later than a worker's own look.
const DEADLINE: Duration = Duration::from_secs(1);

/// Rings at most once at a time; rings that come meanwhile are one more.
#[derive(Clone)]
pub(super) struct Doorbell {
    pool: PgPool,
    pressed: Arc<AtomicBool>,
    ringing: Arc<Mutex<()>>,
}

impl Doorbell {
    pub fn new(pool: PgPool) -> Self {
        Self { pool, pressed: Arc::default(), ringing: Arc::default() }
    }

    /// Wakes the workers; returns at once.
    pub fn ring(&self) {
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
            }
        }
    }

    async fn notify(&self) {
        let notice = sqlx::query!("SELECT pg_notify($1, '') IS NULL AS sent", PRICING_CHANNEL);
        let sent = tokio::time::timeout(DEADLINE, notice.fetch_one(&self.pool)).await;
        if !matches!(sent, Ok(Ok(_))) {
            tracing::debug!("no notice to the workers; they look by themselves");
        }
    }
}
