//! Reading model files into a welded triangle mesh.
//!
//! The format is decided by content ([`sniff`]), never by file name. Readers trust nothing the
//! file says about itself: memory is taken for the bytes that are there, not for the count in a
//! header.

mod builder;
mod cursor;
mod decimal;
mod error;
mod facet_counter;
mod glb;
mod indexed;
mod obj;
mod off;
mod ply;
mod sniff;
mod source;
mod stl_ascii;
pub(crate) mod stl_binary;
mod three_mf;
mod transform;
pub(crate) mod weld;
mod weld_large;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::analysis::Unit;
use crate::tally::Totals;

pub use builder::MeshBuilder;
pub use error::{ModelError, Place};
pub use facet_counter::{FacetCounter, FacetEstimate};
pub use sniff::{SNIFF_BYTES, sniff};
pub use source::Source;

/// The most facets one mesh may have: corner and edge numbers must fit in 32 bits.
pub const MAX_FACETS: u64 = (u32::MAX / 3) as u64;

/// The kind of file a model came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// 80 bytes of header, a 32-bit count, 50 bytes a facet. Carries no unit.
    StlBinary,
    /// `solid … facet normal … endsolid` as text. Carries no unit.
    StlAscii,
    /// Wavefront OBJ: lines of `v` and `f`. Carries no unit.
    Obj,
    /// 3D Manufacturing Format: XML in a ZIP archive. Carries its unit.
    #[serde(rename = "3mf")]
    ThreeMf,
    /// Polygon file format of Stanford, as text or binary. Carries no unit.
    Ply,
    /// Object file format of Geomview, as text. Carries no unit.
    Off,
    /// Binary glTF 2.0. Its unit is the metre.
    Glb,
}

impl Format {
    /// All of them, in the order of their names in a list for people.
    pub const ALL: [Self; 7] = [
        Self::StlBinary,
        Self::StlAscii,
        Self::Obj,
        Self::ThreeMf,
        Self::Ply,
        Self::Off,
        Self::Glb,
    ];

    /// The name used in answers, messages and rows: `stl-binary`, `3mf`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StlBinary => "stl-binary",
            Self::StlAscii => "stl-ascii",
            Self::Obj => "obj",
            Self::ThreeMf => "3mf",
            Self::Ply => "ply",
            Self::Off => "off",
            Self::Glb => "glb",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something odd about a file that could be read all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Warning {
    /// Bytes follow the last facet of a binary STL; they were not read.
    TrailingBytes {
        /// How many.
        bytes: u64,
    },
    /// An ASCII STL ends after a whole facet but without `endsolid`.
    MissingEndsolid,
    /// Faces of fewer than three corners were left out: lines and points, which have no volume.
    FacesSkipped {
        /// How many.
        faces: u64,
    },
    /// Objects of a 3MF which say of themselves that they are no part of the model (`support`,
    /// `solidsupport`, `surface`, `other`) were left out.
    ObjectsSkipped {
        /// How many times one would have been placed.
        objects: u64,
    },
}

/// A triangle mesh: every distinct position once, and three of them a facet.
///
/// Corners are welded when they are bit-equal, after `-0.0` has become `0.0`. Coordinates are in
/// the unit of the file, which the file of most formats does not know: see [`Mesh::unit`]. They
/// are `f32` because that is what STL and GLB hold and what all programs agree on; everything
/// computed from them is `f64`.
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh {
    format: Format,
    unit: Option<Unit>,
    vertices: Vec<[f32; 3]>,
    facets: Vec<[u32; 3]>,
    warnings: Vec<Warning>,
    totals: Option<Totals>,
}

impl Mesh {
    /// A mesh made of another, to be measured in its place.
    pub(crate) fn derived(from: &Self, vertices: Vec<[f32; 3]>, facets: Vec<[u32; 3]>) -> Self {
        Self {
            format: from.format,
            unit: from.unit,
            vertices,
            facets,
            warnings: vec![],
            totals: None,
        }
    }

    /// What the mesh was read from.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The unit of the coordinates, when the file itself carries one (3MF, GLB).
    pub fn unit(&self) -> Option<Unit> {
        self.unit
    }

    /// The mesh of a file that carries its unit.
    fn in_unit(self, unit: Unit) -> Self {
        Self { unit: Some(unit), ..self }
    }

    /// Distinct positions, in the order in which the file first names them, in file units.
    pub fn vertices(&self) -> &[[f32; 3]] {
        &self.vertices
    }

    /// Facets in file order, as three indices into [`Mesh::vertices`], counter-clockwise seen
    /// from outside. Facets whose corners coincide are kept; the analysis counts them.
    pub fn facets(&self) -> &[[u32; 3]] {
        &self.facets
    }

    /// Sums over all facets, where the reader has made them on its way.
    pub(crate) fn totals(&self) -> Option<&Totals> {
        self.totals.as_ref()
    }

    /// What was odd about the file.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// Reads a model file, deciding by content what it is.
///
/// Memory is proportional to the bytes given, whatever a header announces. Arbitrary bytes give
/// a mesh or an error, never a panic.
pub fn read(bytes: &[u8]) -> Result<Mesh, ModelError> {
    let head = &bytes[..bytes.len().min(SNIFF_BYTES)];
    match sniff(head, bytes.len() as u64)? {
        Format::StlBinary => stl_binary::read(bytes),
        Format::StlAscii => stl_ascii::read(bytes),
        Format::Obj => obj::read(bytes),
        Format::ThreeMf => three_mf::read(bytes),
        Format::Ply => ply::read(bytes),
        Format::Off => off::read(bytes),
        Format::Glb => glb::read(bytes),
    }
}

/// As [`read`], from a source that need not be in memory. A binary STL never is as a whole, every
/// other format is loaded first.
pub fn read_from<S: Source + ?Sized>(source: &S) -> Result<Mesh, S::Error> {
    let mut room = vec![];
    let size = source.size();
    #[expect(clippy::cast_possible_truncation, reason = "at most SNIFF_BYTES")]
    let head = source.bytes(0, size.min(SNIFF_BYTES as u64) as usize, &mut room)?;
    if sniff(head, size)? == Format::StlBinary {
        return stl_binary::read(source);
    }
    let size = usize::try_from(size).map_err(|_| ModelError::TooManyFacets)?;
    Ok(read(source.bytes(0, size, &mut room)?)?)
}
