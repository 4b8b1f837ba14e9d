//! From an order's words to the engine's, and from the engine's price to the order's: the one place where the two
//! meet. The pricer, quotes and uploads all come through here.

use chrono::{DateTime, Utc};
use pricing::analysis::{Analysis, Standing, Unit as FileUnit};
use pricing::quote::{
    Item, PriceBook, PriceBreakdown, PriceError, PriceLine as EngineLine, Stones,
};
use shared::ids::ModelId;
use shared::money::Money;
use shared::order::price::{ModelFacts, Price, PriceLine, PriceRange, PriceWarning};
use shared::order::spec::{Unit, WorkSpec};

/// A rate card whose currency is none; a card that was published has been checked for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rate card's currency {0} is none")]
pub struct NotACurrency(String);

/// Why there is no price.
#[derive(Debug, thiserror::Error)]
pub enum NoPrice {
    /// The engine says no.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// The rate card's currency is none.
    #[error(transparent)]
    Currency(#[from] NotACurrency),
}

impl NoPrice {
    /// The kind of trouble, stable for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Price(error) => error.code(),
            Self::Currency(_) => "bad_rate_card",
        }
    }

    /// Whether the same can be priced later without anybody changing it: something of ours is missing.
    pub const fn may_succeed_later(&self) -> bool {
        matches!(self, Self::Price(error) if error.may_succeed_later())
    }
}

/// The price to order at.
///
/// # Errors
/// Why there is none; [`PriceError::NeedsAPerson`] when a person must look at the model first.
pub fn of_order(
    analysis: &Analysis,
    spec: &WorkSpec,
    book: &PriceBook,
    at: DateTime<Utc>,
) -> Result<Price, NoPrice> {
    let breakdown = pricing::quote::price(analysis, book, &item(spec))?;
    Ok(price(&breakdown, analysis, &spec.model_id, at)?)
}

/// The price to quote. Where a person must look at the model first it is the price of the most that the model can
/// be, and says so ([`Price::needs_a_person`]).
///
/// # Errors
/// Why there is none.
pub fn of_quote(
    analysis: &Analysis,
    spec: &WorkSpec,
    book: &PriceBook,
    at: DateTime<Utc>,
) -> Result<Price, NoPrice> {
    let why = match of_order(analysis, spec, book, at) {
        Err(NoPrice::Price(why @ PriceError::NeedsAPerson { .. })) => why,
        outcome => return outcome,
    };
    let mut price = of_accepted(analysis, spec, book, at)?;
    let (code, message) = (Price::NEEDS_A_PERSON.to_owned(), why.to_string());
    price.warnings.insert(0, PriceWarning { code, message });
    Ok(price)
}

/// The price of a damaged model whose upper volume a person accepted.
///
/// # Errors
/// Why there is none.
pub fn of_accepted(
    analysis: &Analysis,
    spec: &WorkSpec,
    book: &PriceBook,
    at: DateTime<Utc>,
) -> Result<Price, NoPrice> {
    let item = Item { accept_provisional: true, ..item(spec) };
    let breakdown = pricing::quote::price(analysis, book, &item)?;
    Ok(price(&breakdown, analysis, &spec.model_id, at)?)
}

/// What the engine is to price.
pub fn item(spec: &WorkSpec) -> Item {
    let stones = |setting: &shared::order::spec::StoneSetting| Stones {
        kind: setting.kind.as_str().to_owned(),
        count: setting.count.into(),
    };
    Item {
        material: spec.material.as_str().to_owned(),
        finish: spec.finish.as_str().to_owned(),
        quantity: spec.quantity.into(),
        settings: spec.settings.iter().map(stones).collect(),
        rush: spec.rush,
        accept_provisional: false,
    }
}

/// The unit that was stated; `None` when the file itself is to say.
pub const fn stated_unit(unit: Unit) -> Option<FileUnit> {
    match unit {
        Unit::Millimetre => Some(FileUnit::Millimetre),
        Unit::Centimetre => Some(FileUnit::Centimetre),
        Unit::Metre => Some(FileUnit::Metre),
        Unit::Inch => Some(FileUnit::Inch),
        Unit::File => None,
    }
}

/// The price as it stands with an order or a quote, with all that is needed to make it again.
pub fn price(
    breakdown: &PriceBreakdown,
    analysis: &Analysis,
    model_id: &ModelId,
    calculated_at: DateTime<Utc>,
) -> Result<Price, NotACurrency> {
    let currency =
        breakdown.currency.parse().map_err(|_| NotACurrency(breakdown.currency.clone()))?;
    let warning = |warning: &pricing::quote::PriceWarning| PriceWarning {
        code: warning.code().to_owned(),
        message: warning.to_string(),
    };
    Ok(Price {
        total: Money { minor: breakdown.total_minor, currency },
        lines: breakdown.lines.iter().map(line).collect(),
        metal_grams: breakdown.metal_grams,
        model: facts(analysis),
        model_id: Some(model_id.clone()),
        rate_card_version: breakdown.card_version,
        fixing_id: breakdown.fixing_id,
        range: breakdown.range.map(|range| PriceRange {
            low_total_minor: range.low_total_minor,
            high_total_minor: range.high_total_minor,
        }),
        warnings: breakdown.warnings.iter().map(warning).collect(),
        lead_time_days: breakdown.lead_time_days,
        engine_version: breakdown.engine_version.clone(),
        calculated_at,
    })
}

fn facts(analysis: &Analysis) -> ModelFacts {
    let volume_mm3 = match analysis.standing() {
        Standing::Provisional { high_mm3, .. } => high_mm3,
        Standing::Exact | Standing::Refused { .. } => analysis.volume_mm3,
    };
    ModelFacts {
        volume_mm3,
        area_mm2: analysis.area_mm2,
        bbox_mm: analysis.bbox_mm,
        facets: analysis.facets,
        shells: analysis.shells,
    }
}

fn line(line: &EngineLine) -> PriceLine {
    PriceLine {
        code: line.code.as_str().to_owned(),
        quantity: line.quantity,
        unit: line.unit.as_str().to_owned(),
        rate: line.rate,
        amount_minor: line.amount_minor,
        detail: line.detail.clone(),
    }
}
