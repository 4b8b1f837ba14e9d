//! What became of each request, and what that means for a stretch of time.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longer than any request may take.
const LONGEST_MICROS: u64 = 120_000_000;

/// Who gave an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The write API.
    Primary,
    /// The read API, from what it or Redis keeps.
    Cache,
    /// The read API, from a replica.
    Replica,
    /// The read API, from the read model on the primary.
    ReadOnPrimary,
    /// The read API, marked as older than wanted.
    Stale,
}

/// How a request went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// An answer that is neither a success nor a proper "not now".
    Status(u16),
    /// No answer in time.
    Timeout,
    /// Nobody listens.
    NotConnected,
    /// The connection broke.
    Broken,
    /// An answer that nobody understands.
    Nonsense,
    /// Too many were under way here to send it at all.
    NotSent,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Timeout => f.write_str("timeout"),
            Self::NotConnected => f.write_str("not connected"),
            Self::Broken => f.write_str("connection broke"),
            Self::Nonsense => f.write_str("nonsense"),
            Self::NotSent => f.write_str("not sent"),
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A success.
    Answered(Source),
    /// "Not now": 429 or 503 with `Retry-After`.
    Busy,
    /// Anything else.
    Failed(Failure),
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// When it was due, since the load began.
    pub due: Duration,
    /// From then to the end of its answer.
    pub took: Duration,
    /// What became of it.
    pub outcome: Outcome,
}

/// All requests of a load; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Samples(Arc<Mutex<Vec<Sample>>>);

impl Samples {
    /// One more.
    pub fn note(&self, sample: Sample) {
        self.all().push(sample);
    }

    /// What became of those that were due in this stretch.
    pub fn within(&self, window: Range<Duration>) -> Summary {
        let mut summary = Summary::new(window.end.saturating_sub(window.start));
        self.all()
            .iter()
            .filter(|sample| window.contains(&sample.due))
            .for_each(|s| summary.add(s));
        summary
    }

    /// Second by second.
    pub fn seconds(&self) -> Vec<Second> {
        let mut seconds: BTreeMap<u64, Summary> = BTreeMap::new();
        for sample in self.all().iter() {
            let new = || Summary::new(Duration::from_secs(1));
            seconds.entry(sample.due.as_secs()).or_insert_with(new).add(sample);
        }
        seconds.into_iter().map(|(second, summary)| Second::of(second, &summary)).collect()
    }

    fn all(&self) -> MutexGuard<'_, Vec<Sample>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of some requests.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Of what.
    length: Duration,
    /// How many were due.
    pub requests: u64,
    /// Told "not now".
    pub busy: u64,
    /// Successes, by who gave them.
    pub answered: BTreeMap<Source, u64>,
    /// What went wrong.
    pub failures: BTreeMap<Failure, u64>,
    answers: Histogram<u64>,
    refusals: Histogram<u64>,
}

impl Summary {
    fn new(length: Duration) -> Self {
        let empty = Histogram::new_with_bounds(1, LONGEST_MICROS, 3)
            .expect("the bounds of a histogram are constants");
        Self {
            length,
            requests: 0,
            busy: 0,
            answered: BTreeMap::new(),
            failures: BTreeMap::new(),
            answers: empty.clone(),
            refusals: empty,
        }
    }

    fn add(&mut self, sample: &Sample) {
        let micros = u64::try_from(sample.took.as_micros()).unwrap_or(LONGEST_MICROS);
        self.requests += 1;
        match sample.outcome {
            Outcome::Answered(source) => {
                *self.answered.entry(source).or_default() += 1;
                self.answers.saturating_record(micros);
            }
            Outcome::Busy => {
                self.busy += 1;
                self.refusals.saturating_record(micros);
            }
            Outcome::Failed(failure) => *self.failures.entry(failure).or_default() += 1,
        }
    }

    /// Successes.
    pub fn successes(&self) -> u64 {
        self.answered.values().sum()
    }

    /// Successes a second.
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    pub fn goodput(&self) -> f64 {
        self.successes() as f64 / self.length.as_secs_f64().max(0.001)
    }

    /// Everything but successes and "not now".
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// The latency that so many of a hundred successes do not exceed; zero of none.
    pub fn latency(&self, percent: f64) -> Duration {
        Duration::from_micros(self.answers.value_at_percentile(percent))
    }

    /// The same of "not now".
    pub fn refusal(&self, percent: f64) -> Duration {
        Duration::from_micros(self.refusals.value_at_percentile(percent))
    }

    /// The failures in words, empty of none.
    pub fn told(&self) -> String {
        let kinds = self.failures.iter().map(|(kind, count)| format!("{count} × {kind}"));
        let kinds: Vec<String> = kinds.collect();
        if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) }
    }
}

/// A second of a load, for the file.
#[derive(Debug, Clone, Serialize)]
pub struct Second {
    /// Since the load began.
    at: u64,
    requests: u64,
    answered: u64,
    busy: u64,
    failed: u64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl Second {
    fn of(at: u64, summary: &Summary) -> Self {
        let ms = |percent| summary.latency(percent).as_secs_f64() * 1e3;
        Self {
            at,
            requests: summary.requests,
            answered: summary.successes(),
            busy: summary.busy,
            failed: summary.failed(),
            p50_ms: ms(50.0),
            p99_ms: ms(99.0),
            max_ms: ms(100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERED: Outcome = Outcome::Answered(Source::Replica);

    fn sample(due_ms: u64, took_ms: u64, outcome: Outcome) -> Sample {
        let (due, took) = (Duration::from_millis(due_ms), Duration::from_millis(took_ms));
        Sample { due, took, outcome }
    }

    #[test]
    fn a_window_holds_what_was_due_in_it_however_late_it_ended() {
        let samples = Samples::default();
        for sample in [
            sample(999, 1, ANSWERED),
            sample(1_000, 5_000, ANSWERED),
            sample(1_500, 2, Outcome::Busy),
            sample(1_999, 3, Outcome::Failed(Failure::Status(500))),
            sample(2_000, 9, ANSWERED),
        ] {
            samples.note(sample);
        }
        let second = samples.within(Duration::from_secs(1)..Duration::from_secs(2));
        assert_eq!(
            (second.requests, second.successes(), second.busy, second.failed()),
            (3, 1, 1, 1)
        );
        assert!(second.latency(99.0) >= Duration::from_secs(5));
        assert!(second.refusal(99.0) < Duration::from_millis(3));
        assert_eq!(second.told(), " (1 × 500)");
        assert!((second.goodput() - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn percentiles_are_of_successes_only_and_exact_to_a_thousandth() {
        let samples = Samples::default();
        for ms in 1..=100 {
            samples.note(sample(0, ms, ANSWERED));
            samples.note(sample(0, 60_000, Outcome::Failed(Failure::Timeout)));
        }
        let all = samples.within(Duration::ZERO..Duration::from_secs(1));
        let p99 = all.latency(99.0).as_secs_f64() * 1e3;
        assert!((p99 - 99.0).abs() <= 0.099, "{p99}");
    }

    #[test]
    fn seconds_come_in_order_and_empty_ones_are_left_out() {
        let samples = Samples::default();
        samples.note(sample(2_100, 7, ANSWERED));
        samples.note(sample(100, 7, ANSWERED));
        let seconds: Vec<u64> = samples.seconds().iter().map(|second| second.at).collect();
        assert_eq!(seconds, [0, 2]);
    }
}
