//! In which shells a point lies.
//!
//! Lines through the point along the three axes are followed through a tree of boxes; each says of
//! every shell how often it goes around the point: facets above that face up, less those that
//! face down. A shell counts as passed an equal number of times upward and downward by the whole
//! line, or the line says nothing about it; nor does it where the shell passes the point itself.
//! Only when all three lines agree is the answer used. One point asks for all shells at once, so
//! a ring with a thousand stones costs a thousand questions and not a million comparisons.

use std::collections::BTreeMap;

use super::bvh::{Bvh, corners};
use super::flat::Flat;
use super::nesting::Work;
use crate::mesh::Mesh;

/// Nearer than this share of the box's diagonal a surface passes the point itself.
const ON_IT: f64 = 1e-7;

/// Where a point lies in relation to one shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Inside,
    Outside,
    /// On the surface, or too near to tell.
    Unsure,
}

/// Answers the question for the shells it was made of.
pub(super) struct Inside<'mesh> {
    mesh: &'mesh Mesh,
    shell_of: &'mesh [u32],
    tree: Bvh,
    on_it: f64,
}

/// How a shell passes a line.
#[derive(Clone, Copy, Default)]
struct Passes {
    below: i32,
    above: i32,
    here: bool,
}

impl<'mesh> Inside<'mesh> {
    pub(super) fn new(mesh: &'mesh Mesh, shell_of: &'mesh [u32], facets: Vec<u32>) -> Self {
        let tree = Bvh::new(mesh, facets);
        let on_it = ON_IT * tree.bounds(Bvh::ROOT).diagonal();
        Self { mesh, shell_of, tree, on_it }
    }

    /// The shells around a point or passing it; all others it lies outside of. `None` when the
    /// work ran out.
    pub(super) fn shells_at(
        &self,
        point: [f64; 3],
        work: &mut Work,
    ) -> Option<BTreeMap<u32, Side>> {
        let mut sides: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
        for axis in 0..3 {
            for (shell, passes) in self.line(point, axis, work)? {
                let (inside, unsure) = sides.entry(shell).or_default();
                if passes.here || passes.below + passes.above != 0 {
                    *unsure += 1;
                } else if passes.above != 0 {
                    *inside += 1;
                }
            }
        }
        let judged = sides.into_iter().map(|(shell, (inside, unsure))| {
            let side = match (inside, unsure) {
                (3, 0) => Side::Inside,
                (0, 0) => Side::Outside,
                _ => Side::Unsure,
            };
            (shell, side)
        });
        Some(judged.collect())
    }

    fn line(&self, point: [f64; 3], axis: usize, work: &mut Work) -> Option<BTreeMap<u32, Passes>> {
        let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
        let mut found: BTreeMap<u32, Passes> = BTreeMap::new();
        let mut open = vec![Bvh::ROOT];
        while let Some(node) = open.pop() {
            work.spend(1)?;
            let bounds = self.tree.bounds(node);
            let beside = [u, v].into_iter().any(|other| {
                point[other] < f64::from(bounds.low[other])
                    || point[other] > f64::from(bounds.high[other])
            });
            if beside {
                continue;
            }
            let Some(facets) = self.tree.facets(node) else {
                open.extend(Bvh::children(node));
                continue;
            };
            work.spend(facets.len() as u64)?;
            for facet in facets {
                let (flat, heights) =
                    Flat::of(corners(self.mesh, *facet).map(|corner| corner.map(f64::from)), axis);
                let (numbers, area) = (self.mesh.facets()[*facet as usize], flat.area());
                let at = [point[u], point[v]];
                let Some(height) = flat.height(numbers, at, heights, area) else { continue };
                let passes = found.entry(self.shell_of[*facet as usize]).or_default();
                passes.here |= (height - point[axis]).abs() <= self.on_it;
                let side = if height > point[axis] { &mut passes.above } else { &mut passes.below };
                *side += if area > 0.0 { 1 } else { -1 };
            }
        }
        Some(found)
    }
}
