//! Joining vertices that nearly coincide.

use std::collections::HashMap;

use super::half_edges::each_edge;

/// Tolerances tried, as shares of the box's diagonal. The first is where an ASCII file with six
/// digits loses them, the last a tenth of what a jewellery printer resolves in a ring.
const TOLERANCES: [f64; 3] = [1e-6, 1e-5, 1e-4];

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

/// What each vertex becomes: itself, or one before it that is near enough. Those that stay are
/// further apart than the tolerance, so a cell of the grid never holds more than a few.
fn targets(positions: &[[f32; 3]], open: &[bool], tolerance: f64) -> (Vec<u32>, u64) {
    let cell = |position: &[f32; 3]| position.map(|x| grid_number(f64::from(x) / tolerance));
    let mut staying: HashMap<[i64; 3], Vec<u32>> = HashMap::new();
    let mut target: Vec<u32> = (0_u32..).take(positions.len()).collect();
    let mut joined = 0;
    for (vertex, _) in (0_u32..).zip(open).filter(|(_, open)| **open) {
        let position = &positions[vertex as usize];
        let home = cell(position);
        let near = around(home)
            .filter_map(|cell| staying.get(&cell))
            .flatten()
            .copied()
            .filter(|other| distance(&positions[*other as usize], position) <= tolerance)
            .min_by(|a, b| {
                let to = |other: u32| distance(&positions[other as usize], position);
                to(*a).total_cmp(&to(*b)).then(a.cmp(b))
            });
        if let Some(other) = near {
            target[vertex as usize] = other;
            joined += 1;
        } else {
            staying.entry(home).or_default().push(vertex);
        }
    }
    (target, joined)
}

#[expect(clippy::cast_possible_truncation, reason = "saturates far beyond any tolerance in use")]
fn grid_number(value: f64) -> i64 {
    value.floor().clamp(-1e15, 1e15) as i64
}

fn around([x, y, z]: [i64; 3]) -> impl Iterator<Item = [i64; 3]> {
    (0..27).map(move |n| [x + n % 3 - 1, y + n / 3 % 3 - 1, z + n / 9 - 1])
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
