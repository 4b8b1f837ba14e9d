//! Records as bytes, packed without gaps.

use super::header::{Element, Kind};
use super::{Fan, Header, IndexedFacets, Role, corner, roles};
use crate::mesh::{ModelError, Place};

/// Reads what follows the header. `LITTLE`: the least byte of a number comes first.
pub(super) fn read<const LITTLE: bool>(
    file: &[u8],
    body: &[u8],
    header: &Header,
) -> Result<IndexedFacets, ModelError> {
    let mut records = Records::<LITTLE> { rest: body, total: file.len() };
    let mut mesh = IndexedFacets::default();
    for element in &header.elements {
        match (element.name.as_str(), element.fixed_bytes()) {
            ("vertex", Some(bytes)) => records.vertices(element, bytes, &mut mesh)?,
            // Without properties there is nothing to pass over, however many there are.
            (_, Some(0)) => {}
            (_, Some(bytes)) => {
                let count = usize::try_from(element.count).unwrap_or(usize::MAX);
                records.take(bytes.saturating_mul(count), "a record")?;
            }
            (_, None) => records.lists(element, &mut mesh)?,
        }
    }
    Ok(mesh)
}

/// The bytes still to read, and the length of the file.
struct Records<'bytes, const LITTLE: bool> {
    rest: &'bytes [u8],
    total: usize,
}

impl<'bytes, const LITTLE: bool> Records<'bytes, LITTLE> {
    #[inline]
    fn take(&mut self, bytes: usize, wanted: &'static str) -> Result<&'bytes [u8], ModelError> {
        let Some((taken, rest)) = self.rest.split_at_checked(bytes) else {
            return Err(ModelError::CutOff { actual: self.total as u64, wanted });
        };
        self.rest = rest;
        Ok(taken)
    }

    fn place(&self) -> Place {
        Place::Byte((self.total - self.rest.len()) as u64)
    }

    fn vertices(
        &mut self,
        element: &Element,
        bytes: usize,
        mesh: &mut IndexedFacets,
    ) -> Result<(), ModelError> {
        let mut coordinates = [(Kind::F32, 0); 3];
        let mut offset = 0;
        for (role, property) in roles(element).into_iter().zip(&element.properties) {
            if let Role::Coordinate(axis) = role {
                coordinates[axis] = (property.kind, offset);
            }
            offset += property.kind.bytes();
        }
        let count = usize::try_from(element.count).unwrap_or(usize::MAX);
        let records = self.take(bytes.saturating_mul(count), "a vertex")?;
        for record in records.chunks_exact(bytes) {
            mesh.position(
                coordinates.map(|(kind, offset)| real::<LITTLE>(&record[offset..], kind)),
            );
        }
        Ok(())
    }

    /// Records of an element that has lists: faces, and what is passed over one by one.
    fn lists(&mut self, element: &Element, mesh: &mut IndexedFacets) -> Result<(), ModelError> {
        let roles = roles(element);
        let is_vertex = element.name == "vertex";
        for _ in 0..element.count {
            let mut position = [0.0; 3];
            for (role, property) in roles.iter().zip(&element.properties) {
                let Some(length_kind) = property.list else {
                    let bytes = self.take(property.kind.bytes(), "a number")?;
                    if let Role::Coordinate(axis) = *role {
                        position[axis] = real::<LITTLE>(bytes, property.kind);
                    }
                    continue;
                };
                let length = self.take(length_kind.bytes(), "the length of a list")?;
                let length = whole::<LITTLE>(length, length_kind);
                let size = property.kind.bytes();
                let room = (self.rest.len() / size) as u64;
                let Some(length) = usize::try_from(length).ok().filter(|l| *l as u64 <= room)
                else {
                    let announced = u64::try_from(length).unwrap_or(u64::MAX);
                    let (place, what) = (self.place(), "entries of a list");
                    return Err(ModelError::Overstated { place, what, announced, room });
                };
                let place = self.place();
                let entries = self.take(length * size, "a list")?;
                if *role == Role::Corners {
                    let mut polygon = Fan::default();
                    for entry in entries.chunks_exact(size) {
                        let named = whole::<LITTLE>(entry, property.kind);
                        corner(mesh, &mut polygon, named, || place.clone())?;
                    }
                    mesh.polygon(&polygon);
                }
            }
            if is_vertex {
                mesh.position(position);
            }
        }
        Ok(())
    }
}

/// The first bytes as an array in little-endian order. Callers give as many as the type has.
#[inline]
fn ordered<const LITTLE: bool, const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut number = bytes.first_chunk::<N>().copied().unwrap_or([0; N]);
    if !LITTLE {
        number.reverse();
    }
    number
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "a mesh holds `f32`")]
#[expect(clippy::cast_precision_loss, reason = "a mesh holds `f32`")]
pub(in crate::mesh) fn real<const LITTLE: bool>(bytes: &[u8], kind: Kind) -> f32 {
    match kind {
        Kind::F32 => f32::from_le_bytes(ordered::<LITTLE, 4>(bytes)),
        Kind::F64 => f64::from_le_bytes(ordered::<LITTLE, 8>(bytes)) as f32,
        _ => whole::<LITTLE>(bytes, kind) as f32,
    }
}

/// A number that names something; a fraction names nothing.
#[inline]
fn whole<const LITTLE: bool>(bytes: &[u8], kind: Kind) -> i64 {
    match kind {
        Kind::I8 => i8::from_le_bytes(ordered::<LITTLE, 1>(bytes)).into(),
        Kind::U8 => u8::from_le_bytes(ordered::<LITTLE, 1>(bytes)).into(),
        Kind::I16 => i16::from_le_bytes(ordered::<LITTLE, 2>(bytes)).into(),
        Kind::U16 => u16::from_le_bytes(ordered::<LITTLE, 2>(bytes)).into(),
        Kind::I32 => i32::from_le_bytes(ordered::<LITTLE, 4>(bytes)).into(),
        Kind::U32 => u32::from_le_bytes(ordered::<LITTLE, 4>(bytes)).into(),
        Kind::F32 | Kind::F64 => -1,
    }
}
