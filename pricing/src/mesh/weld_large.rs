//! Welding a large mesh by several threads, in cache-sized pieces.
//!
//! 1. Each chunk of the file sorts its corners by bucket, a few bits of a hash of the position:
//!    equal positions meet in the same bucket ([`crate::sorted`] tells why).
//! 2. Each bucket is welded by itself, in file order, and marks the corners that name a position
//!    for the first time in one bit set over the whole file.
//! 3. The rank of such a corner in the bit set is the number of its vertex: vertices are numbered
//!    as the file first names them, exactly as [`super::MeshBuilder`] does.
//! 4. Each chunk writes its facets, and those vertices that it was the first to name.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rayon::iter::{
    IndexedParallelIterator, IntoParallelIterator, IntoParallelRefMutIterator, ParallelIterator,
};
use rayon::slice::ParallelSliceMut;

use super::stl_binary::{RECORD, Records, corners};
use super::weld::{PositionHash, Welder, canonical};
use super::{ModelError, Source};
use crate::parallel::{self, CHUNK};
use crate::sorted::Sorted;
use crate::tally::{Totals, reference};

/// Corners that a bucket has on average, so that its table and positions stay in the cache.
const BUCKET: usize = 32_768;
/// With more buckets than this, sorting a chunk into them would miss the cache.
const MOST_BUCKETS: usize = 1_024;

/// A mesh without the formalities.
pub(super) struct Welded {
    pub(super) vertices: Vec<[f32; 3]>,
    pub(super) facets: Vec<[u32; 3]>,
    /// The corners are in the cache while they are sorted: summing up here costs little.
    pub(super) totals: Totals,
}

/// Welds all facets of a file.
pub(super) fn weld<S: Source + ?Sized>(records: &Records<'_, S>) -> Result<Welded, S::Error> {
    let facets = records.facets();
    let buckets = (3 * facets / BUCKET).next_power_of_two().clamp(2, MOST_BUCKETS);
    let hash = PositionHash::new();
    let mut room = vec![];
    let mut totals = Totals::about(reference(&records.chunk(0, &mut room)?[0]));
    let chunks = parallel::map(records.chunks(), Room::default, |room, index| {
        let records = records.chunk(index, &mut room.bytes)?;
        let mut sums = totals.next_chunk();
        sums.add(records);
        if sums.not_finite() > 0 {
            let facet = index * CHUNK + first_not_finite(records);
            return Err(ModelError::NotFinite { facet: facet as u64 }.into());
        }
        Ok((distribute(records, buckets, hash, &mut room.bucket_of), sums))
    });
    // The first fault in file order is the one to name, whichever was found first.
    let chunks = chunks.into_iter().collect::<Result<Vec<_>, S::Error>>()?;
    let (chunks, sums): (Vec<_>, Vec<_>) = chunks.into_iter().unzip();
    for sums in &sums {
        totals.add(sums);
    }

    let firsts = Firsts::new(3 * facets);
    let welder = || Welder::with_capacity(BUCKET / 4);
    let mut buckets = parallel::map(buckets, welder, |welder, index| {
        Bucket::weld(welder, index, &chunks, &firsts)
    });
    let ranks = firsts.ranks();
    buckets.par_iter_mut().for_each(|bucket| bucket.number(&ranks));
    let (vertices, facets) = assemble(facets, chunks, &buckets, &ranks);
    Ok(Welded { vertices, facets, totals })
}

/// What a thread needs while it reads chunks.
#[derive(Default)]
struct Room {
    bytes: Vec<u8>,
    bucket_of: Vec<[u32; 3]>,
}

/// A corner, and which of its chunk it is.
#[derive(Clone, Copy, Default)]
struct Corner {
    position: [f32; 3],
    place: u16,
}

/// The first facet of a chunk that has a coordinate that is no number.
fn first_not_finite(records: &[[u8; RECORD]]) -> usize {
    let is_finite = |record| corners(record).as_flattened().iter().all(|number| number.is_finite());
    records.iter().position(|record| !is_finite(record)).unwrap_or(0)
}

/// Sorts the corners of a chunk by bucket.
#[expect(clippy::cast_possible_truncation, reason = "a chunk has fewer than 2^16 corners")]
fn distribute(
    records: &[[u8; RECORD]],
    buckets: usize,
    hash: PositionHash,
    bucket_of: &mut Vec<[u32; 3]>,
) -> Sorted<Corner> {
    let bits = buckets.ilog2();
    bucket_of.clear();
    bucket_of.extend(
        records
            .iter()
            .map(|record| corners(record).map(|corner| hash.of(canonical(corner), bits) as u32)),
    );
    Sorted::new(buckets, bucket_of, |facet| {
        let mut place = (3 * facet) as u16;
        corners(&records[facet]).map(|corner| {
            let corner = Corner { position: canonical(corner), place };
            place = place.wrapping_add(1);
            corner
        })
    })
}

/// A bucket welded.
struct Bucket {
    /// Of each corner in the bucket, in file order, the position; counted within the bucket.
    positions: Vec<u32>,
    /// Where the corners of each chunk begin.
    begins: Vec<u32>,
    /// Of each position: the corner that first names it; later the number of its vertex.
    numbers: Vec<u32>,
}

impl Bucket {
    #[expect(clippy::cast_possible_truncation, reason = "MAX_FACETS keeps corners below 2^32")]
    fn weld(welder: &mut Welder, index: usize, chunks: &[Sorted<Corner>], firsts: &Firsts) -> Self {
        welder.clear();
        let corners = chunks.iter().map(|chunk| chunk.bucket(index).len()).sum();
        let mut positions = Vec::with_capacity(corners);
        let mut begins = Vec::with_capacity(chunks.len());
        let mut numbers = vec![];
        for (number, chunk) in chunks.iter().enumerate() {
            begins.push(positions.len() as u32);
            let before = 3 * CHUNK * number;
            for corner in chunk.bucket(index) {
                let position = welder.weld(corner.position);
                if position as usize == numbers.len() {
                    let first = before + usize::from(corner.place);
                    numbers.push(first as u32);
                    firsts.mark(first);
                }
                positions.push(position);
            }
        }
        Self { positions, begins, numbers }
    }

    fn number(&mut self, ranks: &Ranks) {
        for number in &mut self.numbers {
            *number = ranks.of(*number as usize);
        }
    }
}

/// Which corners of the file are the first at their position: one bit each.
struct Firsts {
    words: Vec<AtomicU64>,
}

impl Firsts {
    fn new(corners: usize) -> Self {
        // One word more, so that the number of all is a rank, too.
        Self { words: (0..=corners / 64).map(|_| AtomicU64::new(0)).collect() }
    }

    fn mark(&self, corner: usize) {
        self.words[corner / 64].fetch_or(1 << (corner % 64), Relaxed);
    }

    fn ranks(self) -> Ranks {
        let words: Vec<u64> = self.words.into_iter().map(AtomicU64::into_inner).collect();
        let mut sum = 0;
        let before = words
            .iter()
            .map(|word| {
                let before = sum;
                sum += word.count_ones();
                before
            })
            .collect();
        Ranks { words, before }
    }
}

/// How many firsts come before a corner.
struct Ranks {
    words: Vec<u64>,
    before: Vec<u32>,
}

impl Ranks {
    fn of(&self, corner: usize) -> u32 {
        let (word, bit) = (corner / 64, corner % 64);
        self.before[word] + (self.words[word] & ((1 << bit) - 1)).count_ones()
    }
}

fn assemble(
    facets: usize,
    chunks: Vec<Sorted<Corner>>,
    buckets: &[Bucket],
    ranks: &Ranks,
) -> (Vec<[f32; 3]>, Vec<[u32; 3]>) {
    let mut mesh_facets = vec![[0_u32; 3]; facets];
    let mut vertices = vec![[0_f32; 3]; ranks.of(3 * facets) as usize];
    let new_vertices = cut_by_chunk(&mut vertices, chunks.len(), facets, ranks);
    // The chunks are consumed, and so given back as soon as they are done with.
    chunks
        .into_par_iter()
        .zip(mesh_facets.par_chunks_mut(CHUNK))
        .zip(new_vertices)
        .enumerate()
        .for_each(|(index, ((chunk, facets), vertices))| {
            let known = ranks.of(3 * CHUNK * index);
            let numbers = facets.as_flattened_mut();
            for (number, bucket) in buckets.iter().enumerate() {
                let positions = &bucket.positions[bucket.begins[index] as usize..];
                for (corner, position) in chunk.bucket(number).iter().zip(positions) {
                    let vertex = bucket.numbers[*position as usize];
                    numbers[usize::from(corner.place)] = vertex;
                    if vertex >= known
                        && let Some(new) = vertices.get_mut((vertex - known) as usize)
                    {
                        *new = corner.position;
                    }
                }
            }
        });
    (vertices, mesh_facets)
}

/// The part of the vertices that each chunk is the first to name.
fn cut_by_chunk<'a>(
    mut vertices: &'a mut [[f32; 3]],
    chunks: usize,
    facets: usize,
    ranks: &Ranks,
) -> Vec<&'a mut [[f32; 3]]> {
    let mut known = 0;
    let cut = |chunk: usize| {
        let now = ranks.of(3 * facets.min((chunk + 1) * CHUNK));
        let (mine, rest) = std::mem::take(&mut vertices).split_at_mut((now - known) as usize);
        (vertices, known) = (rest, now);
        mine
    };
    (0..chunks).map(cut).collect()
}
