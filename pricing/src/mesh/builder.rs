//! Welding corners into vertices while a file is read.

use super::weld::{Welder, canonical};
use super::{Format, MAX_FACETS, Mesh, ModelError, Warning};

/// Collects facets and welds their corners, one after the other. Vertices are numbered as they
/// first appear.
#[derive(Debug)]
pub struct MeshBuilder {
    welder: Welder,
    facets: Vec<[u32; 3]>,
}

impl MeshBuilder {
    /// A builder with room for about so many facets. `facets` must come from the length of the
    /// data at hand, never from what a file says about itself.
    pub fn with_capacity(facets: usize) -> Self {
        Self { welder: Welder::with_capacity(facets / 2 + 2), facets: Vec::with_capacity(facets) }
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

    /// Welds one position and answers its vertex: for formats that name positions by index, which
    /// are thus looked up once each rather than once a corner.
    pub(super) fn vertex(&mut self, position: [f32; 3]) -> Result<u32, ModelError> {
        if !position.iter().all(|coordinate| coordinate.is_finite()) {
            return Err(ModelError::NotFinite { facet: self.facets() });
        }
        Ok(self.welder.weld(canonical(position)))
    }

    /// Adds a facet whose corners [`MeshBuilder::vertex`] gave.
    pub(super) fn facet(&mut self, vertices: [u32; 3]) -> Result<(), ModelError> {
        if self.facets() >= MAX_FACETS {
            return Err(ModelError::TooManyFacets);
        }
        self.facets.push(vertices);
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
    fn a_coordinate_that_is_not_finite_names_its_facet() {
        let mut builder = MeshBuilder::with_capacity(2);
        builder.push([[0.0; 3], [1.0; 3], [2.0; 3]]).unwrap();
        let refused = builder.push([[0.0; 3], [1.0, f32::NAN, 1.0], [2.0; 3]]);
        assert_eq!(refused, Err(ModelError::NotFinite { facet: 1 }));
    }
}
