//! How two triangles lie to each other.
//!
//! The interval test of Möller, *A Fast Triangle-Triangle Intersection Test* (Journal of Graphics
//! Tools 2, 1997), with signs that are certain: a corner is on one side of a plane only where the
//! determinant exceeds what rounding can have made of it (after Shewchuk, *Adaptive Precision
//! Floating-Point Arithmetic and Fast Robust Geometric Predicates*, 1997); otherwise it lies in
//! the plane. What is called a crossing therefore is one; what cannot be told from touching is
//! called touching.

use super::vector::{cross, dot, sub};

/// Rounding of an orientation determinant relative to the sum of the absolute values of its terms.
const ROUNDING: f64 = 16.0 * f64::EPSILON;
/// Lengths below this share of the triangles' size are no length.
const NO_LENGTH: f64 = 1e-10;

/// Three corners.
pub(super) type Triangle = [[f64; 3]; 3];

/// How two triangles lie to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// They share nothing.
    Apart,
    /// They share a point, a part of an edge, or lie face to face.
    Touching,
    /// Each goes through the other, or they lie on each other facing the same way: the solids
    /// behind them share room.
    Crossing,
}

pub(super) fn relation(first: &Triangle, second: &Triangle) -> Relation {
    let (first_normal, second_normal) = (normal(first), normal(second));
    if is_zero(first_normal) || is_zero(second_normal) {
        return Relation::Apart; // a sliver without area bounds no solid; its neighbours speak for it
    }
    let above_second = sides(second, first);
    if all_on_one_side(above_second) {
        return Relation::Apart;
    }
    let above_first = sides(first, second);
    if all_on_one_side(above_first) {
        return Relation::Apart;
    }
    if is_zero(above_second) || is_zero(above_first) {
        return in_one_plane(first, second, first_normal, dot(first_normal, second_normal) > 0.0);
    }
    let line = cross(first_normal, second_normal);
    let axis = largest(line);
    let (Some(one), Some(other)) =
        (interval(first, above_second, axis), interval(second, above_first, axis))
    else {
        return Relation::Apart;
    };
    let shared = one[1].min(other[1]) - one[0].max(other[0]);
    let nothing = NO_LENGTH * size(first).max(size(second));
    if shared < -nothing {
        Relation::Apart
    } else if shared > nothing && straddles(above_second) && straddles(above_first) {
        Relation::Crossing
    } else {
        Relation::Touching
    }
}

fn normal([a, b, c]: &Triangle) -> [f64; 3] {
    cross(sub(*b, *a), sub(*c, *a))
}

fn is_zero(vector: [f64; 3]) -> bool {
    vector.iter().all(|component| *component == 0.0)
}

/// On which side of the plane each corner lies, as a determinant; 0 where that is uncertain.
fn sides(plane: &Triangle, corners: &Triangle) -> [f64; 3] {
    corners.map(|corner| {
        let [a, b, c] = plane.map(|point| sub(point, corner));
        let terms = cross(b, c);
        let value = dot(a, terms);
        let sizes = [0, 1, 2].map(|axis| {
            let (next, last) = ((axis + 1) % 3, (axis + 2) % 3);
            a[axis].abs() * ((b[next] * c[last]).abs() + (b[last] * c[next]).abs())
        });
        if value.abs() > ROUNDING * (sizes[0] + sizes[1] + sizes[2]) { value } else { 0.0 }
    })
}

fn all_on_one_side(sides: [f64; 3]) -> bool {
    sides.iter().all(|side| *side > 0.0) || sides.iter().all(|side| *side < 0.0)
}

fn straddles(sides: [f64; 3]) -> bool {
    sides.iter().any(|side| *side > 0.0) && sides.iter().any(|side| *side < 0.0)
}

fn largest(vector: [f64; 3]) -> usize {
    let [x, y, z] = vector.map(f64::abs);
    if x >= y && x >= z {
        0
    } else if y >= z {
        1
    } else {
        2
    }
}

/// Where the triangle meets the other's plane, along an axis.
fn interval(triangle: &Triangle, sides: [f64; 3], axis: usize) -> Option<[f64; 2]> {
    let mut found: Option<[f64; 2]> = None;
    let mut note = |at: f64| {
        let [low, high] = found.unwrap_or([at, at]);
        found = Some([low.min(at), high.max(at)]);
    };
    for (here, there) in [(0, 1), (1, 2), (2, 0)] {
        let (from, to) = (triangle[here][axis], triangle[there][axis]);
        if sides[here] == 0.0 {
            note(from);
        }
        if sides[here] * sides[there] < 0.0 {
            note(from + (to - from) * sides[here] / (sides[here] - sides[there]));
        }
    }
    found
}

fn size(triangle: &Triangle) -> f64 {
    let mut size = 0.0_f64;
    for axis in 0..3 {
        let [a, b, c] = triangle.map(|corner| corner[axis]);
        size = size.max(a.max(b).max(c) - a.min(b).min(c));
    }
    size
}

fn in_one_plane(first: &Triangle, second: &Triangle, normal: [f64; 3], same_way: bool) -> Relation {
    let dropped = largest(normal);
    let flat = |triangle: &Triangle| {
        triangle.map(|corner| [corner[(dropped + 1) % 3], corner[(dropped + 2) % 3]])
    };
    let (one, other) = (flat(first), flat(second));
    let nothing = NO_LENGTH * size(first).max(size(second)).powi(2);
    let gap = separation(&one, &other).max(separation(&other, &one));
    if gap > nothing {
        Relation::Apart
    } else if gap < -nothing && same_way {
        Relation::Crossing
    } else {
        Relation::Touching
    }
}

/// How far beyond the edge of `one` that best separates them the whole of `other` lies, times the
/// edge's length; negative when no edge of `one` separates them.
fn separation(one: &[[f64; 2]; 3], other: &[[f64; 2]; 3]) -> f64 {
    let across = |a: [f64; 2], b: [f64; 2], p: [f64; 2]| {
        (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    };
    let turn = if across(one[0], one[1], one[2]) < 0.0 { -1.0 } else { 1.0 };
    let mut best = f64::NEG_INFINITY;
    for (here, there) in [(0, 1), (1, 2), (2, 0)] {
        let nearest = other
            .iter()
            .map(|point| -turn * across(one[here], one[there], *point))
            .fold(f64::INFINITY, f64::min);
        best = best.max(nearest);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAT: Triangle = [[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [0.0, 4.0, 0.0]];

    fn with(second: Triangle) -> Relation {
        let one = relation(&FLAT, &second);
        assert_eq!(relation(&second, &FLAT), one, "the same seen from the other");
        one
    }

    #[test]
    fn one_going_through_the_other_crosses_it() {
        assert_eq!(with([[1.0, 1.0, -1.0], [1.0, 1.0, 1.0], [2.0, 1.0, 1.0]]), Relation::Crossing);
    }

    #[test]
    fn standing_on_it_or_sharing_an_edge_is_touching() {
        assert_eq!(with([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [2.0, 1.0, 1.0]]), Relation::Touching);
        assert_eq!(with([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [0.0, 0.0, 4.0]]), Relation::Touching);
    }

    #[test]
    fn in_one_plane_it_depends_on_which_way_they_face() {
        let [a, b, c] = FLAT.map(|[x, y, z]| [x + 0.5, y + 0.5, z]);
        assert_eq!(with([a, b, c]), Relation::Crossing);
        assert_eq!(with([a, c, b]), Relation::Touching);
        assert_eq!(with([[4.0, 0.0, 0.0], [4.0, 4.0, 0.0], [0.0, 4.0, 0.0]]), Relation::Touching);
        assert_eq!(with(FLAT.map(|[x, y, z]| [x + 9.0, y, z])), Relation::Apart);
    }

    #[test]
    fn above_it_or_beside_it_is_apart() {
        assert_eq!(with(FLAT.map(|[x, y, z]| [x, y, z + 1.0])), Relation::Apart);
        assert_eq!(with([[9.0, 1.0, -1.0], [9.0, 1.0, 1.0], [9.5, 1.0, 1.0]]), Relation::Apart);
    }
}
