//! Whether shells cut through each other.
//!
//! Pairs of shells whose boxes meet are candidates; only facets that reach into the other's box
//! are looked at, through one tree of boxes that is compared with itself. A pair is settled by the
//! first two facets that cross ([`super::triangles`]). Where facets only touch, points of those
//! that touch decide: some inside the other shell and some outside of it means
//! that it is cut all the same, exactly along its edges.
//!
//! One shell costs nothing. The work is bounded; when it runs out the answer is that there is
//! none. A shell that cuts through itself is not looked for here.

use std::collections::BTreeMap;

use super::bvh::{Box3, Bvh, corners};
use super::inside::Side;
use super::nesting::{Grouped, Lazy, Work, within};
use super::shells::Shell;
use super::triangles::{Relation, Triangle, relation};
use crate::mesh::Mesh;

/// Comparisons of boxes before giving up: about a second.
const WORK: u64 = 150_000_000;
/// What comparing two facets costs, in comparisons of boxes.
const COMPARE: u64 = 12;
/// Most pairs of shells whose boxes meet.
const PAIRS: usize = 1 << 20;
/// Touching facets kept of each side of a pair.
const WITNESSES: usize = 12;
/// A node of the tree with facets of several shells.
const MIXED: u32 = u32::MAX;

/// What was found.
pub(super) struct Overlap {
    /// Pairs that cut through each other, in order.
    pub(super) crossing: Vec<(u32, u32)>,
    /// Pairs that touch without sharing room.
    pub(super) touching: u32,
    /// A box around everything that is shared.
    pub(super) region: Box3,
}

/// What is known of a pair.
#[derive(Default)]
struct Pair {
    crossing: bool,
    /// Facets of the lower and of the higher shell that touch.
    witnesses: [Vec<u32>; 2],
}

/// Looks at all pairs; `None` when the work ran out.
pub(super) fn overlap(
    mesh: &Mesh,
    shell_of: &[u32],
    grouped: &Grouped,
    Candidates { boxes, pairs: candidates }: &Candidates,
    inside: &mut Lazy<'_>,
) -> Option<Overlap> {
    let mut work = Work(WORK);
    let mut found = Overlap { crossing: vec![], touching: 0, region: Box3::NOTHING };
    if candidates.is_empty() {
        return Some(found);
    }
    let facets = reaching(mesh, grouped, boxes, candidates, &mut work)?;
    let mut search = Search::new(mesh, shell_of, facets, work);
    search.run()?;
    let Search { mut pairs, mut work, .. } = search;
    for (&(low, high), pair) in &mut pairs {
        if !pair.crossing {
            pair.crossing = passes_through(mesh, boxes, inside, (low, high), pair, &mut work)?;
        }
        if pair.crossing {
            found.crossing.push((low, high));
            let shared = boxes[low as usize].shared(&boxes[high as usize]);
            found.region = found.region.with(&shared);
        } else {
            found.touching += 1;
        }
    }
    Some(found)
}

fn bounds(mesh: &Mesh, facets: &[u32]) -> Box3 {
    facets.iter().fold(Box3::NOTHING, |all, facet| all.with(&Box3::of(&corners(mesh, *facet))))
}

/// Shells that could have to do with each other.
pub(super) struct Candidates {
    /// The box of each shell; nothing for those without volume, which have no room to share.
    pub(super) boxes: Vec<Box3>,
    /// Pairs whose boxes meet.
    pub(super) pairs: Vec<(u32, u32)>,
}

/// Finds them; `None` when there are too many.
pub(super) fn candidates(mesh: &Mesh, grouped: &Grouped, shells: &[Shell]) -> Option<Candidates> {
    let own_box = |(index, shell): (usize, &Shell)| {
        if shell.volume == 0.0 { Box3::NOTHING } else { bounds(mesh, grouped.facets(index)) }
    };
    let boxes: Vec<Box3> = shells.iter().enumerate().map(own_box).collect();
    let pairs = meeting(&boxes, &mut Work(WORK))?;
    Some(Candidates { boxes, pairs })
}

/// Pairs whose boxes meet, found by sweeping along x.
#[expect(clippy::cast_possible_truncation, reason = "shells are numbered in 32 bits")]
fn meeting(boxes: &[Box3], work: &mut Work) -> Option<Vec<(u32, u32)>> {
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_unstable_by(|a, b| boxes[*a].low[0].total_cmp(&boxes[*b].low[0]).then(a.cmp(b)));
    let mut pairs = vec![];
    let mut open: Vec<usize> = vec![];
    for shell in order {
        open.retain(|other| boxes[*other].high[0] >= boxes[shell].low[0]);
        work.spend(open.len() as u64 + 1)?;
        for other in open.iter().filter(|other| boxes[**other].meets(&boxes[shell])) {
            pairs.push((shell.min(*other) as u32, shell.max(*other) as u32));
        }
        if pairs.len() > PAIRS {
            return None;
        }
        open.push(shell);
    }
    Some(pairs)
}

/// Facets that reach into the box of a shell theirs could meet.
fn reaching(
    mesh: &Mesh,
    grouped: &Grouped,
    boxes: &[Box3],
    candidates: &[(u32, u32)],
    work: &mut Work,
) -> Option<Vec<u32>> {
    let mut partners: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (low, high) in candidates {
        partners.entry(*low).or_default().push(*high);
        partners.entry(*high).or_default().push(*low);
    }
    let mut facets = vec![];
    for (shell, partners) in partners {
        let of_shell = grouped.facets(shell as usize);
        // Comparing with a few boxes pays; with many, nearly all facets reach into one of them.
        if partners.len() > 16 {
            facets.extend_from_slice(of_shell);
            continue;
        }
        work.spend((of_shell.len() * partners.len()) as u64)?;
        facets.extend(of_shell.iter().filter(|facet| {
            let own = Box3::of(&corners(mesh, **facet));
            partners.iter().any(|partner| boxes[*partner as usize].meets(&own))
        }));
    }
    Some(facets)
}

/// The tree compared with itself.
struct Search<'mesh> {
    mesh: &'mesh Mesh,
    shell_of: &'mesh [u32],
    tree: Bvh,
    /// The shell of all facets below a node, or [`MIXED`].
    shell: Vec<u32>,
    pairs: BTreeMap<(u32, u32), Pair>,
    work: Work,
    /// The facets of the leaf that another is compared with.
    room: Vec<(Box3, Triangle)>,
}

impl<'mesh> Search<'mesh> {
    fn new(mesh: &'mesh Mesh, shell_of: &'mesh [u32], facets: Vec<u32>, work: Work) -> Self {
        let tree = Bvh::new(mesh, facets);
        let mut shell = vec![MIXED; tree.nodes()];
        for node in (0..tree.nodes()).rev() {
            shell[node] = if let Some(facets) = tree.facets(node) {
                uniform(facets.iter().map(|facet| shell_of[*facet as usize]))
            } else {
                let children = Bvh::children(node);
                let filled = children.into_iter().filter(|child| tree.holds(*child));
                uniform(filled.map(|child| shell[child]))
            };
        }
        Self { mesh, shell_of, tree, shell, pairs: BTreeMap::new(), work, room: vec![] }
    }

    fn run(&mut self) -> Option<()> {
        let mut open = vec![(Bvh::ROOT, Bvh::ROOT)];
        while let Some((one, other)) = open.pop() {
            self.work.spend(1)?;
            if self.settled(one, other) {
                continue;
            }
            match (self.tree.facets(one).is_some(), self.tree.facets(other).is_some()) {
                (true, true) => self.compare(one, other)?,
                _ if one == other => {
                    let [left, right] = Bvh::children(one);
                    open.extend([(left, left), (right, right), (left, right)]);
                }
                // The larger box is opened; a leaf cannot be.
                (false, leaf) if leaf || self.size(one) >= self.size(other) => {
                    open.extend(Bvh::children(one).map(|child| (child, other)));
                }
                _ => open.extend(Bvh::children(other).map(|child| (one, child))),
            }
        }
        Some(())
    }

    fn size(&self, node: usize) -> f64 {
        self.tree.bounds(node).diagonal()
    }

    fn settled(&self, one: usize, other: usize) -> bool {
        let (low, high) =
            (self.shell[one].min(self.shell[other]), self.shell[one].max(self.shell[other]));
        if low != MIXED && low == high {
            return true;
        }
        if !self.tree.holds(one) || !self.tree.holds(other) {
            return true;
        }
        if one != other && !self.tree.bounds(one).meets(self.tree.bounds(other)) {
            return true;
        }
        high != MIXED && self.pairs.get(&(low, high)).is_some_and(|pair| pair.crossing)
    }

    fn compare(&mut self, one: usize, other: usize) -> Option<()> {
        let (tree, mesh) = (&self.tree, self.mesh);
        let (Some(ones), Some(others)) = (tree.facets(one), tree.facets(other)) else {
            return Some(());
        };
        let there = tree.bounds(other);
        self.room.clear();
        self.room.extend(others.iter().map(|facet| boxed(mesh, *facet)));
        for (place, first) in ones.iter().enumerate() {
            let first_shell = self.shell_of[*first as usize];
            let (first_box, first_corners) = boxed(mesh, *first);
            if !first_box.meets(there) {
                continue;
            }
            let from = if one == other { place + 1 } else { 0 };
            for (second, (second_box, second_corners)) in others.iter().zip(&self.room).skip(from) {
                let second_shell = self.shell_of[*second as usize];
                if first_shell == second_shell || !first_box.meets(second_box) {
                    continue;
                }
                let shells = (first_shell.min(second_shell), first_shell.max(second_shell));
                if self.pairs.get(&shells).is_some_and(|pair| pair.crossing) {
                    continue;
                }
                self.work.spend(COMPARE)?;
                let found = relation(&first_corners, second_corners);
                if found == Relation::Apart {
                    continue;
                }
                let pair = self.pairs.entry(shells).or_default();
                pair.crossing |= found == Relation::Crossing;
                let lower = usize::from(first_shell > second_shell);
                note(&mut pair.witnesses[lower], *first);
                note(&mut pair.witnesses[1 - lower], *second);
            }
        }
        Some(())
    }
}

fn uniform(mut shells: impl Iterator<Item = u32>) -> u32 {
    let first = shells.next().unwrap_or(MIXED);
    if shells.all(|shell| shell == first) { first } else { MIXED }
}

fn boxed(mesh: &Mesh, facet: u32) -> (Box3, Triangle) {
    let triangle = corners(mesh, facet);
    (Box3::of(&triangle), triangle.map(|corner| corner.map(f64::from)))
}

fn note(witnesses: &mut Vec<u32>, facet: u32) {
    if witnesses.len() < WITNESSES && !witnesses.contains(&facet) {
        witnesses.push(facet);
    }
}

/// Whether one of two touching shells goes through the other's surface, exactly along edges:
/// whether some points of the facets that touch lie inside the other and some outside.
fn passes_through(
    mesh: &Mesh,
    boxes: &[Box3],
    inside: &mut Lazy<'_>,
    (low, high): (u32, u32),
    pair: &Pair,
    work: &mut Work,
) -> Option<bool> {
    for (facets, other) in pair.witnesses.iter().zip([high, low]) {
        let (mut within_it, mut beside_it) = (false, false);
        for facet in facets {
            for point in points(mesh, *facet) {
                if !boxes[other as usize].surrounds(point) {
                    beside_it = true;
                    continue;
                }
                match inside.get().shells_at(point, work)?.get(&other) {
                    Some(Side::Inside) => within_it = true,
                    None | Some(Side::Outside) => beside_it = true,
                    Some(Side::Unsure) => {}
                }
            }
            if within_it && beside_it {
                return Some(true);
            }
        }
    }
    Some(false)
}

/// A point within a facet and one near each of its corners.
fn points(mesh: &Mesh, facet: u32) -> [[f64; 3]; 4] {
    let centre = within(mesh, facet);
    let [a, b, c] = corners(mesh, facet)
        .map(|corner| [0, 1, 2].map(|axis| 0.971 * f64::from(corner[axis]) + 0.029 * centre[axis]));
    [centre, a, b, c]
}
