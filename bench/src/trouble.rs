//! What went wrong between the outside world and the MES: counted always, told now and then.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines about trouble, unless everything is to be told.
const QUIET: Duration = Duration::from_secs(5);

/// A counter of failures that a client lived through: a broker that went away, an answer 503, …
#[derive(Debug)]
pub struct Trouble {
    count: AtomicU64,
    told: Mutex<Option<Instant>>,
    verbose: bool,
}

impl Trouble {
    /// No trouble yet.
    pub fn new(verbose: bool) -> Self {
        Self { count: AtomicU64::new(0), told: Mutex::new(None), verbose }
    }

    /// Something went wrong while doing `what`; it was or will be tried again.
    pub fn note(&self, what: &str, error: impl Display) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if self.verbose || self.is_time_to_tell() {
            eprintln!("trouble: {what}: {error}");
        }
    }

    /// How much there was.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn is_time_to_tell(&self) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let due = told.is_none_or(|last| last.elapsed() >= QUIET);
        if due {
            *told = Some(Instant::now());
        }
        due
    }
}
