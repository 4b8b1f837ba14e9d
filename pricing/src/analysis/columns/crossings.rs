//! Where columns pass through a facet.

use super::grid::Grid;
use super::packing::packed;
use super::points::Points;
use crate::analysis::flat::{Flat, across};

impl Grid {
    /// Notes where columns pass through the facet: row by row between the two edges that the row
    /// crosses. Where an edge crosses a row is always computed from its lower to its higher
    /// vertex, so that the two facets at it agree on the columns to either side: none passes
    /// between them or through both, and on a closed surface no column is torn.
    pub(super) fn cross(
        &self,
        points: &Points<'_>,
        facet: u32,
        turned: bool,
        crossings: &mut Vec<u64>,
    ) {
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
