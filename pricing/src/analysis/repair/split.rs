//! Taking solids apart that share vertices.

use super::half_edges::each_edge;
use super::pairing::Pairing;

/// Gives every fan of facets a vertex of its own, so that each edge has the two facets that belong
/// together there ([`Pairing`]). Positions do not change; solids that touch along an edge become
/// shells of their own.
pub(super) fn split(positions: &[[f32; 3]], facets: &[[u32; 3]]) -> (Vec<[f32; 3]>, Vec<[u32; 3]>) {
    let mut fans = Fans::new(facets.len() * 3);
    let mut pairing = Pairing::default();
    each_edge(positions.len(), facets, |low, high, uses| {
        pairing.set(positions, facets, (low, high), uses);
        for (one, other) in &pairing.pairs {
            for vertex in [low, high] {
                fans.unite(corner(facets, *one, vertex), corner(facets, *other, vertex));
            }
        }
    });
    let mut number = vec![u32::MAX; facets.len() * 3];
    let mut split_positions: Vec<[f32; 3]> = Vec::with_capacity(positions.len());
    let mut split_facets = Vec::with_capacity(facets.len());
    let mut next = 0;
    for (index, facet) in (0_u32..).zip(facets) {
        split_facets.push([0, 1, 2].map(|place: u32| {
            let root = fans.root(index * 3 + place) as usize;
            if number[root] == u32::MAX {
                number[root] = next;
                next += 1;
                split_positions.push(positions[facet[place as usize] as usize]);
            }
            number[root]
        }));
    }
    (split_positions, split_facets)
}

/// The number of a facet's corner at a vertex.
fn corner(facets: &[[u32; 3]], facet: u32, vertex: u32) -> u32 {
    let [a, b, _] = facets[facet as usize];
    facet * 3
        + if a == vertex {
            0
        } else if b == vertex {
            1
        } else {
            2
        }
}

/// Union-find over corners.
struct Fans(Vec<u32>);

impl Fans {
    #[expect(clippy::cast_possible_truncation, reason = "MAX_FACETS keeps corners below 2^32")]
    fn new(len: usize) -> Self {
        Self((0..len as u32).collect())
    }

    fn root(&mut self, mut node: u32) -> u32 {
        while self.0[node as usize] != node {
            let above = self.0[self.0[node as usize] as usize];
            self.0[node as usize] = above;
            node = above;
        }
        node
    }

    fn unite(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other) as usize] = one.min(other);
    }
}
