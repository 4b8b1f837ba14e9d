//! ASCII STL: counts `endfacet`, measures what follows `vertex`.

use super::Found;
use super::words::{Bounds, Words};

/// See [the module](self).
#[derive(Debug, Clone, Default)]
pub(super) struct StlWords {
    facets: u64,
    bounds: Bounds,
    /// Coordinates still to come of the vertex that has begun.
    missing: usize,
}

impl Words for StlWords {
    fn word(&mut self, word: &[u8]) {
        if self.missing > 0 {
            self.bounds.add_word(3 - self.missing, word);
            self.missing -= 1;
        } else if word.eq_ignore_ascii_case(b"vertex") {
            self.missing = 3;
        } else if word.eq_ignore_ascii_case(b"endfacet") {
            self.facets += 1;
        }
    }

    fn found(&self) -> Found {
        let extents = self.bounds.extents();
        Found { facets: self.facets, counted: true, unit: None, extents }
    }
}
