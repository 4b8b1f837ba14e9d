//! What the CRM's stand-in does wrong with the messages of chosen orders.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use shared::clock::{Clock, SystemClock};

/// What happens to an order's messages.
#[derive(Debug)]
enum Mode {
    /// Each is acknowledged to the broker and dropped when it comes for the first time.
    DropFirst(HashSet<String>),
    /// They are taken, and never answered.
    Mute,
}

/// What happens to an order's messages, and since when one is missing.
type Treatment = (Mode, Option<DateTime<Utc>>);

/// The orders that are treated so, by their owners' numbers.
#[derive(Debug, Default)]
pub struct Tampering(Mutex<HashMap<String, Treatment>>);

impl Tampering {
    /// Messages of this order are dropped when they come for the first time.
    pub fn drop_first(&self, external_id: &str) {
        self.set(external_id, Mode::DropFirst(HashSet::new()));
    }

    /// This order is not acknowledged.
    pub fn mute(&self, external_id: &str) {
        self.set(external_id, Mode::Mute);
    }

    /// This order is treated like any other again.
    pub fn relent(&self, external_id: &str) {
        self.lock().remove(external_id);
    }

    /// Since when a message of this order is missing, or its answer.
    pub fn since(&self, external_id: &str) -> Option<DateTime<Utc>> {
        self.lock().get(external_id).and_then(|(_, since)| *since)
    }

    /// Whether this message is dropped, unread.
    pub fn drops(&self, external_id: &str, event: &str) -> bool {
        match self.lock().get_mut(external_id) {
            Some((Mode::DropFirst(seen), since)) => {
                since.get_or_insert_with(|| SystemClock.now());
                seen.insert(event.to_owned())
            }
            _ => false,
        }
    }

    /// Whether this order gets no answer.
    pub fn is_mute(&self, external_id: &str) -> bool {
        match self.lock().get_mut(external_id) {
            Some((Mode::Mute, since)) => {
                since.get_or_insert_with(|| SystemClock.now());
                true
            }
            _ => false,
        }
    }

    fn set(&self, external_id: &str, mode: Mode) {
        self.lock().insert(external_id.to_owned(), (mode, None));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Treatment>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_dropped_once_and_nobody_elses() {
        let tampering = Tampering::default();
        tampering.drop_first("A");
        assert_eq!(tampering.since("A"), None);
        assert!(tampering.drops("A", "1") && tampering.drops("A", "2"));
        assert!(!tampering.drops("A", "1") && !tampering.drops("B", "1"));
        assert!(tampering.since("A").is_some());
    }

    #[test]
    fn a_mute_order_is_taken_and_not_answered_until_the_crm_relents() {
        let tampering = Tampering::default();
        tampering.mute("A");
        assert!(!tampering.drops("A", "1") && tampering.is_mute("A"));
        tampering.relent("A");
        assert!(!tampering.is_mute("A"));
    }
}
