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

/// How many shells are wound against their place; `None` when there are too many to find out.
pub(super) fn misoriented(mesh: &Mesh, shell_of: &[u32], shells: &[Shell]) -> Option<u32> {
    if shells.len() < 2 {
        return Some(0);
    }
    let mut work = Work(WORK);
    let grouped = Grouped::new(shell_of, shells);
    let mut against = [0_u32; 2];
    // A sheet folded onto itself is a shell without inside; it faces nowhere.
    for (index, inner) in shells.iter().enumerate().filter(|(_, shell)| shell.volume != 0.0) {
        let depth = depth(mesh, &grouped, shells, index, &mut work)?;
        let faces_outward = inner.volume > 0.0;
        let should_face_outward = depth % 2 == 0;
        against[usize::from(faces_outward == should_face_outward)] += 1;
    }
    // `against[1]` counts the shells that would be wrong if the whole model were inside out.
    Some(if against[1] == 0 { 0 } else { against[0] })
}

/// How many other shells enclose this one.
fn depth(
    mesh: &Mesh,
    grouped: &Grouped,
    shells: &[Shell],
    inner: usize,
    work: &mut Work,
) -> Option<usize> {
    let mut depth = 0;
    work.spend(shells.len() as u64)?;
    for (outer, shell) in shells.iter().enumerate() {
        if outer != inner && shell.bounds.contain(&shells[inner].bounds) {
            depth += usize::from(encloses(mesh, grouped, outer, inner, work)?);
        }
    }
    Some(depth)
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
fn winding(mesh: &Mesh, facets: &[u32], point: [f64; 3]) -> f64 {
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
struct Grouped {
    facets: Vec<u32>,
    starts: Vec<usize>,
}

impl Grouped {
    fn new(shell_of: &[u32], shells: &[Shell]) -> Self {
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

    fn facets(&self, shell: usize) -> &[u32] {
        &self.facets[self.starts[shell]..self.starts[shell + 1]]
    }
}

/// What may still be spent.
struct Work(u64);

impl Work {
    fn spend(&mut self, steps: u64) -> Option<()> {
        self.0 = self.0.checked_sub(steps)?;
        Some(())
    }
}
