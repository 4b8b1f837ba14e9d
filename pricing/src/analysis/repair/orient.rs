//! Turning facets over until neighbours agree.

use super::half_edges::each_edge;

/// What was done.
pub(super) struct Turned {
    /// Facets turned over.
    pub(super) facets: u64,
    /// Edges at which two facets cannot be made to agree: the surface has one side only.
    pub(super) contradictions: u64,
}

/// Carries the winding of facets over edges with exactly two of them, and turns over whichever
/// part of each connected piece has the smaller area.
pub(super) fn orient(positions: &[[f32; 3]], facets: &mut [[u32; 3]]) -> Turned {
    let mut pieces = Pieces::new(facets.len());
    let mut turned = Turned { facets: 0, contradictions: 0 };
    each_edge(positions.len(), facets, |_, _, uses| {
        if let [one, other] = uses {
            let against = one.backward == other.backward;
            turned.contradictions += u64::from(!pieces.unite(one.facet, other.facet, against));
        }
    });
    let mut area = vec![[0.0_f64; 2]; facets.len()];
    let mut place = Vec::with_capacity(facets.len());
    for (index, facet) in (0_u32..).zip(facets.iter()) {
        let (root, against) = pieces.root(index);
        area[root as usize][usize::from(against)] += super::area(positions, *facet);
        place.push((root, against));
    }
    for (facet, (root, against)) in facets.iter_mut().zip(place) {
        let [with, opposed] = area[root as usize];
        if against == (with >= opposed) {
            facet.swap(1, 2);
            turned.facets += 1;
        }
    }
    turned
}

/// Union-find that knows of each node whether it faces like its root.
struct Pieces {
    parent: Vec<u32>,
    against: Vec<bool>,
}

impl Pieces {
    #[expect(clippy::cast_possible_truncation, reason = "MAX_FACETS keeps indices below 2^32")]
    fn new(len: usize) -> Self {
        Self { parent: (0..len as u32).collect(), against: vec![false; len] }
    }

    /// The root, and whether the node faces against it. Halves the path on the way.
    fn root(&mut self, mut node: u32) -> (u32, bool) {
        let mut against = false;
        while self.parent[node as usize] != node {
            let parent = self.parent[node as usize];
            // What the parent is to its own parent; a root is itself, and never against itself.
            let up = self.against[parent as usize];
            self.against[node as usize] ^= up;
            self.parent[node as usize] = self.parent[parent as usize];
            against ^= self.against[node as usize];
            node = self.parent[node as usize];
        }
        (node, against)
    }

    /// `false` when the two are already joined the other way.
    fn unite(&mut self, one: u32, other: u32, against: bool) -> bool {
        let ((one, one_against), (other, other_against)) = (self.root(one), self.root(other));
        let relation = one_against ^ other_against ^ against;
        if one == other {
            return !relation;
        }
        let (low, high) = (one.min(other), one.max(other));
        self.parent[high as usize] = low;
        self.against[high as usize] = relation;
        true
    }
}
