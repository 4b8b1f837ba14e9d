//! Words of a text that comes in chunks.

use super::Found;
use crate::mesh::cursor::is_space;
use crate::mesh::decimal;

/// Longer words are cut: no number and no keyword is as long.
const LONGEST: usize = 64;

/// What a format does with its words.
pub(super) trait Words {
    fn word(&mut self, word: &[u8]);
    fn line_end(&mut self) {}
    fn found(&self) -> Found;
}

/// Cuts chunks into words and hands them over.
#[derive(Debug, Clone, Default)]
pub(super) struct Text<W> {
    words: W,
    /// The start of a word that goes on in the next chunk.
    begun: Vec<u8>,
}

impl<W: Words> Text<W> {
    pub(super) fn new(words: W) -> Self {
        Self { words, begun: vec![] }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        if !self.begun.is_empty() {
            let (word, after) = rest.split_at(word_length(rest));
            self.begin(word);
            if after.is_empty() {
                return;
            }
            self.words.word(&self.begun);
            self.begun.clear();
            rest = after;
        }
        loop {
            let spaces = rest.iter().position(|byte| !is_space(*byte)).unwrap_or(rest.len());
            let ends = rest[..spaces].iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
            (0..ends).for_each(|_| self.words.line_end());
            let (word, after) = rest[spaces..].split_at(word_length(&rest[spaces..]));
            if after.is_empty() {
                self.begin(word);
                return;
            }
            self.words.word(word);
            rest = after;
        }
    }

    pub(super) fn end(mut self) -> Found {
        if !self.begun.is_empty() {
            self.words.word(&self.begun);
        }
        self.words.line_end();
        self.words.found()
    }

    fn begin(&mut self, word: &[u8]) {
        let room = LONGEST - self.begun.len();
        self.begun.extend_from_slice(&word[..word.len().min(room)]);
    }
}

fn word_length(text: &[u8]) -> usize {
    text.iter().position(|byte| is_space(*byte)).unwrap_or(text.len())
}

/// The box around points that go by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    low: [f32; 3],
    high: [f32; 3],
}

impl Default for Bounds {
    fn default() -> Self {
        Self { low: [f32::INFINITY; 3], high: [f32::NEG_INFINITY; 3] }
    }
}

impl Bounds {
    /// One coordinate of a point. NaN changes nothing.
    pub(super) fn add(&mut self, axis: usize, coordinate: f32) {
        self.low[axis] = self.low[axis].min(coordinate);
        self.high[axis] = self.high[axis].max(coordinate);
    }

    /// One coordinate of a point, as text. What is no number changes nothing.
    pub(super) fn add_word(&mut self, axis: usize, word: &[u8]) {
        if let Some(coordinate) = decimal::f32(word) {
            self.add(axis, coordinate);
        }
    }

    /// `None` when there was no point, or one at infinity.
    pub(super) fn extents(&self) -> Option<[f64; 3]> {
        let extents = [0, 1, 2].map(|axis| f64::from(self.high[axis]) - f64::from(self.low[axis]));
        extents.iter().all(|extent| extent.is_finite() && *extent >= 0.0).then_some(extents)
    }
}
