//! An entry of an archive as a stream of bytes, with limits on what really comes out.

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
/// Bytes inflated at a time: few enough to stay in the cache until they are looked at.
const BLOCK: usize = 64 << 10;

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
    /// What was inflated, of which the bytes before `from` were consumed.
    block: Vec<u8>,
    from: usize,
    to: usize,
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
            block: vec![0; 2 * BLOCK],
            from: 0,
            to: 0,
            produced: 0,
            limit,
            crc: Crc::new(),
            promised: (entry.crc, entry.size),
            ended: false,
        })
    }

    pub(super) fn place(&self, byte: u64) -> Place {
        Place::Entry { name: self.name.clone(), byte }
    }

    /// Inflated bytes that were not consumed yet.
    #[inline]
    pub(super) fn window(&self) -> &[u8] {
        &self.block[self.from..self.to]
    }

    #[inline]
    pub(super) fn consume(&mut self, bytes: usize) {
        self.from = self.to.min(self.from + bytes);
    }

    /// Inflated bytes that were consumed.
    pub(super) fn consumed(&self) -> u64 {
        self.produced - (self.to - self.from) as u64
    }

    /// Makes the window longer. Whether there was more.
    pub(super) fn more(&mut self) -> Result<bool, ModelError> {
        self.block.copy_within(self.from..self.to, 0);
        (self.from, self.to) = (0, self.to - self.from);
        if self.block.len() - self.to < BLOCK {
            // A long tag; who reads it knows when it is too long.
            self.block.resize(2 * self.block.len(), 0);
        }
        let before = self.to;
        while self.to == before && !self.ended {
            self.refill()?;
        }
        Ok(self.to > before)
    }

    /// Puts more bytes behind those of the window.
    fn refill(&mut self) -> Result<(), ModelError> {
        let room = &mut self.block[self.to..];
        let produced = match &mut self.inflater {
            None => {
                let length = self.packed.len().min(room.len());
                let (block, rest) = self.packed.split_at(length);
                room[..length].copy_from_slice(block);
                self.packed = rest;
                self.ended = length == 0;
                length
            }
            Some(inflater) => {
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
                usize::try_from(produced).unwrap_or(0)
            }
        };
        self.produced += produced as u64;
        let (limit, what) = self.limit;
        if self.produced > limit {
            return Err(ModelError::OverLimit { place: self.place(self.produced), what, limit });
        }
        self.crc.update(&self.block[self.to..self.to + produced]);
        self.to += produced;
        if self.ended && (self.crc.sum(), self.produced) != self.promised {
            return Err(self.broken("its checksum or length is not what the archive says"));
        }
        Ok(())
    }

    fn broken(&self, what: &str) -> ModelError {
        ModelError::Broken { place: self.place(self.produced), what: what.to_owned() }
    }
}
