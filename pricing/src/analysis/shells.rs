//! Volume, area and box.

use super::edges::NO_SHELL;
use super::sum::Sum;
use crate::mesh::Mesh;

/// What was measured, in file units.
pub(super) struct Measured {
    pub(super) volume: f64,
    pub(super) area: f64,
    pub(super) extents: [f64; 3],
    pub(super) zero_area: u64,
    /// Shells with a negative volume of their own.
    pub(super) negative: u32,
}

pub(super) fn measure(mesh: &Mesh, shell_of: &[u32]) -> Measured {
    let (low, high) = bounds(mesh.vertices());
    let centre = [0, 1, 2].map(|axis| f64::midpoint(low[axis], high[axis]));
    let shells = shell_of.iter().filter(|shell| **shell != NO_SHELL).max();
    let mut volumes = vec![Sum::default(); shells.map_or(0, |last| *last as usize + 1)];
    let mut area = Sum::default();
    let mut zero_area = 0;

    for (facet, shell) in mesh.facets().iter().zip(shell_of) {
        let [a, b, c] = facet.map(|vertex| {
            let position = mesh.vertices()[vertex as usize].map(f64::from);
            sub(position, centre)
        });
        let normal = cross(sub(b, a), sub(c, a));
        let doubled = dot(normal, normal).sqrt();
        area.add(doubled / 2.0);
        if normal == [0.0; 3] {
            zero_area += 1;
        }
        if let Some(volume) = volumes.get_mut(*shell as usize) {
            volume.add(dot(a, normal) / 6.0);
        }
    }

    let mut volume = Sum::default();
    for shell in &volumes {
        volume.add(shell.value());
    }
    Measured {
        volume: volume.value(),
        area: area.value(),
        extents: sub(high, low),
        zero_area,
        negative: volumes.iter().map(|shell| u32::from(shell.value() < 0.0)).sum(),
    }
}

fn bounds(vertices: &[[f32; 3]]) -> ([f64; 3], [f64; 3]) {
    let mut low = [f32::INFINITY; 3];
    let mut high = [f32::NEG_INFINITY; 3];
    for vertex in vertices {
        for axis in 0..3 {
            low[axis] = low[axis].min(vertex[axis]);
            high[axis] = high[axis].max(vertex[axis]);
        }
    }
    (low.map(f64::from), high.map(f64::from))
}

fn sub(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
