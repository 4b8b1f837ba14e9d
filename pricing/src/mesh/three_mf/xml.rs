//! XML, tag by tag, as a stream: no more of the document is in memory than one tag needs.
//!
//! Own code, because a 3MF is nothing but a million tags of three numbers: to look at them where
//! they were inflated to takes a third of the time of copying each into an event first. It knows
//! what 3MF allows: elements, attributes, comments, CDATA, processing instructions; a document
//! type is refused, so that there are no entities but the five of XML, which no number needs.

use memchr::{memchr, memchr_iter, memmem};

use super::inflate::Inflate;
use crate::mesh::{ModelError, Place};

/// The deepest nesting: a model needs five levels.
const MAX_DEPTH: u64 = 64;
/// The longest tag.
const LONGEST_TAG: usize = 1 << 20;
/// The most comments, CDATA sections and processing instructions.
const MAX_ASIDES: u64 = 1_000_000;

/// One step through the document.
pub(super) enum Step<'tag> {
    Open(Tag<'tag>),
    /// An element that was opened and is closed at once.
    Whole(Tag<'tag>),
    Close,
    End,
}

/// The start of an element.
pub(super) struct Tag<'tag> {
    /// Without its prefix.
    pub(super) name: &'tag [u8],
    attributes: &'tag [u8],
}

/// A document that is being read.
pub(super) struct Document<'bytes> {
    inflate: Inflate<'bytes>,
    /// Names of the elements that are open, one behind the other, and where each begins.
    names: Vec<u8>,
    open: Vec<usize>,
    /// Whether there was an element.
    seen: bool,
    /// How many comments and the like there were.
    asides: u64,
}

impl<'bytes> Document<'bytes> {
    pub(super) fn new(inflate: Inflate<'bytes>) -> Self {
        Self { inflate, names: vec![], open: vec![], seen: false, asides: 0 }
    }

    /// Where reading has come to.
    pub(super) fn place(&self) -> Place {
        self.inflate.place(self.bytes())
    }

    /// How many inflated bytes were read.
    pub(super) fn bytes(&self) -> u64 {
        self.inflate.consumed()
    }

    #[cold]
    fn broken(&self, what: &str) -> ModelError {
        ModelError::Broken { place: self.place(), what: format!("not well-formed XML: {what}") }
    }

    /// The next tag, handed to `take`; text between tags means nothing in 3MF.
    #[inline]
    pub(super) fn step<T>(&mut self, take: impl FnOnce(Step<'_>) -> T) -> Result<T, ModelError> {
        loop {
            if !self.find_tag()? {
                return self.end().map(|()| take(Step::End));
            }
            let length = match self.inflate.window().get(1).copied() {
                Some(b'!' | b'?') => {
                    self.skip_aside()?;
                    continue;
                }
                _ => self.tag_length()?,
            };
            // From behind `<` to before `>`.
            let inner = &self.inflate.window()[1..length - 1];
            if let Some(name) = inner.strip_prefix(b"/") {
                let name = name.trim_ascii_end();
                let from = self.open.last().copied();
                if from.is_none_or(|from| self.names[from..] != *name) {
                    return Err(self.broken("an element is closed that is not the open one"));
                }
                self.names.truncate(from.unwrap_or(0));
                self.open.pop();
                self.inflate.consume(length);
                return Ok(take(Step::Close));
            }
            let (inner, whole) = match inner.strip_suffix(b"/") {
                Some(inner) => (inner, true),
                None => (inner, false),
            };
            let (name, attributes) = inner.split_at(name_length(inner));
            if name.is_empty() || (self.open.is_empty() && self.seen) {
                return Err(self.broken("there is more than one element around everything"));
            }
            self.seen = true;
            let local = memchr(b':', name).map_or(name, |colon| &name[colon + 1..]);
            let tag = Tag { name: local, attributes };
            if whole {
                let taken = take(Step::Whole(tag));
                self.inflate.consume(length);
                return Ok(taken);
            }
            if self.open.len() as u64 >= MAX_DEPTH {
                let (place, what) = (self.place(), "elements inside each other");
                return Err(ModelError::OverLimit { place, what, limit: MAX_DEPTH });
            }
            self.open.push(self.names.len());
            self.names.extend_from_slice(name);
            let taken = take(Step::Open(tag));
            self.inflate.consume(length);
            return Ok(taken);
        }
    }

    /// Over text, to the next `<`. Whether there is one.
    #[inline]
    fn find_tag(&mut self) -> Result<bool, ModelError> {
        loop {
            let window = self.inflate.window();
            let (text, found) = match memchr(b'<', window) {
                Some(text) => (text, true),
                None => (window.len(), false),
            };
            self.inflate.consume(text);
            if found && self.inflate.window().len() > 1 {
                return Ok(true);
            }
            if !self.inflate.more()? {
                return Ok(found);
            }
        }
    }

    /// Bytes of the tag that starts here, all of which are in the window then.
    #[inline]
    fn tag_length(&mut self) -> Result<usize, ModelError> {
        let mut from = 0;
        loop {
            let window = self.inflate.window();
            let end = memchr(b'>', &window[from..]).map(|at| from + at + 1);
            from = end.unwrap_or(window.len());
            if from > LONGEST_TAG {
                let (place, what) = (self.place(), "bytes in one tag");
                return Err(ModelError::OverLimit { place, what, limit: LONGEST_TAG as u64 });
            }
            match end {
                Some(length) if outside_quotes(&window[..length]) => return Ok(length),
                Some(_) => {}
                None if self.inflate.more()? => {}
                None => return Err(self.broken("the document ends inside a tag")),
            }
        }
    }

    /// Over a comment, a CDATA section or a processing instruction.
    #[cold]
    fn skip_aside(&mut self) -> Result<(), ModelError> {
        self.asides += 1;
        if self.asides > MAX_ASIDES {
            let (place, what) = (self.place(), "comments and processing instructions");
            return Err(ModelError::OverLimit { place, what, limit: MAX_ASIDES });
        }
        while self.inflate.window().len() < 9 && self.inflate.more()? {}
        let window = self.inflate.window();
        let (start, end): (usize, &[u8]) = if window.starts_with(b"<!--") {
            (4, b"-->")
        } else if window.starts_with(b"<![CDATA[") {
            (9, b"]]>")
        } else if window.starts_with(b"<?") {
            (2, b"?>")
        } else {
            let what = "a document type or another declaration: entities are not read".to_owned();
            return Err(ModelError::Unsupported { place: self.place(), what });
        };
        self.inflate.consume(start);
        loop {
            let window = self.inflate.window();
            if let Some(at) = memmem::find(window, end) {
                self.inflate.consume(at + end.len());
                return Ok(());
            }
            // The end may have begun.
            let read = window.len().saturating_sub(end.len() - 1);
            self.inflate.consume(read);
            if !self.inflate.more()? {
                return Err(self.broken("the document ends inside a comment or the like"));
            }
        }
    }

    fn end(&self) -> Result<(), ModelError> {
        if self.open.is_empty() && self.seen {
            return Ok(());
        }
        Err(self.broken("the document ends before its last element is closed"))
    }
}

/// Whether the last byte of a tag is outside of all attribute values.
#[inline]
fn outside_quotes(tag: &[u8]) -> bool {
    if memchr(b'\'', tag).is_none() {
        return memchr_iter(b'"', tag).count().is_multiple_of(2);
    }
    let mut within = None;
    for byte in tag {
        match within {
            None if matches!(byte, b'"' | b'\'') => within = Some(*byte),
            Some(quote) if quote == *byte => within = None,
            _ => {}
        }
    }
    within.is_none()
}

fn name_length(tag: &[u8]) -> usize {
    tag.iter().position(u8::is_ascii_whitespace).unwrap_or(tag.len())
}

impl<'tag> Tag<'tag> {
    /// Names, with their prefix, and values as they stand there. `None` in place of what is no
    /// attribute.
    #[inline]
    pub(super) fn attributes(&self) -> Attributes<'tag> {
        Attributes(self.attributes)
    }
}

/// See [`Tag::attributes`].
pub(super) struct Attributes<'tag>(&'tag [u8]);

impl<'tag> Iterator for Attributes<'tag> {
    type Item = Option<(&'tag [u8], &'tag [u8])>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim_ascii_start();
        if rest.is_empty() {
            return None;
        }
        self.0 = &[];
        let parsed = || {
            let equals = rest.iter().position(|byte| *byte == b'=')?;
            let value = rest[equals + 1..].trim_ascii_start();
            let (quote, value) = value.split_first()?;
            if !matches!(quote, b'"' | b'\'') {
                return None;
            }
            // Values are short: a loop is done before a search has begun.
            let end = value.iter().position(|byte| byte == quote)?;
            Some((rest[..equals].trim_ascii_end(), &value[..end], &value[end + 1..]))
        };
        let Some((name, value, after)) = parsed() else { return Some(None) };
        self.0 = after;
        Some(Some((name, value)))
    }
}
