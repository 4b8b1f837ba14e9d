//! Volume, area and box, of the whole and of each shell.

use super::sum::Sum;
use super::vector::{cross, dot, length, sub};
use crate::mesh::Mesh;

/// What was measured, in file units.
pub(super) struct Measured {
    pub(super) volume: f64,
    pub(super) area: f64,
    pub(super) extents: [f64; 3],
    pub(super) zero_area: u64,
    pub(super) shells: Vec<Shell>,
}

/// One shell, in file units.
#[derive(Clone)]
pub(super) struct Shell {
    pub(super) facets: usize,
    /// Negative when it faces inward.
    pub(super) volume: f64,
    pub(super) bounds: Bounds,
}

/// An axis-parallel box.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    low: [f32; 3],
    high: [f32; 3],
}

impl Bounds {
    const NOTHING: Self = Self { low: [f32::INFINITY; 3], high: [f32::NEG_INFINITY; 3] };

    fn add(&mut self, position: [f32; 3]) {
        for (axis, coordinate) in position.into_iter().enumerate() {
            self.low[axis] = self.low[axis].min(coordinate);
            self.high[axis] = self.high[axis].max(coordinate);
        }
    }

    fn centre(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| f64::midpoint(self.low[axis].into(), self.high[axis].into()))
    }

    fn extents(&self) -> [f64; 3] {
        sub(self.high.map(f64::from), self.low.map(f64::from))
    }

    /// Whether the other lies inside this one or fills it.
    pub(super) fn contain(&self, other: &Self) -> bool {
        (0..3).all(|axis| self.low[axis] <= other.low[axis] && other.high[axis] <= self.high[axis])
    }
}

/// What is gathered of a shell while the facets go by.
#[derive(Clone, Copy)]
struct Gathered {
    facets: usize,
    volume: Sum,
    bounds: Bounds,
}

pub(super) fn measure(mesh: &Mesh, shell_of: &[u32], shells: u32) -> Measured {
    let mut bounds = Bounds::NOTHING;
    for vertex in mesh.vertices() {
        bounds.add(*vertex);
    }
    let centre = bounds.centre();
    let nothing = Gathered { facets: 0, volume: Sum::default(), bounds: Bounds::NOTHING };
    let mut gathered = vec![nothing; shells as usize];
    let mut area = Sum::default();
    let mut zero_area = 0;

    for (facet, shell) in mesh.facets().iter().zip(shell_of) {
        let corners = facet.map(|vertex| mesh.vertices()[vertex as usize]);
        let [a, b, c] = corners.map(|corner| sub(corner.map(f64::from), centre));
        let normal = cross(sub(b, a), sub(c, a));
        area.add(length(normal) / 2.0);
        zero_area += u64::from(normal.iter().all(|component| *component == 0.0));
        // A dropped facet has no shell.
        if let Some(shell) = gathered.get_mut(*shell as usize) {
            shell.facets += 1;
            shell.volume.add(dot(a, normal) / 6.0);
            for corner in corners {
                shell.bounds.add(corner);
            }
        }
    }

    let mut volume = Sum::default();
    for shell in &gathered {
        volume.add(shell.volume.value());
    }
    Measured {
        volume: volume.value(),
        area: area.value(),
        extents: bounds.extents(),
        zero_area,
        shells: gathered
            .into_iter()
            .map(|Gathered { facets, volume, bounds }| Shell {
                facets,
                volume: volume.value(),
                bounds,
            })
            .collect(),
    }
}
