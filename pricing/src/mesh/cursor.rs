//! A place in a text, moving forward word by word.

use memchr::{memchr_iter, memchr2};

use super::{ModelError, Place, decimal};

/// How much of an unexpected word is shown.
const SHOWN: usize = 32;

/// The rest of a text.
#[derive(Debug)]
pub(super) struct Cursor<'text> {
    text: &'text [u8],
    at: usize,
    /// Length of the file, with its byte order mark.
    actual: u64,
}

impl<'text> Cursor<'text> {
    /// At the start of a file, behind its byte order mark.
    pub(super) fn new(bytes: &'text [u8]) -> Self {
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        Self { text, at: 0, actual: bytes.len() as u64 }
    }

    pub(super) fn rest(&self) -> &'text [u8] {
        &self.text[self.at..]
    }

    /// Bytes behind us, without a byte order mark.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn actual(&self) -> u64 {
        self.actual
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.at = self.text.len().min(self.at + bytes);
    }

    /// Over white space, line ends too.
    #[inline]
    pub(super) fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    /// Over white space up to the end of the line. A backslash before it joins the next line.
    #[inline]
    pub(super) fn skip_blank(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' | b'\r' => return,
                b'\\' => match self.rest() {
                    [_, b'\r', b'\n', ..] => self.at += 3,
                    [_, b'\n' | b'\r', ..] => self.at += 2,
                    _ => return,
                },
                _ if is_space(byte) => self.at += 1,
                _ => return,
            }
        }
    }

    /// The word from here to the next white space; empty at a line's end.
    #[inline]
    pub(super) fn word(&mut self) -> &'text [u8] {
        let rest = self.rest();
        let end = rest.iter().position(|byte| is_space(*byte)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// The next word of the text.
    #[inline]
    pub(super) fn next_word(&mut self) -> Option<&'text [u8]> {
        self.skip_space();
        Some(self.word()).filter(|word| !word.is_empty())
    }

    /// Behind the end of this line.
    #[inline]
    pub(super) fn skip_line(&mut self) {
        let rest = self.rest();
        self.at += memchr2(b'\n', b'\r', rest).map_or(rest.len(), |end| end + 1);
    }

    /// The number that starts here.
    #[inline]
    pub(super) fn number(&mut self, wanted: &'static str) -> Result<f32, ModelError> {
        if let Some((number, length)) = decimal::quick_f32(self.rest())
            && self.text.get(self.at + length).is_none_or(|byte| is_space(*byte))
        {
            self.at += length;
            return Ok(number);
        }
        let word = self.word();
        decimal::f32(word).ok_or_else(|| self.unexpected(word, wanted))
    }

    /// The whole number without sign that starts here.
    #[inline]
    pub(super) fn whole(&mut self, wanted: &'static str) -> Result<u64, ModelError> {
        let word = self.word();
        let mut number = Some(0_u64).filter(|_| !word.is_empty());
        for byte in word {
            let digit = byte.wrapping_sub(b'0');
            number = number
                .filter(|_| digit <= 9)
                .and_then(|number| number.checked_mul(10)?.checked_add(digit.into()));
        }
        number.ok_or_else(|| self.unexpected(word, wanted))
    }

    /// The number of the line, from 1. It counts line ends only now: it happens once a file, at
    /// its end.
    pub(super) fn line(&self) -> u64 {
        let read = &self.text[..self.at];
        let ends = memchr_iter(b'\n', read).count();
        // Files of old Macintoshes end lines with CR alone.
        let ends = if ends > 0 { ends } else { memchr_iter(b'\r', read).count() };
        ends as u64 + 1
    }

    /// Refuses the word just read.
    #[cold]
    pub(super) fn unexpected(&self, word: &[u8], wanted: &'static str) -> ModelError {
        if self.at == self.text.len() && word.len() < SHOWN {
            return ModelError::CutOff { actual: self.actual, wanted };
        }
        self.broken(format!("expected {wanted}, found \"{}\"", shown(word)))
    }

    /// Refuses something about this line.
    #[cold]
    pub(super) fn broken(&self, what: String) -> ModelError {
        ModelError::Broken { place: Place::Line(self.line()), what }
    }
}

/// A word as a message shows it.
pub(super) fn shown(word: &[u8]) -> String {
    String::from_utf8_lossy(&word[..word.len().min(SHOWN)]).into_owned()
}

/// White space of all text formats, and vertical tab, which some exporters manage to write.
#[inline]
pub(super) fn is_space(byte: u8) -> bool {
    byte == b' ' || (b'\t'..=b'\r').contains(&byte)
}
