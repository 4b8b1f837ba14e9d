//! The first stage: what one pass over the facets of a binary STL tells, in constant memory.
//!
//! Volume, area, box, and whether the surface is closed and oriented as far as a checksum over
//! its edges can tell; not how many shells there are or which edges are at fault. A rough price
//! needs no more. [`Tally`] is fed with an upload while it arrives, [`of`] reads a file that is
//! there with all threads of the rayon pool the caller is in; both give the same bits, and so do
//! the sums of the exact analysis, which are made by the same code.

mod checksum;
mod sums;

use crate::analysis::Unit;
use crate::mesh::stl_binary::{HEADER, RECORD, Records, announced_facets, length};
use crate::mesh::{ModelError, Source};
use crate::parallel::{self, CHUNK};
use crate::rough::{Known, KnownVolume};

use self::checksum::EdgeChecksum;
pub(crate) use self::sums::{ChunkSums, Totals, reference};

/// What one pass told. Lengths in file units.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstLook {
    /// Facets in the file.
    pub facets: u64,
    /// Facets with a coordinate that is NaN or infinite; they take no part in anything else.
    pub not_finite: u64,
    /// Facets without area.
    pub zero_area: u64,
    /// The surface integral about the centre of the box: negative when the surface is inside out.
    pub signed_volume: f64,
    /// Surface area.
    pub area: f64,
    /// Area of the shadow along x, y and z, as far as no part lies behind another.
    pub projected: [f64; 3],
    /// Extents of the axis-parallel box.
    pub extents: [f64; 3],
    /// Whether each edge is used as often in one direction as in the other. When false, that is a
    /// fact; when true, it is wrong once in 2⁶⁰ files or so, whoever made them: the checksum has a
    /// seed that nobody knows.
    pub closed_oriented: bool,
}

impl FirstLook {
    fn new(totals: &Totals, checksum: u64) -> Self {
        let nothing = totals.facets == totals.not_finite;
        Self {
            facets: totals.facets,
            not_finite: totals.not_finite,
            zero_area: totals.zero_area,
            signed_volume: if nothing { 0.0 } else { totals.volume() },
            area: totals.area(),
            projected: totals.projected(),
            extents: if nothing { [0.0; 3] } else { totals.bounds.extents() },
            closed_oriented: checksum == 0 && totals.not_finite == 0,
        }
    }

    /// What a rough price wants to know, for a file whose coordinates are in `unit`.
    pub fn known(&self, unit: Unit) -> Known {
        let scale = unit.millimetres();
        Known {
            facets: self.facets,
            bbox_mm: self.extents.map(|extent| extent * scale),
            volume: Some(KnownVolume {
                mm3: self.signed_volume.abs() * scale * scale * scale,
                closed: self.closed_oriented,
            }),
            area_mm2: Some(self.area * scale * scale),
        }
    }
}

/// One pass over a binary STL that is there, by all threads.
pub fn of<S: Source + ?Sized>(source: &S) -> Result<FirstLook, S::Error> {
    let records = Records::of(source)?;
    if records.facets() == 0 {
        return Err(ModelError::NoFacets.into());
    }
    let mut room = vec![];
    let mut totals = Totals::about(reference(&records.chunk(0, &mut room)?[0]));
    let seed = EdgeChecksum::new();
    let chunks = parallel::map(records.chunks(), Vec::new, |room, index| {
        let records = records.chunk(index, room)?;
        let mut sums = totals.next_chunk();
        sums.add(records);
        Ok::<_, S::Error>((sums, seed.of(records)))
    });
    let mut checksum = 0_u64;
    for chunk in chunks {
        let (sums, edges) = chunk?;
        totals.add(&sums);
        checksum = checksum.wrapping_add(edges);
    }
    Ok(FirstLook::new(&totals, checksum))
}

/// One pass over a binary STL that is still arriving.
///
/// Feeds on any bytes without complaint: whether the file is a binary STL at all is for
/// [`crate::mesh::FacetCounter`] to say.
///
/// ```
/// use pricing::tally::Tally;
/// let mut file = vec![0_u8; 84 + 50];
/// file[80] = 1;
/// file[84 + 12 + 12] = 0x80;
/// file[84 + 12 + 12 + 2..][..2].copy_from_slice(&[0x80, 0x3F]);
/// let mut tally = Tally::new();
/// for chunk in file.chunks(33) {
///     tally.push(chunk);
/// }
/// let look = tally.finish(file.len() as u64).unwrap();
/// assert_eq!((look.facets, look.zero_area, look.closed_oriented), (1, 1, true));
/// ```
#[derive(Debug, Clone)]
pub struct Tally {
    /// What is left over from the last push: less than a header before one has been read, less
    /// than a facet afterwards.
    rest: Vec<u8>,
    seed: EdgeChecksum,
    checksum: u64,
    going: Option<Going>,
}

/// Past the header.
#[derive(Debug, Clone)]
struct Going {
    announced: u64,
    seen: u64,
    /// The first corner is needed to begin with.
    sums: Option<(Totals, ChunkSums)>,
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

impl Tally {
    /// A tally that has seen nothing.
    pub fn new() -> Self {
        let rest = Vec::with_capacity(HEADER);
        Self { rest, seed: EdgeChecksum::new(), checksum: 0, going: None }
    }

    /// The next bytes of the file, in order, in pieces of any size.
    pub fn push(&mut self, mut bytes: &[u8]) {
        if self.going.is_none() {
            let Some(rest) = self.complete(HEADER, bytes) else { return };
            let announced = announced_facets(&self.rest).unwrap_or(0);
            self.going = Some(Going { announced, seen: 0, sums: None });
            self.rest.clear();
            bytes = rest;
        }
        if !self.rest.is_empty() {
            let Some(rest) = self.complete(RECORD, bytes) else { return };
            let whole = std::mem::take(&mut self.rest);
            self.add(whole.as_chunks().0);
            bytes = rest;
        }
        let (records, rest) = bytes.as_chunks();
        self.add(records);
        self.rest.extend_from_slice(rest);
    }

    /// The result for a file of so many bytes, all of which were pushed.
    pub fn finish(&self, total_len: u64) -> Result<FirstLook, ModelError> {
        let Some(Going { announced, seen, sums }) = &self.going else {
            let expected = HEADER as u64;
            return Err(ModelError::Truncated { facets: 0, expected, actual: total_len });
        };
        if seen < announced {
            let expected = length(*announced);
            return Err(ModelError::Truncated { facets: *announced, expected, actual: total_len });
        }
        let Some((mut totals, chunk)) = sums.clone() else { return Err(ModelError::NoFacets) };
        totals.add(&chunk);
        Ok(FirstLook::new(&totals, self.checksum))
    }

    /// Fills what is left over up to `len` bytes; gives back what was not needed, or nothing when
    /// there was not enough.
    fn complete<'a>(&mut self, len: usize, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let missing = len - self.rest.len();
        let (taken, left) = bytes.split_at(bytes.len().min(missing));
        self.rest.extend_from_slice(taken);
        (self.rest.len() == len).then_some(left)
    }

    /// Adds whole facets, cutting them into the same chunks as [`of`] does. Bytes after the last
    /// facet announced are not facets.
    fn add(&mut self, mut records: &[[u8; RECORD]]) {
        let Some(going) = &mut self.going else { return };
        let left = usize::try_from(going.announced - going.seen).unwrap_or(usize::MAX);
        records = &records[..records.len().min(left)];
        let Some(first) = records.first() else { return };
        let (totals, chunk) = going.sums.get_or_insert_with(|| {
            let totals = Totals::about(reference(first));
            let chunk = totals.next_chunk();
            (totals, chunk)
        });
        self.checksum = self.checksum.wrapping_add(self.seed.of(records));
        while !records.is_empty() {
            let full = CHUNK - chunk.facets();
            let (now, later) = records.split_at(records.len().min(full));
            chunk.add(now);
            going.seen += now.len() as u64;
            if chunk.facets() == CHUNK {
                totals.add(chunk);
                *chunk = totals.next_chunk();
            }
            records = later;
        }
    }
}
