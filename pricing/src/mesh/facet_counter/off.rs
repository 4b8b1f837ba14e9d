//! OFF: after the counts, a line a vertex and a line a face.

use super::Found;
use super::words::{Bounds, Words};

/// See [the module](self).
#[derive(Debug, Clone, Default)]
pub(super) struct OffWords {
    stage: Stage,
    vertices: u64,
    facets: u64,
    bounds: Bounds,
    /// Words of this line so far.
    words: usize,
    comment: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Stage {
    #[default]
    Keyword,
    Counts,
    Lines,
}

impl Words for OffWords {
    fn word(&mut self, word: &[u8]) {
        self.comment |= word.starts_with(b"#");
        if self.comment {
            return;
        }
        match self.stage {
            Stage::Keyword => {
                self.stage = Stage::Counts;
                return;
            }
            Stage::Counts if self.words == 0 => self.vertices = whole(word),
            Stage::Lines if self.vertices > 0 && self.words < 3 => {
                self.bounds.add_word(self.words, word);
            }
            Stage::Lines if self.vertices == 0 && self.words == 0 => {
                self.facets = self.facets.saturating_add(whole(word).saturating_sub(2));
            }
            _ => {}
        }
        self.words += 1;
    }

    fn line_end(&mut self) {
        if self.words > 0 {
            match self.stage {
                Stage::Counts => self.stage = Stage::Lines,
                _ => self.vertices = self.vertices.saturating_sub(1),
            }
        }
        (self.words, self.comment) = (0, false);
    }

    fn found(&self) -> Found {
        let extents = self.bounds.extents();
        Found { facets: self.facets, counted: true, unit: None, extents }
    }
}

/// A count; nothing when it is none, which the reader refuses.
pub(super) fn whole(word: &[u8]) -> u64 {
    std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()).unwrap_or(0)
}
