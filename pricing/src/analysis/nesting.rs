//! Which shell lies inside which, and whether each is wound the way that makes sense there.
//!
//! An outer shell must face outward, a void inside it inward, a solid inside the void outward
//! again. A void wound outward is added to the volume instead of taken off, and an outer shell
//! turned inside out is taken off instead of added; no count of edges sees either. A model whose
//! shells are *all* the wrong way round is merely mirrored, and its volume is the absolute value.
//!
//! Containment is asked of points of the inner shell ([`super::inside`]), and only where the
//! bounding boxes allow it. Of two solids that cut through each other none is inside the other,
//! although points of one may be. A void that cuts through its solid is still taken for one.

use super::inside::{Inside, Side};
use super::shells::Shell;
use crate::mesh::Mesh;

/// Boxes and facets looked at before the question is left open: less than a second.
const WORK: u64 = 50_000_000;
/// Points of the inner shell tried until one does not lie on the outer one.
const POINTS: usize = 8;

/// Which shell lies inside which.
pub(super) struct Nesting {
    /// How many other shells enclose each.
    pub(super) depth: Vec<u32>,
    /// The innermost of them.
    pub(super) parent: Vec<Option<usize>>,
    /// How many shells are wound against their place.
    pub(super) misoriented: u32,
}

/// Finds out; `None` when there are too many shells. `candidates` are the pairs whose boxes meet,
/// `crossing` those that are known to cut through each other, in order.
pub(super) fn nesting(
    mesh: &Mesh,
    grouped: &Grouped,
    shells: &[Shell],
    candidates: &[(u32, u32)],
    crossing: &[(u32, u32)],
    inside: &mut Lazy<'_>,
) -> Option<Nesting> {
    let mut work = Work(WORK);
    let mut possible: Vec<Vec<u32>> = vec![vec![]; shells.len()];
    let faces_out = |shell: u32| shells[shell as usize].volume > 0.0;
    for (one, other) in candidates {
        let alike = faces_out(*one) == faces_out(*other);
        if alike && crossing.binary_search(&(*one, *other)).is_ok() {
            continue;
        }
        for (outer, inner) in [(*one, *other), (*other, *one)] {
            if may_enclose(shells, outer as usize, inner as usize) {
                possible[inner as usize].push(outer);
            }
        }
    }
    let mut found = Nesting { depth: Vec::new(), parent: Vec::new(), misoriented: 0 };
    let mut against = [0_u32; 2];
    for (inner, possible) in possible.into_iter().enumerate() {
        let enclosing = if possible.is_empty() {
            vec![]
        } else {
            enclosing(mesh, grouped.facets(inner), possible, inside.get(), &mut work)?
        };
        // Of those around it the smallest is the nearest.
        let size = |shell: &usize| shells[*shell].volume.abs();
        let parent = enclosing.iter().copied().min_by(|a, b| size(a).total_cmp(&size(b)));
        let should_face_outward = enclosing.len().is_multiple_of(2);
        // A sheet folded onto itself is a shell without inside; it faces nowhere.
        let volume = shells[inner].volume;
        if volume != 0.0 {
            against[usize::from((volume > 0.0) == should_face_outward)] += 1;
        }
        found.depth.push(u32::try_from(enclosing.len()).unwrap_or(u32::MAX));
        found.parent.push(parent);
    }
    // `against[1]` counts the shells that would be wrong if the whole model were inside out.
    found.misoriented = if against[1] == 0 { 0 } else { against[0] };
    Some(found)
}

/// Whether the boxes allow it. Points of each of two shells that cut through each other can lie inside the other one; of
/// two with the same box only the one with more in it can be around the other, so that no shell is around itself,
/// however many are in between.
fn may_enclose(shells: &[Shell], outer: usize, inner: usize) -> bool {
    let [around, within] = [outer, inner].map(|shell| &shells[shell]);
    let is_larger = || {
        let by_volume = around.volume.abs().total_cmp(&within.volume.abs());
        by_volume.then(inner.cmp(&outer)).is_gt()
    };
    around.bounds.contain(&within.bounds) && (!within.bounds.contain(&around.bounds) || is_larger())
}

/// Which of the possible shells are around the one with these facets.
fn enclosing(
    mesh: &Mesh,
    facets: &[u32],
    mut possible: Vec<u32>,
    inside: &Inside<'_>,
    work: &mut Work,
) -> Option<Vec<usize>> {
    let mut around = vec![];
    let step = facets.len().div_ceil(POINTS).max(1);
    for facet in facets.iter().step_by(step) {
        let sides = inside.shells_at(within(mesh, *facet), work)?;
        possible.retain(|shell| match sides.get(shell) {
            None | Some(Side::Outside) => false,
            Some(Side::Inside) => {
                around.push(*shell as usize);
                false
            }
            Some(Side::Unsure) => true,
        });
        if possible.is_empty() {
            break;
        }
    }
    Some(around)
}

/// A point within a facet, at no round fraction of it: what models have in common are corners,
/// middles and centres.
pub(super) fn within(mesh: &Mesh, facet: u32) -> [f64; 3] {
    let [a, b, c] = super::bvh::corners(mesh, facet).map(|corner| corner.map(f64::from));
    [0, 1, 2].map(|axis| 0.313_7 * a[axis] + 0.271_9 * b[axis] + 0.414_4 * c[axis])
}

/// The tree for asking where points lie, built when it is first needed.
pub(super) struct Lazy<'a> {
    mesh: &'a Mesh,
    shell_of: &'a [u32],
    facets: Vec<u32>,
    built: Option<Inside<'a>>,
}

impl<'a> Lazy<'a> {
    /// Of all facets of the shells that any candidate pair names.
    pub(super) fn new(
        mesh: &'a Mesh,
        shell_of: &'a [u32],
        grouped: &Grouped,
        candidates: &[(u32, u32)],
    ) -> Self {
        let mut named: Vec<u32> =
            candidates.iter().flat_map(|(one, other)| [*one, *other]).collect();
        named.sort_unstable();
        named.dedup();
        let facets =
            named.into_iter().flat_map(|shell| grouped.facets(shell as usize)).copied().collect();
        Self { mesh, shell_of, facets, built: None }
    }

    pub(super) fn get(&mut self) -> &Inside<'a> {
        let facets = &mut self.facets;
        self.built
            .get_or_insert_with(|| Inside::new(self.mesh, self.shell_of, std::mem::take(facets)))
    }
}

/// Facets ordered by shell.
pub(super) struct Grouped {
    facets: Vec<u32>,
    starts: Vec<usize>,
}

impl Grouped {
    pub(super) fn new(shell_of: &[u32], shells: &[Shell]) -> Self {
        let mut next = 0;
        let mut starts: Vec<usize> = Vec::with_capacity(shells.len() + 1);
        for shell in shells {
            starts.push(next);
            next += shell.facets;
        }
        starts.push(next);
        let mut cursor = starts.clone();
        let mut facets = vec![0; next];
        for (facet, shell) in (0_u32..).zip(shell_of) {
            if let Some(place) = shells.get(*shell as usize).and(cursor.get_mut(*shell as usize)) {
                facets[*place] = facet;
                *place += 1;
            }
        }
        Self { facets, starts }
    }

    pub(super) fn facets(&self, shell: usize) -> &[u32] {
        &self.facets[self.starts[shell]..self.starts[shell + 1]]
    }
}

/// What may still be spent.
pub(super) struct Work(pub(super) u64);

impl Work {
    /// `None` when there is not so much left.
    pub(super) fn spend(&mut self, steps: u64) -> Option<()> {
        self.0 = self.0.checked_sub(steps)?;
        Some(())
    }
}
