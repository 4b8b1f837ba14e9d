//! The pace at which a partner's orders are taken one by one.
//!
//! A partner who sends thousands of orders as fast as they are taken would have all machines to themselves: every order
//! is told, projected and priced. So each partner has a pace. Orders that come faster wait for their turn, in the
//! order in which they came; who would wait too long is told when to come back. Each instance counts for itself.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::web::Problem;
use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::ids::PartnerId;
use tokio::time::Instant;

/// How fast a partner's orders are taken.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PaceConfig {
    /// In the long run, of one partner.
    pub orders_per_second: NonZeroU32,
    /// At once, after a pause.
    pub at_once: NonZeroU32,
    /// The longest that an order waits for its turn, milliseconds; beyond, it is refused.
    pub patience_ms: u32,
}

/// Every partner's next turn. There are as many as partners.
#[derive(Clone)]
pub struct Pace {
    config: PaceConfig,
    turns: Arc<Mutex<HashMap<PartnerId, Turns>>>,
}

/// When the next order would have its turn if orders came evenly.
struct Turns(Instant);

impl Pace {
    /// Nobody has ordered yet.
    pub fn new(config: PaceConfig) -> Self {
        Self { config, turns: Arc::default() }
    }

    /// Waits for the turn of one more order.
    ///
    /// # Errors
    /// 429 when that would take too long; then nothing is counted.
    pub async fn turn(&self, partner_id: PartnerId) -> Result<(), Problem> {
        let wait = self.reserve(partner_id, Instant::now()).map_err(too_fast)?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// How long this order waits, or how long it would have to.
    fn reserve(&self, partner_id: PartnerId, now: Instant) -> Result<Duration, Duration> {
        // Whoever panicked in here left one partner's next turn, at worst a little late.
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(partner_id).or_insert(Turns(now)).reserve(&self.config, now)
    }
}

impl Turns {
    /// The generic cell rate algorithm, as a queue: a turn that lies ahead is waited for.
    fn reserve(&mut self, config: &PaceConfig, now: Instant) -> Result<Duration, Duration> {
        let apart = Duration::from_secs(1) / config.orders_per_second.get();
        let saved = apart * (config.at_once.get() - 1);
        let even = self.0.max(now);
        let wait = even.duration_since(now).saturating_sub(saved);
        if wait > Duration::from_millis(config.patience_ms.into()) {
            return Err(wait);
        }
        self.0 = even + apart;
        Ok(wait)
    }
}

fn too_fast(wait: Duration) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many orders at once")
        .detail("Orders of this partner come faster than they are taken one by one; send a batch")
        .retry_after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENTH: Duration = Duration::from_millis(100);

    fn config(at_once: u32) -> PaceConfig {
        PaceConfig {
            orders_per_second: NonZeroU32::new(10).unwrap(),
            at_once: NonZeroU32::new(at_once).unwrap(),
            patience_ms: 250,
        }
    }

    #[tokio::test]
    async fn orders_that_come_together_are_taken_evenly_and_then_refused() {
        let (now, config) = (Instant::now(), config(2));
        let mut turns = Turns(now);
        let waits: Vec<_> = (0..5).map(|_| turns.reserve(&config, now)).collect();
        let zero = Duration::ZERO;
        assert_eq!(waits, [Ok(zero), Ok(zero), Ok(TENTH), Ok(2 * TENTH), Err(3 * TENTH)]);
        assert_eq!(turns.reserve(&config, now), Err(3 * TENTH), "a refusal takes no turn");
        assert_eq!(turns.reserve(&config, now + TENTH), Ok(2 * TENTH));
    }

    #[tokio::test]
    async fn a_pause_saves_no_more_turns_than_may_come_at_once() {
        let (now, config) = (Instant::now(), config(1));
        let mut turns = Turns(now);
        let later = now + 100 * TENTH;
        assert_eq!(turns.reserve(&config, later), Ok(Duration::ZERO));
        assert_eq!(turns.reserve(&config, later), Ok(TENTH));
    }
}
