//! A checksum over edges that is zero when the surface is closed and oriented.
//!
//! Each position has two hashes `h` and `g`, and an edge from `a` to `b` adds
//! `h(a)·g(b) - g(a)·h(b)` modulo 2⁶⁴: the same edge backwards takes that off again. What remains
//! is a polynomial in the hashes whose coefficients say how often each edge is used in excess, so
//! it is zero by chance only. The three edges of a facet together are the determinant below.

use std::hash::{BuildHasher, RandomState};

use crate::mesh::stl_binary::{RECORD, corners};
use crate::mesh::weld::canonical;

/// The seed of the checksum.
#[derive(Debug, Clone, Copy)]
pub(super) struct EdgeChecksum {
    keys: [u64; 4],
}

impl EdgeChecksum {
    /// With a seed nobody can foresee: with a known one a file could be made that cheats.
    pub(super) fn new() -> Self {
        let state = RandomState::new();
        Self { keys: [0, 1, 2, 3].map(|number| state.hash_one(number) | 1) }
    }

    /// What these facets add. Facets with coordinates that are no numbers add something, too.
    pub(super) fn of(&self, records: &[[u8; RECORD]]) -> u64 {
        records.iter().fold(0, |sum, record| sum.wrapping_add(self.facet(corners(record))))
    }

    fn facet(&self, corners: [[f32; 3]; 3]) -> u64 {
        let [from, one, other] = corners.map(|corner| self.hashes(canonical(corner)));
        let [h1, g1] = [0, 1].map(|hash| one[hash].wrapping_sub(from[hash]));
        let [h2, g2] = [0, 1].map(|hash| other[hash].wrapping_sub(from[hash]));
        h1.wrapping_mul(g2).wrapping_sub(g1.wrapping_mul(h2))
    }

    fn hashes(&self, position: [f32; 3]) -> [u64; 2] {
        let [x, y, z] = position.map(|coordinate| u64::from(coordinate.to_bits()));
        let mixed = (x | (y << 32)).wrapping_mul(self.keys[0]);
        let mixed = (mixed ^ (mixed >> 32) ^ z).wrapping_mul(self.keys[1]);
        let h = (mixed ^ (mixed >> 32)).wrapping_mul(self.keys[2]);
        [h, (h ^ (h >> 32)).wrapping_mul(self.keys[3])]
    }
}
