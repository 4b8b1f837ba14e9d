//! The rate card: every coefficient of a price, as a document in the database.
//!
//! Nothing that a person might want to change stands in code: densities differ by 1.5 % between
//! two suppliers' tables, and that is 1.5 % of the price. The version of a card is kept outside
//! of it, by whoever stores it; a card that has been used is never changed.
//!
//! Money is in **minor units** (kopecks, cents) of [`RateCard::currency`]: rates as decimals,
//! which JSON carries as strings, fixed sums as whole numbers. Shares are fractions: `"0.20"` is
//! 20 %.

use std::collections::BTreeSet;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// Largest fixed sum on a card, in minor units: keeps every total far inside 64 bits.
const MAX_SUM: i64 = 1_000_000_000_000;
/// Largest rate on a card, in minor units.
const MAX_RATE: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Most decimal places a rate may have, so that products fit in a [`Decimal`].
const MAX_SCALE: u32 = 6;

/// A whole rate card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateCard {
    /// ISO 4217 code, e.g. `RUB`.
    pub currency: String,
    /// What pieces can be made of.
    pub materials: Vec<Material>,
    /// How their surface can be left.
    pub finishes: Vec<Finish>,
    /// Once an order: checking the file, preparing the tree, book-keeping. Minor units.
    pub setup_per_order: i64,
    /// Printing the pattern.
    pub machine: MachineRates,
    /// Cheaper pieces in larger orders.
    pub quantity_breaks: Vec<QuantityBreak>,
    /// No piece costs less than this before quantity breaks. Minor units.
    pub minimum_per_piece: i64,
    /// No order costs less than this before tax. Minor units.
    pub minimum_per_order: i64,
    /// Value-added tax as a fraction of the net sum, e.g. `"0.20"`.
    pub vat_rate: Decimal,
    /// How fractions of a minor unit are dealt with.
    pub rounding: Rounding,
}

/// A metal and what working it costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Material {
    /// The name orders use, e.g. `silver-925`.
    pub id: String,
    /// Density of the alloy in g/cm³.
    pub density_g_cm3: Decimal,
    /// Price of the alloy, minor units a gram.
    pub price_per_gram: Decimal,
    /// Casting, minor units a gram of finished metal.
    pub casting_per_gram: Decimal,
    /// Metal that does not come back, as a fraction of the finished metal. Sprues come back and
    /// are not in here.
    pub melt_loss: Decimal,
    /// How much larger than the piece its pattern is printed, linear, as a fraction: castings
    /// shrink.
    pub shrinkage: Decimal,
}

/// A way to finish a surface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finish {
    /// The name orders use, e.g. `polished`.
    pub id: String,
    /// Minor units a piece.
    pub fixed_per_piece: i64,
    /// Minor units a cm² of surface.
    pub per_cm2: Decimal,
}

/// Printing the wax or resin pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineRates {
    /// Pattern material, minor units a cm³ of pattern.
    pub pattern_per_cm3: Decimal,
    /// Room in the machine, minor units a cm³ of the pattern's bounding box.
    pub space_per_cm3: Decimal,
}

/// From this many pieces on, each costs this share of its price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantityBreak {
    /// The first quantity it applies to, at least 2.
    pub from_quantity: u32,
    /// What remains of the price, e.g. `"0.90"` for 10 % off.
    pub factor: Decimal,
}

/// How fractions of a minor unit are dealt with; kept with each price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// Which way.
    pub mode: RoundingMode,
    /// The net sum is a multiple of this many minor units; 1 changes nothing.
    pub net_step: i64,
}

/// Which way to round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoundingMode {
    /// To the nearest, halves away from zero.
    HalfUp,
    /// To the nearest, halves to the even neighbour.
    HalfEven,
    /// Away from zero.
    Up,
}

impl RoundingMode {
    pub(crate) fn strategy(self) -> RoundingStrategy {
        match self {
            Self::HalfUp => RoundingStrategy::MidpointAwayFromZero,
            Self::HalfEven => RoundingStrategy::MidpointNearestEven,
            Self::Up => RoundingStrategy::AwayFromZero,
        }
    }
}

/// What is wrong with a card, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct RateCardError {
    /// Path of the field, as in the JSON document: `materials[2].density_g_cm3`.
    pub field: String,
    /// What it should be.
    pub problem: String,
}

impl RateCard {
    /// The card of the demonstration, the same document as `rate_cards/demo.json`. Its prices are
    /// made up; its densities are from the sources named in the crate's README.
    ///
    /// # Panics
    /// Never: a test of this crate reads and validates the document.
    pub fn sample() -> Self {
        serde_json::from_str(include_str!("../rate_cards/demo.json"))
            .expect("a test reads the document")
    }

    /// The material with this id.
    pub fn material(&self, id: &str) -> Option<&Material> {
        self.materials.iter().find(|material| material.id == id)
    }

    /// The finish with this id.
    pub fn finish(&self, id: &str) -> Option<&Finish> {
        self.finishes.iter().find(|finish| finish.id == id)
    }

    /// Refuses a card that could give a wrong or no price, naming the first field at fault.
    pub fn validate(&self) -> Result<(), RateCardError> {
        if self.currency.len() != 3 || !self.currency.bytes().all(|c| c.is_ascii_uppercase()) {
            return fault("currency", "must be an ISO 4217 code: three capital letters");
        }
        self.validate_materials()?;
        self.validate_finishes()?;
        sum("setup_per_order", self.setup_per_order)?;
        rate("machine.pattern_per_cm3", self.machine.pattern_per_cm3)?;
        rate("machine.space_per_cm3", self.machine.space_per_cm3)?;
        self.validate_breaks()?;
        sum("minimum_per_piece", self.minimum_per_piece)?;
        sum("minimum_per_order", self.minimum_per_order)?;
        share("vat_rate", self.vat_rate)?;
        if !(1..=1_000_000).contains(&self.rounding.net_step) {
            return fault("rounding.net_step", "must be from 1 to 1000000");
        }
        Ok(())
    }

    fn validate_materials(&self) -> Result<(), RateCardError> {
        ids("materials", self.materials.iter().map(|material| material.id.as_str()))?;
        for (index, material) in self.materials.iter().enumerate() {
            let field = |name: &str| format!("materials[{index}].{name}");
            let density = material.density_g_cm3;
            if density < Decimal::new(1, 1) || density > Decimal::from(30) {
                return fault(field("density_g_cm3"), "must be from 0.1 to 30 g/cm³");
            }
            rate(field("density_g_cm3"), density)?;
            rate(field("price_per_gram"), material.price_per_gram)?;
            rate(field("casting_per_gram"), material.casting_per_gram)?;
            share(field("melt_loss"), material.melt_loss)?;
            share(field("shrinkage"), material.shrinkage)?;
        }
        Ok(())
    }

    fn validate_finishes(&self) -> Result<(), RateCardError> {
        ids("finishes", self.finishes.iter().map(|finish| finish.id.as_str()))?;
        for (index, finish) in self.finishes.iter().enumerate() {
            sum(format!("finishes[{index}].fixed_per_piece"), finish.fixed_per_piece)?;
            rate(format!("finishes[{index}].per_cm2"), finish.per_cm2)?;
        }
        Ok(())
    }

    fn validate_breaks(&self) -> Result<(), RateCardError> {
        let mut before = (1, Decimal::ONE);
        for (index, step) in self.quantity_breaks.iter().enumerate() {
            let field = |name: &str| format!("quantity_breaks[{index}].{name}");
            if step.from_quantity <= before.0 {
                return fault(field("from_quantity"), "must be above 1 and above the one before");
            }
            if step.factor <= Decimal::ZERO || step.factor > before.1 {
                return fault(field("factor"), "must be above 0 and not above the one before");
            }
            rate(field("factor"), step.factor)?;
            before = (step.from_quantity, step.factor);
        }
        Ok(())
    }
}

fn fault<T>(field: impl Into<String>, problem: &str) -> Result<T, RateCardError> {
    Err(RateCardError { field: field.into(), problem: problem.to_owned() })
}

fn ids<'card>(list: &str, ids: impl Iterator<Item = &'card str>) -> Result<(), RateCardError> {
    let mut seen = BTreeSet::new();
    for (index, id) in ids.enumerate() {
        let field = format!("{list}[{index}].id");
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if id.is_empty() || id.len() > 64 || !id.bytes().all(plain) {
            return fault(field, "must be 1 to 64 small letters, digits and hyphens");
        }
        if !seen.insert(id) {
            return fault(field, "is there twice");
        }
    }
    if seen.is_empty() { fault(list, "must not be empty") } else { Ok(()) }
}

fn sum(field: impl Into<String>, minor: i64) -> Result<(), RateCardError> {
    if (0..=MAX_SUM).contains(&minor) {
        Ok(())
    } else {
        fault(field, "must be from 0 to 1000000000000 minor units")
    }
}

fn rate(field: impl Into<String>, rate: Decimal) -> Result<(), RateCardError> {
    if rate < Decimal::ZERO || rate > MAX_RATE {
        return fault(field, "must be from 0 to 1000000000");
    }
    if rate.normalize().scale() > MAX_SCALE {
        return fault(field, "must have at most 6 decimal places");
    }
    Ok(())
}

fn share(field: impl Into<String>, share: Decimal) -> Result<(), RateCardError> {
    let field = field.into();
    if share < Decimal::ZERO || share >= Decimal::ONE {
        return fault(field, "must be a fraction from 0 to below 1 (20 % is 0.20)");
    }
    rate(field, share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_valid_and_survives_json() {
        let card = RateCard::sample();
        card.validate().unwrap();
        let json = serde_json::to_string(&card).unwrap();
        assert_eq!(serde_json::from_str::<RateCard>(&json).unwrap(), card);
        for id in ["silver-925", "gold-585", "gold-750", "platinum-950", "brass", "bronze"] {
            assert!(card.material(id).is_some(), "{id}");
        }
        for id in ["raw", "polished", "matte"] {
            assert!(card.finish(id).is_some(), "{id}");
        }
    }

    #[test]
    fn each_fault_names_its_field() {
        let broken = |spoil: fn(&mut RateCard)| {
            let mut card = RateCard::sample();
            spoil(&mut card);
            card.validate().unwrap_err().field
        };
        assert_eq!(broken(|c| c.currency = "rub".into()), "currency");
        assert_eq!(broken(|c| c.materials.clear()), "materials");
        assert_eq!(broken(|c| c.materials[1].id = c.materials[0].id.clone()), "materials[1].id");
        assert_eq!(
            broken(|c| c.materials[2].density_g_cm3 = Decimal::ZERO),
            "materials[2].density_g_cm3"
        );
        assert_eq!(
            broken(|c| c.materials[0].price_per_gram = Decimal::NEGATIVE_ONE),
            "materials[0].price_per_gram"
        );
        assert_eq!(broken(|c| c.finishes[0].id = "Raw".into()), "finishes[0].id");
        assert_eq!(broken(|c| c.finishes[1].per_cm2 = Decimal::MAX), "finishes[1].per_cm2");
        assert_eq!(broken(|c| c.setup_per_order = -1), "setup_per_order");
        assert_eq!(
            broken(|c| c.quantity_breaks[1].from_quantity = 2),
            "quantity_breaks[1].from_quantity"
        );
        assert_eq!(
            broken(|c| c.quantity_breaks[0].factor = Decimal::TWO),
            "quantity_breaks[0].factor"
        );
        assert_eq!(broken(|c| c.vat_rate = Decimal::from(20)), "vat_rate");
        assert_eq!(broken(|c| c.rounding.net_step = 0), "rounding.net_step");
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let mut card = serde_json::to_value(RateCard::sample()).unwrap();
        card["vat"] = "0.2".into();
        let refused = serde_json::from_value::<RateCard>(card).unwrap_err().to_string();
        assert!(refused.contains("unknown field `vat`"), "{refused}");
    }
}
