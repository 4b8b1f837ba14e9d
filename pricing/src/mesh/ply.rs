//! Polygon file format of Stanford, as text and binary of either byte order.
//!
//! ```text
//! ply
//! format binary_little_endian 1.0
//! element vertex 8
//! property float x                          any type; other properties are passed over
//! …
//! element face 6
//! property list uchar int vertex_indices    or vertex_index
//! end_header
//! ```
//! Then the records of every element, in the order of the header. Elements other than `vertex`
//! and `face` are passed over. No unit.

mod binary;
pub(super) mod header;
mod text;

pub(super) use self::binary::real;

use self::header::{Element, Encoding, Header, Property};
use super::cursor::Cursor;
use super::indexed::{Fan, IndexedFacets};
use super::{Format, Mesh, ModelError, Place};

pub(super) fn read(bytes: &[u8]) -> Result<Mesh, ModelError> {
    let header = Header::parse(bytes)?;
    header.check_counts(bytes.len())?;
    let body = &bytes[header.length..];
    let mesh = match header.encoding {
        Encoding::Text => text::read(bytes, &header)?,
        Encoding::LittleEndian => binary::read::<true>(bytes, body, &header)?,
        Encoding::BigEndian => binary::read::<false>(bytes, body, &header)?,
    };
    mesh.finish(Format::Ply)
}

/// What a property means for the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Coordinate(usize),
    Corners,
    Other,
}

/// The meaning of every property of an element, and whether the mesh needs the element.
pub(super) fn roles(element: &Element) -> Vec<Role> {
    let role = |property: &Property| match (element.name.as_str(), property.name.as_str()) {
        ("vertex", "x") if property.list.is_none() => Role::Coordinate(0),
        ("vertex", "y") if property.list.is_none() => Role::Coordinate(1),
        ("vertex", "z") if property.list.is_none() => Role::Coordinate(2),
        ("face", "vertex_indices" | "vertex_index") if property.list.is_some() => Role::Corners,
        _ => Role::Other,
    };
    element.properties.iter().map(role).collect()
}

/// Adds a face, given its corners as whole numbers.
fn corner(
    mesh: &mut IndexedFacets,
    polygon: &mut Fan,
    corner: i64,
    place: impl FnOnce() -> Place,
) -> Result<(), ModelError> {
    match u32::try_from(corner) {
        Ok(corner) if (corner as usize) < mesh.positions() => {
            mesh.corner(polygon, corner);
            Ok(())
        }
        _ => Err(ModelError::Broken {
            place: place(),
            what: format!(
                "vertex {corner} is named (counted from 0), but there are {}",
                mesh.positions()
            ),
        }),
    }
}
