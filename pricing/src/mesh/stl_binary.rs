//! Binary STL.
//!
//! 80 bytes of anything, a little-endian `u32` count, then 50 bytes a facet: normal (3 × `f32`,
//! ignored: the order of the corners says which side is out), three corners (9 × `f32`), two
//! bytes of attributes (ignored). No unit.

pub(crate) use super::sniff::{
    BINARY_FACET as RECORD, BINARY_HEADER as HEADER, announced_facets, binary_length as length,
};
use super::weld_large::{Welded, weld};
use super::{Format, MAX_FACETS, Mesh, MeshBuilder, ModelError, Source, Warning};
use crate::parallel::CHUNK;

/// Up to so many facets one thread and one table are faster than cutting the file into pieces.
const SMALL: usize = 3 * CHUNK;

/// A facet by its corners.
pub(crate) type Corners = [[f32; 3]; 3];

pub(super) fn read<S: Source + ?Sized>(source: &S) -> Result<Mesh, S::Error> {
    let records = Records::of(source)?;
    let warnings = records.warnings();
    if records.facets <= SMALL {
        let mesh = small(&records)?.finish(Format::StlBinary, warnings)?;
        return Ok(mesh);
    }
    let Welded { vertices, facets, totals } = weld(&records)?;
    let totals = Some(totals);
    Ok(Mesh { format: Format::StlBinary, unit: None, vertices, facets, warnings, totals })
}

fn small<S: Source + ?Sized>(records: &Records<'_, S>) -> Result<MeshBuilder, S::Error> {
    let (mut builder, mut room) = (MeshBuilder::with_capacity(records.facets), vec![]);
    for chunk in 0..records.chunks() {
        for record in records.chunk(chunk, &mut room)? {
            builder.push(corners(record))?;
        }
    }
    Ok(builder)
}

/// The facets of a binary STL, as they stand in the file.
pub(crate) struct Records<'source, S: ?Sized> {
    source: &'source S,
    facets: usize,
}

impl<'source, S: Source + ?Sized> Records<'source, S> {
    /// Of a file that is as long as its header says, or longer.
    pub(crate) fn of(source: &'source S) -> Result<Self, S::Error> {
        let actual = source.size();
        let expected = HEADER as u64;
        if actual < expected {
            return Err(ModelError::Truncated { facets: 0, expected, actual }.into());
        }
        let mut room = vec![];
        let facets = announced_facets(source.bytes(0, HEADER, &mut room)?).unwrap_or(0);
        let expected = length(facets);
        if expected > actual {
            return Err(ModelError::Truncated { facets, expected, actual }.into());
        }
        match usize::try_from(facets) {
            Ok(count) if facets <= MAX_FACETS => Ok(Self { source, facets: count }),
            _ => Err(ModelError::TooManyFacets.into()),
        }
    }

    pub(crate) fn facets(&self) -> usize {
        self.facets
    }

    pub(crate) fn chunks(&self) -> usize {
        self.facets.div_ceil(CHUNK)
    }

    /// The facets of one chunk: [`CHUNK`] of them, fewer in the last.
    pub(crate) fn chunk<'a>(
        &'a self,
        index: usize,
        room: &'a mut Vec<u8>,
    ) -> Result<&'a [[u8; RECORD]], S::Error> {
        let first = index * CHUNK;
        let bytes = CHUNK.min(self.facets - first) * RECORD;
        let offset = length(first as u64);
        Ok(self.source.bytes(offset, bytes, room)?.as_chunks().0)
    }

    fn warnings(&self) -> Vec<Warning> {
        match self.source.size() - length(self.facets as u64) {
            0 => vec![],
            bytes => vec![Warning::TrailingBytes { bytes }],
        }
    }
}

/// The corners of a facet.
pub(crate) fn corners(record: &[u8; RECORD]) -> Corners {
    let (words, _) = record[12..48].as_chunks::<4>();
    let number = |index: usize| f32::from_le_bytes(words[index]);
    [0, 3, 6].map(|first| [number(first), number(first + 1), number(first + 2)])
}
