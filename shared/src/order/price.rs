//! A calculated price with everything that is needed to explain it and to make it again.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

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
}

/// What was measured of the model.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
pub struct ModelFacts {
    /// Cubic millimetres, of one piece.
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
    /// The price book that was used.
    pub rate_card_version: i64,
    /// The analysis that was used.
    pub engine_version: String,
    /// When.
    pub calculated_at: DateTime<Utc>,
}
