//! A mesh turned to the axes of the columns.

use super::Box3;
use crate::mesh::Mesh;

/// A mesh as the columns see it.
pub(super) struct Points<'mesh> {
    pub(super) vertices: Vec<[f64; 3]>,
    pub(super) facets: &'mesh [[u32; 3]],
}

impl<'mesh> Points<'mesh> {
    pub(super) fn as_they_are(mesh: &'mesh Mesh) -> Self {
        let vertices = mesh.vertices().iter().map(|vertex| vertex.map(f64::from)).collect();
        Self { vertices, facets: mesh.facets() }
    }

    /// Turned about the middle of the region by a matrix that no modeller uses, and what of the
    /// turned mesh the turned region can reach.
    pub(super) fn askew(mesh: &'mesh Mesh, region: &Box3) -> (Self, Span) {
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

    pub(super) fn corners(&self, facet: u32) -> [[f64; 3]; 3] {
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
pub(super) struct Span {
    pub(super) low: [f64; 3],
    high: [f64; 3],
}

impl Span {
    pub(super) fn of(points: &[[f64; 3]]) -> Self {
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

    pub(super) fn meets(&self, other: &Self) -> bool {
        (0..3).all(|axis| self.low[axis] <= other.high[axis] && other.low[axis] <= self.high[axis])
    }

    pub(super) fn extents(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| self.high[axis] - self.low[axis])
    }
}
