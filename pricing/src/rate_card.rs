//! The rate card: every coefficient of a price, as a document in the database.
//!
//! Nothing that a person might want to change stands in code: densities differ by 1.5 % between
//! two suppliers' tables, and that is 1.5 % of the price. The version of a card is kept outside
//! of it, by whoever stores it; a card that has been used is never changed. What a later version of
//! this program added to the document is therefore optional and, when left out, changes no price:
//! the cards of the first version are read, and price, as they always did.
//!
//! Money is in **minor units** (kopecks, cents) of [`RateCard::currency`]: rates as decimals,
//! which JSON carries as strings, fixed sums as whole numbers. Shares are fractions: `"0.20"` is
//! 20 %.

mod names;
mod validation;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::fixing::Metal;
pub use names::{CardNames, Names};

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
    /// Setting stones, by kind. None when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<SettingRate>,
    /// Working days from approval to shipping. No promise when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_time_days: Option<u16>,
    /// Sooner, for more. Not to be had when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rush: Option<Rush>,
    /// How far apart the lowest and the highest volume of a damaged model may be, as a fraction of
    /// the highest, for a price without a person's look: half a percent when left out.
    #[serde(default = "half_a_percent")]
    pub provisional_spread: Decimal,
}

const fn half_a_percent() -> Decimal {
    Decimal::from_parts(5, 0, 0, false, 3)
}

/// What pieces are made of, and what working it costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Material {
    /// The name orders use, e.g. `silver-925`.
    pub id: String,
    /// What people call it. By its id when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Names>,
    /// Whether it is cast or printed. A metal when left out.
    #[serde(default)]
    pub kind: MaterialKind,
    /// Density in g/cm³.
    pub density_g_cm3: Decimal,
    /// Price a gram: a number of minor units, or by the price of the pure metal.
    pub price_per_gram: GramPrice,
    /// Casting, minor units a gram of metal. For metals only.
    #[serde(default)]
    pub casting_per_gram: Decimal,
    /// Casting, minor units a piece. For metals only.
    #[serde(default)]
    pub casting_per_piece: i64,
    /// How much heavier than the drawing a casting is before it is finished, as a fraction. For
    /// metals only.
    #[serde(default)]
    pub casting_allowance: Decimal,
    /// What does not come back, as a fraction of the weight: of a metal, what is lost in melting
    /// (sprues come back and are not in here); of what is printed, supports and waste.
    #[serde(default)]
    pub melt_loss: Decimal,
    /// How much larger than the piece its pattern is printed, linear, as a fraction: castings
    /// shrink. For metals only.
    #[serde(default)]
    pub shrinkage: Decimal,
    /// No piece of it costs less than this before quantity breaks, minor units. The card's own
    /// minimum when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_per_piece: Option<i64>,
    /// What can be made of it. Anything when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<MaterialLimits>,
}

/// How a material becomes a piece.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaterialKind {
    /// Cast into the hollow that a printed pattern left.
    #[default]
    Metal,
    /// Printed as it is.
    Resin,
    /// Printed as it is.
    Nylon,
}

impl MaterialKind {
    /// Whether a pattern is printed first.
    pub const fn is_cast(self) -> bool {
        matches!(self, Self::Metal)
    }
}

/// The price of a gram of a material.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "must be minor units as a string, or an object with metal, fineness and markup"
)]
pub enum GramPrice {
    /// Minor units, as the card says.
    Fixed(Decimal),
    /// From the price of the pure metal on the day.
    ByFixing(FixingRule),
}

/// From the price of a gram of pure metal to that of an alloy: `fixing · fineness · (1 + markup)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixingRule {
    /// The pure metal.
    pub metal: Metal,
    /// How much of it is in a gram: `"0.585"`.
    pub fineness: Decimal,
    /// What is put on top, as a fraction: alloying metals, buying, keeping.
    #[serde(default)]
    pub markup: Decimal,
}

/// What can be made of a material. Millimetres.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaterialLimits {
    /// The thinnest wall.
    pub min_wall_mm: Decimal,
    /// The smallest detail.
    pub min_detail_mm: Decimal,
    /// The thickest solid section: thicker ones crack, or should be hollowed.
    pub max_solid_mm: Decimal,
    /// The room of the machine.
    pub build_volume_mm: [Decimal; 3],
}

/// Setting stones of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingRate {
    /// The name orders use, e.g. `pave`.
    pub id: String,
    /// What people call it. By its id when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Names>,
    /// Minor units a stone.
    pub per_stone: i64,
}

/// Sooner, for more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rush {
    /// What the net sum is multiplied by, at least 1.
    pub factor: Decimal,
    /// Working days from approval to shipping.
    pub lead_time_days: u16,
}

/// A way to finish a surface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finish {
    /// The name orders use, e.g. `polished`.
    pub id: String,
    /// What people call it. By its id when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Names>,
    /// Minor units a piece.
    pub fixed_per_piece: i64,
    /// Minor units a cm² of surface.
    pub per_cm2: Decimal,
    /// The kinds of material it is for; all when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_for: Vec<MaterialKind>,
}

impl Finish {
    /// Whether a material of this kind can be finished so.
    pub fn suits(&self, kind: MaterialKind) -> bool {
        self.only_for.is_empty() || self.only_for.contains(&kind)
    }
}

/// Printing the wax or resin pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineRates {
    /// Pattern material, minor units a cm³ of pattern.
    pub pattern_per_cm3: Decimal,
    /// Room in the machine, minor units a cm³ of the bounding box of what is printed.
    pub space_per_cm3: Decimal,
    /// The machine's time. Free when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<MachineTime>,
}

/// How long printing takes: `hours = hours_per_mm · height + hours_per_cm3 · volume`. The height is the shortest
/// side of the box, because pieces are laid flat; so the price does not depend on how a file is turned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineTime {
    /// Hours a millimetre of height: layers.
    pub hours_per_mm: Decimal,
    /// Hours a cm³ of volume.
    pub hours_per_cm3: Decimal,
    /// Minor units an hour.
    pub rate_per_hour: Decimal,
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

    /// The kind of setting with this id.
    pub fn setting(&self, id: &str) -> Option<&SettingRate> {
        self.settings.iter().find(|setting| setting.id == id)
    }

    /// The finish with this id.
    pub fn finish(&self, id: &str) -> Option<&Finish> {
        self.finishes.iter().find(|finish| finish.id == id)
    }
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
        let metals = ["silver-925", "gold-585", "gold-750", "platinum-950", "brass", "bronze"];
        for id in metals.into_iter().chain(["resin", "nylon"]) {
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
        assert_eq!(broken(|c| c.settings[1].per_stone = -1), "settings[1].per_stone");
        assert_eq!(broken(|c| c.settings[1].id = c.settings[0].id.clone()), "settings[1].id");
        assert_eq!(broken(|c| c.lead_time_days = Some(0)), "lead_time_days");
        assert_eq!(broken(|c| c.rush.as_mut().unwrap().factor = Decimal::ZERO), "rush.factor");
        assert_eq!(broken(|c| c.rush.as_mut().unwrap().lead_time_days = 99), "rush.lead_time_days");
        assert_eq!(
            broken(|c| c.machine.time.as_mut().unwrap().hours_per_mm = Decimal::NEGATIVE_ONE),
            "machine.time.hours_per_mm"
        );
        assert_eq!(broken(|c| c.provisional_spread = Decimal::ONE), "provisional_spread");
    }

    #[test]
    fn faults_of_what_a_material_is_bought_and_made_by_are_named() {
        fn by_fixing(m: &mut Material, fineness: i64, markup: i64) {
            let (fineness, markup) = (Decimal::new(fineness, 3), Decimal::new(markup, 1));
            m.price_per_gram =
                GramPrice::ByFixing(FixingRule { metal: Metal::Gold, fineness, markup });
        }
        let broken = |spoil: fn(&mut Material)| {
            let mut card = RateCard::sample();
            spoil(&mut card.materials[1]);
            card.validate().unwrap_err().field
        };
        let rule = |metal: &str, fineness: &str, markup: &str| {
            serde_json::from_value::<GramPrice>(serde_json::json!(
                { "metal": metal, "fineness": fineness, "markup": markup }
            ))
        };
        assert!(rule("unobtainium", "0.5", "0").is_err());
        assert_eq!(
            broken(|m| m.price_per_gram = GramPrice::Fixed(Decimal::NEGATIVE_ONE)),
            "materials[1].price_per_gram"
        );
        assert_eq!(broken(|m| by_fixing(m, 1001, 0)), "materials[1].price_per_gram.fineness");
        assert_eq!(broken(|m| by_fixing(m, 585, 101)), "materials[1].price_per_gram.markup");
        assert_eq!(broken(|m| m.kind = MaterialKind::Resin), "materials[1].casting_per_gram");
        assert_eq!(broken(|m| m.casting_per_piece = -1), "materials[1].casting_per_piece");
        assert_eq!(broken(|m| m.minimum_per_piece = Some(-1)), "materials[1].minimum_per_piece");
        assert_eq!(
            broken(|m| m.limits.as_mut().unwrap().build_volume_mm[2] = Decimal::ZERO),
            "materials[1].limits.build_volume_mm[2]"
        );
    }

    /// As it was published by the first version: it lies in databases, and prices name it.
    #[test]
    fn a_card_of_the_first_version_is_still_read() {
        let card: RateCard =
            serde_json::from_str(include_str!("../rate_cards/first_version.json")).unwrap();
        card.validate().unwrap();
        assert!(card.materials.iter().all(|material| material.kind.is_cast()));
        assert!(card.rush.is_none() && card.settings.is_empty() && card.machine.time.is_none());
        assert_eq!(card.provisional_spread, Decimal::new(5, 3));
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let mut card = serde_json::to_value(RateCard::sample()).unwrap();
        card["vat"] = "0.2".into();
        let refused = serde_json::from_value::<RateCard>(card).unwrap_err().to_string();
        assert!(refused.contains("unknown field `vat`"), "{refused}");
    }
}
