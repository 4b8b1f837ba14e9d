//! Welding: bit-equal corners become one vertex.

use std::hash::{BuildHasher, RandomState};

/// Marks a free slot; no vertex can have this number, because `MAX_FACETS` keeps them below.
const FREE: u32 = u32::MAX;

/// Distinct positions, numbered as they first come.
///
/// The table is open addressing over the bit patterns of a position, 4 bytes a slot, at most
/// two thirds full, and grows: an unwelded soup has three distinct corners a facet, a closed mesh
/// half a vertex, so no size fixed beforehand is right for both.
#[derive(Debug)]
pub(super) struct Welder {
    positions: Vec<[f32; 3]>,
    slots: Vec<u32>,
    hash: PositionHash,
}

impl Welder {
    /// A welder with room for about so many distinct positions.
    pub(super) fn with_capacity(positions: usize) -> Self {
        let slots = positions.saturating_mul(3).div_ceil(2).max(16).next_power_of_two();
        Self {
            positions: Vec::with_capacity(positions),
            slots: vec![FREE; slots],
            hash: PositionHash::new(),
        }
    }

    /// Forgets all positions but keeps the room for them.
    pub(super) fn clear(&mut self) {
        self.positions.clear();
        self.slots.fill(FREE);
    }

    /// How many distinct positions there are; also the number the next new one gets.
    #[expect(clippy::cast_possible_truncation, reason = "MAX_FACETS keeps vertices below 2^32")]
    pub(super) fn len(&self) -> u32 {
        self.positions.len() as u32
    }

    pub(super) fn into_positions(self) -> Vec<[f32; 3]> {
        self.positions
    }

    /// The number of a [canonical] position.
    pub(super) fn weld(&mut self, position: [f32; 3]) -> u32 {
        let mut slot = self.home(position);
        loop {
            match self.slots[slot] {
                FREE => return self.add(position, slot),
                known if same(self.positions[known as usize], position) => return known,
                _ => slot = self.after(slot),
            }
        }
    }

    fn add(&mut self, position: [f32; 3], slot: usize) -> u32 {
        let number = self.len();
        self.positions.push(position);
        self.slots[slot] = number;
        if self.positions.len() * 3 > self.slots.len() * 2 {
            self.grow();
        }
        number
    }

    fn grow(&mut self) {
        let slots = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(slots, FREE);
        for number in 0..self.len() {
            let mut slot = self.home(self.positions[number as usize]);
            while self.slots[slot] != FREE {
                slot = self.after(slot);
            }
            self.slots[slot] = number;
        }
    }

    /// The number of slots is a power of two.
    fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }

    /// Where a position would lie in an empty table.
    #[expect(clippy::cast_possible_truncation, reason = "as many bits as an index has")]
    fn home(&self, position: [f32; 3]) -> usize {
        self.hash.of(position, self.slots.len().ilog2()) as usize
    }
}

/// Adding zero turns -0.0 into 0.0, so that both are one position, and leaves every other number
/// alone.
pub(crate) fn canonical(position: [f32; 3]) -> [f32; 3] {
    position.map(|coordinate| coordinate + 0.0)
}

/// Multiply-shift hashing of the bit patterns, in two rounds, with numbers nobody can foresee.
/// With known ones a file could be made whose corners all collide; the mesh does not depend on
/// them.
#[derive(Debug, Clone, Copy)]
pub(super) struct PositionHash {
    keys: [u64; 2],
}

impl PositionHash {
    pub(super) fn new() -> Self {
        Self { keys: [key(), key()] }
    }

    /// So many bits of the hash of a position, at least one.
    pub(super) fn of(&self, position: [f32; 3], bits: u32) -> u64 {
        let [x, y, z] = position.map(|coordinate| u64::from(coordinate.to_bits()));
        let hash = (x | (y << 32)).wrapping_mul(self.keys[0]);
        let hash = (hash ^ (hash >> 32) ^ z).wrapping_mul(self.keys[1]);
        hash >> (u64::BITS - bits)
    }
}

fn key() -> u64 {
    RandomState::new().hash_one(0) | 1
}

fn same(a: [f32; 3], b: [f32; 3]) -> bool {
    a.map(f32::to_bits) == b.map(f32::to_bits)
}
