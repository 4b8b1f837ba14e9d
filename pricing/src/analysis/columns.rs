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
//! The sum over columns times the cell is the midpoint rule, once along the rows of the grid and
//! once over the sums of the rows. Its error along a line is at most half a step times the
//! variation of the summand (Koksma's inequality), and at most the sixteenth part of a squared step times
//! the variation of its slope (Peano's kernel): the first is small where walls stand along the columns,
//! the second where surfaces are smooth. Both variations are taken from the samples, the
//! second as half a step times the second differences, which is eight times what it need be. The
//! smaller one counts for each line. The three axes give three such intervals, each of which holds
//! the value; what they share is the answer. Most of the volume never enters: only what is counted
//! twice is estimated, so its error, not that of the whole, is what remains.
//!
//! Walls that stand along the columns are where samples say least: what lies between two of them and is thinner
//! than a cell is seen in every row or in none. Models are full of walls along their axes, so
//! the three axes of the columns are not those of the file, but askew to them.
//!
//! The grid is as fine as the model deserves: twice as fine as at first when that left too much
//! open, and the finest one grows with the number of facets, so that looking costs no
//! more than a few times what counting edges did, and about 30 ms for a small model.

use super::bvh::Box3;
use super::edges::{NO_SHELL, takes_part};
use crate::mesh::Mesh;

/// Columns along one side of the finest grid for a small model, and for any.
const SIDES: (usize, usize) = (256, 1024);
/// So many facets deserve as many columns again as a small model has.
const FACETS: f64 = 20_000.0;
/// An interval no wider than this share of the whole volume is not worth a second look.
const NARROW: f64 = 1e-3;
/// Columns along one side for the survey that each sound model gets: a shadow to a few thousandths.
const SURVEY_SIDE: usize = 320;
/// Width of the outermost cells, as a share of the others.
const RIM: f64 = 1.0 / 64.0;
/// Columns along one side of the coarsest grid.
const COARSEST: usize = 64;
/// Most crossings of columns and facets kept at once, 8 bytes each: for the coarsest grid, and for
/// one of so many columns.
const CROSSINGS: f64 = 4e6;
const CROSSINGS_OF_A_COLUMN: f64 = 6.0;

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

/// What one grid saw.
struct Seen {
    excess: Interval,
    shadow: f64,
}

/// A mesh as the columns see it.
struct Points<'mesh> {
    vertices: Vec<[f64; 3]>,
    facets: &'mesh [[u32; 3]],
}

impl<'mesh> Points<'mesh> {
    fn as_they_are(mesh: &'mesh Mesh) -> Self {
        let vertices = mesh.vertices().iter().map(|vertex| vertex.map(f64::from)).collect();
        Self { vertices, facets: mesh.facets() }
    }

    /// Turned about the middle of the region by a matrix that no modeller uses, and what of the
    /// turned mesh the turned region can reach.
    fn askew(mesh: &'mesh Mesh, region: &Box3) -> (Self, Span) {
        let [low, high] = [region.low, region.high].map(|corner| corner.map(f64::from));
        let middle = [0, 1, 2].map(|axis| f64::midpoint(low[axis], high[axis]));
        let turned = |point: [f64; 3]| {
            let [x, y, z] = [0, 1, 2].map(|axis| point[axis] - middle[axis]);
            ASKEW.map(|[a, b, c]| a * x + b * y + c * z)
        };
        let mut points = Self::as_they_are(mesh);
        for vertex in &mut points.vertices {
            *vertex = turned(*vertex);
        }
        let corners: Vec<[f64; 3]> = (0..8_u8)
            .map(|corner| {
                let end = |axis: usize| if corner >> axis & 1 == 1 { high } else { low };
                turned([0, 1, 2].map(|axis| end(axis)[axis]))
            })
            .collect();
        let span = Span::of(&corners).shared(&Span::of(&points.vertices));
        (points, span)
    }

    fn corners(&self, facet: u32) -> [[f64; 3]; 3] {
        self.facets[facet as usize].map(|corner| self.vertices[corner as usize])
    }
}

/// A turn by the quaternion (9, 3, -4, 2) / √110: a rotation, of whole numbers over 110.
const ASKEW: [[f64; 3]; 3] = {
    let [w, x, y, z] = [9.0_f64, 3.0, -4.0, 2.0];
    let whole = w * w + x * x + y * y + z * z;
    let (xx, yy, zz) = (x * x, y * y, z * z);
    [
        [
            1.0 - 2.0 * (yy + zz) / whole,
            2.0 * (x * y - w * z) / whole,
            2.0 * (x * z + w * y) / whole,
        ],
        [
            2.0 * (x * y + w * z) / whole,
            1.0 - 2.0 * (xx + zz) / whole,
            2.0 * (y * z - w * x) / whole,
        ],
        [
            2.0 * (x * z - w * y) / whole,
            2.0 * (y * z + w * x) / whole,
            1.0 - 2.0 * (xx + yy) / whole,
        ],
    ]
};

/// A box along the axes of the columns.
#[derive(Clone, Copy)]
struct Span {
    low: [f64; 3],
    high: [f64; 3],
}

impl Span {
    fn of(points: &[[f64; 3]]) -> Self {
        let nothing = Self { low: [f64::INFINITY; 3], high: [f64::NEG_INFINITY; 3] };
        points.iter().fold(nothing, |span, point| Self {
            low: [0, 1, 2].map(|axis| span.low[axis].min(point[axis])),
            high: [0, 1, 2].map(|axis| span.high[axis].max(point[axis])),
        })
    }

    fn shared(&self, other: &Self) -> Self {
        Self {
            low: [0, 1, 2].map(|axis| self.low[axis].max(other.low[axis])),
            high: [0, 1, 2].map(|axis| self.high[axis].min(other.high[axis])),
        }
    }

    fn meets(&self, other: &Self) -> bool {
        (0..3).all(|axis| self.low[axis] <= other.high[axis] && other.low[axis] <= self.high[axis])
    }

    fn extents(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| self.high[axis] - self.low[axis])
    }
}

/// Columns parallel to `axis`.
struct Grid {
    axis: usize,
    side: usize,
    /// Where columns stand in the two other axes: columns of a row, and rows.
    places: [Places; 2],
    /// Where columns begin, and how long one can be.
    base: f64,
    length: f64,
}

impl Grid {
    fn new(
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

    fn look(
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

    /// Notes where columns pass through the facet: row by row between the two edges that the row
    /// crosses. Where an edge crosses a row is always computed from its lower to its higher
    /// vertex, so that the two facets at it agree on the columns to either side: none passes
    /// between them or through both, and on a closed surface no column is torn.
    fn cross(&self, points: &Points<'_>, facet: u32, turned: bool, crossings: &mut Vec<u64>) {
        let numbers = points.facets[facet as usize];
        let (flat, heights) = Flat::of(points.corners(facet), self.axis);
        let [a, b, c] = flat.0;
        let (left, right) = (a[0].min(b[0]).min(c[0]), a[0].max(b[0]).max(c[0]));
        let [columns, rows] = &self.places;
        let (bottom, top) = (a[1].min(b[1]).min(c[1]), a[1].max(b[1]).max(c[1]));
        let spanned = rows.first_from(bottom)..rows.first_from(top);
        if spanned.is_empty() || columns.first_from(left) == columns.first_from(right) {
            return;
        }
        let slope = Slope::of(&flat, heights);
        let edges = [(0, 1), (1, 2), (2, 0)]
            .map(|(from, to)| Edge::of(flat.0[from], flat.0[to], numbers[from] < numbers[to]));
        for row in spanned {
            let y = rows.at(row);
            let (mut upward, mut downward) = (None, None);
            for edge in &edges {
                match edge.direction(y) {
                    Some(true) => upward = Some(columns.first_from(edge.at(y))),
                    Some(false) => downward = Some(columns.first_from(edge.at(y))),
                    None => {}
                }
            }
            // The inside of a facet that faces up lies to the left of each of its edges.
            let Some((up, down)) = upward.zip(downward) else { continue };
            let faces_down = (up < down) != turned;
            let of_row = row * self.side;
            for column in up.min(down)..up.max(down) {
                let height = slope.height([columns.at(column), y]) - self.base;
                crossings.push(packed(of_row + column, height, faces_down));
            }
        }
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

/// The midpoint rule along each line and over the sums of lines, with the bound of its error.
fn two_rules(along: &Places, over: &Places, sample: impl Fn(usize, usize) -> f32) -> (f64, f64) {
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
struct Places {
    low: f64,
    rim: f64,
    step: f64,
    side: usize,
}

impl Places {
    fn over(low: f64, extent: f64, side: usize) -> Self {
        let step = extent / (real(side - 2) + 2.0 * RIM);
        Self { low, rim: RIM * step, step, side }
    }

    fn at(&self, place: usize) -> f64 {
        let last = self.side - 1;
        match place {
            0 => self.low + self.rim / 2.0,
            _ if place == last => self.low + 1.5 * self.rim + real(last - 1) * self.step,
            _ => self.low + self.rim + (real(place) - 0.5) * self.step,
        }
    }

    fn width(&self, place: usize) -> f64 {
        if place == 0 || place == self.side - 1 { self.rim } else { self.step }
    }

    /// The first place that does not lie before `x`. Never decreases with `x`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to side")]
    fn first_from(&self, x: f64) -> usize {
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

/// An edge of a facet seen along the axis.
struct Edge {
    /// Its ends in the direction in which the facet has it.
    from: f64,
    to: f64,
    /// The end of the lower number, and from there on.
    start: [f64; 2],
    slope: f64,
    between: [f64; 2],
}

impl Edge {
    fn of(from: [f64; 2], to: [f64; 2], forward: bool) -> Self {
        let (low, high) = if forward { (from, to) } else { (to, from) };
        Self {
            from: from[1],
            to: to[1],
            start: low,
            slope: (high[0] - low[0]) / (high[1] - low[1]),
            between: [low[0].min(high[0]), low[0].max(high[0])],
        }
    }

    /// Whether the edge crosses a row upward or downward, if it does.
    fn direction(&self, y: f64) -> Option<bool> {
        let (starts_below, ends_below) = (self.from <= y, self.to <= y);
        (starts_below != ends_below).then_some(starts_below)
    }

    /// Where it crosses the row; never beside its ends.
    fn at(&self, y: f64) -> f64 {
        let [low, high] = self.between;
        (self.start[0] + (y - self.start[1]) * self.slope).clamp(low, high)
    }
}

/// The plane of a facet.
struct Slope {
    start: [f64; 2],
    height: f64,
    rise: [f64; 2],
    between: [f64; 2],
}

impl Slope {
    fn of(Flat([start, second, third]): &Flat, heights: [f64; 3]) -> Self {
        let [height, to_second, to_third] =
            [heights[0], heights[1] - heights[0], heights[2] - heights[0]];
        let (u, v) = (
            [second[0] - start[0], second[1] - start[1]],
            [third[0] - start[0], third[1] - start[1]],
        );
        let area = across(*start, *second, *third);
        let rise = [
            (to_second * v[1] - to_third * u[1]) / area,
            (to_third * u[0] - to_second * v[0]) / area,
        ];
        let steep = rise.iter().all(|rise| rise.is_finite());
        Self {
            start: *start,
            height,
            rise: if steep { rise } else { [0.0; 2] },
            between: heights.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], at| {
                [low.min(*at), high.max(*at)]
            }),
        }
    }

    /// Never above or below the facet, however thin it is.
    fn height(&self, [x, y]: [f64; 2]) -> f64 {
        let [low, high] = self.between;
        let rise = self.rise[0] * (x - self.start[0]) + self.rise[1] * (y - self.start[1]);
        (self.height + rise).clamp(low, high)
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
    pub(super) fn of(triangle: [[f64; 3]; 3], axis: usize) -> (Self, [f64; 3]) {
        let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
        (Self(triangle.map(|corner| [corner[u], corner[v]])), triangle.map(|corner| corner[axis]))
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

/// Crossings ordered by column, and within a column in no order.
fn by_column(crossings: &[u64], columns: usize) -> Vec<u64> {
    let mut next = vec![0_u32; columns + 1];
    for crossing in crossings {
        next[column_of(*crossing) + 1] += 1;
    }
    let mut before = 0;
    for place in &mut next {
        before += *place;
        *place = before;
    }
    let mut ordered = vec![0; crossings.len()];
    for crossing in crossings {
        let place = &mut next[column_of(*crossing)];
        ordered[*place as usize] = *crossing;
        *place += 1;
    }
    ordered
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
