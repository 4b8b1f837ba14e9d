//! Why a file is refused, and where in it the reason lies.

use std::fmt;

use super::MAX_FACETS;

/// A place in a file, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A line of a text, from 1.
    Line(u64),
    /// A byte of a binary file, from 0.
    Byte(u64),
    /// A facet, from 0.
    Facet(u64),
    /// A file inside an archive, and how many of its inflated bytes were read.
    Entry {
        /// Its name in the archive.
        name: String,
        /// Inflated bytes before the place.
        byte: u64,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("the file"),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Byte(byte) => write!(f, "byte {byte}"),
            Self::Facet(facet) => write!(f, "facet {facet} (counted from 0)"),
            Self::Entry { name, byte } => write!(f, "{name}, byte {byte}"),
        }
    }
}

/// Why a file is not a model that can be analysed. The message is meant for whoever sent the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Nothing was sent.
    #[error("the file is empty")]
    Empty,
    /// The content is of no kind this engine reads.
    #[error("this is not a 3D model this service reads (STL, OBJ, 3MF, PLY, OFF or GLB): {reason}")]
    NotAModel {
        /// What the content looks like instead.
        reason: &'static str,
    },
    /// The file is shorter than its own header says: cut off, or the header lies.
    #[error(
        "the file is cut off or its header is wrong: {expected} bytes are needed for the \
         {facets} facets it announces, {actual} bytes are there"
    )]
    Truncated {
        /// Facets the header announces.
        facets: u64,
        /// Bytes a file of that many facets has.
        expected: u64,
        /// Bytes that are there.
        actual: u64,
    },
    /// An ASCII file stops in the middle of a facet.
    #[error(
        "the file is cut off inside facet {facet} (counted from 0): it ends after {actual} bytes \
         where \"{wanted}\" should follow"
    )]
    TruncatedText {
        /// Index of the facet, from 0.
        facet: u64,
        /// The word or number that should have come next.
        wanted: &'static str,
        /// Bytes that are there.
        actual: u64,
    },
    /// An ASCII file says something else than the format allows.
    #[error(
        "line {line}: expected \"{wanted}\", found \"{found}\" (facet {facet}, counted from 0)"
    )]
    Malformed {
        /// Line in the file, from 1.
        line: u64,
        /// Index of the facet, from 0.
        facet: u64,
        /// The word or number that belongs here.
        wanted: &'static str,
        /// What is there instead, shortened.
        found: String,
    },
    /// A file stops where its format wants more.
    #[error("the file is cut off: it ends after {actual} bytes where {wanted} should follow")]
    CutOff {
        /// Bytes that are there.
        actual: u64,
        /// What should have come next.
        wanted: &'static str,
    },
    /// A count in the file is larger than what follows it can hold.
    #[error(
        "{place}: {announced} {what} are announced, but the rest of the file has room for no more \
         than {room}"
    )]
    Overstated {
        /// Where the count stands.
        place: Place,
        /// What is counted.
        what: &'static str,
        /// The count.
        announced: u64,
        /// The most that the bytes that are there could hold.
        room: u64,
    },
    /// The file contradicts its own format.
    #[error("{place}: {what}")]
    Broken {
        /// Where.
        place: Place,
        /// What is wrong there.
        what: String,
    },
    /// The format allows it, this reader does not know it, and leaving it out would make another
    /// model of it.
    #[error("{place}: {what}")]
    Unsupported {
        /// Where.
        place: Place,
        /// What is not read.
        what: String,
    },
    /// More of something than a model of an honest sender ever has.
    #[error("{place}: more than {limit} {what}")]
    OverLimit {
        /// Where the limit was passed.
        place: Place,
        /// What there is too much of.
        what: &'static str,
        /// The most there may be.
        limit: u64,
    },
    /// A coordinate is NaN or infinite.
    #[error("facet {facet} (counted from 0) has a coordinate that is not a finite number")]
    NotFinite {
        /// Index of the facet, from 0.
        facet: u64,
    },
    /// A well-formed file without a single facet.
    #[error("the model has no facets")]
    NoFacets,
    /// More facets than [`MAX_FACETS`].
    #[error("the model has more than {MAX_FACETS} facets")]
    TooManyFacets,
}

impl ModelError {
    /// A stable word for logs, metrics and problem documents.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_file",
            Self::NotAModel { .. } => "not_a_model",
            Self::Truncated { .. }
            | Self::TruncatedText { .. }
            | Self::CutOff { .. }
            | Self::Overstated { .. } => "truncated",
            Self::Malformed { .. } | Self::Broken { .. } => "malformed",
            Self::Unsupported { .. } => "not_supported",
            Self::OverLimit { .. } => "over_limit",
            Self::NotFinite { .. } => "not_finite",
            Self::NoFacets => "no_facets",
            Self::TooManyFacets => "too_many_facets",
        }
    }

    /// The same with its place, for a reader that only knows it one level up.
    pub(super) fn at(mut self, here: Place) -> Self {
        if let Self::Broken { place, .. }
        | Self::Unsupported { place, .. }
        | Self::OverLimit { place, .. } = &mut self
        {
            *place = here;
        }
        self
    }
}
