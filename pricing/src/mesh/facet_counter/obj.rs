//! OBJ: counts the corners of `f` lines, measures the numbers of `v` lines.

use super::Found;
use super::words::{Bounds, Words};

/// See [the module](self).
#[derive(Debug, Clone, Default)]
pub(super) struct ObjWords {
    facets: u64,
    bounds: Bounds,
    line: Line,
    /// The line goes on in the next one.
    joined: bool,
}

/// What the line is, and how many words came behind the first.
#[derive(Debug, Clone, Copy, Default)]
enum Line {
    #[default]
    Empty,
    Position(usize),
    Face(u64),
    Other,
}

impl Words for ObjWords {
    fn word(&mut self, word: &[u8]) {
        // As in the reader: where a corner or a coordinate may still come, and nowhere else. The
        // path in a comment may end with a backslash, too.
        self.joined = word == b"\\" && matches!(self.line, Line::Position(..3) | Line::Face(_));
        if self.joined {
            return;
        }
        self.line = match (self.line, word) {
            // A byte order mark may stand before the first word of a file.
            (Line::Empty, b"v" | b"\xEF\xBB\xBFv") => Line::Position(0),
            (Line::Empty, b"f") => Line::Face(0),
            (Line::Empty | Line::Other, _) => Line::Other,
            (Line::Face(corners), _) => Line::Face(corners + 1),
            (Line::Position(axis), _) => {
                if axis < 3 {
                    self.bounds.add_word(axis, word);
                }
                Line::Position(axis + 1)
            }
        };
    }

    fn line_end(&mut self) {
        if self.joined {
            return;
        }
        if let Line::Face(corners) = self.line {
            self.facets += corners.saturating_sub(2);
        }
        self.line = Line::Empty;
    }

    fn found(&self) -> Found {
        let extents = self.bounds.extents();
        Found { facets: self.facets, counted: true, unit: None, extents }
    }
}
