//! What reads every open order is done as often as its cost allows, not in every round: with a few thousand orders each
//! time, with a million now and then. What is cheap, and what an incident or a suspicion names, is looked at in every round.

use std::time::Duration;

/// So many times as long as such a round took, the next ones do without.
const PEACE: u32 = 4;

/// So many times as long as any round took, nothing is looked at: who watches must not take what the orders need.
const REST: u32 = 3;
/// What is lost is found within a minute all the same.
const LONGEST_REST: Duration = Duration::from_secs(15);

/// How long to wait after a round that took so long; `usual` is the shortest pause.
pub(super) fn pause_after(round: Duration, usual: Duration) -> Duration {
    usual.max((round * REST).min(LONGEST_REST))
}

/// When everything is read again.
#[derive(Debug, Default)]
pub(super) struct Thorough {
    rounds_without: u32,
}

impl Thorough {
    /// Whether this round reads everything.
    pub const fn is_due(&self) -> bool {
        self.rounds_without == 0
    }

    /// A round is over that took so long; `poll` is the pause before the next one.
    pub fn round_took(&mut self, time: Duration, poll: Duration) {
        let rounds = (time * PEACE).as_millis() / poll.as_millis().max(1);
        self.rounds_without = match self.rounds_without {
            0 => u32::try_from(rounds).unwrap_or(u32::MAX),
            without => without - 1,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: Duration = Duration::from_secs(3);

    #[test]
    fn rounds_that_take_long_are_fewer_but_not_rare() {
        assert_eq!(pause_after(Duration::from_millis(800), POLL), POLL);
        assert_eq!(pause_after(Duration::from_secs(2), POLL), Duration::from_secs(6));
        assert_eq!(pause_after(Duration::from_mins(2), POLL), LONGEST_REST);
    }

    #[test]
    fn a_quick_round_reads_everything_again() {
        let mut thorough = Thorough::default();
        thorough.round_took(Duration::from_millis(700), POLL);
        assert!(thorough.is_due());
    }

    #[test]
    fn a_slow_round_is_followed_by_quick_ones_for_four_times_as_long() {
        let mut thorough = Thorough::default();
        thorough.round_took(Duration::from_secs(6), POLL);
        for _ in 0..8 {
            assert!(!thorough.is_due());
            thorough.round_took(Duration::from_millis(100), POLL);
        }
        assert!(thorough.is_due());
    }
}
