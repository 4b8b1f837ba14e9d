//! What an upload shows of a model from outside, and the rough price that can be made of it at once.

use chrono::{DateTime, Utc};
use pricing::analysis::Unit as FileUnit;
use pricing::mesh::FacetEstimate;
use pricing::quote::{PriceBook, PriceError};
use pricing::rough::{Basis, Known, KnownVolume, rough};
use pricing::tally::FirstLook;
use serde::{Deserialize, Serialize};
use shared::money::{Currency, Money};
use shared::order::spec::WorkSpec;
use shared::quote::{RoughBasis, RoughPrice};

use crate::prices;

/// What was seen of a model while its bytes went by. Lengths in the file's own unit, which STL, OBJ, PLY and OFF do not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Outside {
    /// The unit that the file itself carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "millimetre")]
    pub unit: Option<FileUnit>,
    /// Along x, y and z, of everything in the file together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extents: Option<[f64; 3]>,
    /// The surface integral, where one look at each facet was enough to make it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<OutsideVolume>,
    /// The surface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<f64>,
}

/// A volume whose edges nobody has looked at one by one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OutsideVolume {
    /// In cubes of the file's unit.
    pub cubes: f64,
    /// Whether the surface is closed, as far as a checksum tells.
    pub closed: bool,
}

/// A question that the price book in force has no answer to: the field at fault, as a JSON pointer, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unpriceable {
    /// Which field of the question.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl Outside {
    /// What an upload's look at the file told; of a binary STL one pass over its facets tells more.
    pub fn of(estimate: &FacetEstimate, look: Option<&FirstLook>) -> Self {
        let FacetEstimate { unit, extents, .. } = *estimate;
        // What has a coordinate that is no number will be refused: no price is said of it.
        let Some(look) = look.filter(|look| look.not_finite == 0) else {
            return Self { unit, extents, volume: None, area: None };
        };
        let cubes = look.signed_volume.abs();
        Self {
            unit,
            extents: Some(look.extents),
            volume: Some(OutsideVolume { cubes, closed: look.closed_oriented }),
            area: Some(look.area),
        }
    }

    /// About what `spec` will cost; `None` when too little is known of the model, or prices of metals are missing.
    ///
    /// # Errors
    /// When the book has no such material, finish, setting or rush: the exact price would be refused, too.
    pub fn rough_price(
        &self,
        facets: u64,
        spec: &WorkSpec,
        book: &PriceBook,
        at: DateTime<Utc>,
    ) -> Result<Option<RoughPrice>, Unpriceable> {
        let known = self.known(facets, spec);
        // The wish is checked in any case, if need be with a cube that is dropped again.
        let anything = Known { facets: 1, bbox_mm: [1.0; 3], volume: None, area_mm2: None };
        match (rough(&known.unwrap_or(anything), book, &prices::item(spec)), known) {
            (Ok(price), Some(_)) => Ok(shown(&price, at)),
            (Ok(_), None) => Ok(None),
            (Err(error), _) => match field_at_fault(&error) {
                Some(field) => Err(Unpriceable { field, message: error.to_string() }),
                None => Ok(None),
            },
        }
    }

    fn known(&self, facets: u64, spec: &WorkSpec) -> Option<Known> {
        let mm = prices::stated_unit(spec.unit).or(self.unit)?.millimetres();
        let volume = self
            .volume
            .map(|volume| KnownVolume { mm3: volume.cubes * mm.powi(3), closed: volume.closed });
        let bbox_mm = self.extents?.map(|side| side * mm);
        Some(Known { facets, bbox_mm, volume, area_mm2: self.area.map(|area| area * mm * mm) })
    }
}

fn shown(price: &pricing::rough::RoughPrice, at: DateTime<Utc>) -> Option<RoughPrice> {
    let currency: Currency = price.currency.parse().ok()?;
    let money = |minor| Money { minor, currency };
    Some(RoughPrice {
        low: money(price.low_total_minor),
        likely: money(price.likely_total_minor),
        high: money(price.high_total_minor),
        basis: match price.basis {
            Basis::Box => RoughBasis::Box,
            Basis::OpenVolume => RoughBasis::OpenVolume,
            Basis::ClosedVolume => RoughBasis::ClosedVolume,
        },
        at,
    })
}

/// The field of the question that makes it unanswerable; `None` when the trouble is ours or the model's.
const fn field_at_fault(error: &PriceError) -> Option<&'static str> {
    match error {
        PriceError::UnknownMaterial { .. } => Some("/material"),
        PriceError::UnknownFinish { .. } => Some("/finish"),
        PriceError::UnknownSetting { .. } | PriceError::StonesOutOfRange => Some("/settings"),
        PriceError::NoRush => Some("/rush"),
        PriceError::QuantityOutOfRange => Some("/quantity"),
        PriceError::NotExact(_)
        | PriceError::NeedsAPerson { .. }
        | PriceError::TooLarge
        | PriceError::NoFixing(_)
        | PriceError::FixingTooOld(_)
        | PriceError::FixingCurrency { .. } => None,
    }
}
