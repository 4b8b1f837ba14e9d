//! How thick the walls are.
//!
//! From points on the surface a ray goes straight inward to where it first meets the surface
//! again. The points are a fixed sequence: facets in file order, each as often as its area calls
//! for, and within a facet by the additive recurrence of the plastic number (Roberts, *The
//! Unreasonable Effectiveness of Quasirandom Sequences*, 2018). The same file gives the same
//! numbers.
//!
//! The least of the distances says nothing: next to every sharp edge it is almost nothing, on a
//! sound keychain a two-hundredth of a millimetre. What is reported are percentiles of the area
//! and the share of the area below a limit.

use serde::{Deserialize, Serialize};

use super::bvh::{Box3, Bvh, corners};
use super::edges::takes_part;
use super::vector::{cross, dot, length, sub};
use crate::mesh::Mesh;

/// Points on the surface.
const POINTS: usize = 5_000;
/// Nearer than this share of the box's diagonal a ray has not left its own facet.
const NO_DISTANCE: f64 = 1e-6;
/// The plastic number's powers: the step from one point of the sequence to the next.
const STEP: [f64; 2] = [0.754_877_666_246_692_7, 0.569_840_290_998_053_2];

/// Distances through the material, in mm, in order; each stands for the same area.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thickness {
    /// A hundredth of the surface has less behind it: the estimate of the thinnest wall.
    pub p1_mm: f64,
    /// A twentieth of the surface has less behind it.
    pub p5_mm: f64,
    /// Half of the surface has less behind it.
    pub median_mm: f64,
    /// A tenth of the surface has more behind it.
    pub p90_mm: f64,
    /// Points from which the far side was found.
    pub points: u32,
    #[serde(skip)]
    distances: Vec<f32>,
}

impl Thickness {
    /// What share of the surface has less than `limit_mm` behind it.
    pub fn share_below(&self, limit_mm: f64) -> f64 {
        let below = self.distances.partition_point(|distance| f64::from(*distance) < limit_mm);
        share(below, self.distances.len())
    }

    /// What share of the surface has more than `limit_mm` behind it.
    pub fn share_above(&self, limit_mm: f64) -> f64 {
        let upto = self.distances.partition_point(|distance| f64::from(*distance) <= limit_mm);
        share(self.distances.len() - upto, self.distances.len())
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most POINTS")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Measures; `scale` is millimetres in a file unit, `inside_out` says that the normals point
/// inward. `None` when no ray met anything.
pub(crate) fn thickness(mesh: &Mesh, scale: f64, inside_out: bool) -> Option<Thickness> {
    let facets: Vec<u32> =
        (0..).zip(mesh.facets()).filter(|(_, facet)| takes_part(facet)).map(|(i, _)| i).collect();
    let diagonal = Box3::of(mesh.vertices()).diagonal();
    let starts = starts(mesh, &facets);
    let tree = Bvh::new(mesh, facets);
    let mut distances: Vec<f32> = starts
        .into_iter()
        .filter_map(|Start { point, normal }| {
            let direction = if inside_out { normal } else { normal.map(|x| -x) };
            first_hit(mesh, &tree, point, direction, NO_DISTANCE * diagonal)
        })
        .map(|distance| narrow(distance * scale))
        .collect();
    distances.sort_unstable_by(f32::total_cmp);
    let at = |percent: usize| {
        let place = (distances.len() * percent / 100).min(distances.len().saturating_sub(1));
        distances.get(place).copied().map(f64::from)
    };
    Some(Thickness {
        p1_mm: at(1)?,
        p5_mm: at(5)?,
        median_mm: at(50)?,
        p90_mm: at(90)?,
        points: u32::try_from(distances.len()).unwrap_or(u32::MAX),
        distances,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "seven digits of a distance are enough")]
fn narrow(distance: f64) -> f32 {
    distance as f32
}

/// Where a ray begins.
struct Start {
    point: [f64; 3],
    /// Of unit length.
    normal: [f64; 3],
}

#[expect(clippy::cast_precision_loss, reason = "at most POINTS")]
fn starts(mesh: &Mesh, facets: &[u32]) -> Vec<Start> {
    let double_area = |facet: u32| {
        let [a, b, c] = corners(mesh, facet).map(|corner| corner.map(f64::from));
        length(cross(sub(b, a), sub(c, a)))
    };
    let total: f64 = facets.iter().map(|facet| double_area(*facet)).sum();
    let mut starts = Vec::with_capacity(POINTS);
    let (mut passed, mut next) = (0.0, 0_usize);
    for facet in facets {
        passed += double_area(*facet);
        while next < POINTS && total * (next as f64 + 0.5) / (POINTS as f64) < passed {
            starts.extend(start(corners(mesh, *facet), next as f64));
            next += 1;
        }
    }
    starts
}

fn start(triangle: [[f32; 3]; 3], number: f64) -> Option<Start> {
    let [a, b, c] = triangle.map(|corner| corner.map(f64::from));
    let (along, across) = (sub(b, a), sub(c, a));
    let normal = cross(along, across);
    let long = length(normal);
    if long == 0.0 {
        return None;
    }
    // Half of the square is folded over onto the triangle.
    let mut place = STEP.map(|step| (0.5 + step * number).fract());
    if place[0] + place[1] > 1.0 {
        place = place.map(|x| 1.0 - x);
    }
    let point = [0, 1, 2].map(|axis| a[axis] + place[0] * along[axis] + place[1] * across[axis]);
    Some(Start { point, normal: normal.map(|x| x / long) })
}

/// The distance to the first facet beyond `nearest`, along a direction of unit length.
fn first_hit(
    mesh: &Mesh,
    tree: &Bvh,
    from: [f64; 3],
    direction: [f64; 3],
    nearest: f64,
) -> Option<f64> {
    let inverse = direction.map(|x| 1.0 / x);
    let mut best = f64::INFINITY;
    let mut open = vec![(Bvh::ROOT, 0.0)];
    while let Some((node, reached)) = open.pop() {
        if reached > best {
            continue;
        }
        if let Some(facets) = tree.facets(node) {
            for facet in facets {
                let triangle = corners(mesh, *facet).map(|corner| corner.map(f64::from));
                if let Some(distance) = meets(&triangle, from, direction)
                    && distance > nearest
                    && distance < best
                {
                    best = distance;
                }
            }
            continue;
        }
        let mut children =
            Bvh::children(node).map(|child| (child, entered(tree.bounds(child), from, inverse)));
        // The nearer one is looked at first, so it is put on top.
        if children[0].1 < children[1].1 {
            children.swap(0, 1);
        }
        open.extend(children.into_iter().filter(|(_, reached)| *reached < best));
    }
    best.is_finite().then_some(best)
}

/// The distance at which a ray enters a box; infinite when it does not.
fn entered(bounds: &Box3, from: [f64; 3], inverse: [f64; 3]) -> f64 {
    // The last leaves of a tree may be empty: from minus infinity to infinity, they would be in every ray's way.
    if bounds.low[0] > bounds.high[0] {
        return f64::INFINITY;
    }
    let (mut enter, mut leave) = (0.0_f64, f64::INFINITY);
    for axis in 0..3 {
        let (low, high) = (f64::from(bounds.low[axis]), f64::from(bounds.high[axis]));
        if inverse[axis].is_infinite() {
            // The ray runs along the sides of this axis: between them or not.
            if from[axis] < low || high < from[axis] {
                return f64::INFINITY;
            }
            continue;
        }
        let one = (low - from[axis]) * inverse[axis];
        let other = (high - from[axis]) * inverse[axis];
        enter = enter.max(one.min(other));
        leave = leave.min(one.max(other));
    }
    if enter <= leave * (1.0 + 1e-12) { enter } else { f64::INFINITY }
}

/// Möller and Trumbore, *Fast, Minimum Storage Ray/Triangle Intersection*, 1997; edges belong to
/// the triangle, so that no ray slips between two.
fn meets(triangle: &[[f64; 3]; 3], from: [f64; 3], direction: [f64; 3]) -> Option<f64> {
    const EDGE: f64 = 1e-9;
    let [corner, next, last] = *triangle;
    let (along, across) = (sub(next, corner), sub(last, corner));
    let sideways = cross(direction, across);
    let determinant = dot(along, sideways);
    if determinant == 0.0 {
        return None;
    }
    let away = sub(from, corner);
    let u = dot(away, sideways) / determinant;
    let upward = cross(away, along);
    let v = dot(direction, upward) / determinant;
    let inside = u >= -EDGE && v >= -EDGE && u + v <= 1.0 + EDGE;
    inside.then(|| dot(across, upward) / determinant)
}
