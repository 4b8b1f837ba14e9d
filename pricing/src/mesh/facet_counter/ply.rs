//! PLY: the header says what comes. In a text the lists are counted; in a binary file the length
//! of the file says how many corners the faces have.

use super::Found;
use super::off::whole;
use super::words::{Bounds, Text, Words};
use crate::mesh::ModelError;
use crate::mesh::ply::header::{Element, Encoding, Header, LONGEST};
use crate::mesh::ply::{Role, real, roles};

/// See [the module](self).
#[derive(Debug, Clone)]
pub(super) enum PlyBytes {
    /// The header has not come to its end.
    Header(Vec<u8>),
    Text(Header, Text<PlyWords>),
    Binary(Header, Vertices),
}

impl Default for PlyBytes {
    fn default() -> Self {
        Self::Header(vec![])
    }
}

impl PlyBytes {
    pub(super) fn push(&mut self, chunk: &[u8]) {
        match self {
            Self::Header(begun) => {
                let (taken, rest) = chunk.split_at(chunk.len().min(LONGEST - begun.len()));
                let before = begun.len().saturating_sub(16);
                begun.extend_from_slice(taken);
                if let Some(mut next) = Self::behind_header(begun, before) {
                    next.push(rest);
                    *self = next;
                }
            }
            Self::Text(_, text) => text.push(chunk),
            Self::Binary(_, vertices) => vertices.push(chunk),
        }
    }

    /// Looks for the end of the header from a place on, and reads the header then.
    fn behind_header(begun: &[u8], from: usize) -> Option<Self> {
        // With a line end before it, and two bytes behind it, which may both be its own.
        let ends =
            |window: &[u8]| matches!(window[0], b'\n' | b'\r') && &window[1..11] == b"end_header";
        begun[from..].windows(13).any(ends).then_some(())?;
        let header = Header::parse(begun).ok()?;
        let body = &begun[header.length..];
        let mut next = if header.encoding == Encoding::Text {
            let words = PlyWords::new(&header);
            Self::Text(header, Text::new(words))
        } else {
            let vertices = Vertices::new(&header);
            Self::Binary(header, vertices)
        };
        next.push(body);
        Some(next)
    }

    pub(super) fn end(self, total_len: u64) -> Result<Found, ModelError> {
        let length = usize::try_from(total_len).unwrap_or(usize::MAX);
        match self {
            Self::Header(begun) => {
                let header = Header::parse(&begun)?;
                header.check_counts(length)?;
                Ok(Found { facets: u64::from(faces(&header) > 0), ..Found::default() })
            }
            Self::Text(header, text) => {
                header.check_counts(length)?;
                Ok(text.end())
            }
            Self::Binary(header, vertices) => {
                header.check_counts(length)?;
                let (facets, counted) = facets(&header, total_len);
                let extents = vertices.bounds.extents();
                Ok(Found { facets, counted, unit: None, extents })
            }
        }
    }
}

fn faces(header: &Header) -> u64 {
    header.elements.iter().find(|e| e.name == "face").map_or(0, |face| face.count)
}

/// Facets in a binary file of this length: what is left for corners, less two a face. Exact when
/// the corners are the only list and every face has three of them or more.
fn facets(header: &Header, total_len: u64) -> (u64, bool) {
    let Some(face) = header.elements.iter().find(|e| e.name == "face") else {
        return (0, true);
    };
    let lists = |e: &Element| e.properties.iter().filter(|p| p.list.is_some()).count();
    let counted = header.elements.iter().map(lists).sum::<usize>() == 1;
    let fixed = |e: &Element| {
        let bytes = e.properties.iter().map(|p| p.list.unwrap_or(p.kind).bytes() as u64);
        e.count.saturating_mul(bytes.sum())
    };
    let known = header.elements.iter().map(fixed).fold(header.length as u64, u64::saturating_add);
    let size = face.properties.iter().find(|p| p.list.is_some()).map_or(4, |p| p.kind.bytes());
    let corners = total_len.saturating_sub(known) / size as u64;
    let facets = corners.saturating_sub(face.count.saturating_mul(2));
    (facets.max(u64::from(face.count > 0)), counted)
}

/// The box around the vertices of a binary file whose vertex records all have one length and
/// come behind such records only.
#[derive(Debug, Clone)]
pub(super) struct Vertices {
    element: Option<Element>,
    little: bool,
    /// Bytes still to pass over, then bytes of vertices still to come.
    before: u64,
    left: u64,
    begun: Vec<u8>,
    bounds: Bounds,
}

impl Vertices {
    fn new(header: &Header) -> Self {
        let mut before = Some(0_u64);
        let mut found = None;
        for element in &header.elements {
            let bytes = element.fixed_bytes().map(|bytes| bytes as u64);
            let all = bytes.map(|bytes| bytes.saturating_mul(element.count));
            if element.name == "vertex" {
                found = before.zip(all).map(|(before, all)| (before, all, element.clone()));
                break;
            }
            before = before.zip(all).map(|(before, all)| before.saturating_add(all));
        }
        let (before, left, element) =
            found.map_or((0, 0, None), |(before, all, element)| (before, all, Some(element)));
        let little = header.encoding == Encoding::LittleEndian;
        Self { element, little, before, left, begun: vec![], bounds: Bounds::default() }
    }

    fn push(&mut self, chunk: &[u8]) {
        let Some(element) = &self.element else { return };
        let clip = |bytes: u64, chunk: &[u8]| {
            usize::try_from(bytes).map_or(chunk.len(), |bytes| bytes.min(chunk.len()))
        };
        let chunk = {
            let skipped = clip(self.before, chunk);
            self.before -= skipped as u64;
            &chunk[skipped..]
        };
        let mut chunk = &chunk[..clip(self.left, chunk)];
        self.left -= chunk.len() as u64;
        let size = element.fixed_bytes().unwrap_or(0);
        if size == 0 || chunk.is_empty() {
            return;
        }
        let reads = Reads::new(element, self.little);
        if !self.begun.is_empty() {
            let (head, rest) = chunk.split_at(chunk.len().min(size - self.begun.len()));
            self.begun.extend_from_slice(head);
            chunk = rest;
            if self.begun.len() < size {
                return;
            }
            reads.add(&self.begun, &mut self.bounds);
            self.begun.clear();
        }
        let records = chunk.chunks_exact(size);
        self.begun.extend_from_slice(records.remainder());
        records.for_each(|record| reads.add(record, &mut self.bounds));
    }
}

/// Where in a record the coordinates are.
struct Reads {
    coordinates: Vec<(usize, usize, crate::mesh::ply::header::Kind)>,
    little: bool,
}

impl Reads {
    fn new(element: &Element, little: bool) -> Self {
        let (mut coordinates, mut offset) = (vec![], 0);
        for (role, property) in roles(element).into_iter().zip(&element.properties) {
            if let Role::Coordinate(axis) = role {
                coordinates.push((axis, offset, property.kind));
            }
            offset += property.kind.bytes();
        }
        Self { coordinates, little }
    }

    fn add(&self, record: &[u8], bounds: &mut Bounds) {
        for (axis, offset, kind) in &self.coordinates {
            let bytes = &record[*offset..];
            let number =
                if self.little { real::<true>(bytes, *kind) } else { real::<false>(bytes, *kind) };
            bounds.add(*axis, number);
        }
    }
}

/// Counts the records of a text.
#[derive(Debug, Clone)]
pub(super) struct PlyWords {
    /// Records of each element, and for each property its role and whether it is a list.
    elements: Vec<(u64, Vec<(Role, bool)>)>,
    element: usize,
    record: u64,
    property: usize,
    /// Entries still to come of a list.
    entries: u64,
    facets: u64,
    bounds: Bounds,
}

impl PlyWords {
    fn new(header: &Header) -> Self {
        let lists = |e: &Element| e.properties.iter().map(|p| p.list.is_some()).collect::<Vec<_>>();
        let elements = header
            .elements
            .iter()
            // Without records or properties there is no word either.
            .filter(|e| e.count > 0 && !e.properties.is_empty())
            .map(|e| (e.count, roles(e).into_iter().zip(lists(e)).collect()))
            .collect();
        Self {
            elements,
            element: 0,
            record: 0,
            property: 0,
            entries: 0,
            facets: 0,
            bounds: Bounds::default(),
        }
    }

    fn property_done(&mut self) {
        let Some((count, properties)) = self.elements.get(self.element) else { return };
        self.property += 1;
        if self.property == properties.len() {
            (self.property, self.record) = (0, self.record + 1);
            if self.record == *count {
                (self.record, self.element) = (0, self.element + 1);
            }
        }
    }
}

impl Words for PlyWords {
    fn word(&mut self, word: &[u8]) {
        if self.entries > 0 {
            self.entries -= 1;
            if self.entries == 0 {
                self.property_done();
            }
            return;
        }
        let properties = self.elements.get(self.element).map(|(_, properties)| properties);
        let Some((role, is_list)) = properties.and_then(|all| all.get(self.property)) else {
            return;
        };
        if let Role::Coordinate(axis) = role {
            self.bounds.add_word(*axis, word);
        }
        if *is_list {
            self.entries = whole(word);
            if *role == Role::Corners {
                self.facets = self.facets.saturating_add(self.entries.saturating_sub(2));
            }
        }
        if self.entries == 0 {
            self.property_done();
        }
    }

    fn found(&self) -> Found {
        let extents = self.bounds.extents();
        Found { facets: self.facets, counted: true, unit: None, extents }
    }
}
