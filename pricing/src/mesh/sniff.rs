//! What kind of file is this? Decided by content and length.

use super::{Format, ModelError};

/// How much of the start of a file [`sniff`] wants to see, when there is that much.
pub const SNIFF_BYTES: usize = 1024;

/// 80 bytes of free text and a 32-bit count.
pub(super) const BINARY_HEADER: usize = 84;
/// Normal, three corners, two bytes of attributes.
pub(super) const BINARY_FACET: usize = 50;

/// Starts of files people send by mistake, so that the answer can name them.
const OTHERS: [(&[u8], &str); 12] = [
    (b"PK\x03\x04", "it is a ZIP archive (3MF is not read yet)"),
    (b"glTF", "it is a GLB file, which is not read yet"),
    (b"ply\n", "it is a PLY file, which is not read yet"),
    (b"ply\r", "it is a PLY file, which is not read yet"),
    (b"OFF", "it is an OFF file, which is not read yet"),
    (b"ISO-10303-21", "it is a STEP file; export a mesh (STL) from it"),
    (b"%PDF", "it is a PDF document"),
    (b"\x89PNG", "it is a PNG picture"),
    (b"\xFF\xD8\xFF", "it is a JPEG picture"),
    (b"\x1F\x8B", "it is gzip-compressed; send the file itself"),
    (b"Rar!", "it is a RAR archive; send the file itself"),
    (b"7z\xBC\xAF", "it is a 7z archive; send the file itself"),
];

/// Decides the format from the first bytes (up to [`SNIFF_BYTES`] of them) and the whole length.
///
/// A binary STL is one whose length is exactly what its count says, whatever its header reads:
/// many exporters write `solid` there. A text that begins with `solid` is an ASCII STL. Anything
/// else that is long enough for its count is a binary STL with bytes to spare.
pub fn sniff(head: &[u8], total_len: u64) -> Result<Format, ModelError> {
    if total_len == 0 || head.is_empty() {
        return Err(ModelError::Empty);
    }
    let announced = announced_facets(head);
    if let Some(facets) = announced
        && facets > 0
        && binary_length(facets) == total_len
    {
        return Ok(Format::StlBinary);
    }
    if is_text(head) {
        return if says_solid(head) { Ok(Format::StlAscii) } else { Err(not_a_model(head)) };
    }
    if let Some((_, reason)) = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(ModelError::NotAModel { reason });
    }
    match announced {
        None => Err(ModelError::NotAModel { reason: "it is shorter than any binary STL" }),
        Some(0) => Err(ModelError::NoFacets),
        Some(facets) if binary_length(facets) <= total_len => Ok(Format::StlBinary),
        Some(facets) => Err(ModelError::Truncated {
            facets,
            expected: binary_length(facets),
            actual: total_len,
        }),
    }
}

/// Bytes a binary STL of so many facets has.
pub(super) fn binary_length(facets: u64) -> u64 {
    BINARY_HEADER as u64 + BINARY_FACET as u64 * facets
}

/// The count in a binary header, if the header is all there.
pub(super) fn announced_facets(head: &[u8]) -> Option<u64> {
    let count = head.get(80..84)?;
    Some(u64::from(u32::from_le_bytes(count.try_into().ok()?)))
}

/// Whether a file with this start can be an ASCII STL at all.
pub(super) fn may_be_ascii(head: &[u8]) -> bool {
    is_text(head) && says_solid(head)
}

fn not_a_model(head: &[u8]) -> ModelError {
    let known = OTHERS.iter().find(|(magic, _)| head.starts_with(magic));
    let reason = known.map_or("it is a text that does not begin with \"solid\"", |(_, why)| why);
    ModelError::NotAModel { reason }
}

/// No control characters but the usual white space. Bytes of 0x80 and above are let through:
/// names of solids come in every encoding.
fn is_text(head: &[u8]) -> bool {
    head.iter().all(|&byte| byte >= b' ' && byte != 0x7F || byte.is_ascii_whitespace())
}

fn says_solid(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let Some((word, rest)) = head.split_at_checked(5) else { return false };
    word.eq_ignore_ascii_case(b"solid") && rest.first().is_none_or(u8::is_ascii_whitespace)
}
