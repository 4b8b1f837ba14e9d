//! Measuring a mesh: volume, area, box, and whether those numbers mean anything.
//!
//! Definitions, fixed here because programs of this field disagree about them:
//!
//! * **Vertex**: a distinct position, bit for bit.
//! * **Dropped facet**: one with two equal corners. It has no area, and its edges cancel, so it
//!   takes no part in edges and shells. A facet with three distinct corners on a line has no area
//!   either but does take part: leaving it out would open a hole that is not there.
//!   [`Analysis::zero_area_facets`] counts both.
//! * **Edge**: an unordered pair of vertices. Used by one facet it is a *boundary* edge; by two in
//!   opposite directions it is sound; by two in the same direction it is *badly wound*; by three
//!   or more it is *non-manifold*.
//! * **Shell**: facets connected over shared edges.
//! * **Volume**: the surface integral `Σ a·(b×c) / 6` over the facets (divergence theorem),
//!   with corners taken relative to the centre of the bounding box, shell by shell, so that a
//!   small part far from the origin loses nothing. It is a volume only when the mesh is closed and
//!   oriented and no two shells share room: [`Analysis::verdict`].
//! * **Standing**: what may be done with the number, [`Analysis::standing`]. Nobody looks at a
//!   volume before it.
//!
//! Large meshes are measured by all threads of the rayon pool that the caller is in. Work is cut into
//! chunks of facets, and sums run in file order with Neumaier's compensation between chunks, so the
//! result does not depend on anything but the file.

mod bounds;
mod bvh;
pub(crate) mod columns;
mod edges;
pub(crate) mod extents;
mod flat;
mod inside;
mod nesting;
mod overlap;
mod repair;
pub(crate) mod shells;
mod solid;
mod standing;
pub(crate) mod sum;
pub(crate) mod thickness;
mod triangles;
mod unit;
pub(crate) mod vector;
mod verdict;

use serde::{Deserialize, Serialize};

use crate::ENGINE_VERSION;
use crate::mesh::{Format, Mesh, Warning};

use columns::Interval;
use shells::Measured;

pub use repair::Repair;
pub use standing::{Standing, VolumeBounds};
pub use thickness::Thickness;
pub use unit::{Unit, UnknownUnit};
pub use verdict::Verdict;

/// Everything measured on a model. Stored once a file, unit and engine version; never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// [`ENGINE_VERSION`] of the engine that measured.
    pub engine_version: String,
    /// What the mesh was read from.
    pub format: Format,
    /// What one unit of the file was taken for.
    pub unit: Unit,
    /// Volume in mm³, never negative. Means something only when [`Analysis::standing`] is
    /// [`Standing::Exact`].
    pub volume_mm3: f64,
    /// The surface integral itself in mm³: negative when the surface is inside out.
    pub signed_volume_mm3: f64,
    /// Surface area in mm², both sides of walls and the surface of voids included.
    pub area_mm2: f64,
    /// Area of the shadow along x, y and z in mm²: half of what the facets show in that direction.
    /// Where parts lie behind each other, each counts.
    #[serde(default)]
    pub projected_mm2: [f64; 3],
    /// Extents of the axis-parallel bounding box in mm.
    pub bbox_mm: [f64; 3],
    /// Facets in the file.
    pub facets: u64,
    /// Distinct positions.
    pub vertices: u64,
    /// Edges used by one facet: the rims of holes.
    pub boundary_edges: u64,
    /// Edges used by more than two facets.
    pub nonmanifold_edges: u64,
    /// Edges used by two facets in the same direction: one of them is turned over.
    pub badly_wound_edges: u64,
    /// Whether each edge is used as often in one direction as in the other, so that the surface
    /// integral does not depend on where it is taken from.
    pub closed_oriented: bool,
    /// Facets without area.
    pub zero_area_facets: u64,
    /// Facets that have the same three vertices as one before them, either way round.
    pub duplicate_facets: u64,
    /// Components over shared edges.
    pub shells: u32,
    /// Components over shared vertices; fewer than [`Analysis::shells`] where shells touch.
    pub shells_vertex: u32,
    /// Shells whose own surface integral is negative: voids, or parts turned inside out.
    pub negative_shells: u32,
    /// Shells wound against their place: voids that face outward, solids turned inside out.
    /// `None` when the shells were too many to be compared. Looked at only when every edge is
    /// sound; 0 otherwise.
    pub misoriented_shells: Option<u32>,
    /// Pairs of shells that cut through each other, so that what they share counts twice in
    /// [`Analysis::volume_mm3`]. `None` when finding out took too long. Looked at only when every
    /// edge is sound; 0 otherwise.
    pub overlapping_pairs: Option<u32>,
    /// Pairs of shells that touch without sharing room; their volumes may be added, but they will
    /// come out of the printer as one. Looked at only when every edge is sound; 0 otherwise.
    pub touching_pairs: u32,
    /// Separate solids: shells that lie in no other, or in a void. Of a faulty model those of the
    /// closed one.
    pub pieces: u32,
    /// Shells that lie in a solid: spaces that nothing can get out of.
    pub voids: u32,
    /// What fits into the voids, mm³.
    pub void_volume_mm3: f64,
    /// Between which values the volume lies, where it is not a fact but can be bounded.
    pub volume_bounds: Option<VolumeBounds>,
    /// What it took to close the model for [`Analysis::volume_bounds`]; `None` when every edge is
    /// sound, or nothing could be done.
    pub repair: Option<Repair>,
    /// Every edge used by exactly two facets in opposite directions.
    pub watertight: bool,
    /// What was odd about the file.
    pub warnings: Vec<Warning>,
}

impl Analysis {
    /// Whether [`Analysis::volume_mm3`] is a fact, and if not, why not.
    pub fn verdict(&self) -> Verdict {
        let Self { boundary_edges, nonmanifold_edges, badly_wound_edges, .. } = *self;
        let duplicate_facets = self.duplicate_facets;
        if nonmanifold_edges > 0 && duplicate_facets > 0 && boundary_edges + badly_wound_edges == 0
        {
            return Verdict::Duplicated { duplicate_facets };
        }
        if !self.closed_oriented {
            return Verdict::NotClosed { boundary_edges, nonmanifold_edges, badly_wound_edges };
        }
        if nonmanifold_edges > 0 {
            return Verdict::NotManifold { nonmanifold_edges };
        }
        match (self.overlapping_pairs, self.misoriented_shells) {
            (Some(0), Some(0)) => {}
            (_, None) => return Verdict::TooManyShells { shells: self.shells },
            (None, _) => return Verdict::OverlapUnchecked { shells: self.shells },
            (Some(0), Some(shells)) => return Verdict::Misoriented { shells },
            (Some(pairs), _) => return Verdict::Overlapping { pairs },
        }
        if self.shells == 0 || self.volume_mm3 <= 0.0 {
            return Verdict::NoVolume;
        }
        Verdict::Exact
    }

    /// What may be done with the model: priced, priced within bounds, or neither.
    pub fn standing(&self) -> Standing {
        standing::of(self.verdict(), self.volume_bounds)
    }
}

/// Measures a mesh whose coordinates are in `unit`.
pub fn analyse(mesh: &Mesh, unit: Unit) -> Analysis {
    let scale = unit.millimetres();
    let (square, cube) = (scale * scale, scale * scale * scale);
    let edges = edges::count(mesh);
    let measured = shells::measure(mesh, &edges.shell_of, edges.shells);
    let sound = edges.boundary + edges.nonmanifold + edges.badly_wound == 0;
    let found = if sound {
        Found::of_sound(mesh, &edges.shell_of, &measured)
    } else {
        Found::of_faulty(mesh, &measured)
    };
    Analysis {
        engine_version: ENGINE_VERSION.to_owned(),
        format: mesh.format(),
        unit,
        volume_mm3: measured.volume.abs() * cube,
        signed_volume_mm3: measured.volume * cube,
        area_mm2: measured.area * square,
        projected_mm2: measured.projected.map(|area| area * square),
        bbox_mm: measured.extents.map(|extent| extent * scale),
        facets: mesh.facets().len() as u64,
        vertices: mesh.vertices().len() as u64,
        boundary_edges: edges.boundary,
        nonmanifold_edges: edges.nonmanifold,
        badly_wound_edges: edges.badly_wound,
        closed_oriented: edges.unbalanced == 0,
        zero_area_facets: measured.zero_area,
        duplicate_facets: found.duplicates,
        shells: edges.shells,
        shells_vertex: edges.shells_vertex,
        negative_shells: measured.shells.iter().map(|s| u32::from(s.volume < 0.0)).sum(),
        misoriented_shells: found.misoriented,
        overlapping_pairs: found.overlapping,
        touching_pairs: found.touching,
        pieces: found.pieces,
        voids: found.voids,
        void_volume_mm3: found.void_volume * cube,
        volume_bounds: found.volume.map(|volume| VolumeBounds {
            low_mm3: volume.low * cube,
            high_mm3: volume.high * cube,
        }),
        repair: found.repair.map(|repair| repair.scaled(scale)),
        watertight: sound && edges.shells > 0,
        warnings: mesh.warnings().to_vec(),
    }
}

/// What goes beyond counting and adding up, in file units.
struct Found {
    duplicates: u64,
    misoriented: Option<u32>,
    overlapping: Option<u32>,
    touching: u32,
    pieces: u32,
    voids: u32,
    void_volume: f64,
    volume: Option<Interval>,
    repair: Option<Repair>,
}

impl Found {
    fn of_sound(mesh: &Mesh, shell_of: &[u32], measured: &Measured) -> Self {
        let solid = solid::judge(mesh, shell_of, &measured.shells, measured.volume);
        // Where every edge has two facets, a facet can only be there twice as a sheet of two.
        let folded = measured.shells.iter().filter(|shell| shell.facets == 2).count();
        let exact = (solid.misoriented, solid.overlapping) == (Some(0), Some(0));
        Self {
            duplicates: folded as u64,
            misoriented: solid.misoriented,
            overlapping: solid.overlapping,
            touching: solid.touching,
            pieces: solid.pieces,
            voids: solid.voids,
            void_volume: solid.void_volume,
            volume: solid.volume.filter(|_| !exact),
            repair: None,
        }
    }

    fn of_faulty(mesh: &Mesh, measured: &Measured) -> Self {
        let bounded = bounds::bound(mesh, measured);
        Self {
            duplicates: bounded.duplicates,
            misoriented: Some(0),
            overlapping: Some(0),
            touching: 0,
            pieces: bounded.pieces,
            voids: bounded.voids,
            void_volume: bounded.void_volume,
            volume: bounded.volume,
            repair: bounded.repair,
        }
    }
}
