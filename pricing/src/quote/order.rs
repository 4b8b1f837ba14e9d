//! The arithmetic of a price, where `None` is an overflow.

use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use rust_decimal::{Decimal, RoundingStrategy};

use super::{
    Item, LineCode, LineUnit, MAX_QUANTITY, MAX_SETTINGS, MAX_STONES, PriceBook, PriceBreakdown,
    PriceError, PriceLine, PriceWarning,
};
use crate::ENGINE_VERSION;
use crate::analysis::Analysis;
use crate::fixing::{Freshness, MetalPrice};
use crate::rate_card::{Finish, FixingRule, GramPrice, Material, SettingRate};

/// Decimals of a weight in grams: a tenth of a milligram, the scale's last digit.
const GRAM_DIGITS: u32 = 4;
/// Decimals of a volume in cm³.
const CM3_DIGITS: u32 = 4;
/// Decimals of an area in cm².
const CM2_DIGITS: u32 = 3;
/// Decimals of a height in millimetres and of hours.
const SHORT_DIGITS: u32 = 4;
/// Decimals of a price a gram that is computed from a fixing, in minor units.
const RATE_DIGITS: u32 = 4;

/// What a price needs to know of a model.
#[derive(Debug, Clone, Copy)]
pub struct Measures {
    /// Volume of one piece.
    pub volume_mm3: f64,
    /// Surface of one piece.
    pub area_mm2: f64,
    /// Extents of its box.
    pub bbox_mm: [f64; 3],
}

impl Measures {
    pub(crate) const fn of(analysis: &Analysis) -> Self {
        let Analysis { volume_mm3, area_mm2, bbox_mm, .. } = *analysis;
        Self { volume_mm3, area_mm2, bbox_mm }
    }
}

/// A wish with everything that it names looked up.
pub(crate) struct Order<'o> {
    book: &'o PriceBook,
    item: &'o Item,
    material: &'o Material,
    finish: &'o Finish,
    settings: Vec<(&'o SettingRate, u32)>,
    gram: GramRate,
}

/// What a gram of the material costs today.
struct GramRate {
    minor: Decimal,
    fixing_id: Option<i64>,
    warning: Option<PriceWarning>,
}

/// One piece in the units and with the digits of the lines.
struct Piece {
    grams: Decimal,
    lost_grams: Decimal,
    printed_cm3: Decimal,
    space_cm3: Decimal,
    hours: Decimal,
    area_cm2: Decimal,
}

impl<'o> Order<'o> {
    pub(crate) fn new(book: &'o PriceBook, item: &'o Item) -> Result<Self, PriceError> {
        let card = &book.card;
        let material =
            card.material(&item.material).ok_or_else(|| PriceError::UnknownMaterial {
                material: item.material.clone(),
                known: listed(card.materials.iter().map(|material| &material.id)),
            })?;
        let finishes = || card.finishes.iter().filter(|finish| finish.suits(material.kind));
        let finish = finishes().find(|finish| finish.id == item.finish).ok_or_else(|| {
            let known = listed(finishes().map(|finish| &finish.id));
            PriceError::UnknownFinish { finish: item.finish.clone(), known }
        })?;
        if !(1..=MAX_QUANTITY).contains(&item.quantity) {
            return Err(PriceError::QuantityOutOfRange);
        }
        if item.rush && card.rush.is_none() {
            return Err(PriceError::NoRush);
        }
        let (settings, gram) = (settings(book, item)?, GramRate::of(book, material)?);
        Ok(Self { book, item, material, finish, settings, gram })
    }

    /// The card's limit as geometry has it.
    pub(crate) fn provisional_spread(&self) -> f64 {
        self.book.card.provisional_spread.to_f64().unwrap_or_default()
    }

    pub(crate) fn price(&self, measures: &Measures) -> Option<PriceBreakdown> {
        let (card, quantity) = (&self.book.card, self.item.quantity);
        let piece = Piece::new(measures, self)?;
        let mut lines = self.piece_lines(&piece, quantity)?;
        let pieces = total(&lines)?;
        let broken = self.broken(&piece, quantity)?;
        if broken != pieces {
            lines.push(order_line(LineCode::QuantityBreak, broken.checked_sub(pieces)?));
        }
        lines.push(order_line(LineCode::Setup, card.setup_per_order));
        let missing = card.minimum_per_order.checked_sub(total(&lines)?)?;
        if missing > 0 {
            lines.push(order_line(LineCode::MinimumPerOrder, missing));
        }
        if let Some(rush) = card.rush.as_ref().filter(|_| self.item.rush) {
            let surcharge = rush.factor.checked_sub(Decimal::ONE)?;
            lines.push(self.share(LineCode::Rush, total(&lines)?, surcharge)?);
        }
        let before = total(&lines)?;
        let net_minor = up_to_multiple(before, card.rounding.net_step)?;
        if net_minor != before {
            lines.push(order_line(LineCode::Rounding, net_minor - before));
        }
        let vat = self.share(LineCode::Vat, net_minor, card.vat_rate)?;
        let vat_minor = vat.amount_minor;
        lines.push(vat);
        let metal_grams_per_piece =
            if self.material.kind.is_cast() { piece.grams } else { Decimal::ZERO };
        Some(PriceBreakdown {
            engine_version: ENGINE_VERSION.to_owned(),
            card_version: self.book.card_version,
            fixing_id: self.gram.fixing_id,
            currency: card.currency.clone(),
            item: self.item.clone(),
            total_minor: total(&lines)?,
            lines,
            net_minor,
            vat_minor,
            metal_grams: metal_grams_per_piece.checked_mul(Decimal::from(quantity))?,
            metal_grams_per_piece,
            range: None,
            warnings: self.gram.warning.into_iter().collect(),
            lead_time_days: self.lead_time_days(),
        })
    }

    fn lead_time_days(&self) -> Option<u16> {
        let card = &self.book.card;
        let rush = card.rush.as_ref().filter(|_| self.item.rush);
        rush.map(|rush| rush.lead_time_days).or(card.lead_time_days)
    }

    /// What so many pieces cost before any break, minimum included.
    fn piece_lines(&self, piece: &Piece, quantity: u32) -> Option<Vec<PriceLine>> {
        let mut lines = Vec::with_capacity(20);
        let many = |amount: Decimal| amount.checked_mul(Decimal::from(quantity));
        for (code, amount, unit, rate) in self.per_piece(piece) {
            if !rate.is_zero() {
                lines.push(self.line(code, many(amount)?, unit, rate)?);
            }
        }
        for (setting, count) in &self.settings {
            let stones = many(Decimal::from(*count))?;
            let rate = Decimal::from(setting.per_stone);
            let line = self.line(LineCode::StoneSetting, stones, LineUnit::Stone, rate)?;
            lines.push(PriceLine { detail: Some(setting.id.clone()), ..line });
        }
        let minimum = self.material.minimum_per_piece.unwrap_or(self.book.card.minimum_per_piece);
        let missing = minimum.checked_mul(i64::from(quantity))?.checked_sub(total(&lines)?)?;
        if missing > 0 {
            lines.push(order_line(LineCode::MinimumPerPiece, missing));
        }
        Some(lines)
    }

    fn per_piece(&self, piece: &Piece) -> Vec<(LineCode, Decimal, LineUnit, Decimal)> {
        use {LineCode as Code, LineUnit as Unit};
        let (machine, material, finish) = (&self.book.card.machine, self.material, self.finish);
        let gram = self.gram.minor;
        let mut parts = if material.kind.is_cast() {
            let by_piece = material.casting_per_piece.into();
            vec![
                (Code::Metal, piece.grams, Unit::Gram, gram),
                (Code::MeltLoss, piece.lost_grams, Unit::Gram, gram),
                (Code::Casting, piece.grams, Unit::Gram, material.casting_per_gram),
                (Code::CastingPiece, Decimal::ONE, Unit::Piece, by_piece),
                (Code::Pattern, piece.printed_cm3, Unit::Cm3, machine.pattern_per_cm3),
            ]
        } else {
            vec![
                (Code::Material, piece.grams, Unit::Gram, gram),
                (Code::Waste, piece.lost_grams, Unit::Gram, gram),
            ]
        };
        parts.push((Code::MachineSpace, piece.space_cm3, Unit::Cm3, machine.space_per_cm3));
        if let Some(time) = &machine.time {
            parts.push((Code::MachineTime, piece.hours, Unit::Hour, time.rate_per_hour));
        }
        let fixed = finish.fixed_per_piece.into();
        parts.push((Code::FinishArea, piece.area_cm2, Unit::Cm2, finish.per_cm2));
        parts.push((Code::FinishPiece, Decimal::ONE, Unit::Piece, fixed));
        parts
    }

    /// What so many pieces cost after the break. Twenty pieces at 7 % off must not cost less than
    /// nineteen at 3 %: where a break would do that, the price stands still until it is caught up.
    fn broken(&self, piece: &Piece, quantity: u32) -> Option<i64> {
        let mut floor = self.at_factor(piece, quantity, self.factor(quantity))?;
        let breaks = &self.book.card.quantity_breaks;
        for step in breaks.iter().filter(|step| step.from_quantity <= quantity) {
            let below = step.from_quantity.saturating_sub(1);
            if below > 0 {
                floor = floor.max(self.at_factor(piece, below, self.factor(below))?);
            }
        }
        Some(floor)
    }

    fn at_factor(&self, piece: &Piece, quantity: u32, factor: Decimal) -> Option<i64> {
        let pieces = total(&self.piece_lines(piece, quantity)?)?;
        self.round(Decimal::from(pieces).checked_mul(factor)?)
    }

    fn factor(&self, quantity: u32) -> Decimal {
        let breaks = &self.book.card.quantity_breaks;
        let reached = breaks.iter().filter(|step| step.from_quantity <= quantity);
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
        Some(PriceLine { code, quantity, unit, rate, amount_minor, detail: None })
    }

    /// A line that is a fraction of a sum.
    fn share(&self, code: LineCode, of_minor: i64, fraction: Decimal) -> Option<PriceLine> {
        self.line(code, Decimal::from(of_minor), LineUnit::MinorUnit, fraction)
    }

    fn round(&self, amount: Decimal) -> Option<i64> {
        amount.round_dp_with_strategy(0, self.book.card.rounding.mode.strategy()).to_i64()
    }
}

impl Piece {
    fn new(measures: &Measures, order: &Order<'_>) -> Option<Self> {
        let Measures { volume_mm3, area_mm2, bbox_mm: [x, y, z] } = *measures;
        let material = order.material;
        let volume = digits(volume_mm3 / 1000.0, CM3_DIGITS + GRAM_DIGITS)?;
        let space = digits(x * y * z / 1000.0, CM3_DIGITS + GRAM_DIGITS)?;
        let linear = Decimal::ONE.checked_add(material.shrinkage)?;
        let swollen = linear.checked_mul(linear)?.checked_mul(linear)?;
        let allowance = Decimal::ONE.checked_add(material.casting_allowance)?;
        let grams = volume.checked_mul(material.density_g_cm3)?.checked_mul(allowance)?;
        let grams = grams.round_dp(GRAM_DIGITS);
        let printed_cm3 = volume.checked_mul(swollen)?.round_dp(CM3_DIGITS);
        let height = digits(x.min(y).min(z), SHORT_DIGITS)?.checked_mul(linear)?;
        Some(Self {
            grams,
            lost_grams: grams.checked_mul(material.melt_loss)?.round_dp(GRAM_DIGITS),
            printed_cm3,
            space_cm3: space.checked_mul(swollen)?.round_dp(CM3_DIGITS),
            hours: hours(order, height, printed_cm3)?,
            area_cm2: digits(area_mm2 / 100.0, CM2_DIGITS)?,
        })
    }
}

fn hours(order: &Order<'_>, height_mm: Decimal, printed_cm3: Decimal) -> Option<Decimal> {
    let Some(time) = &order.book.card.machine.time else { return Some(Decimal::ZERO) };
    let layers = height_mm.checked_mul(time.hours_per_mm)?;
    let filling = printed_cm3.checked_mul(time.hours_per_cm3)?;
    Some(layers.checked_add(filling)?.round_dp(SHORT_DIGITS))
}

impl GramRate {
    fn of(book: &PriceBook, material: &Material) -> Result<Self, PriceError> {
        match &material.price_per_gram {
            GramPrice::Fixed(minor) => Ok(Self { minor: *minor, fixing_id: None, warning: None }),
            GramPrice::ByFixing(rule) => Self::by_fixing(book, rule),
        }
    }

    fn by_fixing(book: &PriceBook, rule: &FixingRule) -> Result<Self, PriceError> {
        let metal = rule.metal;
        let fixing = book.fixing.as_ref().ok_or(PriceError::NoFixing(metal))?;
        let price = fixing.prices.get(&metal).ok_or(PriceError::NoFixing(metal))?;
        if price.currency != book.card.currency {
            let (found, wanted) = (price.currency.clone(), book.card.currency.clone());
            return Err(PriceError::FixingCurrency { metal, found, wanted });
        }
        let warning = match price.freshness {
            Freshness::Fresh => None,
            Freshness::Stale => Some(PriceWarning::StaleMetalPrice { metal }),
            Freshness::TooOld => return Err(PriceError::FixingTooOld(metal)),
        };
        let minor = alloyed(price, rule).ok_or(PriceError::TooLarge)?;
        Ok(Self { minor, fixing_id: Some(fixing.id), warning })
    }
}

fn alloyed(price: &MetalPrice, rule: &FixingRule) -> Option<Decimal> {
    let pure = price.per_gram.checked_mul(rule.fineness)?;
    let marked_up = pure.checked_mul(Decimal::ONE.checked_add(rule.markup)?)?;
    Some(marked_up.round_dp_with_strategy(RATE_DIGITS, RoundingStrategy::MidpointAwayFromZero))
}

fn settings<'o>(
    book: &'o PriceBook,
    item: &Item,
) -> Result<Vec<(&'o SettingRate, u32)>, PriceError> {
    if item.settings.len() > MAX_SETTINGS {
        return Err(PriceError::StonesOutOfRange);
    }
    let of_the_card = |stones: &super::Stones| {
        if !(1..=MAX_STONES).contains(&stones.count) {
            return Err(PriceError::StonesOutOfRange);
        }
        let setting = book.card.setting(&stones.kind).ok_or_else(|| {
            let known = listed(book.card.settings.iter().map(|setting| &setting.id));
            PriceError::UnknownSetting { setting: stones.kind.clone(), known }
        })?;
        Ok((setting, stones.count))
    };
    item.settings.iter().map(of_the_card).collect()
}

/// The one step from floating point to decimal.
fn digits(value: f64, digits: u32) -> Option<Decimal> {
    Some(Decimal::from_f64(value)?.round_dp(digits))
}

/// A line whose amount is a sum in itself.
fn order_line(code: LineCode, amount_minor: i64) -> PriceLine {
    let (quantity, rate) = (Decimal::ONE, Decimal::from(amount_minor));
    PriceLine { code, quantity, unit: LineUnit::Order, rate, amount_minor, detail: None }
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
