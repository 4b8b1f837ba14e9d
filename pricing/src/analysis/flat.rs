//! Triangles seen along an axis.

/// A triangle without its third dimension.
pub(super) struct Flat(pub(super) [[f64; 2]; 3]);

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

pub(super) fn across(a: [f64; 2], b: [f64; 2], p: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
}
