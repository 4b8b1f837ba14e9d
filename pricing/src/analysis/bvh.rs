//! A tree of boxes over facets, for finding the few that are near something.
//!
//! Facets are put in Morton order of their centres (Morton, *A Computer Oriented Geodetic Data
//! Base*, IBM 1966), which keeps neighbours together, cut into leaves of eight, and a complete
//! binary tree of boxes is laid over the leaves, as in a heap: no pointers, and nothing in it
//! depends on anything but the order of the facets given.

use crate::mesh::Mesh;

/// Facets a leaf.
const LEAF: usize = 8;
/// Bits of a Morton code for each axis.
const BITS: u32 = 21;

/// An axis-parallel box in file units; empty when `low` is above `high`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Box3 {
    pub(crate) low: [f32; 3],
    pub(crate) high: [f32; 3],
}

impl Box3 {
    pub(crate) const NOTHING: Self = Self { low: [f32::INFINITY; 3], high: [f32::NEG_INFINITY; 3] };

    pub(crate) fn of(points: &[[f32; 3]]) -> Self {
        let mut bounds = Self::NOTHING;
        for point in points {
            bounds = bounds.with(&Self { low: *point, high: *point });
        }
        bounds
    }

    pub(crate) fn with(&self, other: &Self) -> Self {
        Self {
            low: [0, 1, 2].map(|axis| self.low[axis].min(other.low[axis])),
            high: [0, 1, 2].map(|axis| self.high[axis].max(other.high[axis])),
        }
    }

    /// What two boxes share; possibly nothing.
    pub(crate) fn shared(&self, other: &Self) -> Self {
        Self {
            low: [0, 1, 2].map(|axis| self.low[axis].max(other.low[axis])),
            high: [0, 1, 2].map(|axis| self.high[axis].min(other.high[axis])),
        }
    }

    /// Whether they share at least a point.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        (0..3).all(|axis| self.low[axis] <= other.high[axis] && other.low[axis] <= self.high[axis])
    }

    /// Whether a point lies inside, and not on a side.
    pub(crate) fn surrounds(&self, point: [f64; 3]) -> bool {
        (0..3).all(|axis| {
            f64::from(self.low[axis]) < point[axis] && point[axis] < f64::from(self.high[axis])
        })
    }

    pub(crate) fn extents(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| f64::from(self.high[axis]) - f64::from(self.low[axis]))
    }

    pub(crate) fn diagonal(&self) -> f64 {
        super::vector::length(self.extents())
    }
}

/// The three corners of a facet.
pub(crate) fn corners(mesh: &Mesh, facet: u32) -> [[f32; 3]; 3] {
    mesh.facets()[facet as usize].map(|vertex| mesh.vertices()[vertex as usize])
}

/// The tree.
pub(crate) struct Bvh {
    /// Facets in Morton order.
    order: Vec<u32>,
    /// Boxes as in a heap: the children of `i` are `2i + 1` and `2i + 2`.
    boxes: Vec<Box3>,
    /// Index of the first leaf in `boxes`.
    first_leaf: usize,
}

impl Bvh {
    pub(crate) const ROOT: usize = 0;

    pub(crate) fn new(mesh: &Mesh, facets: Vec<u32>) -> Self {
        let order = morton_order(mesh, facets);
        let leaves = order.len().div_ceil(LEAF).max(1).next_power_of_two();
        let first_leaf = leaves - 1;
        let mut boxes = vec![Box3::NOTHING; 2 * leaves - 1];
        for (leaf, facets) in order.chunks(LEAF).enumerate() {
            let mut bounds = Box3::NOTHING;
            for facet in facets {
                bounds = bounds.with(&Box3::of(&corners(mesh, *facet)));
            }
            boxes[first_leaf + leaf] = bounds;
        }
        for node in (0..first_leaf).rev() {
            boxes[node] = boxes[2 * node + 1].with(&boxes[2 * node + 2]);
        }
        Self { order, boxes, first_leaf }
    }

    pub(crate) fn nodes(&self) -> usize {
        self.boxes.len()
    }

    pub(crate) fn bounds(&self, node: usize) -> &Box3 {
        &self.boxes[node]
    }

    /// The facets of a leaf; `None` for a node with children.
    pub(crate) fn facets(&self, node: usize) -> Option<&[u32]> {
        let leaf = node.checked_sub(self.first_leaf)?;
        let start = (leaf * LEAF).min(self.order.len());
        Some(&self.order[start..(start + LEAF).min(self.order.len())])
    }

    /// Whether there are facets below a node: the last leaves may be empty.
    pub(crate) fn holds(&self, node: usize) -> bool {
        self.boxes[node].low[0] <= self.boxes[node].high[0]
    }

    /// The two halves of a node that is no leaf.
    pub(crate) fn children(node: usize) -> [usize; 2] {
        [2 * node + 1, 2 * node + 2]
    }
}

fn morton_order(mesh: &Mesh, facets: Vec<u32>) -> Vec<u32> {
    let mut bounds = Box3::NOTHING;
    for facet in &facets {
        bounds = bounds.with(&Box3::of(&corners(mesh, *facet)));
    }
    let [x, y, z] = bounds.extents();
    let side = x.max(y).max(z);
    let scale = if side > 0.0 { f64::from((1_u32 << BITS) - 1) / side } else { 0.0 };
    let cell = |facet: u32| {
        let corners = corners(mesh, facet);
        let along = |axis: usize| {
            let centre = corners.iter().map(|corner| f64::from(corner[axis])).sum::<f64>() / 3.0;
            spread(grid_number((centre - f64::from(bounds.low[axis])) * scale))
        };
        along(0) | along(1) << 1 | along(2) << 2
    };
    let mut keyed: Vec<(u64, u32)> = facets.into_iter().map(|facet| (cell(facet), facet)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, facet)| facet).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating, in range")]
fn grid_number(value: f64) -> u64 {
    value as u64
}

/// Two zero bits between each of the lower 21 bits.
fn spread(value: u64) -> u64 {
    let mut x = value & 0x1f_ffff;
    x = (x | x << 32) & 0x1f_0000_0000_ffff;
    x = (x | x << 16) & 0x1f_0000_ff00_00ff;
    x = (x | x << 8) & 0x100f_00f0_0f00_f00f;
    x = (x | x << 4) & 0x10c3_0c30_c30c_30c3;
    (x | x << 2) & 0x1249_2492_4924_9249
}
