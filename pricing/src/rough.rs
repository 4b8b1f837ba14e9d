//! A rough price with a low and a high end, before the model is analysed: from what an upload shows while it streams.
//!
//! # What is assumed
//!
//! Of a box of `x·y·z` mm a piece fills a share, and its surface is a multiple of the box's:
//!
//! | | low | likely | high |
//! |---|---|---|---|
//! | volume / box volume | 0.03 | 0.20 | 0.75 |
//! | area / box area | 0.25 | 0.60 | 1.30 |
//!
//! Measured on the models beside this crate and on 21 sound public ones: jewellery-like pieces (rings, chains, pendants,
//! gears) lie between 0.06 and 0.67 and around 0.2 in volume, between 0.27 and 1.25 and around 0.6 in area. Full
//! bricks (1.0) are outside on purpose: a range that held them would say nothing about a ring.
//!
//! Where the volume is known already, from a pass over the facets without looking at their edges, only the doubt is
//! left whether the surface is closed: a closed one is taken at its word, an open one give or take a half.

use serde::{Deserialize, Serialize};

use crate::quote::{Item, Measures, Order, PriceBook, PriceError};

/// What is known of a model before its analysis. Lengths in mm, so the unit has been applied.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// Facets counted so far.
    pub facets: u64,
    /// Extents of the axis-parallel box.
    pub bbox_mm: [f64; 3],
    /// The surface integral, when a first pass has made it.
    pub volume: Option<KnownVolume>,
    /// The surface area, when a first pass has made it.
    pub area_mm2: Option<f64>,
}

/// A volume whose edges nobody has looked at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KnownVolume {
    /// Its size, sign dropped.
    pub mm3: f64,
    /// Whether the surface is closed and oriented as far as a checksum over its edges tells.
    pub closed: bool,
}

/// About what an item will cost. Tax included, minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoughPrice {
    /// ISO 4217 code.
    pub currency: String,
    /// Hardly less than this.
    pub low_total_minor: i64,
    /// The best guess.
    pub likely_total_minor: i64,
    /// Hardly more than this.
    pub high_total_minor: i64,
    /// What the guess stands on.
    pub basis: Basis,
    /// The card that was used.
    pub card_version: i64,
    /// The metal prices that were used, if any were.
    pub fixing_id: Option<i64>,
}

/// What a rough price stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The box alone.
    Box,
    /// The volume of a surface that is not closed.
    OpenVolume,
    /// The volume of a surface that looks closed.
    ClosedVolume,
}

impl Basis {
    /// The word it is written as.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Box => "box",
            Self::OpenVolume => "open_volume",
            Self::ClosedVolume => "closed_volume",
        }
    }
}

/// Low, likely, high.
type Guess = [f64; 3];

/// Share of the box that is filled.
const FILL: Guess = [0.03, 0.20, 0.75];
/// Surface as a multiple of the box's.
const SURFACE: Guess = [0.25, 0.60, 1.30];
/// What an open surface's integral is multiplied by.
const OPEN: Guess = [0.5, 1.0, 1.5];

/// Prices `item` roughly; the same checks of the wish as for an exact price.
///
/// # Errors
/// What is wrong with the wish or the book; [`PriceError::TooLarge`] when the box is none.
pub fn rough(known: &Known, book: &PriceBook, item: &Item) -> Result<RoughPrice, PriceError> {
    let order = Order::new(book, item)?;
    if known.facets == 0 || !known.bbox_mm.iter().all(|side| side.is_finite() && *side >= 0.0) {
        return Err(PriceError::TooLarge);
    }
    let (basis, volumes) = volumes(known);
    let areas = areas(known);
    let at = |index: usize| {
        let (volume_mm3, area_mm2) = (volumes[index], areas[index]);
        order.price(&Measures { volume_mm3, area_mm2, bbox_mm: known.bbox_mm })
    };
    let [Some(low), Some(likely), Some(high)] = [at(0), at(1), at(2)] else {
        return Err(PriceError::TooLarge);
    };
    Ok(RoughPrice {
        currency: likely.currency,
        low_total_minor: low.total_minor,
        likely_total_minor: likely.total_minor,
        high_total_minor: high.total_minor,
        basis,
        card_version: likely.card_version,
        fixing_id: likely.fixing_id,
    })
}

/// How far a rough price was from the exact one, as a fraction of the exact one: 0.2 is 20 % too much.
#[expect(clippy::cast_precision_loss, reason = "a metric: 15 digits are plenty")]
pub fn error(rough_minor: i64, exact_minor: i64) -> Option<f64> {
    (exact_minor > 0).then(|| (rough_minor as f64 - exact_minor as f64) / exact_minor as f64)
}

fn volumes(known: &Known) -> (Basis, Guess) {
    let [x, y, z] = known.bbox_mm;
    match known.volume {
        Some(volume) if volume.closed => (Basis::ClosedVolume, [volume.mm3.abs(); 3]),
        Some(volume) => (Basis::OpenVolume, OPEN.map(|factor| factor * volume.mm3.abs())),
        None => (Basis::Box, FILL.map(|share| share * x * y * z)),
    }
}

fn areas(known: &Known) -> Guess {
    let [x, y, z] = known.bbox_mm;
    let of_the_box = 2.0 * (x * y + y * z + z * x);
    known.area_mm2.map_or(SURFACE.map(|factor| factor * of_the_box), |area| [area; 3])
}
