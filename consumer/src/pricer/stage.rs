//! How far a calculation is, between the worker that does it and the heartbeat that tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use write_api::store::Progress;

/// A part of the work. Its percent are what usually lies behind when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    Waiting,
    Fetching,
    Reading,
    Analysing,
    Pricing,
}

/// Shared between the worker, its calculation and its heartbeat.
#[derive(Clone, Default)]
pub(super) struct Stage(Arc<Shared>);

#[derive(Default)]
struct Shared {
    phase: AtomicU8,
    unwanted: AtomicBool,
}

impl Phase {
    const ALL: [Self; 5] =
        [Self::Waiting, Self::Fetching, Self::Reading, Self::Analysing, Self::Pricing];

    const fn progress(self) -> Progress {
        let (phase, percent) = match self {
            Self::Waiting => ("waiting", 0),
            Self::Fetching => ("fetching", 5),
            Self::Reading => ("reading", 10),
            Self::Analysing => ("analysing", 30),
            Self::Pricing => ("pricing", 95),
        };
        Progress { phase, percent }
    }
}

impl Stage {
    /// A part of the work begins.
    pub fn enter(&self, phase: Phase) {
        self.0.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// For the heartbeat.
    pub fn progress(&self) -> Progress {
        let phase = usize::from(self.0.phase.load(Ordering::Relaxed));
        Phase::ALL.get(phase).copied().unwrap_or(Phase::Pricing).progress()
    }

    /// The lease is lost or the price not wanted any more.
    pub fn stop(&self) {
        self.0.unwanted.store(true, Ordering::Relaxed);
    }

    /// Whether the calculation should end at the next opportunity.
    pub fn is_stopped(&self) -> bool {
        self.0.unwanted.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_only_grow_along_the_phases() {
        let stage = Stage::default();
        let mut before = None;
        for phase in Phase::ALL {
            stage.enter(phase);
            let percent = stage.progress().percent;
            assert!(before < Some(percent), "{phase:?}");
            before = Some(percent);
        }
    }
}
