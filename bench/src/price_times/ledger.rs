//! What was heard of each order, and when.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shared::contracts::envelope::Envelope;
use tokio::sync::Notify;

/// One order's times: `sent` and `heard` by the customer's clock, the others by the services'.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    sent: Instant,
    heard: Option<Instant>,
    submitted: Option<DateTime<Utc>>,
    started: Option<DateTime<Utc>>,
    ended: Option<DateTime<Utc>>,
    failed: bool,
}

impl Times {
    /// From "make order" to the news of the price, as the customer sees it.
    pub fn seen(&self) -> Option<Duration> {
        Some(self.heard? - self.sent)
    }

    /// In the queue: from the order's acceptance to the worker's beginning.
    pub fn waited(&self) -> Option<Duration> {
        (self.started? - self.submitted?).to_std().ok()
    }

    /// In the worker's hands.
    pub fn worked(&self) -> Option<Duration> {
        (self.ended? - self.started?).to_std().ok()
    }

    /// When the price was there, by the services' clock.
    pub const fn ended(&self) -> Option<DateTime<Utc>> {
        self.ended
    }

    /// When the worker began, by the services' clock.
    pub const fn started(&self) -> Option<DateTime<Utc>> {
        self.started
    }
}

/// All orders of this run, by what we call them.
#[derive(Debug, Default)]
pub struct Ledger {
    orders: Mutex<HashMap<String, Times>>,
    news: Notify,
}

/// Not every price came in time.
#[derive(Debug, thiserror::Error)]
#[error("{missing} of {all} prices did not come within {within:?}; {failed} failed")]
pub struct Late {
    missing: usize,
    failed: usize,
    all: usize,
    within: Duration,
}

impl Ledger {
    /// "Make order" is about to be pressed.
    pub fn sent(&self, number: &str) {
        let times = Times {
            sent: Instant::now(),
            heard: None,
            submitted: None,
            started: None,
            ended: None,
            failed: false,
        };
        self.orders().insert(number.to_owned(), times);
    }

    /// An event of somebody's order.
    pub fn hear(&self, event: &Envelope) {
        let Some(number) = event.data["external_id"].as_str() else { return };
        let mut orders = self.orders();
        let Some(times) = orders.get_mut(number) else { return };
        match event.kind.as_str() {
            "ru.mes.order.submitted.v1" => times.submitted = event.time,
            "ru.mes.order.pricing-started.v1" => times.started = event.time,
            "ru.mes.order.price-calculated.v1" => {
                times.ended = event.time;
                times.heard = Some(Instant::now());
            }
            "ru.mes.order.pricing-failed.v1" => times.failed = true,
            _ => return,
        }
        drop(orders);
        self.news.notify_waiters();
    }

    /// Waits until all of these have a price.
    ///
    /// # Errors
    /// When some have none in time.
    pub async fn all_priced(
        &self,
        numbers: &[String],
        within: Duration,
    ) -> Result<Vec<Times>, Late> {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let news = self.news.notified();
            let times = self.of(numbers);
            let missing = times.iter().filter(|times| times.heard.is_none()).count();
            if missing == 0 {
                return Ok(times);
            }
            if tokio::time::timeout_at(deadline, news).await.is_err() {
                let failed = times.iter().filter(|times| times.failed).count();
                return Err(Late { missing, failed, all: numbers.len(), within });
            }
        }
    }

    fn of(&self, numbers: &[String]) -> Vec<Times> {
        let orders = self.orders();
        numbers.iter().filter_map(|number| orders.get(number).copied()).collect()
    }

    fn orders(&self) -> MutexGuard<'_, HashMap<String, Times>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
