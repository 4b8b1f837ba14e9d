//! From an analysis and a rate card to a price with every step shown.
//!
//! # Formula
//!
//! For one piece (`V` volume in mm³, `A` area in mm², `x·y·z` box in mm, from the analysis;
//! everything else from the card):
//!
//! ```text
//! metal_g  = V/1000 · density                                   grams of finished metal
//! metal    = metal_g · price_per_gram
//! loss     = metal_g · melt_loss · price_per_gram               sprues come back, this does not
//! casting  = metal_g · casting_per_gram
//! pattern  = V/1000 · (1+shrinkage)³ · pattern_per_cm3          the pattern is printed larger
//! space    = x·y·z/1000 · (1+shrinkage)³ · space_per_cm3
//! finish   = fixed_per_piece + A/100 · per_cm2
//! ```
//!
//! and for the order of `n` pieces:
//!
//! ```text
//! pieces   = max(n · minimum_per_piece, n · (metal + … + finish))
//! broken   = pieces · quantity_break(n), but never less than a smaller order costs
//! net      = max(minimum_per_order, setup_per_order + broken), up to a multiple of net_step
//! total    = net + net · vat_rate
//! ```
//!
//! Where it comes from: the three multipliers (once an order, once a piece, by the amount) are
//! DigiFabster's; linear in material volume and in machine space is Shapeways' published pricing;
//! polishing by area is 3YOURMIND's sample script; weight as volume times density, loss charged
//! instead of the whole sprue, and shrinkage are casting practice (Hoover & Strong, Artistry of
//! Gold). The minimum is taken before the quantity break, per piece, and once more per order.
//!
//! # Money
//!
//! Geometry arrives in `f64` and is rounded once, per piece, to the digits a line shows: grams
//! and cm³ to 4 decimals, cm² to 3. From there on everything is decimal: a line's amount is its
//! quantity times its rate, rounded to a whole minor unit by the card's rule, and the lines of a
//! breakdown add up to its total exactly.

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use serde::{Deserialize, Serialize};

use crate::ENGINE_VERSION;
use crate::analysis::{Analysis, Verdict};
use crate::rate_card::{Finish, Material, RateCard};

/// The most pieces one order may have.
pub const MAX_QUANTITY: u32 = 1_000_000;

/// Decimals of a weight in grams: a tenth of a milligram, the scale's last digit.
const GRAM_DIGITS: u32 = 4;
/// Decimals of a volume in cm³.
const CM3_DIGITS: u32 = 4;
/// Decimals of an area in cm².
const CM2_DIGITS: u32 = 3;

/// What is ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Id of a material on the card.
    pub material: String,
    /// Id of a finish on the card.
    pub finish: String,
    /// How many pieces, from 1 to [`MAX_QUANTITY`].
    pub quantity: u32,
}

/// What a line of a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineCode {
    /// The metal of the finished pieces.
    Metal,
    /// Metal lost in melting.
    MeltLoss,
    /// Casting.
    Casting,
    /// Wax or resin of the patterns.
    Pattern,
    /// Room in the printer.
    MachineSpace,
    /// Finishing, the part that depends on the surface.
    FinishArea,
    /// Finishing, the part that does not.
    FinishPiece,
    /// What the pieces lack to the minimum per piece.
    MinimumPerPiece,
    /// What is taken off for quantity; negative.
    QuantityBreak,
    /// Once an order.
    Setup,
    /// What the order lacks to the minimum per order.
    MinimumPerOrder,
    /// What the net sum lacks to a round number.
    Rounding,
    /// Value-added tax.
    Vat,
}

impl LineCode {
    /// The word it is written as: `metal`, `melt_loss`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metal => "metal",
            Self::MeltLoss => "melt_loss",
            Self::Casting => "casting",
            Self::Pattern => "pattern",
            Self::MachineSpace => "machine_space",
            Self::FinishArea => "finish_area",
            Self::FinishPiece => "finish_piece",
            Self::MinimumPerPiece => "minimum_per_piece",
            Self::QuantityBreak => "quantity_break",
            Self::Setup => "setup",
            Self::MinimumPerOrder => "minimum_per_order",
            Self::Rounding => "rounding",
            Self::Vat => "vat",
        }
    }
}

/// The unit of a line's quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineUnit {
    /// Grams.
    Gram,
    /// Cubic centimetres.
    Cm3,
    /// Square centimetres.
    Cm2,
    /// Pieces.
    Piece,
    /// The order as a whole.
    Order,
    /// A sum in minor units; the rate is a fraction of it.
    MinorUnit,
}

impl LineUnit {
    /// The word it is written as: `gram`, `cm3`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gram => "gram",
            Self::Cm3 => "cm3",
            Self::Cm2 => "cm2",
            Self::Piece => "piece",
            Self::Order => "order",
            Self::MinorUnit => "minor_unit",
        }
    }
}

/// One line of a price: `amount_minor` is `quantity · rate`, rounded by the card's rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceLine {
    /// What it is for.
    pub code: LineCode,
    /// How much of it, for all pieces together.
    pub quantity: Decimal,
    /// In what.
    pub unit: LineUnit,
    /// Minor units for one of it.
    pub rate: Decimal,
    /// What it costs, in minor units.
    pub amount_minor: i64,
}

/// A price and how it came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceBreakdown {
    /// [`ENGINE_VERSION`] of the engine that computed it.
    pub engine_version: String,
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
    /// Finished metal of all pieces, in grams.
    pub metal_grams: Decimal,
    /// Finished metal of one piece, in grams.
    pub metal_grams_per_piece: Decimal,
}

/// Why there is no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// The volume of the model is not a fact, so neither would the price be.
    #[error("{0}")]
    NotExact(Verdict),
    /// The card knows no such material.
    #[error("material \"{material}\" is not on the rate card; it has {known}")]
    UnknownMaterial {
        /// What was asked for.
        material: String,
        /// What there is.
        known: String,
    },
    /// The card knows no such finish.
    #[error("finish \"{finish}\" is not on the rate card; it has {known}")]
    UnknownFinish {
        /// What was asked for.
        finish: String,
        /// What there is.
        known: String,
    },
    /// No pieces, or more than [`MAX_QUANTITY`].
    #[error("quantity must be from 1 to {MAX_QUANTITY}")]
    QuantityOutOfRange,
    /// The piece is so large, or so small, that no sum of money expresses it.
    #[error("the model is too large to be priced; is its unit right?")]
    TooLarge,
}

impl PriceError {
    /// A stable word for rows, logs and problem documents.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotExact(verdict) => verdict.as_str(),
            Self::UnknownMaterial { .. } => "unknown_material",
            Self::UnknownFinish { .. } => "unknown_finish",
            Self::QuantityOutOfRange => "quantity_out_of_range",
            Self::TooLarge => "too_large",
        }
    }
}

/// Prices `item` made from the analysed model; see the [module](self) for the formula.
///
/// The card must have passed [`RateCard::validate`].
pub fn price(
    analysis: &Analysis,
    card: &RateCard,
    item: &Item,
) -> Result<PriceBreakdown, PriceError> {
    let order = Order::new(analysis, card, item)?;
    order.price(item).ok_or(PriceError::TooLarge)
}

/// Everything looked up and measured; what is left is arithmetic, where `None` is an overflow.
struct Order<'card> {
    card: &'card RateCard,
    material: &'card Material,
    finish: &'card Finish,
    piece: Piece,
}

/// One piece in the units and with the digits of the lines.
struct Piece {
    metal_grams: Decimal,
    loss_grams: Decimal,
    pattern_cm3: Decimal,
    space_cm3: Decimal,
    area_cm2: Decimal,
}

impl<'card> Order<'card> {
    fn new(analysis: &Analysis, card: &'card RateCard, item: &Item) -> Result<Self, PriceError> {
        let material =
            card.material(&item.material).ok_or_else(|| PriceError::UnknownMaterial {
                material: item.material.clone(),
                known: listed(card.materials.iter().map(|material| &material.id)),
            })?;
        let finish = card.finish(&item.finish).ok_or_else(|| PriceError::UnknownFinish {
            finish: item.finish.clone(),
            known: listed(card.finishes.iter().map(|finish| &finish.id)),
        })?;
        if !(1..=MAX_QUANTITY).contains(&item.quantity) {
            return Err(PriceError::QuantityOutOfRange);
        }
        match analysis.verdict() {
            Verdict::Exact => {}
            verdict => return Err(PriceError::NotExact(verdict)),
        }
        let piece = Piece::new(analysis, material).ok_or(PriceError::TooLarge)?;
        Ok(Self { card, material, finish, piece })
    }

    fn price(&self, item: &Item) -> Option<PriceBreakdown> {
        let mut lines = self.piece_lines(item.quantity)?;
        let pieces = total(&lines)?;
        let broken = self.broken(item.quantity)?;
        if broken != pieces {
            lines.push(order_line(LineCode::QuantityBreak, broken.checked_sub(pieces)?));
        }
        lines.push(order_line(LineCode::Setup, self.card.setup_per_order));
        let missing = self.card.minimum_per_order.checked_sub(total(&lines)?)?;
        if missing > 0 {
            lines.push(order_line(LineCode::MinimumPerOrder, missing));
        }
        let before = total(&lines)?;
        let net_minor = up_to_multiple(before, self.card.rounding.net_step)?;
        if net_minor != before {
            lines.push(order_line(LineCode::Rounding, net_minor - before));
        }
        let vat = self.line(
            LineCode::Vat,
            Decimal::from(net_minor),
            LineUnit::MinorUnit,
            self.card.vat_rate,
        )?;
        let vat_minor = vat.amount_minor;
        lines.push(vat);
        let metal = self.piece.metal_grams.checked_mul(Decimal::from(item.quantity))?;
        Some(PriceBreakdown {
            engine_version: ENGINE_VERSION.to_owned(),
            currency: self.card.currency.clone(),
            item: item.clone(),
            total_minor: total(&lines)?,
            lines,
            net_minor,
            vat_minor,
            metal_grams: metal,
            metal_grams_per_piece: self.piece.metal_grams,
        })
    }

    /// What so many pieces cost before any break, minimum included.
    fn piece_lines(&self, quantity: u32) -> Option<Vec<PriceLine>> {
        use {LineCode as Code, LineUnit as Unit};
        let (card, material, finish, piece) = (self.card, self.material, self.finish, &self.piece);
        let per_piece = [
            (Code::Metal, piece.metal_grams, Unit::Gram, material.price_per_gram),
            (Code::MeltLoss, piece.loss_grams, Unit::Gram, material.price_per_gram),
            (Code::Casting, piece.metal_grams, Unit::Gram, material.casting_per_gram),
            (Code::Pattern, piece.pattern_cm3, Unit::Cm3, card.machine.pattern_per_cm3),
            (Code::MachineSpace, piece.space_cm3, Unit::Cm3, card.machine.space_per_cm3),
            (Code::FinishArea, piece.area_cm2, Unit::Cm2, finish.per_cm2),
            (Code::FinishPiece, Decimal::ONE, Unit::Piece, finish.fixed_per_piece.into()),
        ];
        let mut lines = Vec::with_capacity(16);
        for (code, amount, unit, rate) in per_piece {
            if !rate.is_zero() {
                let amount = amount.checked_mul(Decimal::from(quantity))?;
                lines.push(self.line(code, amount, unit, rate)?);
            }
        }
        let minimum = card.minimum_per_piece.checked_mul(i64::from(quantity))?;
        let missing = minimum.checked_sub(total(&lines)?)?;
        if missing > 0 {
            lines.push(order_line(Code::MinimumPerPiece, missing));
        }
        Some(lines)
    }

    /// What so many pieces cost after the break. Twenty pieces at 7 % off must not cost less than
    /// nineteen at 3 %: where a break would do that, the price stands still until it is caught up.
    fn broken(&self, quantity: u32) -> Option<i64> {
        let mut floor = self.at_factor(quantity, self.factor(quantity))?;
        for step in self.card.quantity_breaks.iter().filter(|s| s.from_quantity <= quantity) {
            let below = step.from_quantity.saturating_sub(1);
            if below > 0 {
                floor = floor.max(self.at_factor(below, self.factor(below))?);
            }
        }
        Some(floor)
    }

    fn at_factor(&self, quantity: u32, factor: Decimal) -> Option<i64> {
        let pieces = total(&self.piece_lines(quantity)?)?;
        self.round(Decimal::from(pieces).checked_mul(factor)?)
    }

    fn factor(&self, quantity: u32) -> Decimal {
        let reached = self.card.quantity_breaks.iter().filter(|s| s.from_quantity <= quantity);
        reached.map(|step| step.factor).min().unwrap_or(Decimal::ONE)
    }

    fn line(
        &self,
        code: LineCode,
        quantity: Decimal,
        unit: LineUnit,
        rate: Decimal,
    ) -> Option<PriceLine> {
        let amount_minor = self.round(quantity.checked_mul(rate)?)?;
        Some(PriceLine { code, quantity, unit, rate, amount_minor })
    }

    fn round(&self, amount: Decimal) -> Option<i64> {
        amount.round_dp_with_strategy(0, self.card.rounding.mode.strategy()).to_i64()
    }
}

impl Piece {
    fn new(analysis: &Analysis, material: &Material) -> Option<Self> {
        let volume = digits(analysis.volume_mm3 / 1000.0, CM3_DIGITS + GRAM_DIGITS)?;
        let [x, y, z] = analysis.bbox_mm;
        let space = digits(x * y * z / 1000.0, CM3_DIGITS + GRAM_DIGITS)?;
        let linear = Decimal::ONE.checked_add(material.shrinkage)?;
        let swollen = linear.checked_mul(linear)?.checked_mul(linear)?;
        let metal_grams = volume.checked_mul(material.density_g_cm3)?.round_dp(GRAM_DIGITS);
        Some(Self {
            metal_grams,
            loss_grams: metal_grams.checked_mul(material.melt_loss)?.round_dp(GRAM_DIGITS),
            pattern_cm3: volume.checked_mul(swollen)?.round_dp(CM3_DIGITS),
            space_cm3: space.checked_mul(swollen)?.round_dp(CM3_DIGITS),
            area_cm2: digits(analysis.area_mm2 / 100.0, CM2_DIGITS)?,
        })
    }
}

/// The one step from floating point to decimal.
fn digits(value: f64, digits: u32) -> Option<Decimal> {
    Some(Decimal::from_f64(value)?.round_dp(digits))
}

/// A line whose amount is a sum in itself.
fn order_line(code: LineCode, amount_minor: i64) -> PriceLine {
    let rate = Decimal::from(amount_minor);
    PriceLine { code, quantity: Decimal::ONE, unit: LineUnit::Order, rate, amount_minor }
}

fn total(lines: &[PriceLine]) -> Option<i64> {
    lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(line.amount_minor))
}

fn up_to_multiple(minor: i64, step: i64) -> Option<i64> {
    let over = minor.checked_rem_euclid(step)?;
    if over == 0 { Some(minor) } else { minor.checked_add(step - over) }
}

fn listed<'card>(ids: impl Iterator<Item = &'card String>) -> String {
    ids.map(String::as_str).collect::<Vec<_>>().join(", ")
}
