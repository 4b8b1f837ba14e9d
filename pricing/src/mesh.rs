//! Reading model files into a welded triangle mesh.
//!
//! The format is decided by content ([`sniff`]), never by file name. Readers trust nothing the
//! file says about itself: memory is taken for the bytes that are there, not for the count in a
//! header.

mod builder;
mod facet_counter;
mod sniff;
mod source;
mod stl_ascii;
pub(crate) mod stl_binary;
mod weld;
mod weld_large;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use builder::MeshBuilder;
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
}

impl Format {
    /// The name used in answers, messages and rows: `stl-binary`, `stl-ascii`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StlBinary => "stl-binary",
            Self::StlAscii => "stl-ascii",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a file is not a model that can be analysed. The message is meant for whoever sent the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Nothing was sent.
    #[error("the file is empty")]
    Empty,
    /// The content is of no kind this engine reads.
    #[error("this is not a 3D model this service reads (binary or ASCII STL): {reason}")]
    NotAModel {
        /// What the content looks like instead.
        reason: &'static str,
    },
    /// The file is shorter than its own header says: cut off, or the header lies.
    #[error(
        "the file is cut off or its header is wrong: {expected} bytes are needed for the \
         {facets} facets it announces, {actual} bytes are there"
    )]
    Truncated {
        /// Facets the header announces.
        facets: u64,
        /// Bytes a file of that many facets has.
        expected: u64,
        /// Bytes that are there.
        actual: u64,
    },
    /// An ASCII file stops in the middle of a facet.
    #[error(
        "the file is cut off inside facet {facet} (counted from 0): it ends after {actual} bytes \
         where \"{wanted}\" should follow"
    )]
    TruncatedText {
        /// Index of the facet, from 0.
        facet: u64,
        /// The word or number that should have come next.
        wanted: &'static str,
        /// Bytes that are there.
        actual: u64,
    },
    /// An ASCII file says something else than the format allows.
    #[error(
        "line {line}: expected \"{wanted}\", found \"{found}\" (facet {facet}, counted from 0)"
    )]
    Malformed {
        /// Line in the file, from 1.
        line: u64,
        /// Index of the facet, from 0.
        facet: u64,
        /// The word or number that belongs here.
        wanted: &'static str,
        /// What is there instead, shortened.
        found: String,
    },
    /// A coordinate is NaN or infinite.
    #[error("facet {facet} (counted from 0) has a coordinate that is not a finite number")]
    NotFinite {
        /// Index of the facet, from 0.
        facet: u64,
    },
    /// A well-formed file without a single facet.
    #[error("the model has no facets")]
    NoFacets,
    /// More facets than [`MAX_FACETS`].
    #[error("the model has more than {MAX_FACETS} facets")]
    TooManyFacets,
}

impl ModelError {
    /// A stable word for logs, metrics and problem documents.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_file",
            Self::NotAModel { .. } => "not_a_model",
            Self::Truncated { .. } | Self::TruncatedText { .. } => "truncated",
            Self::Malformed { .. } => "malformed",
            Self::NotFinite { .. } => "not_finite",
            Self::NoFacets => "no_facets",
            Self::TooManyFacets => "too_many_facets",
        }
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
}

/// A triangle mesh: every distinct position once, and three of them a facet.
///
/// Corners are welded when they are bit-equal, after `-0.0` has become `0.0`. Coordinates are in
/// the unit of the file, which the file of most formats does not know: see
/// [`crate::analysis::Unit`]. They are `f32` because that is what STL holds; everything computed
/// from them is `f64`.
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh {
    format: Format,
    vertices: Vec<[f32; 3]>,
    facets: Vec<[u32; 3]>,
    warnings: Vec<Warning>,
}

impl Mesh {
    /// A mesh made of another, to be measured in its place.
    pub(crate) fn derived(from: &Self, vertices: Vec<[f32; 3]>, facets: Vec<[u32; 3]>) -> Self {
        Self { format: from.format, vertices, facets, warnings: vec![] }
    }

    /// What the mesh was read from.
    pub fn format(&self) -> Format {
        self.format
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
