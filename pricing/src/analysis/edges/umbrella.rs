//! What the facets around one vertex say about its edges.
//!
//! Each facet at a vertex `v` is a corner with two neighbours: the facet runs `v → next` and
//! `previous → v`. An edge {v, w} is used by the corners at `v` that have `w` as a neighbour,
//! forward (`v → w`) where it is `next`, backward where it is `previous`. Corners that share a
//! neighbour lie under one *umbrella*.

use super::components::Forest;

/// With more corners than this at a vertex, sorting them is faster than walking round them.
const MANY: usize = 32;

/// A facet as seen from one of its vertices.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Corner {
    pub(super) next: u32,
    pub(super) previous: u32,
    /// The vertex, counted from the first of its bucket.
    pub(super) vertex: u16,
}

/// How edges are used.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) boundary: u64,
    pub(super) nonmanifold: u64,
    pub(super) badly_wound: u64,
    pub(super) unbalanced: u64,
}

impl Counts {
    /// An edge used so often, of that so often forward.
    fn tally(&mut self, used: usize, forward: usize) {
        match used {
            1 => self.boundary += 1,
            2 if forward != 1 => self.badly_wound += 1,
            2 => {}
            _ => self.nonmanifold += 1,
        }
        if forward * 2 != used {
            self.unbalanced += 1;
        }
    }
}

/// What was found at some vertices.
#[derive(Default)]
pub(super) struct Found {
    pub(super) counts: Counts,
    /// Vertices with several umbrellas, in order.
    pub(super) pinched: Vec<u32>,
}

impl Found {
    pub(super) fn add(&mut self, other: Self) {
        self.counts.boundary += other.counts.boundary;
        self.counts.nonmanifold += other.counts.nonmanifold;
        self.counts.badly_wound += other.counts.badly_wound;
        self.counts.unbalanced += other.counts.unbalanced;
        self.pinched.extend(other.pinched);
    }
}

/// Where the corners of a bucket are brought together; used for many buckets.
#[derive(Default)]
pub(super) struct Room {
    /// Where the corners of each vertex begin, and where those of the last one end.
    starts: Vec<u32>,
    /// The neighbours, next and previous, of all corners, ordered by vertex.
    corners: Vec<[u32; 2]>,
    spokes: Vec<Spoke>,
    umbrellas: Umbrellas,
}

impl Room {
    /// Orders the corners of a bucket by vertex.
    pub(super) fn gather<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [Corner]> + Clone,
        vertices: usize,
    ) {
        let starts = &mut self.starts;
        starts.clear();
        starts.resize(vertices + 1, 0);
        for corner in pieces.clone().flatten() {
            starts[usize::from(corner.vertex) + 1] += 1;
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        self.corners.resize(starts[vertices] as usize, [0; 2]);
        // Filling moves each start to the start of the next vertex; shifting by one undoes that.
        for corner in pieces.flatten() {
            let place = &mut starts[usize::from(corner.vertex)];
            self.corners[*place as usize] = [corner.next, corner.previous];
            *place += 1;
        }
        starts.rotate_right(1);
        starts[0] = 0;
    }

    /// Judges each vertex of a bucket, the first of which has the number `first`, and hooks it to
    /// its lowest neighbour in the forest.
    pub(super) fn judge(&mut self, first: u32, forest: &Forest) -> Found {
        let mut found = Found::default();
        for (vertex, bounds) in (first..).zip(self.starts.windows(2)) {
            let corners = &self.corners[bounds[0] as usize..bounds[1] as usize];
            if let Some(lowest) = corners.as_flattened().iter().min() {
                forest.hook(vertex, *lowest);
                if !is_regular(corners) {
                    tally(vertex, corners, &mut self.spokes, &mut found.counts);
                    if self.umbrellas.count(corners.len(), &self.spokes) > 1 {
                        found.pinched.push(vertex);
                    }
                }
            }
        }
        found
    }
}

/// Whether the corners are one closed ring: going from each to the one that begins where it ends
/// leads through all of them. Then each neighbour is `next` once and `previous` once, so all edges
/// here are used by two facets in opposite directions. (If a neighbour were `next` twice, only the
/// first of the two would ever be visited.)
fn is_regular(corners: &[[u32; 2]]) -> bool {
    if corners.len() > MANY {
        return false;
    }
    let [start, mut at] = corners[0];
    let mut visited = 1;
    while at != start {
        let Some([_, previous]) = corners.iter().find(|[next, _]| *next == at) else {
            return false;
        };
        at = *previous;
        visited += 1;
        if visited > corners.len() {
            return false;
        }
    }
    visited == corners.len()
}

/// An edge as one corner uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spoke {
    neighbour: u32,
    forward: bool,
    corner: u32,
}

/// Orders the spokes of a vertex by neighbour, and counts the edges to those above it: each edge
/// is counted at its lower end. (If that end is regular, the edge is sound.)
fn tally(vertex: u32, corners: &[[u32; 2]], spokes: &mut Vec<Spoke>, counts: &mut Counts) {
    order(corners, spokes);
    for edge in spokes.chunk_by(|a, b| a.neighbour == b.neighbour) {
        if edge[0].neighbour > vertex {
            counts.tally(edge.len(), edge.iter().filter(|spoke| spoke.forward).count());
        }
    }
}

fn order(corners: &[[u32; 2]], spokes: &mut Vec<Spoke>) {
    spokes.clear();
    for (corner, [next, previous]) in (0_u32..).zip(corners) {
        spokes.push(Spoke { neighbour: *next, forward: true, corner });
        spokes.push(Spoke { neighbour: *previous, forward: false, corner });
    }
    spokes.sort_unstable();
}

/// Which corners at a vertex hang together.
#[derive(Default)]
pub(super) struct Umbrellas {
    parents: Vec<u32>,
}

impl Umbrellas {
    /// The umbrella of each corner, each named by its lowest corner.
    pub(super) fn of(&mut self, corners: &[[u32; 2]]) -> &[u32] {
        let mut spokes = vec![];
        order(corners, &mut spokes);
        self.count(corners.len(), &spokes);
        for corner in 0..self.parents.len() {
            self.parents[corner] = self.parents[self.parents[corner] as usize];
        }
        &self.parents
    }

    /// How many umbrellas so many corners form, from their ordered spokes.
    fn count(&mut self, corners: usize, spokes: &[Spoke]) -> usize {
        self.parents.clear();
        self.parents.extend((0_u32..).take(corners));
        let mut umbrellas = corners;
        for pair in spokes.windows(2).filter(|pair| pair[0].neighbour == pair[1].neighbour) {
            let (a, b) = (self.root(pair[0].corner), self.root(pair[1].corner));
            if a != b {
                self.parents[a.max(b) as usize] = a.min(b);
                umbrellas -= 1;
            }
        }
        umbrellas
    }

    fn root(&mut self, mut corner: u32) -> u32 {
        while self.parents[corner as usize] != corner {
            let grandparent = self.parents[self.parents[corner as usize] as usize];
            self.parents[corner as usize] = grandparent;
            corner = grandparent;
        }
        corner
    }
}
