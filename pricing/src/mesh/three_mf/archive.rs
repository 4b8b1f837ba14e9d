//! The directory of a ZIP archive in memory (PKWARE APPNOTE 6.3), as far as 3MF needs it.
//!
//! Own code, because a library reads the whole directory before one can count it, and a directory
//! of millions of entries is itself an attack.

use super::inflate::{Allowance, Inflate};
use crate::mesh::{ModelError, Place};

/// The most entries an archive may have; real packages have 3 to 30.
const MAX_ENTRIES: u64 = 200;
/// Length of the end record, and of the longest comment behind it.
const END: usize = 22;
const LONGEST_COMMENT: usize = 65_535;
/// A field that is all ones stands in the 64-bit extension instead.
const ELSEWHERE: u64 = u32::MAX as u64;

/// An archive whose directory is sound.
pub(super) struct Archive<'bytes> {
    bytes: &'bytes [u8],
    entries: Vec<Entry>,
}

/// A file in the archive.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
    encrypted: bool,
    header: u64,
}

impl<'bytes> Archive<'bytes> {
    pub(super) fn open(bytes: &'bytes [u8]) -> Result<Self, ModelError> {
        let (count, start) = directory(bytes)?;
        if count > MAX_ENTRIES {
            let (place, what) = (Place::File, "entries in the archive");
            return Err(ModelError::OverLimit { place, what, limit: MAX_ENTRIES });
        }
        let mut entries: Vec<Entry> = vec![];
        let mut at = start;
        for _ in 0..count {
            let (entry, next) = entry(bytes, at)?;
            check_name(&entry, at)?;
            if entries.iter().any(|known| known.name.eq_ignore_ascii_case(&entry.name)) {
                return Err(broken(at, format!("two entries are named \"{}\"", entry.name)));
            }
            entries.push(entry);
            at = next;
        }
        Ok(Self { bytes, entries })
    }

    /// The entry of a name; packages do not tell capitals from small letters.
    pub(super) fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// What the entry holds, as a stream.
    pub(super) fn inflate(
        &self,
        entry: &Entry,
        allowance: &mut Allowance,
    ) -> Result<Inflate<'bytes>, ModelError> {
        let at = entry.header;
        if entry.encrypted {
            let what = format!("{} is encrypted", entry.name);
            return Err(ModelError::Unsupported { place: Place::Byte(at), what });
        }
        let header = Fields::at(self.bytes, at, b"PK\x03\x04", 30)?;
        let start = at + 30 + header.u16(26) + header.u16(28);
        let packed = slice(self.bytes, start, entry.packed)?;
        Inflate::new(packed, entry, start, allowance)
    }
}

/// How many entries the directory has and where it starts.
fn directory(bytes: &[u8]) -> Result<(u64, u64), ModelError> {
    let earliest = bytes.len().saturating_sub(END + LONGEST_COMMENT);
    let tail = &bytes[earliest..];
    let at = tail.windows(4).rposition(|word| word == b"PK\x05\x06");
    let at = (earliest + at.ok_or_else(|| cut_off(bytes, "the directory of the archive"))?) as u64;
    let end = Fields::at(bytes, at, b"PK\x05\x06", END as u64)?;
    let (count, start) = (end.u16(10), end.u32(16));
    let locator = at.checked_sub(20).map(|at| Fields::at(bytes, at, b"PK\x06\x07", 20));
    if let Some(Ok(locator)) = locator
        && (count == 0xFFFF || start == ELSEWHERE)
    {
        let end = Fields::at(bytes, locator.u64(8), b"PK\x06\x06", 56)?;
        return Ok((end.u64(32), end.u64(48)));
    }
    Ok((count, start))
}

/// The entry whose directory record starts here, and where the next one does.
fn entry(bytes: &[u8], at: u64) -> Result<(Entry, u64), ModelError> {
    let record = Fields::at(bytes, at, b"PK\x01\x02", 46)?;
    let [name, extra, comment] = [28, 30, 32].map(|offset| record.u16(offset));
    let named = at + 46;
    let Ok(text) = std::str::from_utf8(slice(bytes, named, name)?) else {
        return Err(broken(at, "the name of an entry is not UTF-8".to_owned()));
    };
    let extras = slice(bytes, named + name, extra)?;
    let [mut packed, mut size, mut header] = [record.u32(20), record.u32(24), record.u32(42)];
    let mut wide = wide_fields(extras);
    for field in [&mut size, &mut packed, &mut header] {
        if *field == ELSEWHERE
            && let Some(value) = wide.next()
        {
            *field = value;
        }
    }
    let entry = Entry {
        name: text.to_owned(),
        method: u16::try_from(record.u16(10)).unwrap_or(u16::MAX),
        crc: u32::try_from(record.u32(16)).unwrap_or(u32::MAX),
        packed,
        size,
        encrypted: record.u16(8) & 1 != 0,
        header,
    };
    Ok((entry, named + name + extra + comment))
}

/// The values of the 64-bit extension (field 1) among the extra fields of a record.
fn wide_fields(extras: &[u8]) -> impl Iterator<Item = u64> {
    let mut rest = extras;
    let mut found: &[u8] = &[];
    while let Some((head, after)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([head[2], head[3]])).min(after.len());
        if head[..2] == [1, 0] {
            found = &after[..length];
        }
        rest = &after[length..];
    }
    found.as_chunks::<8>().0.iter().map(|value| u64::from_le_bytes(*value))
}

/// Nothing is ever written under these names; a file that tries is still not worth reading.
fn check_name(entry: &Entry, at: u64) -> Result<(), ModelError> {
    let name = &entry.name;
    let leads_out = name.starts_with('/')
        || name.contains(['\\', ':'])
        || name.contains(char::is_control)
        || name.split('/').any(|step| step == ".." || step == ".");
    if name.is_empty() || leads_out {
        return Err(broken(
            at,
            format!("the entry name {name:?} is not a path inside the archive"),
        ));
    }
    Ok(())
}

/// A record of fixed length, with its fields by offset.
struct Fields<'bytes>(&'bytes [u8]);

impl<'bytes> Fields<'bytes> {
    fn at(bytes: &'bytes [u8], at: u64, mark: &[u8], length: u64) -> Result<Self, ModelError> {
        let record = slice(bytes, at, length)?;
        if !record.starts_with(mark) {
            return Err(broken(at, "the archive has no record where one should be".to_owned()));
        }
        Ok(Self(record))
    }

    fn u16(&self, offset: usize) -> u64 {
        u64::from(u16::from_le_bytes([self.0[offset], self.0[offset + 1]]))
    }

    fn u32(&self, offset: usize) -> u64 {
        self.u16(offset) | self.u16(offset + 2) << 16
    }

    fn u64(&self, offset: usize) -> u64 {
        self.u32(offset) | self.u32(offset + 4) << 32
    }
}

fn slice(bytes: &[u8], at: u64, length: u64) -> Result<&[u8], ModelError> {
    let end = at.checked_add(length).and_then(|end| usize::try_from(end).ok());
    let start = usize::try_from(at).ok();
    start
        .zip(end)
        .and_then(|(start, end)| bytes.get(start..end))
        .ok_or_else(|| cut_off(bytes, "a part of the archive"))
}

fn cut_off(bytes: &[u8], wanted: &'static str) -> ModelError {
    ModelError::CutOff { actual: bytes.len() as u64, wanted }
}

fn broken(at: u64, what: String) -> ModelError {
    ModelError::Broken { place: Place::Byte(at), what }
}
