//! Welding corners into vertices while a file is read.

use std::hash::{BuildHasher, RandomState};

use super::{Format, MAX_FACETS, Mesh, ModelError, Warning};

/// Marks a free slot; no vertex can have this number, because [`MAX_FACETS`] keeps them below.
const FREE: u32 = u32::MAX;

/// Collects facets and welds their corners.
///
/// The table is open addressing over the bit patterns of a position, 4 bytes a slot, at most
/// two thirds full, and grows: an unwelded soup has three distinct corners a facet, a closed mesh
/// half a vertex, so no size fixed beforehand is right for both. Vertices are numbered as they
/// first appear, which makes the result independent of the table.
#[derive(Debug)]
pub struct MeshBuilder {
    vertices: Vec<[f32; 3]>,
    facets: Vec<[u32; 3]>,
    slots: Vec<u32>,
    keys: [u64; 2],
}

impl MeshBuilder {
    /// A builder with room for about so many facets. `facets` must come from the length of the
    /// data at hand, never from what a file says about itself.
    pub fn with_capacity(facets: usize) -> Self {
        let slots = facets.saturating_mul(3).div_ceil(4).max(16).next_power_of_two();
        Self {
            vertices: Vec::with_capacity(facets / 2 + 2),
            facets: Vec::with_capacity(facets),
            slots: vec![FREE; slots],
            keys: [key(), key()],
        }
    }

    /// How many facets were added so far; also the index the next one gets.
    pub fn facets(&self) -> u64 {
        self.facets.len() as u64
    }

    /// Adds a facet by its corners.
    pub fn push(&mut self, corners: [[f32; 3]; 3]) -> Result<(), ModelError> {
        if self.facets() >= MAX_FACETS {
            return Err(ModelError::TooManyFacets);
        }
        if !corners.iter().flatten().all(|coordinate| coordinate.is_finite()) {
            return Err(ModelError::NotFinite { facet: self.facets() });
        }
        let facet = corners.map(|corner| self.weld(corner));
        self.facets.push(facet);
        Ok(())
    }

    /// The mesh, or a refusal when there is nothing in it.
    pub fn finish(self, format: Format, warnings: Vec<Warning>) -> Result<Mesh, ModelError> {
        if self.facets.is_empty() {
            return Err(ModelError::NoFacets);
        }
        Ok(Mesh { format, vertices: self.vertices, facets: self.facets, warnings })
    }

    fn weld(&mut self, corner: [f32; 3]) -> u32 {
        // Adding zero turns -0.0 into 0.0 and leaves every other number alone.
        let corner = corner.map(|coordinate| coordinate + 0.0);
        let mut slot = self.home(&corner);
        loop {
            match self.slots[slot] {
                FREE => return self.add(corner, slot),
                known if same(&self.vertices[known as usize], &corner) => return known,
                _ => slot = self.after(slot),
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "MAX_FACETS keeps vertices below 2^32")]
    fn add(&mut self, corner: [f32; 3], slot: usize) -> u32 {
        let number = self.vertices.len() as u32;
        self.vertices.push(corner);
        self.slots[slot] = number;
        if self.vertices.len() * 3 > self.slots.len() * 2 {
            self.grow();
        }
        number
    }

    #[expect(clippy::cast_possible_truncation, reason = "MAX_FACETS keeps vertices below 2^32")]
    fn grow(&mut self) {
        let slots = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(slots, FREE);
        for number in 0..self.vertices.len() {
            let mut slot = self.home(&self.vertices[number]);
            while self.slots[slot] != FREE {
                slot = self.after(slot);
            }
            self.slots[slot] = number as u32;
        }
    }

    /// The number of slots is a power of two.
    fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }

    /// Where a position would lie in an empty table: multiply-shift hashing, in two rounds.
    #[expect(clippy::cast_possible_truncation, reason = "the shift leaves the bits of an index")]
    fn home(&self, corner: &[f32; 3]) -> usize {
        let [x, y, z] = corner.map(|coordinate| u64::from(coordinate.to_bits()));
        let hash = (x | (y << 32)).wrapping_mul(self.keys[0]);
        let hash = (hash ^ (hash >> 32) ^ z).wrapping_mul(self.keys[1]);
        (hash >> (u64::BITS - self.slots.len().ilog2())) as usize
    }
}

/// An odd number nobody can foresee. With known ones a file could be made whose corners all
/// collide; the mesh does not depend on them.
fn key() -> u64 {
    RandomState::new().hash_one(0) | 1
}

fn same(a: &[f32; 3], b: &[f32; 3]) -> bool {
    a.map(f32::to_bits) == b.map(f32::to_bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_equal_corners_become_one_vertex_and_minus_zero_is_zero() {
        let mut builder = MeshBuilder::with_capacity(2);
        builder.push([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]).unwrap();
        builder.push([[-0.0, 0.0, -0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]).unwrap();
        let mesh = builder.finish(Format::StlBinary, vec![]).unwrap();
        assert_eq!(mesh.vertices().len(), 3);
        assert_eq!(mesh.facets(), [[0, 1, 2], [0, 2, 1]]);
    }

    #[test]
    fn the_table_grows_on_a_soup_of_distinct_corners() {
        let mut builder = MeshBuilder::with_capacity(0);
        for number in 0_u16..5_000 {
            let x = f32::from(number);
            builder.push([[x, 0.0, 0.0], [x, 1.0, 0.0], [x, 0.0, 1.0]]).unwrap();
        }
        let mesh = builder.finish(Format::StlBinary, vec![]).unwrap();
        assert_eq!(mesh.vertices().len(), 15_000);
    }

    #[test]
    fn a_coordinate_that_is_not_finite_names_its_facet() {
        let mut builder = MeshBuilder::with_capacity(2);
        builder.push([[0.0; 3], [1.0; 3], [2.0; 3]]).unwrap();
        let refused = builder.push([[0.0; 3], [1.0, f32::NAN, 1.0], [2.0; 3]]);
        assert_eq!(refused, Err(ModelError::NotFinite { facet: 1 }));
    }
}
