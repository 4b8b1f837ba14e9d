//! An entry of an archive as a stream of bytes, with limits on what really comes out.

use std::io::{self, BufRead, Read};

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
/// The longest tag or text: both are gathered before they are looked at.
const LONGEST_TOKEN: u64 = 1 << 20;
/// Bytes inflated at a time.
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
    block: Box<[u8]>,
    from: usize,
    to: usize,
    produced: u64,
    limit: (u64, &'static str),
    /// Bytes handed over since the last token.
    pending: u64,
    crc: Crc,
    promised: (u32, u64),
    ended: bool,
    refusal: Option<ModelError>,
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
            block: vec![0; BLOCK].into_boxed_slice(),
            from: 0,
            to: 0,
            produced: 0,
            limit,
            pending: 0,
            crc: Crc::new(),
            promised: (entry.crc, entry.size),
            ended: false,
            refusal: None,
        })
    }

    pub(super) fn place(&self, byte: u64) -> Place {
        Place::Entry { name: self.name.clone(), byte }
    }

    /// Says that what came before has been looked at.
    #[inline]
    pub(super) fn token_done(&mut self) {
        self.pending = 0;
    }

    /// Why reading failed, if the reason was here.
    pub(super) fn take_refusal(&mut self) -> Option<ModelError> {
        self.refusal.take()
    }

    fn refill(&mut self) -> Result<(), ModelError> {
        let produced = match &mut self.inflater {
            None => {
                let length = self.packed.len().min(BLOCK);
                let (block, rest) = self.packed.split_at(length);
                self.block[..length].copy_from_slice(block);
                self.packed = rest;
                self.ended = length == 0;
                length
            }
            Some(inflater) => {
                let before = (inflater.total_in(), inflater.total_out());
                let status =
                    inflater.decompress(self.packed, &mut self.block, FlushDecompress::None);
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
        self.crc.update(&self.block[..produced]);
        (self.from, self.to) = (0, produced);
        if self.ended && (self.crc.sum(), self.produced) != self.promised {
            return Err(self.broken("its checksum or length is not what the archive says"));
        }
        Ok(())
    }

    fn broken(&self, what: &str) -> ModelError {
        ModelError::Broken { place: self.place(self.produced), what: what.to_owned() }
    }
}

impl BufRead for Inflate<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.from == self.to && !self.ended {
            let filled = if self.pending > LONGEST_TOKEN {
                let (place, what) = (self.place(self.produced), "bytes in one tag or text");
                Err(ModelError::OverLimit { place, what, limit: LONGEST_TOKEN })
            } else {
                self.refill()
            };
            if let Err(refusal) = filled {
                self.refusal = Some(refusal);
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(&self.block[self.from..self.to])
    }

    fn consume(&mut self, bytes: usize) {
        self.from = self.to.min(self.from + bytes);
        self.pending += bytes as u64;
    }
}

impl Read for Inflate<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(into.len());
        into[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}
