//! What several shells fill together, by columns.
//!
//! The surface integral counts a place as often as the surface goes around it. Where shells cut
//! through each other that is more often than once, and the volume that is there is
//! `∫ [w > 0]`, not `∫ w`, with `w` the winding number. What was counted too much, `∫ (w − [w > 0])`,
//! is measured along columns parallel to an axis: all places where the surface crosses a column
//! are found exactly, sorted, and `w` followed from one end to the other. The columns stand in the
//! middles of the cells of a square grid over the region where counting twice is possible.
//!
//! The sum over columns times the cell is the midpoint rule in two dimensions. Its error is at
//! most half a cell times the variation of the summand along the rows and along the columns of
//! the grid (Koksma's inequality), and the variation is taken from the samples. The three axes
//! give three such intervals, each of which holds the value; what they share is the answer. Most
//! of the volume never enters: only what is counted twice is estimated, so its error, not that
//! of the whole, is what remains.

use super::bvh::{Box3, corners};
use super::edges::{NO_SHELL, takes_part};
use crate::mesh::Mesh;

/// Most columns along one side of the grid where a volume depends on it.
const SIDE: usize = 1024;
/// The same for the survey that each sound model gets: a tenth of the time, and a shadow to a few thousandths.
const SURVEY_SIDE: usize = 320;
/// Most crossings of columns and facets kept at once, 8 bytes each.
const CROSSINGS: f64 = 4e6;

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

/// By how much `∫ w` exceeds what is filled, over `region`. `outward[shell]` is -1 for a shell
/// that is to be turned over, 0 for one to be left out.
pub(super) fn excess(
    mesh: &Mesh,
    shell_of: &[u32],
    outward: &[i8],
    region: &Box3,
    filled: Filled,
) -> Option<Interval> {
    let mut found: Option<Interval> = None;
    for axis in 0..3 {
        let grid = Grid::new(mesh, shell_of, region, axis, SIDE)?;
        let estimate = grid.look(mesh, shell_of, outward, filled)?.excess;
        found = Some(found.map_or(estimate, |known| known.both(estimate)));
    }
    found
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
    let region = Box3::of(mesh.vertices());
    let outward = [if inside_out { -1 } else { 1 }];
    let mut survey = Survey { shadow: [0.0; 3], least_excess: 0.0 };
    for axis in 0..3 {
        let grid = Grid::new(mesh, &shell_of, &region, axis, SURVEY_SIDE)?;
        let seen = grid.look(mesh, &shell_of, &outward, Filled::Positive)?;
        survey.shadow[axis] = seen.shadow;
        survey.least_excess = survey.least_excess.max(seen.excess.low);
    }
    Some(survey)
}

/// What one grid saw.
struct Seen {
    excess: Interval,
    shadow: f64,
}

/// Columns parallel to `axis`.
struct Grid {
    axis: usize,
    side: usize,
    /// Where the first column stands, in the two other axes.
    first: [f64; 2],
    /// From one column to the next.
    step: [f64; 2],
    /// How long a column can be.
    length: f64,
}

impl Grid {
    fn new(mesh: &Mesh, shell_of: &[u32], region: &Box3, axis: usize, most: usize) -> Option<Self> {
        let others = [(axis + 1) % 3, (axis + 2) % 3];
        let extents = region.extents();
        let flat = others.map(|other| extents[other]);
        if flat.iter().any(|extent| *extent <= 0.0) {
            return None;
        }
        // The grid is a little larger than the region, so that no column stands on the lattice
        // that modellers like to put their corners on.
        let padded = [flat[0] * 1.003_141, flat[1] * 1.002_718];
        let mut grid = Self {
            axis,
            side: most,
            first: [0.0; 2],
            step: [0.0; 2],
            length: Box3::of(mesh.vertices()).extents()[axis],
        };
        let covered = grid.covered(mesh, shell_of, region) / (padded[0] * padded[1]);
        let affordable = (CROSSINGS / covered.max(1.0)).sqrt();
        grid.side = (64..most).rev().step_by(64).find(|side| real(*side) <= affordable)?;
        let cells = real(grid.side);
        for (place, other) in others.into_iter().enumerate() {
            grid.step[place] = padded[place] / cells;
            let margin = (padded[place] - flat[place]) * 0.618;
            grid.first[place] = f64::from(region.low[other]) - margin + grid.step[place] / 2.0;
        }
        Some(grid)
    }

    /// The area of the facets seen along the axis, at most: each counts with what of its box lies
    /// over the region.
    fn covered(&self, mesh: &Mesh, shell_of: &[u32], region: &Box3) -> f64 {
        let mut area = 0.0;
        for (facet, _) in taking_part(shell_of) {
            let triangle = corners(mesh, facet);
            if Box3::of(&triangle).meets(region) {
                area += Flat::of(triangle, self.axis).0.area().abs();
            }
        }
        area
    }

    fn look(&self, mesh: &Mesh, shell_of: &[u32], outward: &[i8], filled: Filled) -> Option<Seen> {
        let mut crossings: Vec<u64> = Vec::new();
        for (facet, shell) in taking_part(shell_of) {
            let turn = outward[shell as usize];
            if turn != 0 {
                self.cross(mesh, facet, turn < 0, &mut crossings);
                if real(crossings.len()) > 2.0 * CROSSINGS {
                    return None;
                }
            }
        }
        crossings.sort_unstable();
        let mut excess = vec![0.0_f32; self.side * self.side];
        let (mut torn, mut covered) = (0_u32, 0_u32);
        for column in crossings.chunk_by(|a, b| column_of(*a) == column_of(*b)) {
            covered += 1;
            match follow(column, filled) {
                Some(length) => excess[column_of(column[0])] = length,
                None => torn += 1,
            }
        }
        let cell = self.step[0] * self.step[1];
        let sum: f64 = excess.iter().map(|length| f64::from(*length)).sum();
        let error = (self.variation(&excess) / 2.0 + f64::from(torn) * self.length) * cell;
        Some(Seen {
            excess: Interval::point(sum * cell).wider(error),
            shadow: f64::from(covered) * cell,
        })
    }

    /// Notes where columns pass through the facet.
    fn cross(&self, mesh: &Mesh, facet: u32, turned: bool, crossings: &mut Vec<u64>) {
        let numbers = mesh.facets()[facet as usize];
        let (flat, heights) = Flat::of(corners(mesh, facet), self.axis);
        let area = flat.area();
        let downward = (area < 0.0) != turned;
        let [columns, rows] = [0, 1].map(|place| self.within(&flat, place));
        for row in rows.clone() {
            for column in columns.clone() {
                let point = [
                    self.first[0] + real(column) * self.step[0],
                    self.first[1] + real(row) * self.step[1],
                ];
                if let Some(height) = flat.height(numbers, point, heights, area) {
                    crossings.push(packed(row * self.side + column, height, downward));
                }
            }
        }
    }

    /// The columns that stand over the triangle's extent in one direction.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to side")]
    fn within(&self, flat: &Flat, place: usize) -> std::ops::Range<usize> {
        let [a, b, c] = flat.0.map(|corner| corner[place]);
        let number = |at: f64| (at - self.first[place]) / self.step[place];
        let last = real(self.side);
        let from = number(a.min(b).min(c)).ceil().clamp(0.0, last) as usize;
        let to = (number(a.max(b).max(c)).floor() + 1.0).clamp(0.0, last) as usize;
        from..to.max(from)
    }

    /// The variation of the samples along rows and along columns.
    fn variation(&self, excess: &[f32]) -> f64 {
        let side = self.side;
        let at = |row: usize, column: usize| f64::from(excess[row * side + column]);
        let mut variation = 0.0;
        for line in 0..side {
            variation += at(line, 0).abs() + at(line, side - 1).abs();
            variation += at(0, line).abs() + at(side - 1, line).abs();
            for place in 1..side {
                variation += (at(line, place) - at(line, place - 1)).abs();
                variation += (at(place, line) - at(place - 1, line)).abs();
            }
        }
        variation
    }
}

#[expect(clippy::cast_precision_loss, reason = "columns and crossings are counted far below 2^53")]
fn real(number: usize) -> f64 {
    number as f64
}

fn taking_part(shell_of: &[u32]) -> impl Iterator<Item = (u32, u32)> {
    (0_u32..).zip(shell_of.iter().copied()).filter(|(_, shell)| *shell != NO_SHELL)
}

/// A triangle without its third dimension.
pub(super) struct Flat([[f64; 2]; 3]);

impl Flat {
    /// A triangle seen along an axis, and its three heights.
    pub(super) fn of(triangle: [[f32; 3]; 3], axis: usize) -> (Self, [f64; 3]) {
        let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
        let flat = triangle.map(|corner| [f64::from(corner[u]), f64::from(corner[v])]);
        (Self(flat), triangle.map(|corner| f64::from(corner[axis])))
    }

    /// Positive when the facet faces up.
    pub(super) fn area(&self) -> f64 {
        let [a, b, c] = self.0;
        across(a, b, c) / 2.0
    }

    /// The height of the facet over a point; `None` beside it. An edge is always computed from
    /// its lower to its higher vertex, so that the two facets at it agree on which side a point
    /// lies: none is in both of them or in neither.
    pub(super) fn height(
        &self,
        numbers: [u32; 3],
        point: [f64; 2],
        heights: [f64; 3],
        area: f64,
    ) -> Option<f64> {
        if area == 0.0 {
            return None;
        }
        let mut weights = [0.0; 3];
        for (opposite, from, to) in [(2, 0, 1), (0, 1, 2), (1, 2, 0)] {
            let (a, b) = (self.0[from], self.0[to]);
            let forward = numbers[from] < numbers[to];
            let side = if forward { across(a, b, point) } else { across(b, a, point) };
            let left = (side >= 0.0) == forward;
            if left != (area > 0.0) {
                return None;
            }
            weights[opposite] = side.abs();
        }
        let total: f64 = weights.iter().sum();
        if total == 0.0 {
            return Some(heights[0]);
        }
        let height: f64 = (0..3).map(|corner| weights[corner] * heights[corner]).sum();
        Some(height / total)
    }
}

fn across(a: [f64; 2], b: [f64; 2], p: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
}

// A crossing in 64 bits: column, height as an ordered number, direction.

#[expect(clippy::cast_possible_truncation, reason = "heights came from f32")]
fn packed(column: usize, height: f64, downward: bool) -> u64 {
    let bits = (height as f32 + 0.0).to_bits();
    let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    (column as u64) << 33 | u64::from(ordered) << 1 | u64::from(downward)
}

fn column_of(crossing: u64) -> usize {
    (crossing >> 33) as usize
}

#[expect(clippy::cast_possible_truncation, reason = "the lower 32 of 33 bits")]
fn height_of(crossing: u64) -> f32 {
    let ordered = (crossing >> 1) as u32;
    f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
}

/// The integral of `w − [filled]` along a column; `None` when the surface is torn there.
#[expect(clippy::cast_possible_truncation, reason = "lengths of f32 precision are kept")]
fn follow(column: &[u64], filled: Filled) -> Option<f32> {
    let (mut winding, mut excess, mut below) = (0_i32, 0.0_f64, 0.0_f64);
    for crossing in column {
        let here = f64::from(height_of(*crossing));
        let is_filled = match filled {
            Filled::Positive => winding > 0,
            Filled::NotZero => winding != 0,
        };
        let over = f64::from(winding - i32::from(is_filled));
        if over != 0.0 {
            excess += over * (here - below);
        }
        // Going up, one enters through facets that face down.
        winding += if crossing & 1 == 1 { 1 } else { -1 };
        below = here;
    }
    (winding == 0).then_some(excess as f32)
}
