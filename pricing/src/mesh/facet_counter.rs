//! Counting facets while a file is still arriving.

use super::sniff::{SNIFF_BYTES, announced_facets, may_be_ascii, sniff};
use super::{Format, ModelError};

/// What an ASCII facet ends with.
const END: &[u8; 8] = b"endfacet";

/// What is known of a file after it went by once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FacetEstimate {
    /// What kind of file it is.
    pub format: Format,
    /// How many facets it has: the count of a binary header that agrees with the length, or the
    /// number of times `endfacet` stands in a text.
    pub facets: u64,
}

/// Guesses format and facet count of a file fed in chunks, in constant memory.
///
/// The upload uses it to choose the pricing lane and to refuse at once what is not a model. It
/// reads no coordinate, so a file it lets through can still be refused by [`super::read`].
///
/// ```
/// use pricing::mesh::{FacetCounter, Format};
/// let mut counter = FacetCounter::new();
/// let text = b"solid s\nfacet normal 0 0 1 outer loop vertex 0 0 0 vertex 1 0 0 \
///              vertex 0 1 0 endloop endfacet\nendsolid s\n";
/// for chunk in text.chunks(7) {
///     counter.push(chunk);
/// }
/// let estimate = counter.finish(text.len() as u64).unwrap();
/// assert_eq!((estimate.format, estimate.facets), (Format::StlAscii, 1));
/// ```
#[derive(Debug, Clone)]
pub struct FacetCounter {
    head: Vec<u8>,
    text: bool,
    matched: usize,
    ends: u64,
}

impl Default for FacetCounter {
    fn default() -> Self {
        Self::new()
    }
}

impl FacetCounter {
    /// A counter that has seen nothing.
    pub fn new() -> Self {
        Self { head: Vec::with_capacity(SNIFF_BYTES), text: true, matched: 0, ends: 0 }
    }

    /// The next bytes of the file, in order, in chunks of any size.
    pub fn push(&mut self, chunk: &[u8]) {
        let missing = SNIFF_BYTES - self.head.len();
        self.head.extend_from_slice(&chunk[..chunk.len().min(missing)]);
        // Once the start is all there, only a text is worth reading to its end.
        if missing > 0 {
            self.text = self.head.len() < SNIFF_BYTES || may_be_ascii(&self.head);
        }
        if self.text {
            for &byte in chunk {
                self.step(byte.to_ascii_lowercase());
            }
        }
    }

    /// The estimate for a file of `total_len` bytes; `None` when it is not a model.
    pub fn finish(&self, total_len: u64) -> Option<FacetEstimate> {
        self.verdict(total_len).ok()
    }

    /// As [`FacetCounter::finish`], with the reason when it is not a model.
    pub fn verdict(&self, total_len: u64) -> Result<FacetEstimate, ModelError> {
        let format = sniff(&self.head, total_len)?;
        let facets = match format {
            Format::StlBinary => announced_facets(&self.head).unwrap_or(0),
            Format::StlAscii => self.ends,
        };
        if facets == 0 { Err(ModelError::NoFacets) } else { Ok(FacetEstimate { format, facets }) }
    }

    /// Knuth, Morris and Pratt over eight letters. The only border in `endfacet` is the `e` that
    /// ends `endface`.
    fn step(&mut self, byte: u8) {
        if byte != END[self.matched] {
            self.matched = usize::from(self.matched == 7);
            if byte != END[self.matched] {
                self.matched = 0;
            }
        }
        if byte == END[self.matched] {
            self.matched += 1;
        }
        if self.matched == END.len() {
            self.ends += 1;
            self.matched = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends_in(text: &[u8]) -> u64 {
        let mut counter = FacetCounter::new();
        counter.push(text);
        counter.ends
    }

    #[test]
    fn finds_every_end_however_it_begins() {
        assert_eq!(ends_in(b"endfacetENDFACET"), 2);
        assert_eq!(ends_in(b"eendfacet"), 1);
        assert_eq!(ends_in(b"endfacendfacet"), 1);
        assert_eq!(ends_in(b"endfaceendfacet"), 1);
        assert_eq!(ends_in(b"endfacendface t"), 0);
    }
}
