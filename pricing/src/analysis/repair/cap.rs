//! Closing holes.

use std::collections::HashMap;
use std::f64::consts::PI;

use super::half_edges::each_edge;
use super::pairing::Pairing;
use crate::analysis::vector::{cross, dot, length, sub};

/// Four times the mean height of a half ball over its base, in diameters: nothing bulges more.
const STEEPEST: f64 = 4.0 / 3.0;

/// What was done.
#[derive(Default)]
pub(super) struct Capped {
    pub(super) holes: u64,
    /// Area of the caps, in file units squared.
    pub(super) area: f64,
    /// Area of the largest of them.
    pub(super) largest: f64,
    /// How much volume could be between the caps and the surface that is missing.
    pub(super) bulge: f64,
}

/// An edge that a cap must have, and the facet on the other side of it.
#[derive(Clone, Copy)]
struct Rim {
    from: u32,
    to: u32,
    facet: u32,
}

/// Closes every loop of open edges with a fan around its centre, three edges with one facet.
///
/// How wrong can a flat cap be? The surface that is missing leaves the rim at some angle to the
/// cap, at most the angle at which the surface that is there arrives: it does not bend more
/// within the hole than on its rim. Over a hole as wide as a circle of its area, of diameter `d`,
/// it then rises no higher than `d/4 · tan` of that angle (the sagitta of an arc, for small
/// angles), and at most like half a ball, whose mean height is `d/3`. What is between is at most
/// the area times that.
pub(super) fn cap(positions: &mut Vec<[f32; 3]>, facets: &mut Vec<[u32; 3]>) -> Capped {
    let mut capped = Capped::default();
    for hole in loops(&rims(positions, facets)) {
        close(positions, facets, &hole, &mut capped);
    }
    capped
}

fn rims(positions: &[[f32; 3]], facets: &[[u32; 3]]) -> Vec<Rim> {
    let mut rims = vec![];
    let mut pairing = Pairing::default();
    each_edge(positions.len(), facets, |low, high, uses| {
        pairing.set(positions, facets, (low, high), uses);
        for usage in &pairing.alone {
            // The cap runs along the edge the other way.
            let (from, to) = if usage.backward { (low, high) } else { (high, low) };
            rims.push(Rim { from, to, facet: usage.facet });
        }
    });
    rims.sort_unstable_by_key(|rim| (rim.from, rim.to, rim.facet));
    rims
}

/// Takes the edges apart into loops that visit no vertex twice. Every facet is a closed path, so
/// at each vertex as many open edges end as begin, and a walk never gets stuck.
fn loops(rims: &[Rim]) -> Vec<Vec<Rim>> {
    let mut next: HashMap<u32, usize> = HashMap::new();
    for (index, rim) in rims.iter().enumerate().rev() {
        next.insert(rim.from, index);
    }
    let mut found = vec![];
    let mut used = vec![false; rims.len()];
    for start in 0..rims.len() {
        if used[start] {
            continue;
        }
        let mut path: Vec<Rim> = vec![];
        let mut visited: HashMap<u32, usize> = HashMap::new();
        let mut here = rims[start].from;
        while let Some(index) = take(rims, &mut next, here) {
            used[index] = true;
            let rim = rims[index];
            visited.insert(here, path.len());
            path.push(rim);
            here = rim.to;
            if let Some(from) = visited.get(&here).copied() {
                let hole = path.split_off(from);
                for rim in &hole {
                    visited.remove(&rim.from);
                }
                found.push(hole);
            }
        }
    }
    found
}

/// The next edge out of a vertex that was not used yet.
fn take(rims: &[Rim], next: &mut HashMap<u32, usize>, from: u32) -> Option<usize> {
    let index = *next.get(&from)?;
    if rims.get(index + 1).is_some_and(|rim| rim.from == from) {
        next.insert(from, index + 1);
    } else {
        next.remove(&from);
    }
    Some(index)
}

fn close(
    positions: &mut Vec<[f32; 3]>,
    facets: &mut Vec<[u32; 3]>,
    hole: &[Rim],
    capped: &mut Capped,
) {
    let new: Vec<[u32; 3]> = match hole {
        [] | [_] | [_, _] => return,
        [a, b, c] => vec![[a.from, b.from, c.from]],
        _ => {
            let Ok(centre) = u32::try_from(positions.len()) else { return };
            positions.push(middle(positions, hole));
            hole.iter().map(|rim| [rim.from, rim.to, centre]).collect()
        }
    };
    capped.holes += 1;
    let area: f64 = new.iter().map(|facet| super::area(positions, *facet)).sum();
    let mut steepest = 0.0_f64;
    for (index, rim) in hole.iter().enumerate() {
        let own = super::normal(positions, new[index.min(new.len() - 1)]);
        let there = super::normal(positions, facets[rim.facet as usize]);
        steepest = steepest.max(tangent(own, there));
    }
    capped.area += area;
    capped.largest = capped.largest.max(area);
    capped.bulge += area * (area / PI).sqrt() / 2.0 * steepest;
    facets.extend(new);
}

/// The tangent of the angle between two normals, at most [`STEEPEST`]; 0 for slivers.
fn tangent(a: [f64; 3], b: [f64; 3]) -> f64 {
    let (along, across) = (dot(a, b), length(cross(a, b)));
    if across == 0.0 && along >= 0.0 {
        0.0
    } else if along * STEEPEST <= across {
        STEEPEST
    } else {
        across / along
    }
}

/// The centre of the rim, each edge counting with its length.
#[expect(clippy::cast_possible_truncation, reason = "rounding to the precision of the mesh")]
fn middle(positions: &[[f32; 3]], hole: &[Rim]) -> [f32; 3] {
    let at = |vertex: u32| positions[vertex as usize].map(f64::from);
    let (mut sum, mut weights) = ([0.0; 3], 0.0);
    for rim in hole {
        let (from, to) = (at(rim.from), at(rim.to));
        let weight = length(sub(to, from));
        weights += weight;
        for axis in 0..3 {
            sum[axis] += f64::midpoint(from[axis], to[axis]) * weight;
        }
    }
    if weights > 0.0 {
        sum.map(|coordinate| (coordinate / weights) as f32)
    } else {
        positions[hole[0].from as usize]
    }
}
