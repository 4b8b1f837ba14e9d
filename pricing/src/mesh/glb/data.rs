//! Numbers in the binary chunk, found through accessors. Every range is checked against the bytes
//! that are there.

use super::container::Container;
use super::document::{Accessor, Document, FAN, Primitive, Shape, TRIANGLES, facets};
use super::{JSON_START, broken, unsupported};
use crate::mesh::{ModelError, Place};

const U8: u32 = 5121;
const U16: u32 = 5123;
const U32: u32 = 5125;
const F32: u32 = 5126;

/// The numbers of a file.
pub(super) struct Data<'bytes> {
    document: &'bytes Document,
    bytes: &'bytes [u8],
}

/// Facets of a primitive.
pub(super) struct Triangles<'bytes> {
    mode: u32,
    len: usize,
    positions: Column<'bytes>,
    /// Width of an index in bytes; without indices the corners are the positions in order.
    indices: Option<(usize, Column<'bytes>)>,
}

/// Values of one accessor.
struct Column<'bytes> {
    bytes: &'bytes [u8],
    stride: usize,
    count: usize,
}

impl<'bytes> Data<'bytes> {
    pub(super) fn new(
        document: &'bytes Document,
        container: &Container<'bytes>,
    ) -> Result<Self, ModelError> {
        let place = Place::Byte((JSON_START + container.json.len()) as u64);
        let bytes = container.binary;
        if let Some(buffer) = document.buffers.first()
            && buffer.uri.is_none()
            && buffer.byte_length > bytes.len() as u64
        {
            let (announced, room) = (buffer.byte_length, bytes.len() as u64);
            return Err(ModelError::Overstated { place, what: "bytes", announced, room });
        }
        Ok(Self { document, bytes })
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The facets of a primitive; `None` when it is of points or lines, or has no positions.
    pub(super) fn triangles(
        &self,
        primitive: &Primitive,
    ) -> Result<Option<Triangles<'bytes>>, ModelError> {
        let Some(number) = primitive.positions()? else { return Ok(None) };
        let accessor = self.document.accessor(number)?;
        if (accessor.component_type, accessor.shape) != (F32, Shape::Vec3) {
            return Err(unsupported(format!(
                "positions (accessor {number}) are not 32-bit floats"
            )));
        }
        let positions = self.column(number, accessor, 12)?;
        let indices = match primitive.indices {
            None => None,
            Some(number) => {
                let accessor = self.document.accessor(number)?;
                let width = match (accessor.component_type, accessor.shape) {
                    (U8, Shape::Scalar) => 1,
                    (U16, Shape::Scalar) => 2,
                    (U32, Shape::Scalar) => 4,
                    _ => return Err(broken(format!("accessor {number} holds no indices"))),
                };
                Some((width, self.column(number, accessor, width)?))
            }
        };
        let corners = indices.as_ref().map_or(positions.count, |(_, indices)| indices.count);
        let len = facets(primitive.mode, corners as u64);
        let len = usize::try_from(len).map_err(|_| ModelError::TooManyFacets)?;
        Ok(Some(Triangles { mode: primitive.mode, len, positions, indices }))
    }

    /// The values of an accessor, `width` bytes each.
    fn column(
        &self,
        number: u32,
        accessor: &Accessor,
        width: usize,
    ) -> Result<Column<'bytes>, ModelError> {
        let Some(view_number) = accessor.buffer_view else {
            return Err(unsupported(format!("accessor {number} has no bytes of its own")));
        };
        let view = self.document.buffer_views.get(view_number as usize);
        let view = view.ok_or_else(|| broken(format!("there is no buffer view {view_number}")))?;
        let buffer = self.document.buffers.get(view.buffer as usize);
        let buffer = buffer.ok_or_else(|| broken(format!("there is no buffer {}", view.buffer)))?;
        if view.buffer != 0 || buffer.uri.is_some() {
            return Err(unsupported("numbers in another file are not read".to_owned()));
        }
        let stride = view.byte_stride.unwrap_or(width as u64);
        let stride = usize::try_from(stride).ok().filter(|stride| (width..=252).contains(stride));
        let Some(stride) = stride else {
            return Err(broken(format!("the stride of buffer view {view_number} is impossible")));
        };
        let bytes = range(self.bytes, view.byte_offset, view.byte_length)
            .and_then(|bytes| bytes.get(usize::try_from(accessor.byte_offset).ok()?..))
            .ok_or_else(|| {
                broken(format!("buffer view {view_number} lies outside the binary chunk"))
            })?;
        // The last value needs no gap behind it.
        let room = if bytes.len() < width { 0 } else { (bytes.len() - width) / stride + 1 };
        match usize::try_from(accessor.count) {
            Ok(count) if count <= room => Ok(Column { bytes, stride, count }),
            _ => Err(ModelError::Overstated {
                place: Place::Byte(JSON_START as u64),
                what: "values of an accessor",
                announced: accessor.count,
                room: room as u64,
            }),
        }
    }
}

impl Triangles<'_> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn positions(&self) -> usize {
        self.positions.count
    }

    #[inline]
    pub(super) fn position(&self, index: usize) -> [f32; 3] {
        let words = self.positions.value::<12>(index);
        [0, 4, 8]
            .map(|at| f32::from_le_bytes([words[at], words[at + 1], words[at + 2], words[at + 3]]))
    }

    /// The positions of a facet, within their count.
    #[inline]
    pub(super) fn corners(&self, facet: usize) -> Result<[u32; 3], ModelError> {
        let places = match self.mode {
            TRIANGLES => [3 * facet, 3 * facet + 1, 3 * facet + 2],
            FAN => [facet + 1, facet + 2, 0],
            // A strip turns every second facet round.
            _ if facet.is_multiple_of(2) => [facet, facet + 1, facet + 2],
            _ => [facet, facet + 2, facet + 1],
        };
        let mut corners = [0; 3];
        for (corner, place) in corners.iter_mut().zip(places) {
            *corner = self.index(place);
            if *corner as usize >= self.positions.count {
                return Err(broken(format!(
                    "an index names position {corner}, but there are {}",
                    self.positions.count
                )));
            }
        }
        Ok(corners)
    }

    #[inline]
    fn index(&self, place: usize) -> u32 {
        match &self.indices {
            None => u32::try_from(place).unwrap_or(u32::MAX),
            Some((1, column)) => u8::from_le_bytes(column.value(place)).into(),
            Some((2, column)) => u16::from_le_bytes(column.value(place)).into(),
            Some((_, column)) => u32::from_le_bytes(column.value(place)),
        }
    }
}

impl Column<'_> {
    /// A value; its place was checked with the count.
    #[inline]
    fn value<const N: usize>(&self, place: usize) -> [u8; N] {
        let rest = self.bytes.get(place * self.stride..).unwrap_or_default();
        rest.first_chunk().copied().unwrap_or([0; N])
    }
}

fn range(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = usize::try_from(offset.checked_add(length)?).ok()?;
    bytes.get(start..end)
}
