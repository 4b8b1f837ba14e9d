//! Sums over the facets of a file, in file order.
//!
//! Plain inside a chunk, compensated between chunks. Volume is summed about a corner of the model,
//! so that a small part far from the origin loses nothing, together with the sum of the normals,
//! which is all that is needed to say afterwards what it is about any other point.

use crate::analysis::shells::Bounds;
use crate::analysis::sum::Sum;
use crate::analysis::vector::{cross, dot, is_zero, length, sub};
use crate::mesh::stl_binary::{RECORD, corners};
use crate::mesh::weld::canonical;

/// The point the volume of a file is first summed about: its first corner.
pub(crate) fn reference(first: &[u8; RECORD]) -> [f64; 3] {
    let [corner, ..] = corners(first);
    if corner.iter().all(|coordinate| coordinate.is_finite()) {
        corner.map(f64::from)
    } else {
        [0.0; 3]
    }
}

/// Sums over the facets of one chunk.
#[derive(Debug, Clone)]
pub(crate) struct ChunkSums {
    reference: [f64; 3],
    facets: usize,
    not_finite: u64,
    zero_area: u64,
    dropped: u64,
    six_volumes: f64,
    two_areas: f64,
    normals: [f64; 3],
    two_sided: [f64; 3],
    low: [f32; 9],
    high: [f32; 9],
}

impl ChunkSums {
    pub(crate) fn about(reference: [f64; 3]) -> Self {
        Self {
            reference,
            facets: 0,
            not_finite: 0,
            zero_area: 0,
            dropped: 0,
            six_volumes: 0.0,
            two_areas: 0.0,
            normals: [0.0; 3],
            two_sided: [0.0; 3],
            low: [f32::INFINITY; 9],
            high: [f32::NEG_INFINITY; 9],
        }
    }

    pub(crate) fn facets(&self) -> usize {
        self.facets
    }

    pub(crate) fn not_finite(&self) -> u64 {
        self.not_finite
    }

    pub(crate) fn add(&mut self, records: &[[u8; RECORD]]) {
        self.facets += records.len();
        for record in records {
            let corners = corners(record);
            if corners.as_flattened().iter().all(|coordinate| coordinate.is_finite()) {
                self.add_facet(corners);
            } else {
                self.not_finite += 1;
            }
        }
    }

    #[inline]
    fn add_facet(&mut self, corners: [[f32; 3]; 3]) {
        for (index, coordinate) in corners.as_flattened().iter().enumerate() {
            self.low[index] = self.low[index].min(*coordinate);
            self.high[index] = self.high[index].max(*coordinate);
        }
        let [a, b, c] = corners.map(|corner| sub(corner.map(f64::from), self.reference));
        let normal = cross(sub(b, a), sub(c, a));
        self.six_volumes += dot(a, normal);
        self.two_areas += length(normal);
        for (axis, component) in normal.into_iter().enumerate() {
            self.normals[axis] += component;
            self.two_sided[axis] += component.abs();
        }
        if is_zero(normal) {
            let [a, b, c] = corners.map(|corner| canonical(corner).map(f32::to_bits));
            self.zero_area += 1;
            self.dropped += u64::from(a == b || b == c || c == a);
        }
    }

    fn bounds(&self) -> Bounds {
        let mut bounds = Bounds::NOTHING;
        bounds.add_all(self.low.as_chunks().0);
        bounds.add_all(self.high.as_chunks().0);
        bounds
    }
}

/// Sums over a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Totals {
    pub(crate) facets: u64,
    pub(crate) not_finite: u64,
    pub(crate) zero_area: u64,
    /// Facets with two equal corners.
    pub(crate) dropped: u64,
    pub(crate) bounds: Bounds,
    reference: [f64; 3],
    six_volumes: Sum,
    two_areas: Sum,
    normals: [Sum; 3],
    two_sided: [Sum; 3],
}

impl Totals {
    /// Of nothing yet; `reference` is the point of all chunks.
    pub(crate) fn about(reference: [f64; 3]) -> Self {
        Self {
            facets: 0,
            not_finite: 0,
            zero_area: 0,
            dropped: 0,
            bounds: Bounds::NOTHING,
            reference,
            six_volumes: Sum::NOTHING,
            two_areas: Sum::NOTHING,
            normals: [Sum::NOTHING; 3],
            two_sided: [Sum::NOTHING; 3],
        }
    }

    /// Adds the next chunk of the file.
    pub(crate) fn add(&mut self, chunk: &ChunkSums) {
        self.facets += chunk.facets as u64;
        self.not_finite += chunk.not_finite;
        self.zero_area += chunk.zero_area;
        self.dropped += chunk.dropped;
        self.bounds.join(&chunk.bounds());
        self.six_volumes.add(chunk.six_volumes);
        self.two_areas.add(chunk.two_areas);
        for axis in 0..3 {
            self.normals[axis].add(chunk.normals[axis]);
            self.two_sided[axis].add(chunk.two_sided[axis]);
        }
    }

    /// A chunk still empty, to be added when full.
    pub(crate) fn next_chunk(&self) -> ChunkSums {
        ChunkSums::about(self.reference)
    }

    pub(crate) fn area(&self) -> f64 {
        self.two_areas.value() / 2.0
    }

    /// Half of what the facets show along each axis.
    pub(crate) fn projected(&self) -> [f64; 3] {
        self.two_sided.map(|sum| sum.value() / 4.0)
    }

    /// The surface integral about the centre of the box.
    pub(crate) fn volume(&self) -> f64 {
        let moved = sub(self.reference, self.bounds.centre());
        (self.six_volumes.value() + dot(moved, self.normals.map(Sum::value))) / 6.0
    }
}
