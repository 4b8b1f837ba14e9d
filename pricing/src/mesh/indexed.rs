//! Facets that name their corners by number, as in OBJ, PLY and OFF.

use super::{Format, Mesh, MeshBuilder, ModelError, Place, Warning};

/// Positions of a file and the facets between them, as they are read.
///
/// Positions are welded only in the end, in the order in which facets name them: files hold
/// positions twice (a seam of a texture) and positions no facet uses, and some name positions
/// before they come.
#[derive(Debug, Default)]
pub(super) struct IndexedFacets {
    positions: Vec<[f32; 3]>,
    facets: Vec<[u32; 3]>,
    skipped: u64,
}

impl IndexedFacets {
    /// With room for so much. Both numbers must come from the length of the data at hand.
    pub(super) fn with_capacity(positions: usize, facets: usize) -> Self {
        let (positions, facets) = (Vec::with_capacity(positions), Vec::with_capacity(facets));
        Self { positions, facets, skipped: 0 }
    }

    pub(super) fn positions(&self) -> usize {
        self.positions.len()
    }

    pub(super) fn position(&mut self, position: [f32; 3]) {
        self.positions.push(position);
    }

    pub(super) fn facet(&mut self, corners: [u32; 3]) {
        self.facets.push(corners);
    }

    /// Adds a polygon as a fan of facets around its first corner. For a flat polygon the sum of
    /// the signed areas is right even when it is not convex.
    pub(super) fn polygon(&mut self, polygon: &Fan) {
        if polygon.corners < 3 {
            self.skipped += 1;
        }
    }

    /// Adds a corner to a polygon that is being read, and the facet that it completes.
    pub(super) fn corner(&mut self, polygon: &mut Fan, corner: u32) {
        match polygon.corners {
            0 => polygon.first = corner,
            1 => {}
            _ => self.facet([polygon.first, polygon.last, corner]),
        }
        polygon.last = corner;
        polygon.corners += 1;
    }

    /// Welds. A number beyond the positions is refused.
    pub(super) fn finish(self, format: Format) -> Result<Mesh, ModelError> {
        let Self { positions, facets, skipped } = self;
        let mut builder = MeshBuilder::with_capacity(facets.len());
        let known = (0_u64..).zip(&facets).map(|(number, corners)| {
            match corners.iter().find(|corner| **corner as usize >= positions.len()) {
                None => Ok(*corners),
                Some(beyond) => Err(self::beyond(number, *beyond, positions.len())),
            }
        });
        builder.indexed(positions.len(), |index| positions[index], known)?;
        let warnings = match skipped {
            0 => vec![],
            faces => vec![Warning::FacesSkipped { faces }],
        };
        builder.finish(format, warnings)
    }
}

/// A polygon of which so many corners were read.
#[derive(Debug, Default)]
pub(super) struct Fan {
    first: u32,
    last: u32,
    corners: u64,
}

fn beyond(facet: u64, corner: u32, positions: usize) -> ModelError {
    ModelError::Broken {
        place: Place::Facet(facet),
        what: format!("corner {corner} (counted from 0) is named, but there are {positions}"),
    }
}
