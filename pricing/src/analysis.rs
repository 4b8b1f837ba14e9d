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
//!   oriented: [`Analysis::verdict`].
//!
//! Sums run in file order with Neumaier's compensation, so the result does not depend on anything
//! but the file.

mod edges;
mod nesting;
mod shells;
mod sum;
mod unit;
mod vector;

use serde::{Deserialize, Serialize};

use crate::ENGINE_VERSION;
use crate::mesh::{Format, Mesh, Warning};

pub use unit::{Unit, UnknownUnit};

/// Everything measured on a model. Stored once a file, unit and engine version; never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// [`ENGINE_VERSION`] of the engine that measured.
    pub engine_version: String,
    /// What the mesh was read from.
    pub format: Format,
    /// What one unit of the file was taken for.
    pub unit: Unit,
    /// Volume in mm³, never negative. Means something only when [`Analysis::verdict`] is
    /// [`Verdict::Exact`].
    pub volume_mm3: f64,
    /// The surface integral itself in mm³: negative when the surface is inside out.
    pub signed_volume_mm3: f64,
    /// Surface area in mm², both sides of walls and the surface of voids included.
    pub area_mm2: f64,
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
    /// Every edge used by exactly two facets in opposite directions.
    pub watertight: bool,
    /// What was odd about the file.
    pub warnings: Vec<Warning>,
}

/// Whether the volume of a model is a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Verdict {
    /// Closed, oriented, every edge twice, every shell the right way round: the volume is exact.
    /// Shells that cut through each other are not looked for; what they share counts twice.
    Exact,
    /// The surface has holes or facets turned over: it encloses no definite volume.
    NotClosed {
        /// [`Analysis::boundary_edges`].
        boundary_edges: u64,
        /// [`Analysis::nonmanifold_edges`].
        nonmanifold_edges: u64,
        /// [`Analysis::badly_wound_edges`].
        badly_wound_edges: u64,
    },
    /// Each edge is used equally often in both directions, but some more than twice: solids that
    /// touch along an edge, or the same part twice in one file, which would be paid for twice.
    NotManifold {
        /// [`Analysis::nonmanifold_edges`].
        nonmanifold_edges: u64,
    },
    /// Each shell is sound, but some face the wrong way for where they are: a void that faces
    /// outward would be paid for twice, a part turned inside out would be taken off.
    Misoriented {
        /// [`Analysis::misoriented_shells`].
        shells: u32,
    },
    /// So many shells that which lies inside which was not found out.
    TooManyShells {
        /// [`Analysis::shells`].
        shells: u32,
    },
    /// Nothing is left that has a volume: all facets lie in a plane, or none has an area.
    NoVolume,
}

impl Verdict {
    /// A stable word for rows, logs and problem documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::NotClosed { .. } => "not_closed",
            Self::NotManifold { .. } => "not_manifold",
            Self::Misoriented { .. } => "misoriented",
            Self::TooManyShells { .. } => "too_many_shells",
            Self::NoVolume => "no_volume",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact => f.write_str("the model is closed and oriented"),
            Self::NotClosed { boundary_edges, nonmanifold_edges, badly_wound_edges } => write!(
                f,
                "the surface is not closed: {boundary_edges} edges border a hole, \
                 {nonmanifold_edges} edges join more than two facets, {badly_wound_edges} edges \
                 join facets that face opposite ways"
            ),
            Self::NotManifold { nonmanifold_edges } => write!(
                f,
                "{nonmanifold_edges} edges join more than two facets: parts touch along an edge, \
                 or a part is in the file twice"
            ),
            Self::Misoriented { shells } => write!(
                f,
                "{shells} closed parts face the wrong way: a void that faces outward, or a part \
                 turned inside out"
            ),
            Self::TooManyShells { shells } => {
                write!(f, "the {shells} separate parts are too many to be told apart")
            }
            Self::NoVolume => f.write_str("the model encloses no volume"),
        }
    }
}

impl Analysis {
    /// Whether [`Analysis::volume_mm3`] may be used for a price.
    pub fn verdict(&self) -> Verdict {
        let Self { boundary_edges, nonmanifold_edges, badly_wound_edges, .. } = *self;
        if !self.closed_oriented {
            return Verdict::NotClosed { boundary_edges, nonmanifold_edges, badly_wound_edges };
        }
        if nonmanifold_edges > 0 {
            return Verdict::NotManifold { nonmanifold_edges };
        }
        match self.misoriented_shells {
            Some(0) => {}
            Some(shells) => return Verdict::Misoriented { shells },
            None => return Verdict::TooManyShells { shells: self.shells },
        }
        if self.shells == 0 || self.volume_mm3 <= 0.0 {
            return Verdict::NoVolume;
        }
        Verdict::Exact
    }
}

/// Measures a mesh whose coordinates are in `unit`.
pub fn analyse(mesh: &Mesh, unit: Unit) -> Analysis {
    let scale = unit.millimetres();
    let edges = edges::count(mesh);
    let measured = shells::measure(mesh, &edges.shell_of, edges.shells);
    let sound = edges.boundary + edges.nonmanifold + edges.badly_wound == 0;
    let misoriented_shells =
        if sound { nesting::misoriented(mesh, &edges.shell_of, &measured.shells) } else { Some(0) };
    let signed_volume_mm3 = measured.volume * scale * scale * scale;
    Analysis {
        engine_version: ENGINE_VERSION.to_owned(),
        format: mesh.format(),
        unit,
        volume_mm3: signed_volume_mm3.abs(),
        signed_volume_mm3,
        area_mm2: measured.area * scale * scale,
        bbox_mm: measured.extents.map(|extent| extent * scale),
        facets: mesh.facets().len() as u64,
        vertices: mesh.vertices().len() as u64,
        boundary_edges: edges.boundary,
        nonmanifold_edges: edges.nonmanifold,
        badly_wound_edges: edges.badly_wound,
        closed_oriented: edges.unbalanced == 0,
        zero_area_facets: measured.zero_area,
        shells: edges.shells,
        shells_vertex: edges.shells_vertex,
        negative_shells: measured.shells.iter().map(|s| u32::from(s.volume < 0.0)).sum(),
        misoriented_shells,
        watertight: sound && edges.shells > 0,
        warnings: mesh.warnings().to_vec(),
    }
}
