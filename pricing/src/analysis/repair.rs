//! Making a closed, oriented mesh of one that is not, to bound its volume.
//!
//! Runs only when the edges of the mesh as it is are not all sound. The result is used for bounds
//! and never shown as the model: nobody is told that their file was repaired when it was not.
//!
//! 1. Facets that are there more than once are taken out ([`duplicates`]).
//! 2. Vertices on open edges that nearly coincide are joined ([`weld`]).
//! 3. Facets are turned over until neighbours agree ([`orient`]).
//! 4. Holes are closed at their centres ([`cap`]).
//! 5. Solids that share edges are taken apart ([`split`]).
//!
//! Each step says by how much it can have been wrong. Time is that of a few sorts of the edges,
//! memory a small multiple of the facets, and both end at [`MOST_FACETS`].

mod cap;
mod duplicates;
mod half_edges;
mod orient;
mod pairing;
mod split;
mod weld;

use serde::{Deserialize, Serialize};

use super::bvh::Box3;
use super::edges::takes_part;
use super::vector::{cross, length, sub};
use crate::mesh::Mesh;

/// Larger meshes are not repaired.
const MOST_FACETS: usize = 20_000_000;

/// What it took to close a model for the bounds of its volume. The model itself stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Repair {
    /// Vertices joined with others that nearly coincide.
    pub welded_vertices: u64,
    /// Within which distance, mm; 0 when none were.
    pub weld_tolerance_mm: f64,
    /// Facets turned over.
    pub turned_facets: u64,
    /// Holes closed.
    pub holes: u64,
    /// Area of what closes them, mm².
    pub hole_area_mm2: f64,
    /// Edges at which neighbours cannot be made to agree: a surface with one side only.
    pub one_sided_edges: u64,
}

impl Repair {
    /// From file units to millimetres.
    pub(super) fn scaled(mut self, scale: f64) -> Self {
        self.weld_tolerance_mm *= scale;
        self.hole_area_mm2 *= scale * scale;
        self
    }
}

/// A mesh that was made closed.
pub(super) struct Repaired {
    pub(super) mesh: Mesh,
    /// Lengths still in file units.
    pub(super) repair: Repair,
    /// Facets that were there more than once.
    pub(super) duplicates: u64,
    /// Copies that were taken out, facing like those that stayed.
    pub(super) copies: Option<Mesh>,
    /// Area of the largest hole, in file units squared.
    pub(super) largest_hole: f64,
    /// By how much volume welding and capping may be wrong, in file units cubed.
    pub(super) margin: f64,
}

/// Repairs a mesh; `None` when it is too large or nothing is left of it.
pub(super) fn repair(mesh: &Mesh) -> Option<Repaired> {
    if mesh.facets().len() > MOST_FACETS {
        return None;
    }
    let mut positions = mesh.vertices().to_vec();
    let mut facets: Vec<[u32; 3]> = mesh.facets().iter().copied().filter(takes_part).collect();
    let removed = duplicates::remove(&mut facets);
    let diagonal = Box3::of(&positions).diagonal();
    let welded = weld::weld(&positions, &mut facets, diagonal);
    if welded.is_some() {
        duplicates::remove(&mut facets);
    }
    let turned = orient::orient(&positions, &mut facets);
    let capped = cap::cap(&mut positions, &mut facets);
    if facets.is_empty() {
        return None;
    }
    let copies = (!removed.copies.is_empty())
        .then(|| Mesh::derived(mesh, positions.clone(), removed.copies));
    let (positions, facets) = split::split(&positions, &facets);
    Some(Repaired {
        mesh: Mesh::derived(mesh, positions, facets),
        repair: Repair {
            welded_vertices: welded.as_ref().map_or(0, |welded| welded.joined),
            weld_tolerance_mm: welded.as_ref().map_or(0.0, |welded| welded.tolerance),
            turned_facets: turned.facets,
            holes: capped.holes,
            hole_area_mm2: capped.area,
            one_sided_edges: turned.contradictions,
        },
        duplicates: removed.duplicates,
        copies,
        largest_hole: capped.largest,
        margin: capped.bulge + welded.map_or(0.0, |welded| welded.moved),
    })
}

/// Twice the area, along the normal.
fn normal(positions: &[[f32; 3]], facet: [u32; 3]) -> [f64; 3] {
    let [a, b, c] = facet.map(|vertex| positions[vertex as usize].map(f64::from));
    cross(sub(b, a), sub(c, a))
}

fn area(positions: &[[f32; 3]], facet: [u32; 3]) -> f64 {
    length(normal(positions, facet)) / 2.0
}
