//! A sum that does not lose small numbers next to large ones.

/// Neumaier's compensated sum (*Rundungsfehleranalyse einiger Verfahren zur Summation endlicher
/// Summen*, 1974).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(crate) const NOTHING: Self = Self { sum: 0.0, lost: 0.0 };

    pub(crate) fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - sum) + value
        } else {
            (value - sum) + self.sum
        };
        self.sum = sum;
    }

    pub(crate) fn value(self) -> f64 {
        self.sum + self.lost
    }
}
