//! What several shells fill together, by columns.
//!
//! The surface integral counts a place as often as the surface goes around it. Where shells cut
//! through each other that is more often than once, and the volume that is there is
//! `∫ [w > 0]`, not `∫ w`, with `w` the winding number. What was counted too much, `∫ (w − [w > 0])`,
//! is measured along columns parallel to an axis: all places where the surface crosses a column
//! are found exactly, sorted, and `w` followed from one end to the other. The columns stand in the
//! middles of the cells of a square grid over the region where counting twice is possible; the
//! outermost cells are thin, because many a region ends in walls, and what a wall that is not quite
//! straight leaves open between it and the last column must be next to nothing.
//!
//! How wrong the sum over the columns can be says [`places`]. The three axes give three intervals,
//! each of which holds the value; what they share is the answer. Most of the volume never enters: only
//! what is counted twice is estimated, so its error, not that of the whole, is what remains.
//!
//! Walls that stand along the columns are where samples say least: what lies between two of them and is thinner
//! than a cell is seen in every row or in none. Models are full of walls along their axes, so
//! the three axes of the columns are not those of the file, but askew to them.
//!
//! The grid is as fine as the model deserves: twice as fine as at first when that left too much
//! open, and the finest one grows with the number of facets, so that looking costs no
//! more than a few times what counting edges did, and about 30 ms for a small model.

mod crossings;
mod grid;
mod packing;
mod places;
mod points;

use super::bvh::Box3;
use super::edges::{NO_SHELL, takes_part};
use crate::mesh::Mesh;

use grid::{COARSEST, Grid};
use points::{Points, Span};

/// Columns along one side of the finest grid for a small model, and for any.
const SIDES: (usize, usize) = (256, 1024);
/// So many facets deserve as many columns again as a small model has.
const FACETS: f64 = 20_000.0;
/// An interval no wider than this share of the whole volume is not worth a second look.
const NARROW: f64 = 1e-3;
/// Columns along one side for the survey that each sound model gets: a shadow to a few thousandths.
const SURVEY_SIDE: usize = 320;

/// Two values, in file units cubed, between which a third lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Interval {
    pub(super) fn point(value: f64) -> Self {
        Self { low: value, high: value }
    }

    /// The smallest interval around both.
    pub(super) fn hull(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// What both allow, or both where they contradict each other.
    fn both(self, other: Self) -> Self {
        let (low, high) = (self.low.max(other.low), self.high.min(other.high));
        if low <= high { Self { low, high } } else { self.hull(other) }
    }

    /// Wider by so much on either side.
    pub(super) fn wider(self, by: f64) -> Self {
        Self { low: self.low - by, high: self.high + by }
    }
}

/// Which winding numbers count as filled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    /// Positive ones: what a printer fills.
    Positive,
    /// All but zero: as if every shell faced outward.
    NotZero,
}

/// By how much `∫ w` exceeds what is filled, over `region`, outside of which it does not.
/// `outward[shell]` is -1 for a shell that is to be turned over, 0 for one to be left out; `whole`
/// is the volume that the answer is to be taken off.
pub(super) fn excess(
    mesh: &Mesh,
    shell_of: &[u32],
    outward: &[i8],
    region: &Box3,
    filled: Filled,
    whole: f64,
) -> Option<Interval> {
    let finest = finest_side(mesh.facets().len());
    let (points, region) = Points::askew(mesh, region);
    let look = |most| -> Option<Interval> {
        let mut found: Option<Interval> = None;
        for axis in 0..3 {
            let grid = Grid::new(&points, shell_of, &region, axis, most)?;
            let estimate = grid.look(&points, shell_of, outward, filled)?.excess;
            found = Some(found.map_or(estimate, |known| known.both(estimate)));
        }
        found
    };
    let first = look(finest / 2)?;
    if first.high - first.low <= NARROW * whole.abs() {
        return Some(first);
    }
    look(finest).map(|second| first.both(second))
}

/// Columns along one side of the finest grid: in steps, so that a few facets more or less do not
/// move every column.
fn finest_side(facets: usize) -> usize {
    let (small, largest) = SIDES;
    let deserved = real(small) * (1.0 + real(facets) / FACETS).sqrt();
    (small..=largest).rev().step_by(COARSEST).find(|side| real(*side) <= deserved).unwrap_or(small)
}

/// What columns see of a whole mesh.
pub(crate) struct Survey {
    /// Area of the shadow along each axis, in file units squared.
    pub(crate) shadow: [f64; 3],
    /// The least that the surface integral can exceed what is filled by: above 0 the surface goes
    /// through itself.
    pub(crate) least_excess: f64,
}

/// Looks at a mesh as one surface, turned over when `inside_out`. `None` for what is flat, or so
/// folded that the columns would cross it too often.
pub(crate) fn survey(mesh: &Mesh, inside_out: bool) -> Option<Survey> {
    let shell_of: Vec<u32> =
        mesh.facets().iter().map(|facet| if takes_part(facet) { 0 } else { NO_SHELL }).collect();
    let points = Points::as_they_are(mesh);
    let region = Span::of(&points.vertices);
    let outward = [if inside_out { -1 } else { 1 }];
    let mut survey = Survey { shadow: [0.0; 3], least_excess: 0.0 };
    for axis in 0..3 {
        let grid = Grid::new(&points, &shell_of, &region, axis, SURVEY_SIDE)?;
        let seen = grid.look(&points, &shell_of, &outward, Filled::Positive)?;
        survey.shadow[axis] = seen.shadow;
        survey.least_excess = survey.least_excess.max(seen.excess.low);
    }
    Some(survey)
}

#[expect(clippy::cast_precision_loss, reason = "columns and crossings are counted far below 2^53")]
fn real(number: usize) -> f64 {
    number as f64
}
