//! What is to be made.

use serde::{Deserialize, Serialize};

use crate::ids::ModelId;
use crate::schema::text_schema;

/// The unit of a model file's numbers. STL has none, so the caller must say.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Thousandths of a metre: what jewellers use.
    Millimetre,
    /// Hundredths of a metre.
    Centimetre,
    /// Metres.
    Metre,
    /// 25.4 mm.
    Inch,
}

/// A name from the rate card: `silver-925`, `polished`. Lower-case letters, digits and dashes, at most 40.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RateCardKey(String);

text_schema!(RateCardKey, pattern = "^[a-z0-9-]{1,40}$", example = "silver-925");

/// Text that cannot name an entry of a rate card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("1 to 40 lower-case letters, digits and dashes, such as silver-925")]
pub struct NotARateCardKey;

impl RateCardKey {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RateCardKey {
    type Error = NotARateCardKey;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=40).contains(&text.len()) && text.bytes().all(plain);
        if fits { Ok(Self(text)) } else { Err(NotARateCardKey) }
    }
}

impl From<RateCardKey> for String {
    fn from(key: RateCardKey) -> Self {
        key.0
    }
}

/// How many pieces: 1 to 10 000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Quantity(u32);

impl utoipa::PartialSchema for Quantity {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::Integer)
            .minimum(Some(1))
            .maximum(Some(10_000))
            .into()
    }
}

impl utoipa::ToSchema for Quantity {}

impl schemars::JsonSchema for Quantity {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": 10_000 })
    }
}

/// A number of pieces that cannot be ordered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a quantity is a whole number from 1 to 10000")]
pub struct NotAQuantity;

impl TryFrom<u32> for Quantity {
    type Error = NotAQuantity;

    fn try_from(pieces: u32) -> Result<Self, Self::Error> {
        if (1..=10_000).contains(&pieces) { Ok(Self(pieces)) } else { Err(NotAQuantity) }
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

/// What is to be made, once "make order" is pressed. It never changes afterwards.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct WorkSpec {
    /// The 3D model, uploaded before.
    pub model_id: ModelId,
    /// The unit of the model's numbers.
    pub unit: Unit,
    /// A material of the rate card.
    pub material: RateCardKey,
    /// A finish of the rate card.
    pub finish: RateCardKey,
    /// Pieces.
    pub quantity: Quantity,
}
