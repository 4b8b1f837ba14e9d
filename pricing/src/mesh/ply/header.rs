//! The header: elements and their properties.

use super::super::cursor::{Cursor, shown};
use super::super::{ModelError, Place};

/// The longest header that is looked for.
pub(in crate::mesh) const LONGEST: usize = 64 << 10;
/// The most properties of all elements together; a scan with every attribute has some twenty.
const MAX_PROPERTIES: usize = 256;

#[derive(Debug, Clone)]
pub(in crate::mesh) struct Header {
    pub(in crate::mesh) encoding: Encoding,
    pub(in crate::mesh) elements: Vec<Element>,
    /// Bytes of the header: where the records begin.
    pub(in crate::mesh) length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mesh) enum Encoding {
    Text,
    LittleEndian,
    BigEndian,
}

#[derive(Debug, Clone)]
pub(in crate::mesh) struct Element {
    pub(in crate::mesh) name: String,
    pub(in crate::mesh) count: u64,
    pub(in crate::mesh) properties: Vec<Property>,
    /// Its line in the header.
    line: u64,
}

#[derive(Debug, Clone)]
pub(in crate::mesh) struct Property {
    pub(in crate::mesh) name: String,
    pub(in crate::mesh) kind: Kind,
    /// For a list the type of its length.
    pub(in crate::mesh) list: Option<Kind>,
}

/// Types of numbers, by the names of the first PLY files and by those of today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mesh) enum Kind {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

impl Kind {
    fn parse(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"char" | b"int8" => Self::I8,
            b"uchar" | b"uint8" => Self::U8,
            b"short" | b"int16" => Self::I16,
            b"ushort" | b"uint16" => Self::U16,
            b"int" | b"int32" => Self::I32,
            b"uint" | b"uint32" => Self::U32,
            b"float" | b"float32" => Self::F32,
            b"double" | b"float64" => Self::F64,
            _ => return None,
        })
    }

    pub(in crate::mesh) fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    fn is_whole(self) -> bool {
        !matches!(self, Self::F32 | Self::F64)
    }
}

impl Element {
    /// Bytes of a binary record, when all records have the same.
    pub(in crate::mesh) fn fixed_bytes(&self) -> Option<usize> {
        self.properties
            .iter()
            .map(|property| property.list.is_none().then(|| property.kind.bytes()))
            .sum()
    }

    /// The least that a record takes.
    fn least_bytes(&self, encoding: Encoding) -> u64 {
        let least = |property: &Property| match encoding {
            // A digit and what parts it from the next.
            Encoding::Text => 2,
            _ => property.list.unwrap_or(property.kind).bytes() as u64,
        };
        self.properties.iter().map(least).sum()
    }
}

impl Header {
    /// Reads the header at the start of a file.
    pub(in crate::mesh) fn parse(bytes: &[u8]) -> Result<Self, ModelError> {
        let mut text = Cursor::new(&bytes[..bytes.len().min(LONGEST)]);
        text.skip_line();
        let (mut encoding, mut elements, mut properties) = (None, Vec::<Element>::new(), 0);
        loop {
            text.skip_space();
            let statement = text.word();
            match statement {
                b"comment" | b"obj_info" => {}
                b"format" => encoding = Some(format(&mut text)?),
                b"element" => elements.push(element(&mut text)?),
                b"property" => {
                    properties += 1;
                    if properties > MAX_PROPERTIES {
                        let (place, what) = (Place::Line(text.line()), "properties");
                        let limit = MAX_PROPERTIES as u64;
                        return Err(ModelError::OverLimit { place, what, limit });
                    }
                    let property = property(&mut text)?;
                    let Some(element) = elements.last_mut() else {
                        return Err(text.broken("a property before any element".to_owned()));
                    };
                    element.properties.push(property);
                }
                b"end_header" => break,
                other => return Err(text.unexpected(other, "a statement of the header")),
            }
            text.skip_line();
        }
        let Some(encoding) = encoding else {
            return Err(text.broken("the header has no format".to_owned()));
        };
        // One line end and no more: the next byte may belong to a number.
        let end = match text.rest() {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            [b' ' | b'\t', ..] => {
                text.skip_line();
                0
            }
            _ => return Err(text.unexpected(b"", "the end of the header's last line")),
        };
        text.skip(end);
        Ok(Self { encoding, elements, length: text.at() })
    }

    /// Refuses elements that the file is too short for, and a file without facets to read.
    pub(in crate::mesh) fn check_counts(&self, length: usize) -> Result<(), ModelError> {
        let body = length.saturating_sub(self.length) as u64;
        let (mut vertices, mut faces) = (false, false);
        for element in &self.elements {
            let place = Place::Line(element.line);
            // The last number of a text needs nothing behind it.
            let room = (body + 1).checked_div(element.least_bytes(self.encoding));
            if let Some(room) = room
                && element.count > room
            {
                let announced = element.count;
                return Err(ModelError::Overstated { place, what: "records", announced, room });
            }
            match element.name.as_str() {
                "vertex" if vertices => return Err(twice(place)),
                "face" if faces => return Err(twice(place)),
                "vertex" => {
                    vertices = true;
                    let has = |name: &str| {
                        element.properties.iter().any(|p| p.name == name && p.list.is_none())
                    };
                    if !["x", "y", "z"].into_iter().all(has) {
                        let what = "vertices need the properties x, y and z".to_owned();
                        return Err(ModelError::Broken { place, what });
                    }
                }
                "face" if !vertices => {
                    let what = "faces that come before the vertices are not read".to_owned();
                    return Err(ModelError::Unsupported { place, what });
                }
                "face" => faces = true,
                "tristrips" => {
                    let what = "triangle strips are not read, only faces".to_owned();
                    return Err(ModelError::Unsupported { place, what });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn twice(place: Place) -> ModelError {
    ModelError::Broken { place, what: "this element was there before".to_owned() }
}

fn format(text: &mut Cursor<'_>) -> Result<Encoding, ModelError> {
    text.skip_blank();
    match text.word() {
        b"ascii" => Ok(Encoding::Text),
        b"binary_little_endian" => Ok(Encoding::LittleEndian),
        b"binary_big_endian" => Ok(Encoding::BigEndian),
        other => Err(text.unexpected(other, "ascii, binary_little_endian or binary_big_endian")),
    }
}

fn element(text: &mut Cursor<'_>) -> Result<Element, ModelError> {
    text.skip_blank();
    let name = shown(text.word());
    text.skip_blank();
    let count = text.whole("how many records the element has")?;
    Ok(Element { name, count, properties: vec![], line: text.line() })
}

fn property(text: &mut Cursor<'_>) -> Result<Property, ModelError> {
    let kind = |text: &mut Cursor<'_>, word: &[u8]| {
        Kind::parse(word).ok_or_else(|| text.unexpected(word, "a type of numbers"))
    };
    text.skip_blank();
    let mut word = text.word();
    let mut list = None;
    if word == b"list" {
        text.skip_blank();
        word = text.word();
        list = Some(kind(text, word)?);
        if list.is_some_and(|kind| !kind.is_whole()) {
            return Err(text.unexpected(word, "a whole type for the length of a list"));
        }
        text.skip_blank();
        word = text.word();
    }
    let kind = kind(text, word)?;
    text.skip_blank();
    Ok(Property { name: shown(text.word()), kind, list })
}
