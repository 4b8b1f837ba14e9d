//! A calculated price with everything that is needed to explain it and to make it again.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::ModelId;
use crate::money::Money;

/// One line of the breakdown; lines add up to the total exactly.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
pub struct PriceLine {
    /// What it is for: `metal`, `casting`, `finish`, `setup`, `quantity-break`, `vat`, …
    pub code: String,
    /// How much of it.
    #[schemars(with = "String")]
    #[schema(value_type = String)]
    pub quantity: Decimal,
    /// Of what: `g`, `cm2`, `piece`, `order`, …
    pub unit: String,
    /// Minor units each.
    #[schemars(with = "String")]
    #[schema(value_type = String)]
    pub rate: Decimal,
    /// Minor units in all; negative for a discount.
    pub amount_minor: i64,
    /// Which one of several, where a code can stand more than once: the kind of stones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What the price is at least and at most, when the model does not say its volume exactly. The price is the upper end.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
pub struct PriceRange {
    /// Minor units of the price's currency.
    pub low_total_minor: i64,
    /// Minor units of the price's currency.
    pub high_total_minor: i64,
}

/// Something about a price that a person should know before promising it.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
pub struct PriceWarning {
    /// For programs: `provisional_volume`, `stale_metal_price`, …
    pub code: String,
    /// For people, in English.
    pub message: String,
}

/// What was measured of the model.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
pub struct ModelFacts {
    /// Cubic millimetres, of one piece: what was priced, so the upper bound where the price has a range.
    pub volume_mm3: f64,
    /// Square millimetres, of one piece.
    pub area_mm2: f64,
    /// Millimetres along x, y and z.
    pub bbox_mm: [f64; 3],
    /// Triangles.
    pub facets: u64,
    /// Separate bodies.
    pub shells: u32,
}

/// The price of an order.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
pub struct Price {
    /// What the customer pays, tax included.
    pub total: Money,
    /// The lines it consists of.
    pub lines: Vec<PriceLine>,
    /// Metal in all pieces together, grams.
    #[schemars(with = "String")]
    #[schema(value_type = String)]
    pub metal_grams: Decimal,
    /// What was measured.
    pub model: ModelFacts,
    /// The model that was measured; absent in prices made before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<ModelId>,
    /// The price book that was used.
    pub rate_card_version: i64,
    /// The metal prices that were used; absent when the price book fixes the material's price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixing_id: Option<i64>,
    /// Present when the model does not say its volume exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<PriceRange>,
    /// What a person should know before promising it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<PriceWarning>,
    /// Working days from approval to shipping that the price book promises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_time_days: Option<u16>,
    /// The analysis that was used.
    pub engine_version: String,
    /// When.
    pub calculated_at: DateTime<Utc>,
}

impl Price {
    /// The code of the warning in a price that holds only if a person accepts it.
    pub const NEEDS_A_PERSON: &'static str = "needs_a_person";

    /// Whether a person must look at the model before this price may be promised.
    pub fn needs_a_person(&self) -> bool {
        self.warnings.iter().any(|warning| warning.code == Self::NEEDS_A_PERSON)
    }
}
