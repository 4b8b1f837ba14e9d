//! ASCII STL.
//!
//! ```text
//! solid name
//!   facet normal nx ny nz
//!     outer loop
//!       vertex x y z
//!       vertex x y z
//!       vertex x y z
//!     endloop
//!   endfacet
//! endsolid name
//! ```
//! Words in any case, any white space between them (CRLF, CR, tabs), several solids in one file.
//! The normal is not read: exporters write zeros and NaN there, and the order of the corners says
//! which side is out. No unit.

use super::{Format, Mesh, MeshBuilder, ModelError, Warning};

/// Bytes a facet takes at the very least; an estimate for the first allocation, not a limit.
const USUAL_FACET: usize = 160;
/// What a message calls a number of a corner.
const COORDINATE: &str = "a coordinate";
/// How much of an unexpected word is shown.
const SHOWN: usize = 32;

pub(super) fn read(bytes: &[u8]) -> Result<Mesh, ModelError> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut words = Words { text, at: 0, actual: bytes.len() as u64, facet: 0 };
    let mut builder = MeshBuilder::with_capacity(bytes.len() / USUAL_FACET);

    words.expect("solid")?;
    words.skip_line();
    let mut open = true;
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case(b"facet") && open {
            builder.push(facet(&mut words)?)?;
            words.facet = builder.facets();
        } else if word.eq_ignore_ascii_case(b"endsolid") && open {
            words.skip_line();
            open = false;
        } else if word.eq_ignore_ascii_case(b"solid") && !open {
            words.skip_line();
            open = true;
        } else {
            return Err(words.unexpected(word, if open { "facet" } else { "solid" }));
        }
    }
    let warnings = if open { vec![Warning::MissingEndsolid] } else { vec![] };
    builder.finish(Format::StlAscii, warnings)
}

/// Everything of a facet after the word `facet`.
fn facet(words: &mut Words<'_>) -> Result<[[f32; 3]; 3], ModelError> {
    words.expect("normal")?;
    for _ in 0..3 {
        words.must("a number")?;
    }
    words.expect("outer")?;
    words.expect("loop")?;
    let mut corners = [[0.0; 3]; 3];
    for corner in &mut corners {
        words.expect("vertex")?;
        for coordinate in corner {
            *coordinate = words.number()?;
        }
    }
    words.expect("endloop")?;
    words.expect("endfacet")?;
    Ok(corners)
}

/// The words of the text, and where we are for the sake of messages.
struct Words<'text> {
    text: &'text [u8],
    at: usize,
    actual: u64,
    facet: u64,
}

impl<'text> Words<'text> {
    fn next(&mut self) -> Option<&'text [u8]> {
        let rest = &self.text[self.at..];
        let start = rest.iter().position(|byte| !is_space(*byte))?;
        let word = &rest[start..];
        let end = word.iter().position(|byte| is_space(*byte)).unwrap_or(word.len());
        self.at += start + end;
        Some(&word[..end])
    }

    fn must(&mut self, wanted: &'static str) -> Result<&'text [u8], ModelError> {
        let (facet, actual) = (self.facet, self.actual);
        self.next().ok_or(ModelError::TruncatedText { facet, wanted, actual })
    }

    fn expect(&mut self, wanted: &'static str) -> Result<(), ModelError> {
        let word = self.must(wanted)?;
        if word.eq_ignore_ascii_case(wanted.as_bytes()) {
            Ok(())
        } else {
            Err(self.unexpected(word, wanted))
        }
    }

    fn number(&mut self) -> Result<f32, ModelError> {
        let word = self.must(COORDINATE)?;
        let text = std::str::from_utf8(word).ok();
        text.and_then(|text| text.parse().ok()).ok_or_else(|| self.unexpected(word, COORDINATE))
    }

    fn skip_line(&mut self) {
        let rest = &self.text[self.at..];
        let line = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        self.at += line.unwrap_or(rest.len());
    }

    /// Counts lines only now: it happens once a file, at its end. A file cut off in the middle of
    /// a word is cut off, not misspelt.
    fn unexpected(&self, word: &[u8], wanted: &'static str) -> ModelError {
        let begun = wanted.as_bytes().get(..word.len());
        let half = begun.is_some_and(|begun| begun.eq_ignore_ascii_case(word));
        if self.at == self.text.len() && (half || wanted == COORDINATE) {
            return ModelError::TruncatedText { facet: self.facet, wanted, actual: self.actual };
        }
        let line = self.text[..self.at].split(|byte| *byte == b'\n').count() as u64;
        let found = String::from_utf8_lossy(&word[..word.len().min(SHOWN)]);
        ModelError::Malformed { line, facet: self.facet, wanted, found: found.into_owned() }
    }
}

/// White space of the format, and vertical tab, which some exporters manage to write.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0B
}
