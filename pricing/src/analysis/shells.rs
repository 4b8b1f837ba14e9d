//! Volume, area and box, of the whole and of each shell.
//!
//! Sums are plain inside a chunk of facets and compensated between chunks, both in file order: the
//! result depends on the file alone, not on how many threads share the chunks.

use super::sum::Sum;
use super::vector::{cross, dot, is_zero, length, sub};
use crate::mesh::Mesh;
use crate::parallel::{self, CHUNK};
use crate::tally::Totals;

/// With more shells than this, each chunk having sums of its own for every shell would take more
/// memory than the mesh; one thread then sums shell by shell.
const FEW: usize = 1_024;

/// Positions are fetched for so many facets before anything is computed from them. With facets in
/// random order nearly each fetch misses the cache, and a processor waits for many at once only
/// while little stands between them: measured, that is a third of the time.
const FETCH: usize = 256;

/// What was measured, in file units.
pub(super) struct Measured {
    pub(super) volume: f64,
    pub(super) area: f64,
    /// Area of the shadow along each axis, as far as no part lies behind another.
    pub(super) projected: [f64; 3],
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    low: [f32; 3],
    high: [f32; 3],
}

impl Bounds {
    pub(crate) const NOTHING: Self = Self { low: [f32::INFINITY; 3], high: [f32::NEG_INFINITY; 3] };

    fn add(&mut self, position: [f32; 3]) {
        for (axis, coordinate) in position.into_iter().enumerate() {
            self.low[axis] = self.low[axis].min(coordinate);
            self.high[axis] = self.high[axis].max(coordinate);
        }
    }

    /// Corner by corner would not do: joining nothing must change nothing.
    pub(crate) fn join(&mut self, other: &Self) {
        for axis in 0..3 {
            self.low[axis] = self.low[axis].min(other.low[axis]);
            self.high[axis] = self.high[axis].max(other.high[axis]);
        }
    }

    pub(crate) fn add_all(&mut self, positions: &[[f32; 3]]) {
        for position in positions {
            self.add(*position);
        }
    }

    pub(crate) fn centre(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| f64::midpoint(self.low[axis].into(), self.high[axis].into()))
    }

    pub(crate) fn extents(&self) -> [f64; 3] {
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

impl Gathered {
    const NOTHING: Self = Self { facets: 0, volume: Sum::NOTHING, bounds: Bounds::NOTHING };

    fn add(&mut self, corners: &[[f32; 3]; 3], volume: f64) {
        self.facets += 1;
        self.volume.add(volume);
        self.bounds.add_all(corners);
    }

    fn join(&mut self, other: &Self) {
        self.facets += other.facets;
        self.volume.add(other.volume.value());
        self.bounds.join(&other.bounds);
    }
}

/// What is gathered of a chunk.
struct Chunk {
    area: f64,
    projected: [f64; 3],
    zero_area: u64,
    shells: Vec<Gathered>,
}

impl Chunk {
    /// Of some facets, with sums for shells below `shells`.
    fn of(
        mesh: &Mesh,
        facets: &[[u32; 3]],
        shell_of: &[u32],
        centre: [f64; 3],
        shells: usize,
    ) -> Self {
        let shells = vec![Gathered::NOTHING; shells];
        let mut sums = Self { area: 0.0, projected: [0.0; 3], zero_area: 0, shells };
        let mut fetched = Vec::with_capacity(FETCH);
        for (facets, shell_of) in facets.chunks(FETCH).zip(shell_of.chunks(FETCH)) {
            fetched.clear();
            fetched.extend(facets.iter().map(|facet| positions(mesh, facet)));
            fetched
                .iter()
                .zip(shell_of)
                .for_each(|(corners, shell)| sums.add(corners, *shell, centre));
        }
        sums
    }

    fn add(&mut self, corners: &[[f32; 3]; 3], shell: u32, centre: [f64; 3]) {
        let (volume, normal) = volume(corners, centre);
        self.area += length(normal) / 2.0;
        for (sum, component) in self.projected.iter_mut().zip(normal) {
            // Half the normal is the area; half the faces of a closed body face the light.
            *sum += component.abs() / 4.0;
        }
        self.zero_area += u64::from(is_zero(normal));
        // A dropped facet has no shell.
        if let Some(shell) = self.shells.get_mut(shell as usize) {
            shell.add(corners, volume);
        }
    }
}

fn positions(mesh: &Mesh, facet: &[u32; 3]) -> [[f32; 3]; 3] {
    facet.map(|vertex| mesh.vertices()[vertex as usize])
}

/// The volume of the tetrahedron from a point to a facet, and the facet's normal, twice as long
/// as its area.
fn volume(corners: &[[f32; 3]; 3], from: [f64; 3]) -> (f64, [f64; 3]) {
    let [a, b, c] = corners.map(|corner| sub(corner.map(f64::from), from));
    let normal = cross(sub(b, a), sub(c, a));
    (dot(a, normal) / 6.0, normal)
}

pub(super) fn measure(mesh: &Mesh, shell_of: &[u32], shells: u32) -> Measured {
    // The sums over the file are those of its only shell, when all facets belong to it.
    match mesh.totals() {
        Some(totals) if shells == 1 && totals.dropped == 0 => taken_over(totals),
        _ => summed(mesh, shell_of, shells),
    }
}

fn taken_over(totals: &Totals) -> Measured {
    let volume = totals.volume();
    let facets = usize::try_from(totals.facets).unwrap_or(usize::MAX);
    Measured {
        volume,
        area: totals.area(),
        projected: totals.projected(),
        extents: totals.bounds.extents(),
        zero_area: totals.zero_area,
        shells: vec![Shell { facets, volume, bounds: totals.bounds }],
    }
}

fn summed(mesh: &Mesh, shell_of: &[u32], shells: u32) -> Measured {
    let mut bounds = Bounds::NOTHING;
    let boxes = parallel::map_chunks(mesh.vertices(), |vertices| {
        let mut bounds = Bounds::NOTHING;
        bounds.add_all(vertices);
        bounds
    });
    for chunk in &boxes {
        bounds.join(chunk);
    }
    let centre = bounds.centre();

    let shells = shells as usize;
    let mut gathered = vec![Gathered::NOTHING; shells];
    let (mut area, mut projected, mut zero_area) = (Sum::NOTHING, [Sum::NOTHING; 3], 0);
    let in_chunks = if shells <= FEW { shells } else { 0 };
    let chunks = parallel::map(
        mesh.facets().len().div_ceil(CHUNK),
        || (),
        |(), chunk| {
            let facets = chunk * CHUNK..mesh.facets().len().min((chunk + 1) * CHUNK);
            Chunk::of(mesh, &mesh.facets()[facets.clone()], &shell_of[facets], centre, in_chunks)
        },
    );
    for chunk in chunks {
        area.add(chunk.area);
        zero_area += chunk.zero_area;
        projected.iter_mut().zip(chunk.projected).for_each(|(sum, chunk)| sum.add(chunk));
        gathered.iter_mut().zip(&chunk.shells).for_each(|(sum, chunk)| sum.join(chunk));
    }
    if shells > FEW {
        for (facet, shell) in mesh.facets().iter().zip(shell_of) {
            // A dropped facet has no shell.
            if let Some(shell) = gathered.get_mut(*shell as usize) {
                let corners = positions(mesh, facet);
                shell.add(&corners, volume(&corners, centre).0);
            }
        }
    }

    let mut volume = Sum::NOTHING;
    for shell in &gathered {
        volume.add(shell.volume.value());
    }
    Measured {
        volume: volume.value(),
        area: area.value(),
        projected: projected.map(Sum::value),
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
