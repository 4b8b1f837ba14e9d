//! Choices that are the same for the same seed: SplitMix64, small and good enough for a simulation.

use std::ops::Range;
use std::time::Duration;

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
const TWO_TO_THE_32: f64 = 4_294_967_296.0;

/// A seeded source of choices.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that roll the same sequence for the same seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of their own for the `n`-th thing under a seed: what happens to one does not move the others.
    pub fn nth(seed: u64, n: u64) -> Self {
        let mut dice = Self(seed ^ n.wrapping_mul(GOLDEN));
        dice.roll();
        dice
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 32 random bits.
    pub fn roll_32(&mut self) -> u32 {
        u32::try_from(self.roll() >> 32).unwrap_or_default()
    }

    /// A fraction from 0 to below 1.
    pub fn fraction(&mut self) -> f64 {
        f64::from(self.roll_32()) / TWO_TO_THE_32
    }

    /// Whether something happens that happens with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    /// A whole number below `limit`; 0 when the limit is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let wide = (u128::from(self.roll()) * limit as u128) >> 64;
        usize::try_from(wide).unwrap_or_default()
    }

    /// One of these.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// So many seconds.
    pub fn seconds(&mut self, range: &Range<f64>) -> Duration {
        Duration::from_secs_f64(range.start + (range.end - range.start) * self.fraction())
    }

    /// The gap to the next arrival when arrivals at `rate` per second know nothing of each other.
    pub fn gap(&mut self, rate: f64) -> Duration {
        let unused = 1.0 - self.fraction();
        Duration::from_secs_f64((-unused.ln() / rate).clamp(0.0, 3_600.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_rolls_the_same() {
        let rolls = |seed, n| {
            let mut dice = Dice::nth(seed, n);
            [dice.roll(), dice.roll(), dice.roll()]
        };
        assert_eq!(rolls(1, 7), rolls(1, 7));
        assert_ne!(rolls(1, 7), rolls(2, 7));
        assert_ne!(rolls(1, 7), rolls(1, 8));
    }

    #[test]
    fn numbers_fill_their_range_evenly() {
        let mut dice = Dice::new(42);
        let mut seen = [0_u32; 10];
        for _ in 0..10_000 {
            seen[dice.below(10)] += 1;
        }
        assert!(seen.iter().all(|count| (850..1_150).contains(count)), "{seen:?}");
    }

    #[test]
    fn arrivals_come_at_the_rate() {
        let mut dice = Dice::new(42);
        let total: f64 = (0..10_000).map(|_| dice.gap(5.0).as_secs_f64()).sum();
        assert!((total - 2_000.0).abs() < 100.0, "{total}");
    }
}
