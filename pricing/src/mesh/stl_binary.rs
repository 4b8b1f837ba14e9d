//! Binary STL.
//!
//! 80 bytes of anything, a little-endian `u32` count, then 50 bytes a facet: normal (3 × `f32`,
//! ignored: the order of the corners says which side is out), three corners (9 × `f32`), two
//! bytes of attributes (ignored). No unit.

use super::sniff::{BINARY_FACET, BINARY_HEADER, announced_facets, binary_length};
use super::{Format, Mesh, MeshBuilder, ModelError, Warning};

pub(super) fn read(bytes: &[u8]) -> Result<Mesh, ModelError> {
    let actual = bytes.len() as u64;
    let Some(facets) = announced_facets(bytes) else {
        return Err(ModelError::Truncated { facets: 0, expected: BINARY_HEADER as u64, actual });
    };
    let expected = binary_length(facets);
    if expected > actual {
        return Err(ModelError::Truncated { facets, expected, actual });
    }
    let end = usize::try_from(expected).map_err(|_| ModelError::TooManyFacets)?;
    let (records, _) = bytes[BINARY_HEADER..end].as_chunks::<BINARY_FACET>();

    let mut builder = MeshBuilder::with_capacity(records.len());
    for record in records {
        builder.push(corners(record))?;
    }
    let warnings = match actual - expected {
        0 => vec![],
        bytes => vec![Warning::TrailingBytes { bytes }],
    };
    builder.finish(Format::StlBinary, warnings)
}

fn corners(record: &[u8; BINARY_FACET]) -> [[f32; 3]; 3] {
    let (words, _) = record[12..48].as_chunks::<4>();
    let number = |index: usize| f32::from_le_bytes(words[index]);
    [0, 3, 6].map(|first| [number(first), number(first + 1), number(first + 2)])
}
