//! What may be done with a measured model.

use serde::{Deserialize, Serialize};

use super::Verdict;

/// Bounds further apart than this share of the upper one say nothing: the model is refused. Just
/// over a half, so that "one copy or two" is still an answer.
const HOPELESS_SPREAD: f64 = 0.51;

/// Two values between which a volume lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VolumeBounds {
    /// Not less than this, mm³.
    pub low_mm3: f64,
    /// Not more than this, mm³.
    pub high_mm3: f64,
}

impl VolumeBounds {
    /// How far apart they are, as a share of the upper one: 0 when they agree, 1 when the lower
    /// one is nothing.
    pub fn spread(&self) -> f64 {
        if self.high_mm3 > 0.0 { (self.high_mm3 - self.low_mm3) / self.high_mm3 } else { 1.0 }
    }
}

/// What may be done with a model: the one thing to look at before its volume is used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// [`super::Analysis::volume_mm3`] is the volume.
    Exact,
    /// The model is faulty, but its volume lies between two known values.
    Provisional {
        /// What is wrong with it.
        verdict: Verdict,
        /// Not less than this, mm³.
        low_mm3: f64,
        /// Not more than this, mm³.
        high_mm3: f64,
    },
    /// The model has no volume that could be stated.
    Refused {
        /// What is wrong with it.
        verdict: Verdict,
    },
}

pub(super) fn of(verdict: Verdict, bounds: Option<VolumeBounds>) -> Standing {
    if verdict == Verdict::Exact {
        return Standing::Exact;
    }
    match bounds {
        Some(bounds) if bounds.high_mm3 > 0.0 && bounds.spread() <= HOPELESS_SPREAD => {
            let VolumeBounds { low_mm3, high_mm3 } = bounds;
            Standing::Provisional { verdict, low_mm3, high_mm3 }
        }
        _ => Standing::Refused { verdict },
    }
}
