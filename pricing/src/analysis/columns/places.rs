//! Where columns stand, and how wrong a sum over them can be.
//!
//! The sum over columns times the cell is the midpoint rule, once along the rows of the grid and
//! once over the sums of the rows. Its error along a line is at most half a step times the
//! variation of the summand (Koksma's inequality), and at most the sixteenth part of a squared step times
//! the variation of its slope (Peano's kernel): the first is small where walls stand along the columns,
//! the second where surfaces are smooth. Both variations are taken from the samples, the
//! second as half a step times the second differences, which is eight times what it need be. The
//! smaller one counts for each line.

use super::real;

/// Width of the outermost cells, as a share of the others.
const RIM: f64 = 1.0 / 64.0;

/// The midpoint rule along each line and over the sums of lines, with the bound of its error.
pub(super) fn two_rules(
    along: &Places,
    over: &Places,
    sample: impl Fn(usize, usize) -> f32,
) -> (f64, f64) {
    let mut error = 0.0;
    let sums: Vec<f64> = (0..over.side)
        .map(|line| {
            let of_line = |place| f64::from(sample(line, place));
            error += along.error(of_line) * over.width(line);
            (0..along.side).map(|place| of_line(place) * along.width(place)).sum()
        })
        .collect();
    let sum = sums.iter().enumerate().map(|(line, sum)| sum * over.width(line)).sum();
    (sum, error + over.error(|line| sums[line]))
}

/// Where columns stand in one direction: in the middles of even cells, and of a thin one at either
/// end.
pub(super) struct Places {
    low: f64,
    rim: f64,
    pub(super) step: f64,
    side: usize,
}

impl Places {
    pub(super) fn over(low: f64, extent: f64, side: usize) -> Self {
        let step = extent / (real(side - 2) + 2.0 * RIM);
        Self { low, rim: RIM * step, step, side }
    }

    pub(super) fn at(&self, place: usize) -> f64 {
        let last = self.side - 1;
        match place {
            0 => self.low + self.rim / 2.0,
            _ if place == last => self.low + 1.5 * self.rim + real(last - 1) * self.step,
            _ => self.low + self.rim + (real(place) - 0.5) * self.step,
        }
    }

    pub(super) fn width(&self, place: usize) -> f64 {
        if place == 0 || place == self.side - 1 { self.rim } else { self.step }
    }

    /// The first place that does not lie before `x`. Never decreases with `x`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to side")]
    pub(super) fn first_from(&self, x: f64) -> usize {
        let last = self.side - 1;
        if x <= self.at(0) {
            0
        } else if x > self.at(last) {
            self.side
        } else {
            let number = ((x - self.low - self.rim) / self.step + 0.5).ceil();
            number.clamp(1.0, real(last)) as usize
        }
    }

    /// By how much the sum of samples times widths may differ from the integral. What lies beyond
    /// the ends counts as nothing, so that a wall may stand in the outermost half of a thin cell.
    fn error(&self, sample: impl Fn(usize) -> f64) -> f64 {
        let last = self.side - 1;
        let (mut differences, mut bends) = (0.0_f64, 0.0_f64);
        let (mut before, mut rise) = (sample(1), None);
        for place in 2..last {
            let here = sample(place);
            let rises = here - before;
            differences += rises.abs();
            bends += rise.map_or(0.0, |rise: f64| (rises - rise).abs());
            (before, rise) = (here, Some(rises));
        }
        let (first, end) = (sample(0), sample(last));
        let ends = (sample(1) - first).abs() + (end - before).abs();
        (differences.min(bends) + ends) * self.step / 2.0
            + (first.abs() + end.abs()) * self.rim / 2.0
    }
}
