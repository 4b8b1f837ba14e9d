//! Whether the volume of a model is a fact, and if not, what is wrong with the model.

use serde::{Deserialize, Serialize};

/// Whether the volume of a model is a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Verdict {
    /// Closed, oriented, every edge twice, every shell the right way round, no two shells cutting
    /// through each other: the volume is exact.
    Exact,
    /// The surface has holes or facets turned over: it encloses no definite volume.
    NotClosed {
        /// [`super::Analysis::boundary_edges`].
        boundary_edges: u64,
        /// [`super::Analysis::nonmanifold_edges`].
        nonmanifold_edges: u64,
        /// [`super::Analysis::badly_wound_edges`].
        badly_wound_edges: u64,
    },
    /// Facets are in the file more than once, some or all of them: a part that is there twice
    /// would be paid for twice.
    Duplicated {
        /// [`super::Analysis::duplicate_facets`].
        duplicate_facets: u64,
    },
    /// Each edge is used equally often in both directions, but some more than twice: solids that
    /// touch along an edge.
    NotManifold {
        /// [`super::Analysis::nonmanifold_edges`].
        nonmanifold_edges: u64,
    },
    /// Each shell is sound, but some face the wrong way for where they are: a void that faces
    /// outward would be paid for twice, a part turned inside out would be taken off.
    Misoriented {
        /// [`super::Analysis::misoriented_shells`].
        shells: u32,
    },
    /// Each shell is sound, but some cut through each other: what they share would be paid for
    /// twice.
    Overlapping {
        /// [`super::Analysis::overlapping_pairs`].
        pairs: u32,
    },
    /// Each shell is sound, but whether they cut through each other was not found out within the
    /// work allowed.
    OverlapUnchecked {
        /// [`super::Analysis::shells`].
        shells: u32,
    },
    /// So many shells that which lies inside which was not found out.
    TooManyShells {
        /// [`super::Analysis::shells`].
        shells: u32,
    },
    /// Nothing is left that has a volume: all facets lie in a plane, or none has an area.
    NoVolume,
}

impl Verdict {
    /// A stable word for rows, logs and problem documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::NotClosed { .. } => "not_closed",
            Self::Duplicated { .. } => "duplicated",
            Self::NotManifold { .. } => "not_manifold",
            Self::Misoriented { .. } => "misoriented",
            Self::Overlapping { .. } => "overlapping",
            Self::OverlapUnchecked { .. } => "overlap_unchecked",
            Self::TooManyShells { .. } => "too_many_shells",
            Self::NoVolume => "no_volume",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact => f.write_str("the model is closed and oriented"),
            Self::NotClosed { boundary_edges, nonmanifold_edges, badly_wound_edges } => write!(
                f,
                "the surface is not closed: {boundary_edges} edges border a hole, \
                 {nonmanifold_edges} edges join more than two facets, {badly_wound_edges} edges \
                 join facets that face opposite ways"
            ),
            Self::Duplicated { duplicate_facets } => {
                write!(f, "{duplicate_facets} facets are in the file more than once")
            }
            Self::NotManifold { nonmanifold_edges } => write!(
                f,
                "{nonmanifold_edges} edges join more than two facets: parts touch along an edge"
            ),
            Self::Misoriented { shells } => write!(
                f,
                "{shells} closed parts face the wrong way: a void that faces outward, or a part \
                 turned inside out"
            ),
            Self::Overlapping { pairs } => write!(
                f,
                "{pairs} pairs of closed parts cut through each other: what they share would be \
                 counted twice"
            ),
            Self::OverlapUnchecked { shells } => write!(
                f,
                "whether the {shells} separate parts cut through each other was not found out"
            ),
            Self::TooManyShells { shells } => {
                write!(f, "the {shells} separate parts are too many to be told apart")
            }
            Self::NoVolume => f.write_str("the model encloses no volume"),
        }
    }
}
