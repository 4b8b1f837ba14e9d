//! Which facets belong together at an edge.

use super::half_edges::Use;
use crate::analysis::vector::{cross, dot, length, sub};

/// Facets at an edge: those that bound the same solid in pairs, and those left alone.
#[derive(Default)]
pub(super) struct Pairing {
    pub(super) pairs: Vec<(u32, u32)>,
    /// All of these run the same way.
    pub(super) alone: Vec<Use>,
}

impl Pairing {
    /// Pairs the uses of the edge from `low` to `high`.
    ///
    /// Around the edge, seen against its direction, a facet that runs backward along it begins a
    /// solid and one that runs forward ends it; so each forward one goes with the nearest backward
    /// one before it that is still free. Two solids that touch along the edge come apart, and what
    /// does not match up is open.
    pub(super) fn set(
        &mut self,
        positions: &[[f32; 3]],
        facets: &[[u32; 3]],
        (low, high): (u32, u32),
        uses: &[Use],
    ) {
        self.pairs.clear();
        self.alone.clear();
        match uses {
            [only] => self.alone.push(*only),
            [one, other] if one.backward != other.backward => {
                self.pairs.push((one.facet, other.facet));
            }
            _ => self.by_angle(positions, facets, (low, high), uses),
        }
    }

    fn by_angle(
        &mut self,
        positions: &[[f32; 3]],
        facets: &[[u32; 3]],
        (low, high): (u32, u32),
        uses: &[Use],
    ) {
        let at = |vertex: u32| positions[vertex as usize].map(f64::from);
        let (origin, axis) = (at(low), sub(at(high), at(low)));
        let [across, beyond] = frame(axis);
        let mut ordered: Vec<(f64, Use)> = uses
            .iter()
            .map(|usage| {
                let third = facets[usage.facet as usize]
                    .into_iter()
                    .find(|vertex| *vertex != low && *vertex != high)
                    .unwrap_or(low);
                let arm = sub(at(third), origin);
                (dot(arm, beyond).atan2(dot(arm, across)), *usage)
            })
            .collect();
        ordered.sort_by(|(a, one), (b, other)| a.total_cmp(b).then(one.facet.cmp(&other.facet)));
        let mut free = vec![true; ordered.len()];
        let mut waiting: Vec<usize> = vec![];
        // Twice around: what begins near the end of the circle may end at its start.
        for place in (0..ordered.len()).chain(0..ordered.len()) {
            if !free[place] {
                continue;
            }
            if ordered[place].1.backward {
                if !waiting.contains(&place) {
                    waiting.push(place);
                }
            } else if let Some(begun) = waiting.pop() {
                free[begun] = false;
                free[place] = false;
                self.pairs.push((ordered[begun].1.facet, ordered[place].1.facet));
            }
        }
        let alone = ordered.iter().zip(free).filter(|(_, free)| *free);
        self.alone.extend(alone.map(|((_, usage), _)| *usage));
    }
}

/// Two directions that make a right-handed frame with `axis`; not of unit length.
fn frame(axis: [f64; 3]) -> [[f64; 3]; 2] {
    let [x, y, z] = axis.map(f64::abs);
    let helper = if x <= y && x <= z {
        [1.0, 0.0, 0.0]
    } else if y <= z {
        [0.0, 1.0, 0.0]
    } else {
        [0.0, 0.0, 1.0]
    };
    let across = cross(helper, axis);
    let beyond = cross(axis, across);
    let unit = |vector: [f64; 3]| {
        let long = length(vector);
        if long > 0.0 { vector.map(|x| x / long) } else { vector }
    };
    [unit(across), unit(beyond)]
}
