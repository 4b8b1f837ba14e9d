//! A breaker: after failures in a row nobody tries any more, but for one probe a second.

use std::sync::Mutex;
use std::time::{Duration, Instant};

const FAILURES_THAT_OPEN: u32 = 5;
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    next_probe: Option<Instant>,
}

impl Breaker {
    /// Whether one may try now. When open, one caller a second may.
    pub fn allows(&self, now: Instant) -> bool {
        let mut state = self.state();
        match state.next_probe {
            None => true,
            Some(at) if at <= now => {
                state.next_probe = Some(now + PROBE_EVERY);
                true
            }
            Some(_) => false,
        }
    }

    /// It worked. Returns whether this closed the breaker.
    pub fn succeeded(&self) -> bool {
        let mut state = self.state();
        state.failures = 0;
        state.next_probe.take().is_some()
    }

    /// It failed. Returns whether this opened the breaker.
    pub fn failed(&self, now: Instant) -> bool {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures < FAILURES_THAT_OPEN {
            return false;
        }
        state.next_probe.replace(now + PROBE_EVERY).is_none()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_five_failures_one_in_a_second_may_try() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..4 {
            assert!(!breaker.failed(now));
        }
        assert!(breaker.allows(now));
        assert!(breaker.failed(now), "the fifth opens it");
        assert!(!breaker.allows(now));
        let later = now + PROBE_EVERY;
        assert!(breaker.allows(later));
        assert!(!breaker.allows(later), "one probe only");
        assert!(breaker.allows(later + PROBE_EVERY * 2), "however long nobody asked");
    }

    #[test]
    fn a_success_closes_it() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..5 {
            breaker.failed(now);
        }
        assert!(breaker.succeeded());
        assert!(breaker.allows(now));
        assert!(!breaker.succeeded(), "it was closed already");
    }
}
