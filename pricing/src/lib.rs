//! The pricing engine: from the bytes of a 3D model to an explained price.
//!
//! ```text
//! bytes ── mesh::read ──▶ Mesh ── analysis::analyse ──▶ Analysis ─┐
//!                                                                ├─ quote::price ──▶ PriceBreakdown
//! JSON ── serde, RateCard::validate ──▶ RateCard, Fixing ─────────┘
//! ```
//!
//! A first look at a file that is still arriving, good enough for a rough price: [`tally`].
//!
//! The crate is pure: no files, no network, no clock, no database. Whoever calls it brings the
//! bytes ([`mesh::Source`] for those that are not in memory) and keeps the answer. It uses the
//! threads of the rayon pool that it is called in for models of more than about 50 000 facets, and
//! gives the same answer, to the last bit, with any number of them. The same bytes, unit, rate card, item and
//! [`ENGINE_VERSION`] give the same price for ever, so a quote can be recomputed to the last
//! minor unit of its currency.
//!
//! Geometry is computed in `f64`; money in [`rust_decimal::Decimal`] and whole minor units,
//! never in floating point.
//!
//! # How to add a file format
//!
//! 1. A variant in [`mesh::Format`] with its name on the wire.
//! 2. A file in `mesh/` with one function from bytes to [`mesh::Mesh`]: it feeds corners to
//!    [`mesh::MeshBuilder`], allocates from the length really there, and names the place of
//!    every fault.
//! 3. A rule in [`mesh::sniff`], by content and never by file name.
//! 4. A way of counting in [`mesh::FacetCounter`]: what the reader reads, the upload must let in.
//! 5. A writer in `tests/engine/writers.rs`, which brings it into the tests of all formats and of
//!    changed bytes; a model with known numbers for `tests/engine/oracle.rs`; a target in `fuzz/`.
#![deny(missing_docs)]

pub mod analysis;
pub mod fixing;
pub mod mesh;
mod parallel;
pub mod quote;
pub mod rate_card;
pub mod report;
pub mod rough;
mod sorted;
pub mod tally;

/// Version of everything that turns bytes into numbers.
///
/// It is stored with each analysis and each price, and belongs in the key of every cache of them.
/// Raise it whenever the same file could give another number than before.
///
/// 2: the closed copy of a faulty model is bounded. 3: other columns, so the bounds of models whose shells
/// cut through each other are others (mostly closer together), and the report's shadows in their last places.
/// 4: of two solids that cut through each other none counts as a void in the other, so their bounds are closer.
/// 5: of two shells with the same box only the larger can be around the other.
pub const ENGINE_VERSION: &str = "5";
