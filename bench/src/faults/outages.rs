//! How long nobody was answered with success while the primary was replaced, as clients saw it.

use serde::Serialize;

use super::history::{Entry, Line, Outcome};

/// What is promised: so many milliseconds at the 95th percentile.
pub const PROMISED_MS: u64 = 15_000;

/// Reads a history line by line.
#[derive(Debug, Default)]
pub struct Outages {
    last_success: u64,
    /// The longest time without a success since the one before the loss.
    open: Option<u64>,
    found: Vec<u64>,
}

/// The outages of a campaign, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Each, in order.
    pub each: Vec<u64>,
    /// The middle one.
    pub p50: u64,
    /// Of twenty, the last but one.
    pub p95: u64,
    /// The longest.
    pub max: u64,
}

impl Outages {
    /// Notes a line. An outage is the longest gap between two successes over REST, from the last one before the
    /// primary was lost until all is as before.
    pub fn note(&mut self, line: &Line) {
        match &line.entry {
            Entry::PrimaryLost { .. } => self.open = Some(0),
            Entry::Ended { outcome: Outcome::Ok { .. }, .. } => self.close_gap(line.at),
            Entry::Fault { .. } => {
                // Nobody succeeded since: that is a gap, too.
                let gap = line.at.saturating_sub(self.last_success);
                self.found.extend(self.open.take().map(|longest| longest.max(gap)));
            }
            _ => {}
        }
    }

    fn close_gap(&mut self, at: u64) {
        let gap = at.saturating_sub(self.last_success);
        self.open = self.open.map(|longest| longest.max(gap));
        self.last_success = at;
    }

    /// All of them; `None` when the primary was never lost.
    pub fn told(&self) -> Option<Told> {
        let mut sorted = self.found.clone();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(index).copied()
        };
        let (p50, p95, max) = (rank(50)?, rank(95)?, rank(100)?);
        Some(Told { each: self.found.clone(), p50, p95, max })
    }
}

impl Told {
    /// Whether what is promised was kept.
    pub const fn is_kept(&self) -> bool {
        self.p95 <= PROMISED_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn success(at: u64) -> Line {
        let outcome =
            Outcome::Ok { order_id: uuid::Uuid::nil(), version: 1, answer: String::new() };
        Line { at, entry: Entry::Ended { op: String::new(), since: at, outcome } }
    }

    fn fault(at: u64) -> Line {
        let fault = String::new();
        Line { at, entry: Entry::Fault { step: 0, fault, hit: true, evidence: String::new() } }
    }

    const fn lost(at: u64) -> Line {
        Line { at, entry: Entry::PrimaryLost { step: 0 } }
    }

    #[test]
    fn an_outage_is_the_longest_gap_from_the_last_success_before_the_loss() {
        let mut outages = Outages::default();
        let lines = [
            success(0),
            success(9_000),
            success(9_900),
            lost(10_000),
            success(10_100),
            success(14_000),
            success(14_100),
            fault(15_000),
            success(40_000),
            fault(41_000),
        ];
        for line in &lines {
            outages.note(line);
        }
        let told = outages.told().unwrap();
        assert_eq!((told.each.as_slice(), told.p95, told.is_kept()), (&[3_900][..], 3_900, true));
    }

    #[test]
    fn nobody_who_is_never_answered_again_is_forgotten() {
        let mut outages = Outages::default();
        for line in [success(1_000), lost(2_000), fault(90_000)] {
            outages.note(&line);
        }
        assert_eq!(outages.told().unwrap().max, 89_000);
        assert!(!outages.told().unwrap().is_kept());
        assert_eq!(Outages::default().told(), None);
    }

    #[test]
    fn of_twenty_the_last_but_one_is_the_95th_percentile() {
        let outages = Outages { found: (1..=20).rev().collect(), ..Outages::default() };
        let told = outages.told().unwrap();
        assert_eq!((told.p50, told.p95, told.max), (10, 19, 20));
    }
}
