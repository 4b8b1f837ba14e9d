//! Counting how facets share edges, and which facets hang together.
//!
//! All corners at one vertex are brought together ([`crate::sorted`]); that is enough to judge the
//! edges there, without looking anything up: see [`umbrella`]. Nearly every vertex of a real model
//! is *regular*, one closed ring of facets, and all edges at a regular vertex are sound. Where
//! every vertex has just one umbrella, facets that hang together over vertices hang together over
//! edges, too, so components of vertices are all that is needed; where solids touch in a point,
//! that vertex is split first ([`split`]).

mod components;
mod split;
mod umbrella;

use self::components::Forest;
use self::split::split;
use self::umbrella::{Corner, Counts, Found};
use crate::mesh::Mesh;
use crate::parallel;
use crate::sorted::Sorted;

/// The shell number of a dropped facet.
pub(super) const NO_SHELL: u32 = u32::MAX;

/// Vertices whose corners are looked at together: their half-edges fit into the cache.
const BUCKET: usize = 8_192;

/// What the edges of a mesh say about it.
pub(super) struct Edges {
    pub(super) boundary: u64,
    pub(super) nonmanifold: u64,
    pub(super) badly_wound: u64,
    /// Edges used more often in one direction than in the other.
    pub(super) unbalanced: u64,
    pub(super) shells: u32,
    pub(super) shells_vertex: u32,
    /// Shell of each facet, numbered in the order in which the file first names them.
    pub(super) shell_of: Vec<u32>,
}

/// Whether a facet takes part: its three corners are three vertices.
pub(super) fn takes_part(&[a, b, c]: &[u32; 3]) -> bool {
    a != b && b != c && c != a
}

pub(super) fn count(mesh: &Mesh) -> Edges {
    let vertices = mesh.vertices().len();
    let hooked = Forest::new(vertices);
    let found = umbrellas(mesh, &hooked);
    let split = split(mesh.facets(), vertices, &found.pinched);
    // Hooks lead over vertices that are split now.
    let forest = if split.copies.is_empty() { hooked } else { hooked.unhooked(split.copies.len()) };
    forest.unite(&split.facets);
    let (shell_of, shells) = shells(&split.facets, &forest);
    for (copy, original) in (vertices..).zip(&split.copies) {
        forest.unite_two(number_of(copy), *original);
    }
    let Counts { boundary, nonmanifold, badly_wound, unbalanced } = found.counts;
    let shells_vertex = forest.roots();
    Edges { boundary, nonmanifold, badly_wound, unbalanced, shells, shells_vertex, shell_of }
}

/// Looks at all vertices: how their edges are used, and which of them have several umbrellas.
/// Each vertex that facets use is hooked to a neighbour in the forest.
fn umbrellas(mesh: &Mesh, forest: &Forest) -> Found {
    let vertices = mesh.vertices().len();
    let buckets = vertices.div_ceil(BUCKET);
    let chunks = parallel::map_chunks(mesh.facets(), |facets| distribute(facets, buckets));
    let found = parallel::map(buckets, umbrella::Room::default, |room, bucket| {
        room.gather(chunks.iter().map(|chunk| chunk.bucket(bucket)), BUCKET.min(vertices));
        room.judge(number_of(bucket * BUCKET), forest)
    });
    let mut all = Found::default();
    for found in found {
        all.add(found);
    }
    all
}

/// The corners of a chunk ordered by blocks of [`BUCKET`] vertices.
#[expect(clippy::cast_possible_truncation, reason = "a remainder of 2^13")]
fn distribute(facets: &[[u32; 3]], buckets: usize) -> Sorted<Corner> {
    let (bucket, nowhere) = (number_of(BUCKET), [number_of(buckets); 3]);
    let bucket_of: Vec<_> = facets
        .iter()
        .map(|facet| if takes_part(facet) { facet.map(|v| v / bucket) } else { nowhere })
        .collect();
    Sorted::new(buckets, &bucket_of, |index| {
        let [a, b, c] = facets[index];
        [(a, b, c), (b, c, a), (c, a, b)].map(|(vertex, next, previous)| {
            let vertex = (vertex % bucket) as u16;
            Corner { next, previous, vertex }
        })
    })
}

/// The shell of each facet, and how many there are.
fn shells(facets: &[[u32; 3]], forest: &Forest) -> (Vec<u32>, u32) {
    let mut shell_of = vec![NO_SHELL; facets.len()];
    parallel::fill_chunks(&mut shell_of, facets, |shells, facets| {
        for (shell, facet) in shells.iter_mut().zip(facets).filter(|(_, facet)| takes_part(facet)) {
            *shell = forest.root(facet[0]);
        }
    });
    let shells = in_order(&mut shell_of, forest.len());
    (shell_of, shells)
}

/// Turns roots, below `nodes`, into numbers from 0 in order of appearance.
fn in_order(shell_of: &mut [u32], nodes: usize) -> u32 {
    let mut number_of = vec![NO_SHELL; nodes];
    let mut shells = 0;
    for shell in shell_of.iter_mut().filter(|shell| **shell != NO_SHELL) {
        let number = &mut number_of[*shell as usize];
        if *number == NO_SHELL {
            *number = shells;
            shells += 1;
        }
        *shell = *number;
    }
    shells
}

#[expect(clippy::cast_possible_truncation, reason = "MAX_FACETS keeps vertices below 2^32")]
const fn number_of(index: usize) -> u32 {
    index as u32
}
