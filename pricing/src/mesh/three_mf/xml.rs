//! XML, tag by tag.

use memchr::memchr;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::inflate::Inflate;
use crate::mesh::{ModelError, Place};

/// The deepest nesting: a model needs five levels.
const MAX_DEPTH: u64 = 64;

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
    reader: Reader<Inflate<'bytes>>,
    buffer: Vec<u8>,
    depth: u64,
    seen: bool,
}

impl<'bytes> Document<'bytes> {
    pub(super) fn new(inflate: Inflate<'bytes>) -> Self {
        Self { reader: Reader::from_reader(inflate), buffer: vec![], depth: 0, seen: false }
    }

    /// Where reading has come to.
    pub(super) fn place(&self) -> Place {
        self.reader.get_ref().place(self.reader.buffer_position())
    }

    /// How many inflated bytes were read.
    pub(super) fn bytes(&self) -> u64 {
        self.reader.buffer_position()
    }

    #[cold]
    pub(super) fn broken(&self, what: impl Into<String>) -> ModelError {
        ModelError::Broken { place: self.place(), what: what.into() }
    }

    #[cold]
    pub(super) fn unsupported(&self, what: impl Into<String>) -> ModelError {
        ModelError::Unsupported { place: self.place(), what: what.into() }
    }

    /// The next tag, handed to `take`; text between tags means nothing in 3MF.
    pub(super) fn step<T>(&mut self, take: impl FnOnce(Step<'_>) -> T) -> Result<T, ModelError> {
        // Taken out, so that the tag can be looked at while `self` is asked for its place.
        let mut buffer = std::mem::take(&mut self.buffer);
        let result = loop {
            buffer.clear();
            self.reader.get_mut().token_done();
            let event = match self.reader.read_event_into(&mut buffer) {
                Ok(event) => event,
                Err(error) => break Err(self.trouble(&error)),
            };
            match event {
                Event::Start(tag) => {
                    self.depth += 1;
                    self.seen = true;
                    if self.depth > MAX_DEPTH {
                        let (place, what) = (self.place(), "elements inside each other");
                        break Err(ModelError::OverLimit { place, what, limit: MAX_DEPTH });
                    }
                    let (name, attributes) = (tag.local_name(), tag.attributes_raw());
                    break Ok(take(Step::Open(Tag { name: name.as_ref(), attributes })));
                }
                Event::Empty(tag) => {
                    self.seen = true;
                    let (name, attributes) = (tag.local_name(), tag.attributes_raw());
                    break Ok(take(Step::Whole(Tag { name: name.as_ref(), attributes })));
                }
                Event::End(_) => {
                    self.depth -= 1;
                    break Ok(take(Step::Close));
                }
                Event::DocType(_) => {
                    break Err(self.unsupported("a document type: entities are not read"));
                }
                Event::Eof if self.depth > 0 || !self.seen => {
                    break Err(self.broken("the document ends before its last element is closed"));
                }
                Event::Eof => break Ok(take(Step::End)),
                _ => {}
            }
        };
        self.buffer = buffer;
        result
    }

    fn trouble(&mut self, error: &quick_xml::Error) -> ModelError {
        let refusal = self.reader.get_mut().take_refusal();
        refusal.unwrap_or_else(|| self.broken(format!("not well-formed XML: {error}")))
    }
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
            let end = memchr(*quote, value)?;
            Some((rest[..equals].trim_ascii_end(), &value[..end], &value[end + 1..]))
        };
        let Some((name, value, after)) = parsed() else { return Some(None) };
        self.0 = after;
        Some(Some((name, value)))
    }
}
