//! Components of vertices: union-find by several threads.
//!
//! A root is the lowest vertex of its tree and roots are hooked to lower roots only, so the result
//! does not depend on who was first. Trees are prepared by hooking each vertex to its lowest
//! neighbour and by uniting every fourth facet; most of a component then hangs from one root, and
//! the other facets cost three independent looks each. This is what makes facets in random order
//! bearable: finding roots from scratch would miss the cache several times in a row, facet by
//! facet. (After Sutton, Ben-Nun, Barak, *Optimizing Parallel Graph Connectivity Computation via
//! Subgraph Sampling*, IPDPS 2018.)

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::{number_of, takes_part};
use crate::parallel;

/// The parent of a vertex that no facet uses.
const UNUSED: u32 = u32::MAX;
/// One facet in so many is united first.
const SAMPLE: usize = 4;

pub(super) struct Forest {
    parents: Vec<AtomicU32>,
}

impl Forest {
    /// So many vertices, none of them used.
    pub(super) fn new(vertices: usize) -> Self {
        Self { parents: (0..vertices).map(|_| AtomicU32::new(UNUSED)).collect() }
    }

    /// Makes a vertex known that has this one as its lowest neighbour. At the start only.
    pub(super) fn hook(&self, vertex: u32, neighbour: u32) {
        self.parents[vertex as usize].store(vertex.min(neighbour), Relaxed);
    }

    pub(super) fn len(&self) -> usize {
        self.parents.len()
    }

    /// The same vertices as trees of their own, and `more` of them.
    pub(super) fn unhooked(&self, more: usize) -> Self {
        let is_unused =
            |index: usize| self.parents.get(index).is_some_and(|p| p.load(Relaxed) == UNUSED);
        let parents = (0..self.parents.len() + more)
            .map(|index| AtomicU32::new(if is_unused(index) { UNUSED } else { number_of(index) }))
            .collect();
        Self { parents }
    }

    /// Unites the corners of each facet. Afterwards every vertex hangs from its root directly.
    pub(super) fn unite(&self, facets: &[[u32; 3]]) {
        self.flatten();
        parallel::map_chunks(facets, |facets| self.unite_all(facets.iter().step_by(SAMPLE)));
        self.flatten();
        parallel::map_chunks(facets, |facets| self.unite_all(facets.iter()));
        self.flatten();
    }

    /// The root of a vertex, after [`Forest::unite`].
    pub(super) fn root(&self, vertex: u32) -> u32 {
        self.parent(vertex)
    }

    /// How many components there are.
    pub(super) fn roots(&self) -> u32 {
        let roots =
            (0_u32..).zip(&self.parents).filter(|(vertex, parent)| parent.load(Relaxed) == *vertex);
        number_of(roots.count())
    }

    /// Unites two vertices.
    pub(super) fn unite_two(&self, a: u32, b: u32) {
        let (mut a, mut b) = (self.find(a), self.find(b));
        while a != b {
            let (low, high) = (a.min(b), a.max(b));
            let high_parent = &self.parents[high as usize];
            if high_parent.compare_exchange(high, low, Relaxed, Relaxed).is_ok() {
                return;
            }
            // Somebody hooked it to another root in the meantime: go on from there.
            (a, b) = (self.find(low), self.find(high));
        }
    }

    fn unite_all<'a>(&self, facets: impl Iterator<Item = &'a [u32; 3]>) {
        for facet @ &[a, b, c] in facets {
            let [x, y, z] = facet.map(|vertex| self.parent(vertex));
            if (x != y || y != z) && takes_part(facet) {
                self.unite_two(a, b);
                self.unite_two(b, c);
            }
        }
    }

    fn flatten(&self) {
        parallel::map_chunks(&self.parents, |parents| {
            for parent in parents.iter().filter(|parent| parent.load(Relaxed) != UNUSED) {
                parent.store(self.find(parent.load(Relaxed)), Relaxed);
            }
        });
    }

    fn parent(&self, vertex: u32) -> u32 {
        self.parents[vertex as usize].load(Relaxed)
    }

    /// The root now, with path halving. Storing an old grandparent over a newer one does no harm:
    /// whatever was an ancestor stays one.
    fn find(&self, mut vertex: u32) -> u32 {
        loop {
            let parent = self.parent(vertex);
            let grandparent = self.parent(parent);
            if parent == grandparent {
                return parent;
            }
            self.parents[vertex as usize].store(grandparent, Relaxed);
            vertex = grandparent;
        }
    }
}
