//! Figures with their bounds.

use std::time::Duration;

use serde::Serialize;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    what: String,
    value: f64,
    unit: &'static str,
    bound: Option<Bound>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Line {
    /// A time in milliseconds that is only told.
    pub fn time(what: impl Into<String>, time: Duration) -> Self {
        Self { what: what.into(), value: time.as_secs_f64() * 1e3, unit: "ms", bound: None }
    }

    /// A ratio that is only told.
    pub fn ratio(what: impl Into<String>, value: f64) -> Self {
        Self { what: what.into(), value, unit: "×", bound: None }
    }

    /// A difference of times in milliseconds, which may be below zero.
    pub fn added_ms(what: impl Into<String>, value: f64) -> Self {
        Self { what: what.into(), value, unit: "ms", bound: None }
    }

    /// A number of things.
    pub fn count(what: impl Into<String>, value: u64) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "for people; nothing here is counted to 2^52"
        )]
        let value = value as f64;
        Self { what: what.into(), value, unit: "", bound: None }
    }

    /// So many a second.
    pub fn rate(what: impl Into<String>, value: f64) -> Self {
        Self { what: what.into(), value, unit: "/s", bound: None }
    }

    /// A duration in seconds.
    pub fn seconds(what: impl Into<String>, time: Duration) -> Self {
        Self { what: what.into(), value: time.as_secs_f64(), unit: "s", bound: None }
    }

    /// A part of a hundred.
    pub fn percent(what: impl Into<String>, value: f64) -> Self {
        Self { what: what.into(), value, unit: "%", bound: None }
    }

    /// It must not be above this.
    #[must_use]
    pub fn at_most(self, bound: f64) -> Self {
        Self { bound: Some(Bound::AtMost(bound)), ..self }
    }

    /// It must not be below this.
    #[must_use]
    pub fn at_least(self, bound: f64) -> Self {
        Self { bound: Some(Bound::AtLeast(bound)), ..self }
    }

    /// Whether it keeps its bound.
    pub fn is_good(&self) -> bool {
        match self.bound {
            None => true,
            Some(Bound::AtMost(bound)) => self.value <= bound,
            Some(Bound::AtLeast(bound)) => self.value >= bound,
        }
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, value, unit, bound } = self;
        write!(f, "  {what:<66} {value:>9.1} {unit:<2}")?;
        let (sign, bound) = match bound {
            None => return Ok(()),
            Some(Bound::AtMost(bound)) => ("≤", bound),
            Some(Bound::AtLeast(bound)) => ("≥", bound),
        };
        let verdict = if self.is_good() { "kept" } else { "MISSED" };
        write!(f, "  {sign} {bound} {verdict}")
    }
}

/// The value that so many per cent do not exceed (nearest rank); zero of nothing.
pub fn percentile(times: impl IntoIterator<Item = Duration>, percent: u32) -> Duration {
    let mut times: Vec<Duration> = times.into_iter().collect();
    times.sort_unstable();
    let rank = (times.len() * percent as usize).div_ceil(100).max(1);
    times.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let times = || (1..=200).map(Duration::from_millis);
        assert_eq!(percentile(times(), 50), Duration::from_millis(100));
        assert_eq!(percentile(times(), 99), Duration::from_millis(198));
        assert_eq!(percentile([], 99), Duration::ZERO);
    }

    #[test]
    fn a_bound_is_kept_or_missed() {
        let line = Line::ratio("r", 1.5);
        assert!(line.clone().at_most(1.5).is_good() && !line.clone().at_most(1.4).is_good());
        assert!(line.clone().at_least(1.5).is_good() && !line.at_least(1.6).is_good());
    }
}
