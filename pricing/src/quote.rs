//! From an analysis, a rate card and the metals' prices to a price with every step shown.
//!
//! # Formula
//!
//! For one piece (`V` volume in mm³, `A` area in mm², `x·y·z` box in mm, from the analysis;
//! everything else from the card):
//!
//! ```text
//! gram     = price_per_gram, or fixing · fineness · (1+markup)  minor units a gram
//! V'       = V/1000 · (1+shrinkage)³                            cm³ as printed
//!
//! metal_g  = V/1000 · density · (1+casting_allowance)           grams of metal
//! metal    = metal_g · gram
//! loss     = metal_g · melt_loss · gram                         sprues come back, this does not
//! casting  = metal_g · casting_per_gram + casting_per_piece
//! pattern  = V' · pattern_per_cm3                               the pattern is printed larger
//!
//! space    = x·y·z/1000 · (1+shrinkage)³ · space_per_cm3
//! time     = (min(x,y,z) · (1+shrinkage) · hours_per_mm + V' · hours_per_cm3) · rate_per_hour
//! finish   = fixed_per_piece + A/100 · per_cm2
//! stones   = Σ count · per_stone
//! ```
//!
//! Resin and nylon are printed as they are: instead of metal, loss, casting and pattern there are
//! `material = V/1000 · density · gram` and `waste = material · melt_loss`. For the order of `n`
//! pieces:
//!
//! ```text
//! pieces   = max(n · minimum_per_piece, n · (metal + … + stones))
//! broken   = pieces · quantity_break(n), but never less than a smaller order costs
//! order    = max(minimum_per_order, setup_per_order + broken)
//! net      = order · rush.factor, up to a multiple of net_step
//! total    = net + net · vat_rate
//! ```
//!
//! Where it comes from: the three multipliers (once an order, once a piece, by the amount) are
//! DigiFabster's; linear in material volume and in machine space is Shapeways' published pricing;
//! polishing by area and machine hours are 3YOURMIND's sample scripts; weight as volume times
//! density, loss charged instead of the whole sprue, and shrinkage are casting practice (Hoover &
//! Strong, Artistry of Gold). The minimum is taken before the quantity break, per piece, and once
//! more per order; a rush is a multiple of everything, minimum included.
//!
//! # Volumes that are not exact
//!
//! A damaged model may have bounds instead of a volume. Its price is that of the upper bound. When the bounds are
//! further apart than the card's `provisional_spread`, a person decides ([`PriceError::NeedsAPerson`] says between
//! which sums), and may accept with [`Item::accept_provisional`].
//!
//! # Money
//!
//! Geometry arrives in `f64` and is rounded once, per piece, to the digits a line shows: grams, cm³
//! and hours to 4 decimals, cm² to 3. A price a gram that comes from a fixing is rounded once, to 4
//! decimals of a minor unit. From there on everything is decimal: a line's amount is its quantity
//! times its rate, rounded to a whole minor unit by the card's rule, and the lines of a breakdown
//! add up to its total exactly.

mod lines;
mod order;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::analysis::{Analysis, Standing, Verdict, VolumeBounds};
use crate::fixing::{Fixing, Metal};
use crate::rate_card::RateCard;
pub(crate) use order::Order;

pub use lines::{LineCode, LineUnit, PriceLine};
pub use order::Measures;

/// The most pieces one order may have.
pub const MAX_QUANTITY: u32 = 1_000_000;
/// The most stones of a kind one piece may have.
pub const MAX_STONES: u32 = 10_000;
/// The most kinds of stones one piece may have.
pub const MAX_SETTINGS: usize = 32;

/// Everything that a price depends on but for the model and the wish: with its numbers, the same for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceBook {
    /// The coefficients; [`RateCard::validate`] found nothing.
    pub card: RateCard,
    /// The card's number, kept with each price.
    pub card_version: i64,
    /// The prices of metals, for cards that go by them.
    pub fixing: Option<Fixing>,
}

impl PriceBook {
    /// The demonstration's card and metal prices.
    ///
    /// # Panics
    /// Never: see [`RateCard::sample`].
    pub fn sample() -> Self {
        Self { card: RateCard::sample(), card_version: 1, fixing: Some(Fixing::sample()) }
    }
}

/// What is ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Id of a material on the card.
    pub material: String,
    /// Id of a finish on the card.
    pub finish: String,
    /// How many pieces, from 1 to [`MAX_QUANTITY`].
    pub quantity: u32,
    /// Stones in one piece, at most [`MAX_SETTINGS`] kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<Stones>,
    /// Sooner than usual.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rush: bool,
    /// A person looked at the model and takes the upper bound of its volume.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_provisional: bool,
}

/// Stones of one kind in one piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stones {
    /// Id of a setting on the card.
    pub kind: String,
    /// How many, from 1 to [`MAX_STONES`].
    pub count: u32,
}

/// A price and how it came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceBreakdown {
    /// [`crate::ENGINE_VERSION`] of the engine that computed it.
    pub engine_version: String,
    /// [`PriceBook::card_version`].
    pub card_version: i64,
    /// [`Fixing::id`], when the material's price goes by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixing_id: Option<i64>,
    /// ISO 4217 code from the card.
    pub currency: String,
    /// What was priced.
    pub item: Item,
    /// All lines, tax included: their amounts add up to [`PriceBreakdown::total_minor`].
    pub lines: Vec<PriceLine>,
    /// Before tax, in minor units.
    pub net_minor: i64,
    /// Tax, in minor units.
    pub vat_minor: i64,
    /// What the customer pays, in minor units.
    pub total_minor: i64,
    /// Metal of all pieces, in grams; nothing when they are printed of something else.
    pub metal_grams: Decimal,
    /// Metal of one piece, in grams.
    pub metal_grams_per_piece: Decimal,
    /// Between which sums the price lies, when the model has bounds instead of a volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<PriceRange>,
    /// What a person should know before promising it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<PriceWarning>,
    /// Working days from approval to shipping, when the card promises any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_time_days: Option<u16>,
}

/// What a model with bounds instead of a volume costs at least and at most. Tax included, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRange {
    /// At the lower bound.
    pub low_total_minor: i64,
    /// At the upper bound, which is the price.
    pub high_total_minor: i64,
}

/// Something about a price that a person should know before promising it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum PriceWarning {
    /// The model has bounds instead of a volume; the price is that of the upper one.
    ProvisionalVolume {
        /// Why.
        verdict: Verdict,
    },
    /// The metal's price is older than it should be.
    StaleMetalPrice {
        /// Which metal's.
        metal: Metal,
    },
}

impl PriceWarning {
    /// A stable word for rows, logs and problem documents.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ProvisionalVolume { .. } => "provisional_volume",
            Self::StaleMetalPrice { .. } => "stale_metal_price",
        }
    }
}

impl std::fmt::Display for PriceWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ProvisionalVolume { verdict } => {
                write!(f, "the price is for the largest volume the model can mean: {verdict}")
            }
            Self::StaleMetalPrice { metal } => {
                write!(f, "the price of {metal} is older than it should be")
            }
        }
    }
}

/// Why there is no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// The model has no volume, not even bounds of one.
    #[error("{0}")]
    NotExact(Verdict),
    /// The volume is known too roughly to be sold without a look.
    #[error(
        "a person must look at the model: {verdict}; the price is between {} and {} minor units \
         of {currency}",
        range.low_total_minor, range.high_total_minor
    )]
    NeedsAPerson {
        /// Why.
        verdict: Verdict,
        /// Between which sums.
        range: PriceRange,
        /// Of which currency.
        currency: String,
    },
    /// The card knows no such material.
    #[error("material \"{material}\" is not on the rate card; it has {known}")]
    UnknownMaterial {
        /// What was asked for.
        material: String,
        /// What there is.
        known: String,
    },
    /// The card knows no such finish, or not for this material.
    #[error("finish \"{finish}\" is not on the rate card for this material; it has {known}")]
    UnknownFinish {
        /// What was asked for.
        finish: String,
        /// What there is for the material.
        known: String,
    },
    /// The card knows no such kind of setting.
    #[error("setting \"{setting}\" is not on the rate card; it has {known}")]
    UnknownSetting {
        /// What was asked for.
        setting: String,
        /// What there is.
        known: String,
    },
    /// Too many kinds of stones, or no or too many stones of a kind.
    #[error("at most {MAX_SETTINGS} kinds of stones, each with 1 to {MAX_STONES}")]
    StonesOutOfRange,
    /// The card promises nothing sooner than usual.
    #[error("the rate card has no rush orders")]
    NoRush,
    /// No pieces, or more than [`MAX_QUANTITY`].
    #[error("quantity must be from 1 to {MAX_QUANTITY}")]
    QuantityOutOfRange,
    /// The piece is so large, or so small, that no sum of money expresses it.
    #[error("the model is too large to be priced; is its unit right?")]
    TooLarge,
    /// The price of a metal is missing.
    #[error("there is no price of {0}: publish a metal fixing")]
    NoFixing(Metal),
    /// The price of a metal is too old to be used.
    #[error("the price of {0} is too old: publish a metal fixing")]
    FixingTooOld(Metal),
    /// The price of a metal is in another currency than the card.
    #[error("the price of {metal} is in {found}, the rate card in {wanted}")]
    FixingCurrency {
        /// Which metal's.
        metal: Metal,
        /// The fixing's.
        found: String,
        /// The card's.
        wanted: String,
    },
}

impl PriceError {
    /// A stable word for rows, logs and problem documents.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotExact(verdict) => verdict.as_str(),
            Self::NeedsAPerson { .. } => "needs_a_person",
            Self::UnknownMaterial { .. } => "unknown_material",
            Self::UnknownFinish { .. } => "unknown_finish",
            Self::UnknownSetting { .. } => "unknown_setting",
            Self::StonesOutOfRange => "stones_out_of_range",
            Self::NoRush => "no_rush",
            Self::QuantityOutOfRange => "quantity_out_of_range",
            Self::TooLarge => "too_large",
            Self::NoFixing(_) => "no_metal_fixing",
            Self::FixingTooOld(_) => "metal_fixing_too_old",
            Self::FixingCurrency { .. } => "metal_fixing_currency",
        }
    }

    /// Whether the same wish can be priced later without anybody changing it: something of ours is missing.
    pub const fn may_succeed_later(&self) -> bool {
        matches!(self, Self::NoFixing(_) | Self::FixingTooOld(_) | Self::FixingCurrency { .. })
    }
}

/// Prices `item` made from the analysed model; see the [module](self) for the formula.
///
/// # Errors
/// [`PriceError`] says what is wrong with the wish, the model or the book.
pub fn price(
    analysis: &Analysis,
    book: &PriceBook,
    item: &Item,
) -> Result<PriceBreakdown, PriceError> {
    let order = Order::new(book, item)?;
    let volume = Volume::of(analysis)?;
    let at = |volume_mm3: f64| order.price(&Measures { volume_mm3, ..Measures::of(analysis) });
    let mut breakdown = at(volume.bounds.high_mm3).ok_or(PriceError::TooLarge)?;
    if let Some(verdict) = volume.doubt {
        let low = at(volume.bounds.low_mm3).ok_or(PriceError::TooLarge)?;
        let range = PriceRange {
            low_total_minor: low.total_minor,
            high_total_minor: breakdown.total_minor,
        };
        if !item.accept_provisional && volume.bounds.spread() > order.provisional_spread() {
            let currency = breakdown.currency;
            return Err(PriceError::NeedsAPerson { verdict, range, currency });
        }
        breakdown.range = Some(range);
        breakdown.warnings.insert(0, PriceWarning::ProvisionalVolume { verdict });
    }
    Ok(breakdown)
}

/// Prices `item` from measures that were kept with an earlier price, taken at their word.
///
/// # Errors
/// [`PriceError`] says what is wrong with the wish, the measures or the book.
pub fn price_of_measures(
    measures: &Measures,
    book: &PriceBook,
    item: &Item,
) -> Result<PriceBreakdown, PriceError> {
    Order::new(book, item)?.price(measures).ok_or(PriceError::TooLarge)
}

/// What is known of a volume.
struct Volume {
    bounds: VolumeBounds,
    /// Why the two differ; nothing when the volume is a fact.
    doubt: Option<Verdict>,
}

impl Volume {
    fn of(analysis: &Analysis) -> Result<Self, PriceError> {
        match analysis.standing() {
            Standing::Exact => {
                let exact = analysis.volume_mm3;
                Ok(Self { bounds: VolumeBounds { low_mm3: exact, high_mm3: exact }, doubt: None })
            }
            Standing::Provisional { verdict, low_mm3, high_mm3 } => {
                Ok(Self { bounds: VolumeBounds { low_mm3, high_mm3 }, doubt: Some(verdict) })
            }
            Standing::Refused { verdict } => Err(PriceError::NotExact(verdict)),
        }
    }
}
