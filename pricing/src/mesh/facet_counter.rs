//! Counting facets while a file is still arriving.

mod glb;
mod obj;
mod off;
mod ply;
mod stl_ascii;
mod words;

use super::sniff::{SNIFF_BYTES, announced_facets, by_content, sniff};
use super::{Format, ModelError};
use crate::analysis::Unit;

use self::glb::GlbBytes;
use self::obj::ObjWords;
use self::off::OffWords;
use self::ply::PlyBytes;
use self::stl_ascii::StlWords;
use self::words::Text;

/// Bytes of a 3MF for each of its facets, seldom more: 11 when vertices are shared and packed well.
const THREE_MF_FACET: u64 = 11;

/// What is known of a file after it went by once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FacetEstimate {
    /// What kind of file it is.
    pub format: Format,
    /// How many facets it has, or about how many.
    pub facets: u64,
    /// Whether `facets` was counted; otherwise it was concluded from the file's length.
    pub counted: bool,
    /// The unit the file itself carries, as far as it was seen.
    pub unit: Option<Unit>,
    /// Extents of the box around everything in the file, in its own unit, where that was cheap to
    /// find; binary STL is measured by another.
    pub extents: Option<[f64; 3]>,
}

/// Guesses format, facet count and size of a file fed in chunks, in constant memory.
///
/// The upload uses it to choose the pricing lane, to say a rough price and to refuse at once what
/// is not a model. It checks nothing, so a file it lets through can still be refused by
/// [`super::read`]; what that reads, it lets through.
///
/// ```
/// use pricing::mesh::{FacetCounter, Format};
/// let mut counter = FacetCounter::new();
/// let text = b"solid s\nfacet normal 0 0 1 outer loop vertex 0 0 0 vertex 1 0 0 \
///              vertex 0 2 0 endloop endfacet\nendsolid s\n";
/// for chunk in text.chunks(7) {
///     counter.push(chunk);
/// }
/// let estimate = counter.finish(text.len() as u64).unwrap();
/// assert_eq!((estimate.format, estimate.facets), (Format::StlAscii, 1));
/// assert_eq!(estimate.extents, Some([1.0, 2.0, 0.0]));
/// ```
#[derive(Debug, Clone, Default)]
pub struct FacetCounter {
    head: Vec<u8>,
    counting: Counting,
}

/// One way of counting a format; it has been fed everything so far, the head included.
#[derive(Debug, Clone, Default)]
enum Counting {
    /// The head is not complete, or nothing of the file need be seen.
    #[default]
    Nothing,
    StlAscii(Text<StlWords>),
    Obj(Text<ObjWords>),
    Off(Text<OffWords>),
    Ply(Box<PlyBytes>),
    Glb(GlbBytes),
    ThreeMf,
}

/// What a way of counting found.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    facets: u64,
    counted: bool,
    unit: Option<Unit>,
    extents: Option<[f64; 3]>,
}

impl FacetCounter {
    /// A counter that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes of the file, in order, in chunks of any size.
    pub fn push(&mut self, chunk: &[u8]) {
        let missing = SNIFF_BYTES - self.head.len();
        let (head, body) = chunk.split_at(chunk.len().min(missing));
        self.head.extend_from_slice(head);
        if missing > 0 && head.len() == missing {
            self.counting = Counting::begin(&self.head);
        }
        self.counting.push(body);
    }

    /// The estimate for a file of `total_len` bytes; `None` when it is not a model.
    pub fn finish(&self, total_len: u64) -> Option<FacetEstimate> {
        self.verdict(total_len).ok()
    }

    /// As [`FacetCounter::finish`], with the reason when it is not a model.
    pub fn verdict(&self, total_len: u64) -> Result<FacetEstimate, ModelError> {
        let format = sniff(&self.head, total_len)?;
        let found = if format == Format::StlBinary {
            let facets = announced_facets(&self.head).unwrap_or(0);
            Found { facets, counted: true, ..Found::default() }
        } else if self.head.len() < SNIFF_BYTES {
            Counting::begin(&self.head).end(total_len)?
        } else {
            self.counting.clone().end(total_len)?
        };
        let Found { facets, counted, unit, extents } = found;
        match facets {
            0 => Err(ModelError::NoFacets),
            _ => Ok(FacetEstimate { format, facets, counted, unit, extents }),
        }
    }
}

impl Counting {
    /// The way for a file with this start, which is all of it up to [`SNIFF_BYTES`].
    fn begin(head: &[u8]) -> Self {
        let mut counting = match by_content(head) {
            Some(Format::StlAscii) => Self::StlAscii(Text::default()),
            Some(Format::Obj) => Self::Obj(Text::default()),
            Some(Format::Off) => Self::Off(Text::default()),
            Some(Format::Ply) => Self::Ply(Box::default()),
            Some(Format::Glb) => Self::Glb(GlbBytes::default()),
            Some(Format::ThreeMf) => Self::ThreeMf,
            Some(Format::StlBinary) | None => Self::Nothing,
        };
        counting.push(head);
        counting
    }

    fn push(&mut self, chunk: &[u8]) {
        match self {
            Self::Nothing | Self::ThreeMf => {}
            Self::StlAscii(text) => text.push(chunk),
            Self::Obj(text) => text.push(chunk),
            Self::Off(text) => text.push(chunk),
            Self::Ply(bytes) => bytes.push(chunk),
            Self::Glb(bytes) => bytes.push(chunk),
        }
    }

    fn end(self, total_len: u64) -> Result<Found, ModelError> {
        match self {
            Self::Nothing => Ok(Found::default()),
            Self::StlAscii(text) => Ok(text.end()),
            Self::Obj(text) => Ok(text.end()),
            Self::Off(text) => Ok(text.end()),
            Self::Ply(bytes) => bytes.end(total_len),
            Self::Glb(bytes) => bytes.end(total_len),
            Self::ThreeMf => {
                let facets = (total_len / THREE_MF_FACET).max(1);
                Ok(Found { facets, ..Found::default() })
            }
        }
    }
}
