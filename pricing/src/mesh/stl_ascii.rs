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

use super::cursor::{Cursor, is_space, shown};
use super::{Format, Mesh, MeshBuilder, ModelError, Warning, decimal};

/// Bytes a facet usually takes; an estimate for the first allocation, not a limit.
const USUAL_FACET: usize = 160;
/// What a message calls a number of a corner.
const COORDINATE: &str = "a coordinate";

pub(super) fn read(bytes: &[u8]) -> Result<Mesh, ModelError> {
    let mut words = Words { text: Cursor::new(bytes), facet: 0 };
    let mut builder = MeshBuilder::with_capacity(bytes.len() / USUAL_FACET);

    words.expect("solid")?;
    words.text.skip_line();
    let mut open = true;
    while let Some(word) = words.text.next_word() {
        if word.eq_ignore_ascii_case(b"facet") && open {
            builder.push(facet(&mut words)?)?;
            words.facet = builder.facets();
        } else if word.eq_ignore_ascii_case(b"endsolid") && open {
            words.text.skip_line();
            open = false;
        } else if word.eq_ignore_ascii_case(b"solid") && !open {
            words.text.skip_line();
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
    text: Cursor<'text>,
    facet: u64,
}

impl<'text> Words<'text> {
    fn must(&mut self, wanted: &'static str) -> Result<&'text [u8], ModelError> {
        let (facet, actual) = (self.facet, self.text.actual());
        self.text.next_word().ok_or(ModelError::TruncatedText { facet, wanted, actual })
    }

    #[inline]
    fn expect(&mut self, wanted: &'static str) -> Result<(), ModelError> {
        self.text.skip_space();
        let rest = self.text.rest();
        if rest.get(..wanted.len()).is_some_and(|word| word.eq_ignore_ascii_case(wanted.as_bytes()))
            && rest.get(wanted.len()).is_none_or(|byte| is_space(*byte))
        {
            self.text.skip(wanted.len());
            return Ok(());
        }
        let word = self.must(wanted)?;
        Err(self.unexpected(word, wanted))
    }

    #[inline]
    fn number(&mut self) -> Result<f32, ModelError> {
        self.text.skip_space();
        if let Some((number, length)) = decimal::quick_f32(self.text.rest())
            && self.text.rest().get(length).is_none_or(|byte| is_space(*byte))
        {
            self.text.skip(length);
            return Ok(number);
        }
        let word = self.must(COORDINATE)?;
        decimal::f32(word).ok_or_else(|| self.unexpected(word, COORDINATE))
    }

    /// A file cut off in the middle of a word is cut off, not misspelt.
    #[cold]
    fn unexpected(&self, word: &[u8], wanted: &'static str) -> ModelError {
        let (facet, actual) = (self.facet, self.text.actual());
        let begun = wanted.as_bytes().get(..word.len());
        let half = begun.is_some_and(|begun| begun.eq_ignore_ascii_case(word));
        if self.text.rest().is_empty() && (half || wanted == COORDINATE) {
            return ModelError::TruncatedText { facet, wanted, actual };
        }
        ModelError::Malformed { line: self.text.line(), facet, wanted, found: shown(word) }
    }
}
