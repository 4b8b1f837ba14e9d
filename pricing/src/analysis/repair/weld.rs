//! Joining vertices that nearly coincide.

use std::hash::{BuildHasher, RandomState};

use super::half_edges::each_edge;

/// Tolerances tried, as shares of the box's diagonal. The first is where an ASCII file with six
/// digits loses them, the last a tenth of what a jewellery printer resolves in a ring.
const TOLERANCES: [f64; 3] = [1e-6, 1e-5, 1e-4];

/// Side of a cell in tolerances: wide, so that most vertices are near to the cells on few sides of
/// their own, and not so wide that many vertices are in one.
const CELL: f64 = 3.0;
/// Places a slot has: where none is taken the slot, which is seldom in the cache, need not be seen.
const PLACES: usize = 8;

/// Vertices that were joined.
pub(super) struct Welded {
    /// How many are gone.
    pub(super) joined: u64,
    /// Within which distance, in file units.
    pub(super) tolerance: f64,
    /// By how much volume moving them can have changed the model: area times distance.
    pub(super) moved: f64,
}

/// Joins vertices on open edges, and only those, with the smallest of the tolerances after which
/// the fewest edges are open; leaves the facets alone when none helps.
pub(super) fn weld(
    positions: &[[f32; 3]],
    facets: &mut Vec<[u32; 3]>,
    diagonal: f64,
) -> Option<Welded> {
    let (open, mut fewest) = open_vertices(positions.len(), facets);
    let mut best: Option<(Vec<[u32; 3]>, Welded)> = None;
    for share in TOLERANCES {
        if fewest == 0 {
            break;
        }
        let tolerance = share * diagonal;
        let (target, joined) = targets(positions, &open, tolerance);
        if joined == 0 {
            continue;
        }
        let (welded, moved) = apply(positions, facets, &target);
        let (_, edges) = open_vertices(positions.len(), &welded);
        if edges < fewest {
            fewest = edges;
            best = Some((welded, Welded { joined, tolerance, moved }));
        }
    }
    let (welded, found) = best?;
    *facets = welded;
    Some(found)
}

/// Vertices at edges that are used an odd number of times, and how many such edges there are.
fn open_vertices(vertices: usize, facets: &[[u32; 3]]) -> (Vec<bool>, u64) {
    let mut open = vec![false; vertices];
    let mut edges = 0;
    each_edge(vertices, facets, |low, high, uses| {
        if uses.len() % 2 == 1 {
            open[low as usize] = true;
            open[high as usize] = true;
            edges += 1;
        }
    });
    (open, edges)
}

/// What each vertex becomes: itself, or the nearest before it that is near enough. Those that
/// stay are further apart than the tolerance, so that few of them are near a place.
fn targets(positions: &[[f32; 3]], open: &[bool], tolerance: f64) -> (Vec<u32>, u64) {
    let mut staying = Staying::new(open.iter().filter(|open| **open).count(), CELL * tolerance);
    let mut target: Vec<u32> = (0_u32..).take(positions.len()).collect();
    let mut joined = 0;
    for (vertex, _) in (0_u32..).zip(open).filter(|(_, open)| **open) {
        let position = &positions[vertex as usize];
        let mut nearest = (tolerance, vertex);
        staying.each_near(position, tolerance, |other| {
            let far = distance(&positions[other as usize], position);
            // The earliest of those equally far, whichever cell it is found in.
            if far < nearest.0 || far <= nearest.0 && (nearest.1 == vertex || other < nearest.1) {
                nearest = (far, other);
            }
        });
        if nearest.1 == vertex {
            staying.add(position, vertex);
        } else {
            target[vertex as usize] = nearest.1;
            joined += 1;
        }
    }
    (target, joined)
}

/// Vertices in cubic cells; cells share slots of a table, and what else is in a slot is told
/// apart by its distance.
struct Staying {
    side: f64,
    keys: [u64; 3],
    /// Which places are taken, a bit each.
    taken: Vec<u64>,
    /// The last vertex put into each slot, as an index into `entries`.
    slots: Vec<u32>,
    /// A vertex, and the one put into the slot before it.
    entries: Vec<(u32, u32)>,
}

/// The end of a slot's list.
const END: u32 = u32::MAX;

impl Staying {
    fn new(vertices: usize, side: f64) -> Self {
        // Numbers nobody can foresee: with known ones a file could put all cells into one slot.
        // The result does not depend on them.
        let random = RandomState::new();
        let slots = vertices.max(1).next_power_of_two();
        Self {
            side,
            keys: [0, 1, 2].map(|axis| random.hash_one(axis) | 1),
            taken: vec![0; (slots * PLACES).div_ceil(64)],
            slots: vec![END; slots],
            entries: Vec::with_capacity(vertices / 2),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the shift leaves the bits of an index")]
    fn place(&self, cell: [i64; 3]) -> usize {
        let mut hash = 0_u64;
        for (number, key) in cell.into_iter().zip(self.keys) {
            hash = (hash ^ number.cast_unsigned()).wrapping_mul(key);
            hash ^= hash >> 32;
        }
        hash as usize & (PLACES * self.slots.len() - 1)
    }

    fn cell(&self, coordinate: f64) -> i64 {
        grid_number(coordinate / self.side)
    }

    #[expect(clippy::cast_possible_truncation, reason = "MAX_FACETS keeps vertices below 2^32")]
    fn add(&mut self, position: &[f32; 3], vertex: u32) {
        let place = self.place(position.map(|x| self.cell(f64::from(x))));
        self.taken[place / 64] |= 1 << (place % 64);
        let slot = place / PLACES;
        self.entries.push((vertex, self.slots[slot]));
        self.slots[slot] = self.entries.len() as u32 - 1;
    }

    /// Calls `visit` with all vertices in the cells within `reach`, and some others.
    fn each_near(&self, position: &[f32; 3], reach: f64, mut visit: impl FnMut(u32)) {
        let [x, y, z] =
            position.map(|x| self.cell(f64::from(x) - reach)..=self.cell(f64::from(x) + reach));
        for x in x {
            for y in y.clone() {
                for z in z.clone() {
                    let place = self.place([x, y, z]);
                    if self.taken[place / 64] >> (place % 64) & 1 == 0 {
                        continue;
                    }
                    let mut next = self.slots[place / PLACES];
                    while let Some((vertex, before)) = self.entries.get(next as usize) {
                        visit(*vertex);
                        next = *before;
                    }
                }
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "saturates far beyond any tolerance in use")]
fn grid_number(value: f64) -> i64 {
    value.floor().clamp(-1e15, 1e15) as i64
}

fn distance(a: &[f32; 3], b: &[f32; 3]) -> f64 {
    let d = [0, 1, 2].map(|axis| f64::from(a[axis]) - f64::from(b[axis]));
    (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]).sqrt()
}

fn apply(positions: &[[f32; 3]], facets: &[[u32; 3]], target: &[u32]) -> (Vec<[u32; 3]>, f64) {
    let mut moved = 0.0;
    let mut welded = Vec::with_capacity(facets.len());
    for facet in facets {
        let now = facet.map(|vertex| target[vertex as usize]);
        let far = [0, 1, 2]
            .map(|corner| {
                distance(&positions[facet[corner] as usize], &positions[now[corner] as usize])
            })
            .into_iter()
            .fold(0.0, f64::max);
        moved += far * super::area(positions, *facet);
        if now[0] != now[1] && now[1] != now[2] && now[2] != now[0] {
            welded.push(now);
        }
    }
    (welded, moved)
}
