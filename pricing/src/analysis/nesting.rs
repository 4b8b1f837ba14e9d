//! Which shell lies inside which, and whether each is wound the way that makes sense there.
//!
//! An outer shell must face outward, a void inside it inward, a solid inside the void outward
//! again. A void wound outward is added to the volume instead of taken off, and an outer shell
//! turned inside out is taken off instead of added; no count of edges sees either. A model whose
//! shells are *all* the wrong way round is merely mirrored, and its volume is the absolute value.
//!
//! Containment is decided by the winding number of the outer shell around a corner of the inner
//! one (solid angles after van Oosterom and Strackee, *The Solid Angle of a Plane Triangle*, IEEE
//! Trans. Biomed. Eng. 30, 1983), and only where the bounding boxes allow it. Shells are taken not
//! to cut through each other.

use std::f64::consts::PI;

use super::shells::Shell;
use super::vector::{cross, dot, length, sub};
use crate::mesh::Mesh;

/// Comparisons of boxes after which the question is left open: less than a second.
const WORK: u64 = 200_000_000;
/// What visiting a facet costs, in comparisons of boxes.
const VISIT: u64 = 16;
/// Corners of the inner shell tried until one does not lie on the outer one.
const CORNERS: usize = 8;

/// Which shell lies inside which.
pub(super) struct Nesting {
    /// How many other shells enclose each.
    pub(super) depth: Vec<u32>,
    /// The innermost of them.
    pub(super) parent: Vec<Option<usize>>,
    /// How many shells are wound against their place.
    pub(super) misoriented: u32,
}

/// Finds out; `None` when there are too many shells.
pub(super) fn nesting(mesh: &Mesh, grouped: &Grouped, shells: &[Shell]) -> Option<Nesting> {
    let mut work = Work(WORK);
    let mut found = Nesting { depth: Vec::new(), parent: Vec::new(), misoriented: 0 };
    let mut against = [0_u32; 2];
    for (index, inner) in shells.iter().enumerate() {
        let enclosing = enclosing(mesh, grouped, shells, index, &mut work)?;
        // Of those around it the smallest is the nearest.
        let size = |shell: &usize| shells[*shell].volume.abs();
        let parent = enclosing.iter().copied().min_by(|a, b| size(a).total_cmp(&size(b)));
        let should_face_outward = enclosing.len() % 2 == 0;
        // A sheet folded onto itself is a shell without inside; it faces nowhere.
        if inner.volume != 0.0 {
            against[usize::from((inner.volume > 0.0) == should_face_outward)] += 1;
        }
        found.depth.push(u32::try_from(enclosing.len()).unwrap_or(u32::MAX));
        found.parent.push(parent);
    }
    // `against[1]` counts the shells that would be wrong if the whole model were inside out.
    found.misoriented = if against[1] == 0 { 0 } else { against[0] };
    Some(found)
}

/// The other shells around this one.
fn enclosing(
    mesh: &Mesh,
    grouped: &Grouped,
    shells: &[Shell],
    inner: usize,
    work: &mut Work,
) -> Option<Vec<usize>> {
    let mut around = vec![];
    work.spend(shells.len() as u64)?;
    if shells[inner].volume == 0.0 {
        return Some(around);
    }
    for (outer, shell) in shells.iter().enumerate() {
        if outer != inner
            && shell.bounds.contain(&shells[inner].bounds)
            && encloses(mesh, grouped, outer, inner, work)?
        {
            around.push(outer);
        }
    }
    Some(around)
}

fn encloses(
    mesh: &Mesh,
    grouped: &Grouped,
    outer: usize,
    inner: usize,
    work: &mut Work,
) -> Option<bool> {
    for facet in grouped.facets(inner).iter().take(CORNERS) {
        let corner = mesh.facets()[*facet as usize][0];
        let point = mesh.vertices()[corner as usize].map(f64::from);
        work.spend(grouped.facets(outer).len() as u64 * VISIT)?;
        let turns = winding(mesh, grouped.facets(outer), point);
        let whole = turns.round();
        // A point on the surface sees a fraction of the sphere.
        if (turns - whole).abs() < 0.01 {
            return Some(whole != 0.0);
        }
    }
    Some(false)
}

/// How often the surface goes around the point.
pub(super) fn winding(mesh: &Mesh, facets: &[u32], point: [f64; 3]) -> f64 {
    let angle = |facet: &u32| {
        let corners = mesh.facets()[*facet as usize];
        let [a, b, c] =
            corners.map(|corner| sub(mesh.vertices()[corner as usize].map(f64::from), point));
        let (la, lb, lc) = (length(a), length(b), length(c));
        let volume = dot(a, cross(b, c));
        volume.atan2(la * lb * lc + dot(a, b) * lc + dot(b, c) * la + dot(c, a) * lb)
    };
    facets.iter().map(angle).sum::<f64>() / (2.0 * PI)
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
