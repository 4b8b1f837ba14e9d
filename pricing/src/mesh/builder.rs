//! Welding corners into vertices while a file is read.

use super::weld::{Welder, canonical};
use super::{Format, MAX_FACETS, Mesh, ModelError, Warning};

/// Not named yet; no position has this number.
const UNKNOWN: u32 = u32::MAX;

/// Collects facets and welds their corners, one after the other. Vertices are numbered as they
/// first appear.
#[derive(Debug)]
pub struct MeshBuilder {
    welder: Welder,
    facets: Vec<[u32; 3]>,
    naming: Naming,
}

/// Room for [`MeshBuilder::indexed`].
#[derive(Debug, Default)]
struct Naming {
    /// Of each position, how many others were named before it.
    rank: Vec<u32>,
    /// Positions in that order; then the vertices they became.
    named: Vec<u32>,
}

impl MeshBuilder {
    /// A builder with room for about so many facets. `facets` must come from the length of the
    /// data at hand, never from what a file says about itself.
    pub fn with_capacity(facets: usize) -> Self {
        Self {
            welder: Welder::with_capacity(facets / 2 + 2),
            facets: Vec::with_capacity(facets),
            naming: Naming::default(),
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
        let facet = corners.map(|corner| self.welder.weld(canonical(corner)));
        self.facets.push(facet);
        Ok(())
    }

    /// Adds facets that name their corners by number: each number is below `positions`, and stands
    /// for `position`. A fault in the facets is told when those before it turned out to be sound.
    ///
    /// Every position is looked up once rather than once a corner, and all of them one behind the
    /// other: the processor then waits for many places of the table at once.
    pub(super) fn indexed(
        &mut self,
        positions: usize,
        position: impl Fn(usize) -> [f32; 3],
        facets: impl Iterator<Item = Result<[u32; 3], ModelError>>,
    ) -> Result<(), ModelError> {
        let before = self.facets.len();
        self.naming.named.clear();
        self.naming.rank.clear();
        self.naming.rank.resize(positions, UNKNOWN);
        let read = self.name(facets);
        let first = self.welder.len();
        let mut all_new = true;
        for (rank, named) in (0_u32..).zip(&mut self.naming.named) {
            let position = position(*named as usize);
            if !position.iter().all(|coordinate| coordinate.is_finite()) {
                let names_it = |facet: &[u32; 3]| facet.contains(&rank);
                let facet = self.facets[before..].iter().position(names_it).unwrap_or(0);
                return Err(ModelError::NotFinite { facet: (before + facet) as u64 });
            }
            *named = self.welder.weld(canonical(position));
            all_new &= *named == first + rank;
        }
        read?;
        if first > 0 || !all_new {
            for corner in self.facets[before..].as_flattened_mut() {
                *corner = self.naming.named[*corner as usize];
            }
        }
        Ok(())
    }

    /// Adds facets with the ranks of their corners.
    #[expect(clippy::cast_possible_truncation, reason = "MAX_FACETS keeps corners below 2^32")]
    fn name(
        &mut self,
        facets: impl Iterator<Item = Result<[u32; 3], ModelError>>,
    ) -> Result<(), ModelError> {
        let Naming { rank, named } = &mut self.naming;
        for facet in facets {
            if self.facets.len() as u64 >= MAX_FACETS {
                return Err(ModelError::TooManyFacets);
            }
            self.facets.push(facet?.map(|corner| {
                let rank = &mut rank[corner as usize];
                if *rank == UNKNOWN {
                    *rank = named.len() as u32;
                    named.push(corner);
                }
                *rank
            }));
        }
        Ok(())
    }

    /// The mesh, or a refusal when there is nothing in it.
    pub fn finish(self, format: Format, warnings: Vec<Warning>) -> Result<Mesh, ModelError> {
        if self.facets.is_empty() {
            return Err(ModelError::NoFacets);
        }
        let vertices = self.welder.into_positions();
        Ok(Mesh { format, unit: None, vertices, facets: self.facets, warnings, totals: None })
    }
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
    fn facets_by_number_are_welded_as_corners_would_be() {
        let positions = [[0.0, 0.0, 9.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-0.0, 0.0, 9.0]];
        let facets = [[3, 1, 2], [2, 1, 0], [0, 2, 3]];
        let (mut named, mut pushed) =
            (MeshBuilder::with_capacity(0), MeshBuilder::with_capacity(0));
        // The second time every position is known.
        for _ in 0..2 {
            let at = |index: usize| positions[index];
            named.indexed(4, at, facets.iter().copied().map(Ok)).unwrap();
            for facet in facets {
                pushed.push(facet.map(|corner| positions[corner as usize])).unwrap();
            }
        }
        let named = named.finish(Format::Obj, vec![]).unwrap();
        assert_eq!(named, pushed.finish(Format::Obj, vec![]).unwrap());
        assert_eq!(named.vertices().len(), 3);
    }

    #[test]
    fn the_first_fault_of_facets_by_number_is_the_one_told() {
        let at = |index: usize| [if index == 4 { f32::NAN } else { 0.0 }; 3];
        let told = |facets: [Result<[u32; 3], ModelError>; 3]| {
            let mut builder = MeshBuilder::with_capacity(0);
            builder.push([[0.0; 3]; 3]).unwrap();
            builder.indexed(5, at, facets.into_iter())
        };
        let fault = || Err(ModelError::NoFacets);
        assert_eq!(
            told([Ok([0, 1, 2]), Ok([1, 4, 2]), fault()]),
            Err(ModelError::NotFinite { facet: 2 })
        );
        assert_eq!(told([Ok([0, 1, 2]), fault(), Ok([1, 4, 2])]), Err(ModelError::NoFacets));
        assert_eq!(told([Ok([0, 1, 2]), Ok([1, 2, 3]), Ok([3, 2, 1])]), Ok(()));
    }

    #[test]
    fn a_coordinate_that_is_not_finite_names_its_facet() {
        let mut builder = MeshBuilder::with_capacity(2);
        builder.push([[0.0; 3], [1.0; 3], [2.0; 3]]).unwrap();
        let refused = builder.push([[0.0; 3], [1.0, f32::NAN, 1.0], [2.0; 3]]);
        assert_eq!(refused, Err(ModelError::NotFinite { facet: 1 }));
    }
}
