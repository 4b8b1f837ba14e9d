//! An entry of an archive, inflated batch by batch, with limits on what really comes out.
//!
//! While one batch is looked at, another thread of the pool inflates the next one. Each batch is
//! made and looked at in the same way by one thread alone, so neither what is read nor what is found wrong, and where,
//! depends on how many there are.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::archive::Entry;
use crate::mesh::{ModelError, Place};

/// Inflated bytes of one entry.
const MAX_ENTRY: u64 = 512 << 20;
/// Inflated bytes of all entries that are read.
const MAX_ALL: u64 = 1 << 30;
/// Inflated bytes for one packed byte. Of 108 real files the densest had 14.
const MAX_RATIO: u64 = 100;
/// An entry this small is no bomb, however well it packs.
const FLOOR: u64 = 1 << 20;
/// Bytes inflated at a time: few enough to stay in the second-level cache until they are looked
/// at, and enough to be worth handing to another thread.
const BATCH: usize = 256 << 10;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// What may still be inflated of one file.
#[derive(Debug)]
pub(super) struct Allowance(u64);

impl Default for Allowance {
    fn default() -> Self {
        Self(MAX_ALL)
    }
}

impl Allowance {
    /// Books what was inflated.
    pub(super) fn spent(&mut self, bytes: u64) {
        self.0 = self.0.saturating_sub(bytes);
    }
}

/// See [the module](self).
pub(super) struct Inflate<'bytes> {
    name: String,
    packed: &'bytes [u8],
    inflater: Option<Box<Decompress>>,
    produced: u64,
    limit: (u64, &'static str),
    crc: Crc,
    promised: (u32, u64),
    ended: bool,
}

impl<'bytes> Inflate<'bytes> {
    pub(super) fn new(
        packed: &'bytes [u8],
        entry: &Entry,
        start: u64,
        allowance: &mut Allowance,
    ) -> Result<Self, ModelError> {
        let inflater = match entry.method {
            STORED => None,
            DEFLATED => Some(Box::new(Decompress::new(false))),
            method => {
                let what = format!("{} is packed by method {method}, not by deflate", entry.name);
                return Err(ModelError::Unsupported { place: Place::Byte(start), what });
            }
        };
        let proportion = (packed.len() as u64).saturating_mul(MAX_RATIO).max(FLOOR);
        let limits = [
            (MAX_ENTRY, "inflated bytes in one entry"),
            (allowance.0, "inflated bytes in the archive"),
            (proportion, "inflated bytes, 100 times the packed ones"),
        ];
        let limit = limits.into_iter().min().unwrap_or(limits[0]);
        Ok(Self {
            name: entry.name.clone(),
            packed,
            inflater,
            produced: 0,
            limit,
            crc: Crc::new(),
            promised: (entry.crc, entry.size),
            ended: false,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Hands all bytes to `take`, in order. What is wrong with a batch is told when all before it
    /// were taken.
    pub(super) fn each_batch(
        mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), ModelError> + Send,
    ) -> Result<(), ModelError> {
        let (mut batch, mut next) = (vec![0; BATCH], vec![]);
        let mut length = self.fill(&mut batch)?;
        while !self.ended {
            next.resize(BATCH, 0);
            let (inflated, taken) = rayon::join(|| self.fill(&mut next), || take(&batch[..length]));
            taken?;
            length = inflated?;
            std::mem::swap(&mut batch, &mut next);
        }
        take(&batch[..length])
    }

    /// Fills a batch but for the last one, and answers how many bytes it has.
    fn fill(&mut self, batch: &mut [u8]) -> Result<usize, ModelError> {
        let mut filled = 0;
        while filled < batch.len() && !self.ended {
            let produced = self.inflate(&mut batch[filled..])?;
            self.produced += produced as u64;
            let (limit, what) = self.limit;
            if self.produced > limit {
                return Err(ModelError::OverLimit { place: self.place(), what, limit });
            }
            self.crc.update(&batch[filled..filled + produced]);
            filled += produced;
        }
        if self.ended && (self.crc.sum(), self.produced) != self.promised {
            return Err(self.broken("its checksum or length is not what the archive says"));
        }
        Ok(filled)
    }

    /// Puts what comes next at the beginning of the room; how many bytes it is.
    fn inflate(&mut self, room: &mut [u8]) -> Result<usize, ModelError> {
        let Some(inflater) = &mut self.inflater else {
            let length = self.packed.len().min(room.len());
            let (block, rest) = self.packed.split_at(length);
            room[..length].copy_from_slice(block);
            self.packed = rest;
            self.ended = rest.is_empty();
            return Ok(length);
        };
        let before = (inflater.total_in(), inflater.total_out());
        let status = inflater.decompress(self.packed, room, FlushDecompress::None);
        let read = inflater.total_in() - before.0;
        let produced = inflater.total_out() - before.1;
        self.packed = &self.packed[usize::try_from(read).unwrap_or(0)..];
        match status {
            Ok(Status::StreamEnd) => self.ended = true,
            Ok(_) if read + produced > 0 => {}
            _ => return Err(self.broken("its packed bytes are damaged")),
        }
        Ok(usize::try_from(produced).unwrap_or(0))
    }

    fn broken(&self, what: &str) -> ModelError {
        ModelError::Broken { place: self.place(), what: what.to_owned() }
    }

    fn place(&self) -> Place {
        Place::Entry { name: self.name.clone(), byte: self.produced }
    }
}
