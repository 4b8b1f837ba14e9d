//! Splitting vertices in which solids merely touch.
//!
//! A vertex with several umbrellas holds facets together that share no edge there. Each umbrella
//! but the first gets a copy of the vertex, so that what hangs together over vertices hangs
//! together over edges. Few models have such vertices; the others are not copied.

use std::borrow::Cow;

use super::umbrella::Umbrellas;
use super::{number_of, takes_part};

/// Facets in which no vertex has more than one umbrella, and which vertex each copy is one of:
/// copies are numbered from the number of vertices on.
pub(super) struct Split<'mesh> {
    pub(super) facets: Cow<'mesh, [[u32; 3]]>,
    pub(super) copies: Vec<u32>,
}

/// A facet at a vertex with several umbrellas.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    vertex: u32,
    facet: usize,
    corner: usize,
}

/// Splits the `pinched` among so many vertices.
pub(super) fn split<'mesh>(
    facets: &'mesh [[u32; 3]],
    vertices: usize,
    pinched: &[u32],
) -> Split<'mesh> {
    let mut split = Split { facets: Cow::Borrowed(facets), copies: vec![] };
    if pinched.is_empty() {
        return split;
    }
    let (mut umbrellas, mut neighbours) = (Umbrellas::default(), vec![]);
    let split_facets = split.facets.to_mut();
    for corners in corners_at(pinched, facets, vertices).chunk_by(|a, b| a.vertex == b.vertex) {
        neighbours.clear();
        neighbours.extend(corners.iter().map(|Place { facet, corner, .. }| {
            let facet = facets[*facet];
            [facet[(corner + 1) % 3], facet[(corner + 2) % 3]]
        }));
        // Umbrellas are named by their lowest corner, so that one comes first.
        let mut copy_of = vec![0; corners.len()];
        for (index, umbrella) in umbrellas.of(&neighbours).iter().map(|u| *u as usize).enumerate() {
            if umbrella == 0 {
                continue;
            }
            let Place { vertex, facet, corner } = corners[index];
            if umbrella == index {
                copy_of[index] = number_of(vertices + split.copies.len());
                split.copies.push(vertex);
            }
            split_facets[facet][corner] = copy_of[umbrella];
        }
    }
    split
}

/// All corners at these vertices, ordered by vertex and then in file order.
fn corners_at(pinched: &[u32], facets: &[[u32; 3]], vertices: usize) -> Vec<Place> {
    let mut is_pinched = vec![false; vertices];
    for vertex in pinched {
        is_pinched[*vertex as usize] = true;
    }
    let mut found = vec![];
    for (facet, numbers) in facets.iter().enumerate().filter(|(_, numbers)| takes_part(numbers)) {
        for (corner, vertex) in numbers.iter().enumerate() {
            if is_pinched[*vertex as usize] {
                found.push(Place { vertex: *vertex, facet, corner });
            }
        }
    }
    found.sort_unstable();
    found
}
