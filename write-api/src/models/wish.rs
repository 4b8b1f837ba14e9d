//! What an upload's answer is to say a rough price of, as it stands in the query.

use ::web::Problem;
use serde::Deserialize;
use shared::ids::ModelId;
use shared::order::spec::{
    NotStoneSettings, Quantity, RateCardKey, StoneSetting, StoneSettings, Unit, WorkSpec,
};

/// What the upload's answer is to say a rough price of: all of it, or nothing.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wish {
    /// The unit of the model's numbers; `file` when the file itself says it.
    unit: Option<Unit>,
    /// A material of the rate card.
    material: Option<RateCardKey>,
    /// A finish of the rate card.
    finish: Option<RateCardKey>,
    /// Pieces; one if not said.
    quantity: Option<Quantity>,
    /// Sooner than usual, for the rate card's surcharge; `false` if not said.
    rush: Option<bool>,
    /// Stones that are set into each piece, as `kind:count`, with commas between kinds: at most 32 kinds, each named
    /// once, each with 1 to 10000 stones. None if not said.
    #[param(value_type = Option<String>, example = "pave:12,prong:1")]
    settings: Option<Stones>,
}

/// Stones as a query says them: `pave:12,prong:1`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Stones(StoneSettings);

/// Text that does not say which stones are set.
#[derive(Debug, thiserror::Error)]
enum NotStones {
    #[error("`{0}` is not kind:count, such as pave:12")]
    NotACount(String),
    #[error(transparent)]
    NotSettings(#[from] NotStoneSettings),
}

impl TryFrom<String> for Stones {
    type Error = NotStones;

    fn try_from(text: String) -> Result<Self, NotStones> {
        let settings: Vec<_> = text.split(',').map(setting).collect::<Result<_, _>>()?;
        Ok(Self(StoneSettings::try_from(settings)?))
    }
}

fn setting(text: &str) -> Result<StoneSetting, NotStones> {
    let parsed = text.split_once(':').and_then(|(kind, count)| {
        // `parse` would take a sign.
        let digits = count.bytes().all(|byte| byte.is_ascii_digit());
        let count = digits.then(|| count.parse().ok()).flatten()?;
        Some(StoneSetting { kind: kind.to_owned().try_into().ok()?, count })
    });
    parsed.ok_or_else(|| NotStones::NotACount(text.to_owned()))
}

impl Wish {
    /// What is wished, without the model. `None` when nothing is.
    ///
    /// # Errors
    /// When something is wished, and not all that a price needs is said.
    pub fn parse(self) -> Result<Option<impl FnOnce(ModelId) -> WorkSpec>, Problem> {
        if self.says_nothing() {
            return Ok(None);
        }
        let Self { unit, material, finish, quantity, rush, settings } = self;
        let missing = |field| Problem::invalid_field(field, "needed for a rough price");
        let unit = unit.ok_or_else(|| missing("unit"))?;
        let material = material.ok_or_else(|| missing("material"))?;
        let finish = finish.ok_or_else(|| missing("finish"))?;
        let (quantity, rush) = (quantity.unwrap_or_default(), rush.unwrap_or_default());
        let settings = settings.map(|Stones(settings)| settings).unwrap_or_default();
        let spec =
            move |model_id| WorkSpec { model_id, unit, material, finish, quantity, rush, settings };
        Ok(Some(spec))
    }

    const fn says_nothing(&self) -> bool {
        let Self { unit, material, finish, quantity, rush, settings } = self;
        unit.is_none()
            && material.is_none()
            && finish.is_none()
            && quantity.is_none()
            && rush.is_none()
            && settings.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stones(text: &str) -> Option<Vec<(String, u16)>> {
        let Stones(settings) = Stones::try_from(text.to_owned()).ok()?;
        let pair = |setting: &StoneSetting| (setting.kind.as_str().to_owned(), setting.count);
        Some(settings.iter().map(pair).collect())
    }

    #[test]
    fn stones_are_said_kind_by_kind() {
        let both = vec![("pave".to_owned(), 12), ("prong".to_owned(), 1)];
        assert_eq!(stones("pave:12,prong:1"), Some(both));
        let bad = [
            "",
            "pave",
            "pave:",
            ":12",
            "pave:0",
            "pave:+1",
            "pave:1.5",
            "pave:10001",
            "pave:70000",
            "Pave:1",
            "pave:1,",
            "pave:1,pave:2",
            "pave:1:2",
            "pave=1",
        ];
        for text in bad {
            assert_eq!(stones(text), None, "{text}");
        }
        let kinds = |n: usize| (0..n).map(|i| format!("k{i}:1")).collect::<Vec<_>>().join(",");
        assert_eq!(stones(&kinds(32)).unwrap().len(), 32);
        assert_eq!(stones(&kinds(33)), None);
    }
}
