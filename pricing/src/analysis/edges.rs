//! Counting how facets share edges, and which facets hang together.
//!
//! Half-edges are put into buckets by their lower vertex (a counting sort, in place in one vector
//! of 8 bytes a half-edge); each bucket is a handful of entries, sorted and walked in groups. This
//! needs no hashing, touches memory mostly in order, and its result depends on nothing but the
//! mesh.

use crate::mesh::Mesh;

/// The shell number of a dropped facet.
pub(super) const NO_SHELL: u32 = u32::MAX;

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
    let mut counts = Edges {
        boundary: 0,
        nonmanifold: 0,
        badly_wound: 0,
        unbalanced: 0,
        shells: 0,
        shells_vertex: vertex_components(mesh),
        shell_of: vec![],
    };
    let mut facets = Components::new(mesh.facets().len());
    let (mut half_edges, starts) = bucketed(mesh);
    for bucket in starts.windows(2) {
        let bucket = &mut half_edges[bucket[0] as usize..bucket[1] as usize];
        bucket.sort_unstable();
        for edge in bucket.chunk_by(|a, b| upper(*a) == upper(*b)) {
            counts.tally(edge);
            for pair in edge.windows(2) {
                facets.unite(facet(pair[0]), facet(pair[1]));
            }
        }
    }
    (counts.shell_of, counts.shells) = facets.numbered(|index| takes_part(&mesh.facets()[index]));
    counts
}

impl Edges {
    fn tally(&mut self, edge: &[u64]) {
        let forward = edge.iter().filter(|half| **half & 1 == 0).count();
        match edge.len() {
            1 => self.boundary += 1,
            2 if forward != 1 => self.badly_wound += 1,
            2 => {}
            _ => self.nonmanifold += 1,
        }
        if forward * 2 != edge.len() {
            self.unbalanced += 1;
        }
    }
}

// A half-edge in 64 bits: upper vertex, facet, direction. `MAX_FACETS` keeps the facet in 31 bits.

fn upper(half: u64) -> u32 {
    (half >> 32) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half of 64 bits")]
fn facet(half: u64) -> u32 {
    half as u32 >> 1
}

fn half_edges(mesh: &Mesh) -> impl Iterator<Item = (u32, u64)> {
    mesh.facets().iter().enumerate().filter(|(_, facet)| takes_part(facet)).flat_map(
        |(index, &[a, b, c])| {
            [(a, b), (b, c), (c, a)].map(|(from, to)| {
                let backward = u64::from(from > to);
                let key = u64::from(from.max(to)) << 32 | (index as u64) << 1 | backward;
                (from.min(to), key)
            })
        },
    )
}

/// All half-edges ordered by lower vertex, and where the bucket of each vertex begins.
fn bucketed(mesh: &Mesh) -> (Vec<u64>, Vec<u32>) {
    let mut starts = vec![0_u32; mesh.vertices().len() + 1];
    for (lower, _) in half_edges(mesh) {
        starts[lower as usize + 1] += 1;
    }
    for index in 1..starts.len() {
        starts[index] += starts[index - 1];
    }
    let total = starts.last().copied().unwrap_or(0);
    let mut ordered = vec![0_u64; total as usize];
    // Filling moves each start to the start of the next bucket; shifting by one undoes that.
    for (lower, key) in half_edges(mesh) {
        let next = &mut starts[lower as usize];
        ordered[*next as usize] = key;
        *next += 1;
    }
    starts.rotate_right(1);
    starts[0] = 0;
    (ordered, starts)
}

#[expect(clippy::cast_possible_truncation, reason = "MAX_FACETS keeps vertices below 2^32")]
fn vertex_components(mesh: &Mesh) -> u32 {
    let mut vertices = Components::new(mesh.vertices().len());
    let mut used = vec![false; mesh.vertices().len()];
    for &[a, b, c] in mesh.facets().iter().filter(|facet| takes_part(facet)) {
        vertices.unite(a, b);
        vertices.unite(b, c);
        used[a as usize] = true;
        used[b as usize] = true;
        used[c as usize] = true;
    }
    (0..used.len()).filter(|&index| used[index] && vertices.is_root(index as u32)).count() as u32
}

/// Union-find with path halving. The lower number becomes the root, so that components come out
/// in file order whatever the order of unions.
struct Components {
    parent: Vec<u32>,
}

impl Components {
    #[expect(clippy::cast_possible_truncation, reason = "MAX_FACETS keeps indices below 2^32")]
    fn new(len: usize) -> Self {
        Self { parent: (0..len as u32).collect() }
    }

    fn is_root(&self, node: u32) -> bool {
        self.parent[node as usize] == node
    }

    fn root(&mut self, mut node: u32) -> u32 {
        while !self.is_root(node) {
            let grandparent = self.parent[self.parent[node as usize] as usize];
            self.parent[node as usize] = grandparent;
            node = grandparent;
        }
        node
    }

    fn unite(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        self.parent[high as usize] = low;
    }

    /// The component of each node, numbered from 0 in order of appearance, and how many there are.
    /// Nodes that do not take part get [`NO_SHELL`].
    fn numbered(mut self, takes_part: impl Fn(usize) -> bool) -> (Vec<u32>, u32) {
        let mut number = vec![NO_SHELL; self.parent.len()];
        let mut components = 0;
        for (index, node) in (0_u32..).take(number.len()).enumerate() {
            if !takes_part(index) {
                continue;
            }
            // A root is the lowest of its component, so it has its number before the others ask.
            let root = self.root(node);
            if root == node {
                number[index] = components;
                components += 1;
            } else {
                number[index] = number[root as usize];
            }
        }
        (number, components)
    }
}
