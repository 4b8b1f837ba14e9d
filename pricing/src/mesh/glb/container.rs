//! The file: a header of 12 bytes, then chunks.

use crate::mesh::{ModelError, Place};

/// Where the JSON begins: behind the header and the head of the first chunk.
pub(in crate::mesh) const JSON_START: usize = 20;
/// The longest JSON that is looked at; it describes, the numbers stand elsewhere.
const MAX_JSON: usize = 8 << 20;

const JSON: &[u8] = b"JSON";
const BINARY: &[u8] = b"BIN\0";

/// The parts of a file.
pub(super) struct Container<'bytes> {
    pub(super) json: &'bytes [u8],
    pub(super) binary: &'bytes [u8],
    /// Bytes behind the length in the header.
    pub(super) trailing: u64,
}

impl<'bytes> Container<'bytes> {
    pub(super) fn open(bytes: &'bytes [u8]) -> Result<Self, ModelError> {
        let json = json_length(bytes)?;
        let announced = number(bytes, 8);
        let all = bytes.get(..announced).ok_or(ModelError::CutOff {
            actual: bytes.len() as u64,
            wanted: "the rest of the length in the header",
        })?;
        let (json, after) = chunk(bytes, all, JSON_START, json)?;
        let mut binary: &[u8] = &[];
        // The padding of the JSON is part of its length; a second chunk may be missing.
        if let Some(head) = after.first_chunk::<8>()
            && &head[4..] == BINARY
        {
            let start = JSON_START + json.len() + 8;
            binary = chunk(bytes, all, start, number(head, 0))?.0;
        }
        Ok(Self { json, binary, trailing: (bytes.len() - announced) as u64 })
    }
}

/// Length of the JSON, given the start of a file.
pub(in crate::mesh) fn json_length(bytes: &[u8]) -> Result<usize, ModelError> {
    if bytes.len() < JSON_START {
        let actual = bytes.len() as u64;
        return Err(ModelError::CutOff { actual, wanted: "the JSON chunk" });
    }
    let version = number(bytes, 4);
    if version != 2 {
        let what = format!("glTF version {version} is not read, only 2");
        return Err(ModelError::Unsupported { place: Place::Byte(4), what });
    }
    if &bytes[16..20] != JSON {
        let what = "the first chunk is not JSON".to_owned();
        return Err(ModelError::Broken { place: Place::Byte(16), what });
    }
    let length = number(bytes, 12);
    if length > MAX_JSON {
        let (place, limit) = (Place::Byte(12), MAX_JSON as u64);
        return Err(ModelError::OverLimit { place, what: "bytes of JSON", limit });
    }
    Ok(length)
}

fn chunk<'bytes>(
    file: &[u8],
    all: &'bytes [u8],
    start: usize,
    length: usize,
) -> Result<(&'bytes [u8], &'bytes [u8]), ModelError> {
    let rest = all.get(start..).and_then(|rest| rest.split_at_checked(length));
    let actual = file.len() as u64;
    rest.ok_or(ModelError::CutOff { actual, wanted: "the rest of a chunk" })
}

/// A 32-bit number, little-endian. Callers have checked that it is there.
fn number(bytes: &[u8], at: usize) -> usize {
    let word = bytes.get(at..at + 4).and_then(|word| word.first_chunk::<4>());
    usize::try_from(u32::from_le_bytes(word.copied().unwrap_or_default())).unwrap_or(usize::MAX)
}
