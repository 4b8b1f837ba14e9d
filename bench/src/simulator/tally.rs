//! What happened so far, and the one line that tells it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::book::Book;

/// Counters by name.
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<&'static str, u64>>);

/// What the line tells, when there is any: the counter and the words.
const TOLD: [(&str, &str); 15] = [
    ("sent", "sent"),
    ("price-calculated", "priced"),
    ("manufacturing-approved", "approved"),
    ("manufacturing-started", "taken"),
    ("shipped", "shipped"),
    ("closed", "closed"),
    ("cancelled", "cancelled"),
    ("pricing-failed", "price failed"),
    ("given-back", "given back"),
    ("rework-requested", "reworked"),
    ("duplicate", "sent twice"),
    ("bad", "bad messages"),
    ("too late", "taken too late"),
    ("refused", "refused"),
    ("error", "errors"),
];

impl Tally {
    /// One more.
    pub fn count(&self, what: &'static str) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counters.entry(what).or_default() += 1;
    }

    /// How many.
    pub fn of(&self, what: &str) -> u64 {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.get(what).copied().unwrap_or_default()
    }

    /// The line.
    pub fn line(&self, elapsed: Duration, book: &Book, trouble: u64) -> String {
        let seconds = elapsed.as_secs();
        let counted = TOLD.iter().map(|(name, words)| (self.of(name), *words));
        let also = [
            (book.open() as u64, "open"),
            (book.forgotten(), "no longer watched"),
            (trouble, "retries"),
        ];
        let told = counted.chain(also).filter(|(count, _)| *count > 0);
        let mut parts: Vec<String> =
            told.map(|(count, words)| format!("{words} {count}")).collect();
        let within = |percent| book.price_within(percent).map(|time| time.as_secs_f64());
        if let (Some(half), Some(most)) = (within(50.0), within(95.0)) {
            parts.push(format!("price after {half:.1} s (95 %: {most:.1} s)"));
        }
        format!("{:02}:{:02} | {}", seconds / 60, seconds % 60, parts.join(" · "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::order::Status;

    #[test]
    fn the_line_tells_what_happened_and_nothing_else() {
        let (tally, book) = (Tally::default(), Book::new(1, Status::Closed, false));
        assert_eq!(tally.line(Duration::from_secs(61), &book, 0), "01:01 | ");
        tally.count("sent");
        tally.count("sent");
        tally.count("price-calculated");
        let line = tally.line(Duration::from_secs(5), &book, 3);
        assert_eq!(line, "00:05 | sent 2 · priced 1 · retries 3");
    }
}
