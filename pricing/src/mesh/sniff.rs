//! What kind of file is this? Decided by content and length.

use super::cursor::is_space;
use super::{Format, ModelError};

/// How much of the start of a file [`sniff`] wants to see, when there is that much.
pub const SNIFF_BYTES: usize = 1024;

/// 80 bytes of free text and a 32-bit count.
pub(crate) const BINARY_HEADER: usize = 84;
/// Normal, three corners, two bytes of attributes.
pub(crate) const BINARY_FACET: usize = 50;

/// Starts of files that are read.
const READ: [(&[u8], Format); 4] = [
    (b"PK\x03\x04", Format::ThreeMf),
    (b"glTF", Format::Glb),
    (b"ply\n", Format::Ply),
    (b"ply\r", Format::Ply),
];

/// Starts of files people send by mistake, so that the answer can name them.
const OTHERS: [(&[u8], &str); 22] = [
    (b"ISO-10303-21", "it is a STEP file; export a mesh (STL, 3MF) from it"),
    (b"OFF BINARY", "it is a binary OFF file; export it as text, or as STL or PLY"),
    (b"#VRML", "it is a VRML file; export STL, OBJ or 3MF"),
    (b"Kaydara FBX", "it is an FBX file; export GLB, OBJ or STL"),
    (b"BLENDER", "it is a Blender file; export STL, OBJ or 3MF from it"),
    (b"3D Geometry File Format", "it is a Rhino file; export a mesh (STL, OBJ or 3MF) from it"),
    (b"AC10", "it is a DWG drawing; export a mesh (STL) from it"),
    (b"xof ", "it is a DirectX model; export STL, OBJ or GLB"),
    (b"PK\x05\x06", "it is an empty ZIP archive"),
    (b"{", "it is JSON; if it is glTF, export it as GLB (one binary file)"),
    (b"<", "it is XML or HTML; a 3MF is sent as the ZIP archive it comes in"),
    (b"\xFF\xFE", "it is text in UTF-16; save it as UTF-8"),
    (b"\xFE\xFF", "it is text in UTF-16; save it as UTF-8"),
    (b"%PDF", "it is a PDF document"),
    (b"\x89PNG", "it is a PNG picture"),
    (b"\xFF\xD8\xFF", "it is a JPEG picture"),
    (b"GIF8", "it is a GIF picture"),
    (b"RIFF", "it is a picture, a sound or a film"),
    (b"\x1F\x8B", "it is gzip-compressed; send the file itself"),
    (b"Rar!", "it is a RAR archive; send the file itself"),
    (b"7z\xBC\xAF", "it is a 7z archive; send the file itself"),
    (b"\xFF\xFE", "it is a text in UTF-16; save it as UTF-8"),
];

/// Words a line of OBJ begins with.
const STATEMENTS: [&[u8]; 14] = [
    b"v", b"vt", b"vn", b"vp", b"f", b"l", b"p", b"o", b"g", b"s", b"mg", b"mtllib", b"usemtl",
    b"usemap",
];

/// Decides the format from the first bytes (up to [`SNIFF_BYTES`] of them) and the whole length.
///
/// A binary STL is one whose length is exactly what its count says, whatever its header reads:
/// many exporters write `solid` there. Then the first bytes decide, or for texts the first word.
/// Anything else that is long enough for its count is a binary STL with bytes to spare.
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
    if let Some(format) = by_content(head) {
        return Ok(format);
    }
    if let Some((_, reason)) = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(ModelError::NotAModel { reason });
    }
    if is_text(head) {
        let reason = "it is a text that begins like none of the text formats (STL with \"solid\", \
                      OBJ with \"v\", PLY with \"ply\", OFF with \"OFF\")";
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

/// What the start of a file says, for every format but binary STL, which has no mark.
pub(super) fn by_content(head: &[u8]) -> Option<Format> {
    if let Some((_, format)) = READ.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(*format);
    }
    if !is_text(head) {
        return None;
    }
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let word = first_word(text);
    let cut = head.len() >= SNIFF_BYTES && head.ends_with(word);
    if word.eq_ignore_ascii_case(b"solid") && text.trim_ascii_start().starts_with(word) {
        Some(Format::StlAscii)
    } else if off_letters(word).is_some() {
        // With `BINARY` behind it, bytes of every value follow the line.
        (!head.starts_with(b"OFF BINARY")).then_some(Format::Off)
    } else if STATEMENTS.contains(&word) || cut || word.is_empty() && starts_with_comment(text) {
        // A comment that fills the whole head is one of those long ones above OBJ files.
        (!head.starts_with(b"#VRML")).then_some(Format::Obj)
    } else {
        None
    }
}

/// The letters before `OFF` in the first word of an OFF file: what else a vertex carries.
pub(super) fn off_letters(word: &[u8]) -> Option<&[u8]> {
    let letters = word.strip_suffix(b"OFF")?;
    letters.iter().all(|letter| b"STCN4n".contains(letter)).then_some(letters)
}

/// Bytes a binary STL of so many facets has.
pub(crate) fn binary_length(facets: u64) -> u64 {
    BINARY_HEADER as u64 + BINARY_FACET as u64 * facets
}

/// The count in a binary header, if the header is all there.
pub(crate) fn announced_facets(head: &[u8]) -> Option<u64> {
    let count = head.get(80..84)?;
    Some(u64::from(u32::from_le_bytes(count.try_into().ok()?)))
}

/// No control characters but the usual white space. Bytes of 0x80 and above are let through:
/// names of solids come in every encoding.
fn is_text(head: &[u8]) -> bool {
    head.iter().all(|&byte| byte >= b' ' && byte != 0x7F || is_space(byte))
}

fn starts_with_comment(text: &[u8]) -> bool {
    text.trim_ascii_start().starts_with(b"#")
}

/// The first word that is not in a comment; empty when there is none.
fn first_word(text: &[u8]) -> &[u8] {
    let line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let mut lines = text.split(line_end).map(<[u8]>::trim_ascii_start);
    let line = lines.find(|line| !line.is_empty() && line[0] != b'#').unwrap_or_default();
    line.split(|byte| is_space(*byte)).next().unwrap_or_default()
}
