//! XML, tag by tag, as a stream: no more of the document is in memory than one batch and one tag.
//!
//! Own code, because a 3MF is nothing but a million tags of three numbers: to look at them where
//! they were inflated to takes a third of the time of copying each into an event first. It knows
//! what 3MF allows: elements, attributes, comments, CDATA, processing instructions; a document
//! type is refused, so that there are no entities but the five of XML, which no number needs.

use memchr::{memchr, memchr_iter, memchr3, memmem};

use super::inflate::Inflate;
use crate::mesh::{ModelError, Place};

/// The deepest nesting: a model needs five levels.
const MAX_DEPTH: u64 = 64;
/// The longest tag.
const LONGEST_TAG: usize = 1 << 20;
/// The most comments, CDATA sections and processing instructions.
const MAX_ASIDES: u64 = 1_000_000;
/// The longest beginning of one of those.
const LONGEST_ASIDE: usize = b"<![CDATA[".len();

/// What becomes of a document.
pub(super) trait Reader {
    /// One step through the document; text between tags means nothing in 3MF. Errors get the place behind the tag.
    fn take(&mut self, step: &Step<'_>) -> Result<(), ModelError>;

    /// Takes whole elements that the text begins with, and blanks between them, when they are
    /// written in a way that needs no parser; answers how many bytes they have. The next step is whatever follows.
    fn take_quickly(&mut self, _text: &[u8]) -> usize {
        0
    }
}

/// One step through the document.
pub(super) enum Step<'tag> {
    Open(Tag<'tag>),
    /// An element that was opened and is closed at once.
    Whole(Tag<'tag>),
    Close,
}

/// The start of an element.
pub(super) struct Tag<'tag> {
    /// Without its prefix.
    pub(super) name: &'tag [u8],
    attributes: &'tag [u8],
}

/// Reads a document from beginning to end; how many bytes it has.
pub(super) fn read(
    inflate: Inflate<'_>,
    reader: &mut (impl Reader + Send),
) -> Result<u64, ModelError> {
    let mut document = Document::new(inflate.name());
    inflate.each_batch(|bytes| document.more(bytes, reader))?;
    document.end(reader)?;
    Ok(document.consumed())
}

/// A document that is being read.
struct Document {
    entry: String,
    /// Bytes that are there, of which those before `from` were consumed.
    window: Vec<u8>,
    from: usize,
    /// How many were consumed before those.
    before: u64,
    /// Whether the window holds the last byte.
    ended: bool,
    /// What ends the comment or the like that we are in.
    aside: Option<&'static [u8]>,
    /// How many of those there were.
    asides: u64,
    /// Names of the elements that are open, one behind the other, and where each begins.
    names: Vec<u8>,
    open: Vec<usize>,
    /// Whether there was an element.
    seen: bool,
}

impl Document {
    fn new(entry: &str) -> Self {
        Self {
            entry: entry.to_owned(),
            window: vec![],
            from: 0,
            before: 0,
            ended: false,
            aside: None,
            asides: 0,
            names: vec![],
            open: vec![],
            seen: false,
        }
    }

    /// Where reading has come to.
    fn place(&self) -> Place {
        Place::Entry { name: self.entry.clone(), byte: self.consumed() }
    }

    fn consumed(&self) -> u64 {
        self.before + self.from as u64
    }

    #[inline]
    fn text(&self) -> &[u8] {
        &self.window[self.from..]
    }

    #[cold]
    fn broken(&self, what: &str) -> ModelError {
        ModelError::Broken { place: self.place(), what: format!("not well-formed XML: {what}") }
    }

    #[cold]
    fn over(&self, what: &'static str, limit: u64) -> ModelError {
        ModelError::OverLimit { place: self.place(), what, limit }
    }

    fn more(&mut self, bytes: &[u8], reader: &mut impl Reader) -> Result<(), ModelError> {
        self.before += self.from as u64;
        self.window.drain(..self.from);
        self.from = 0;
        self.window.extend_from_slice(bytes);
        self.run(reader)
    }

    fn end(&mut self, reader: &mut impl Reader) -> Result<(), ModelError> {
        self.ended = true;
        self.run(reader)?;
        if self.aside.is_some() {
            Err(self.broken("the document ends inside a comment or the like"))
        } else if !self.text().is_empty() {
            Err(self.broken("the document ends inside a tag"))
        } else if !self.open.is_empty() || !self.seen {
            Err(self.broken("the document ends before its last element is closed"))
        } else {
            Ok(())
        }
    }

    /// Reads until nothing more can be said without the bytes that follow.
    fn run(&mut self, reader: &mut impl Reader) -> Result<(), ModelError> {
        loop {
            if let Some(end) = self.aside
                && !self.skip_aside(end)
            {
                return Ok(());
            }
            self.from += reader.take_quickly(self.text());
            let Some(start) = memchr(b'<', self.text()) else {
                self.from = self.window.len();
                return Ok(());
            };
            self.from += start;
            let read_on = match self.text().get(1) {
                Some(b'!' | b'?') => self.begin_aside()?,
                Some(_) => self.tag(reader)?,
                None => false,
            };
            if !read_on {
                return Ok(());
            }
        }
    }

    /// The tag that starts here; false when its end is not there yet.
    #[inline]
    fn tag(&mut self, reader: &mut impl Reader) -> Result<bool, ModelError> {
        let text = &self.window[self.from..];
        let length = tag_length(text);
        if length.unwrap_or(text.len()) > LONGEST_TAG {
            return Err(self.over("bytes in one tag", LONGEST_TAG as u64));
        }
        let Some(length) = length else { return Ok(false) };
        // From behind `<` to before `>`.
        let inner = &text[1..length - 1];
        let taken = if let Some(name) = inner.strip_prefix(b"/") {
            let name = name.trim_ascii_end();
            let from = self.open.last().copied();
            if from.is_none_or(|from| self.names[from..] != *name) {
                return Err(self.broken("an element is closed that is not the open one"));
            }
            self.names.truncate(from.unwrap_or(0));
            self.open.pop();
            reader.take(&Step::Close)
        } else {
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
                reader.take(&Step::Whole(tag))
            } else {
                if self.open.len() as u64 >= MAX_DEPTH {
                    return Err(self.over("elements inside each other", MAX_DEPTH));
                }
                self.open.push(self.names.len());
                self.names.extend_from_slice(name);
                reader.take(&Step::Open(tag))
            }
        };
        self.from += length;
        taken.map_err(|error| error.at(self.place())).map(|()| true)
    }

    /// Into a comment, a CDATA section or a processing instruction; false when there is not
    /// enough to tell which.
    #[cold]
    fn begin_aside(&mut self) -> Result<bool, ModelError> {
        if self.text().len() < LONGEST_ASIDE && !self.ended {
            return Ok(false);
        }
        self.asides += 1;
        if self.asides > MAX_ASIDES {
            return Err(self.over("comments and processing instructions", MAX_ASIDES));
        }
        let text = self.text();
        let (start, end): (usize, &[u8]) = if text.starts_with(b"<!--") {
            (4, b"-->")
        } else if text.starts_with(b"<![CDATA[") {
            (LONGEST_ASIDE, b"]]>")
        } else if text.starts_with(b"<?") {
            (2, b"?>")
        } else {
            let what = "a document type or another declaration: entities are not read".to_owned();
            return Err(ModelError::Unsupported { place: self.place(), what });
        };
        self.from += start;
        self.aside = Some(end);
        Ok(true)
    }

    /// Behind the end of the comment or the like; false when it is not there yet.
    fn skip_aside(&mut self, end: &'static [u8]) -> bool {
        let text = self.text();
        if let Some(at) = memmem::find(text, end) {
            self.from += at + end.len();
            self.aside = None;
            return true;
        }
        // The end may have begun.
        self.from += text.len().saturating_sub(end.len() - 1);
        false
    }
}

/// Bytes of the tag that the text begins with, if its end is there: a `>` outside of all
/// attribute values.
#[inline]
fn tag_length(text: &[u8]) -> Option<usize> {
    let length = memchr(b'>', text)? + 1;
    let tag = &text[..length];
    let plain = memchr(b'\'', tag).is_none() && memchr_iter(b'"', tag).count().is_multiple_of(2);
    if plain { Some(length) } else { quoted_tag_length(text) }
}

/// The same for tags with other quotes, or with a `>` within them.
fn quoted_tag_length(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr3(b'>', b'"', b'\'', &text[at..])? + 1;
        match text[at - 1] {
            b'>' => return Some(at),
            quote => at += memchr(quote, &text[at..])? + 1,
        }
    }
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
