//! The lines of a price.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What a line of a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineCode {
    /// The metal of the pieces.
    Metal,
    /// Metal lost in melting.
    MeltLoss,
    /// What the pieces are printed of.
    Material,
    /// Supports and waste of what is printed.
    Waste,
    /// Casting, by weight.
    Casting,
    /// Casting, by piece.
    CastingPiece,
    /// Wax or resin of the patterns.
    Pattern,
    /// Room in the printer.
    MachineSpace,
    /// Time of the printer.
    MachineTime,
    /// Finishing, the part that depends on the surface.
    FinishArea,
    /// Finishing, the part that does not.
    FinishPiece,
    /// Setting stones of one kind, which [`PriceLine::detail`] names.
    StoneSetting,
    /// What the pieces lack to the minimum per piece.
    MinimumPerPiece,
    /// What is taken off for quantity; negative.
    QuantityBreak,
    /// Once an order.
    Setup,
    /// What the order lacks to the minimum per order.
    MinimumPerOrder,
    /// Sooner than usual.
    Rush,
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
            Self::Material => "material",
            Self::Waste => "waste",
            Self::Casting => "casting",
            Self::CastingPiece => "casting_piece",
            Self::Pattern => "pattern",
            Self::MachineSpace => "machine_space",
            Self::MachineTime => "machine_time",
            Self::FinishArea => "finish_area",
            Self::FinishPiece => "finish_piece",
            Self::StoneSetting => "stone_setting",
            Self::MinimumPerPiece => "minimum_per_piece",
            Self::QuantityBreak => "quantity_break",
            Self::Setup => "setup",
            Self::MinimumPerOrder => "minimum_per_order",
            Self::Rush => "rush",
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
    /// Hours of a machine.
    Hour,
    /// Stones.
    Stone,
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
            Self::Hour => "hour",
            Self::Stone => "stone",
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
    /// Which one, where a code may stand more than once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
