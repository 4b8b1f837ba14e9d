//! What is to be made.

use serde::{Deserialize, Serialize};

use crate::ids::ModelId;
use crate::schema::text_schema;

/// The unit of a model file's numbers. STL, OBJ, PLY and OFF have none, so the caller must say.
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
    /// The unit that the file itself names, as 3MF and GLB do.
    File,
}

impl Unit {
    /// As in JSON and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Millimetre => "millimetre",
            Self::Centimetre => "centimetre",
            Self::Metre => "metre",
            Self::Inch => "inch",
            Self::File => "file",
        }
    }
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

impl Default for Quantity {
    /// One piece.
    fn default() -> Self {
        Self(1)
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

/// Stones of one kind that are set into each piece.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct StoneSetting {
    /// A kind of setting of the rate card.
    pub kind: RateCardKey,
    /// Stones in one piece.
    #[schemars(range(min = 1, max = 10_000))]
    #[schema(minimum = 1, maximum = 10_000)]
    pub count: u16,
}

/// All stones of a piece: at most 32 kinds, each named once, each with 1 to 10 000 stones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "Vec<StoneSetting>", into = "Vec<StoneSetting>")]
#[schema(value_type = Vec<StoneSetting>, max_items = 32)]
pub struct StoneSettings(Vec<StoneSetting>);

impl schemars::JsonSchema for StoneSettings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StoneSettings".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "array", "maxItems": 32, "items": generator.subschema_for::<StoneSetting>()
        })
    }
}

/// A list of stones that cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at most 32 kinds of stones, each named once, each with 1 to 10000 stones")]
pub struct NotStoneSettings;

impl StoneSettings {
    /// No stones: what most pieces have.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each kind with its number.
    pub fn iter(&self) -> std::slice::Iter<'_, StoneSetting> {
        self.0.iter()
    }
}

impl<'s> IntoIterator for &'s StoneSettings {
    type Item = &'s StoneSetting;
    type IntoIter = std::slice::Iter<'s, StoneSetting>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl TryFrom<Vec<StoneSetting>> for StoneSettings {
    type Error = NotStoneSettings;

    fn try_from(settings: Vec<StoneSetting>) -> Result<Self, Self::Error> {
        let named = |index: usize| settings[..index].iter().any(|s| s.kind == settings[index].kind);
        let twice = settings.len() <= 32 && (0..settings.len()).any(named);
        let counted = settings.iter().all(|setting| (1..=10_000).contains(&setting.count));
        if settings.len() <= 32 && counted && !twice {
            Ok(Self(settings))
        } else {
            Err(NotStoneSettings)
        }
    }
}

impl From<StoneSettings> for Vec<StoneSetting> {
    fn from(settings: StoneSettings) -> Self {
        settings.0
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
    /// Sooner than usual, for the rate card's surcharge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rush: bool,
    /// Stones that are set into each piece.
    #[serde(default, skip_serializing_if = "StoneSettings::is_empty")]
    pub settings: StoneSettings,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::samples::spec;
    use serde_json::json;

    #[test]
    fn what_was_written_before_there_were_options_reads_and_writes_the_same() {
        let old = json!({
            "model_id": "07".repeat(32), "unit": "millimetre", "material": "silver-925",
            "finish": "polished", "quantity": 1
        });
        let read: WorkSpec = serde_json::from_value(old.clone()).unwrap();
        assert_eq!(read, spec());
        assert_eq!(serde_json::to_value(read).unwrap(), old);
    }

    #[test]
    fn stones_that_cannot_be_set_are_refused() {
        let settings = |value: serde_json::Value| serde_json::from_value::<StoneSettings>(value);
        assert!(settings(json!([{ "kind": "pave", "count": 24 }])).is_ok());
        assert!(settings(json!([{ "kind": "pave", "count": 0 }])).is_err());
        assert!(settings(json!([{ "kind": "pave", "count": 10_001 }])).is_err());
        let twice = json!([{ "kind": "pave", "count": 1 }, { "kind": "pave", "count": 2 }]);
        assert!(settings(twice).is_err());
        let kinds =
            |n: usize| (0..n).map(|i| json!({ "kind": format!("k{i}"), "count": 1 })).collect();
        assert!(settings(kinds(32)).is_ok());
        assert!(settings(kinds(33)).is_err());
    }
}
