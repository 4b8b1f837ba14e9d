//! A grid of columns and what it sees of a mesh.

use super::packing::{by_column, column_of, follow};
use super::places::{Places, two_rules};
use super::points::{Points, Span};
use super::{Filled, Interval, real};
use crate::analysis::edges::NO_SHELL;
use crate::analysis::flat::Flat;

/// Columns along one side of the coarsest grid.
pub(super) const COARSEST: usize = 64;
/// Most crossings of columns and facets kept at once, 8 bytes each: for the coarsest grid, and for
/// one of so many columns.
const CROSSINGS: f64 = 4e6;
const CROSSINGS_OF_A_COLUMN: f64 = 6.0;

/// What one grid saw.
pub(super) struct Seen {
    pub(super) excess: Interval,
    pub(super) shadow: f64,
}

/// Columns parallel to `axis`.
pub(super) struct Grid {
    pub(super) axis: usize,
    pub(super) side: usize,
    /// Where columns stand in the two other axes: columns of a row, and rows.
    pub(super) places: [Places; 2],
    /// Where columns begin, and how long one can be.
    pub(super) base: f64,
    length: f64,
}

impl Grid {
    pub(super) fn new(
        points: &Points<'_>,
        shell_of: &[u32],
        region: &Span,
        axis: usize,
        most: usize,
    ) -> Option<Self> {
        let others = [(axis + 1) % 3, (axis + 2) % 3];
        let extents = region.extents();
        let flat = others.map(|other| extents[other]);
        if flat.iter().any(|extent| *extent <= 0.0) {
            return None;
        }
        let covered = covered(points, shell_of, region, axis) / (flat[0] * flat[1]);
        if covered * real(COARSEST * COARSEST) > CROSSINGS {
            return None;
        }
        let budget = (CROSSINGS_OF_A_COLUMN * real(most * most)).min(CROSSINGS);
        let affordable = (budget / covered.max(1.0)).sqrt();
        let mut sides = (COARSEST..=most).rev().step_by(COARSEST);
        let side = sides.find(|side| real(*side) <= affordable).unwrap_or(COARSEST);
        let everything = Span::of(&points.vertices);
        Some(Self {
            axis,
            side,
            places: others.map(|other| Places::over(region.low[other], extents[other], side)),
            base: everything.low[axis],
            length: everything.extents()[axis],
        })
    }

    pub(super) fn look(
        &self,
        points: &Points<'_>,
        shell_of: &[u32],
        outward: &[i8],
        filled: Filled,
    ) -> Option<Seen> {
        let mut crossings: Vec<u64> = Vec::new();
        for (facet, shell) in taking_part(shell_of) {
            let turn = outward[shell as usize];
            if turn != 0 {
                self.cross(points, facet, turn < 0, &mut crossings);
                if real(crossings.len()) > 2.0 * CROSSINGS {
                    return None;
                }
            }
        }
        let mut crossings = by_column(&crossings, self.side * self.side);
        let mut excess = vec![0.0_f32; self.side * self.side];
        let (mut torn, mut shadow) = (0_u32, 0.0);
        for column in crossings.chunk_by_mut(|a, b| column_of(*a) == column_of(*b)) {
            column.sort_unstable();
            let place = column_of(column[0]);
            let [across, along] = &self.places;
            shadow += across.width(place % self.side) * along.width(place / self.side);
            match follow(column, filled) {
                Some(length) => excess[place] = length,
                None => torn += 1,
            }
        }
        let (sum, error) = self.sum(&excess);
        let largest = self.places[0].step * self.places[1].step;
        let error = error + f64::from(torn) * self.length * largest;
        Some(Seen { excess: Interval::point(sum).wider(error), shadow })
    }

    /// The integral of the samples, and by how much it may be wrong: along rows and then over the
    /// sums of rows, or along columns and then over the sums of columns, whichever says less.
    fn sum(&self, excess: &[f32]) -> (f64, f64) {
        let side = self.side;
        let [columns, rows] = &self.places;
        let by_rows = two_rules(columns, rows, |line, place| excess[line * side + place]);
        let by_columns = two_rules(rows, columns, |line, place| excess[place * side + line]);
        (by_rows.0, by_rows.1.min(by_columns.1))
    }
}

/// The area of the facets seen along the axis, at most: all of each that reaches over the region.
fn covered(points: &Points<'_>, shell_of: &[u32], region: &Span, axis: usize) -> f64 {
    let mut area = 0.0;
    for (facet, _) in taking_part(shell_of) {
        let triangle = points.corners(facet);
        if Span::of(&triangle).meets(region) {
            area += Flat::of(triangle, axis).0.area().abs();
        }
    }
    area
}

fn taking_part(shell_of: &[u32]) -> impl Iterator<Item = (u32, u32)> {
    (0_u32..).zip(shell_of.iter().copied()).filter(|(_, shell)| *shell != NO_SHELL)
}
