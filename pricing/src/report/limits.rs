//! What the workshop can make.

use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use crate::rate_card::RateCard;

/// What can be made of each material.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// One for each material that has limits.
    pub materials: Vec<MaterialLimit>,
}

/// What can be made of one material. Millimetres of the finished piece, but for the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaterialLimit {
    /// The name orders use, e.g. `silver-925`.
    pub id: String,
    /// Whether it is cast from a printed pattern.
    pub cast: bool,
    /// The thinnest wall.
    pub min_wall_mm: f64,
    /// The smallest detail.
    pub min_detail_mm: f64,
    /// The thickest solid section.
    pub max_solid_mm: f64,
    /// The room of the machine.
    pub build_volume_mm: [f64; 3],
    /// How much larger than the piece what is printed is: 1 and the shrinkage.
    pub pattern_scale: f64,
}

impl From<&RateCard> for Limits {
    /// The limits of the materials on a rate card that have any.
    fn from(card: &RateCard) -> Self {
        let number = |value: rust_decimal::Decimal| value.to_f64().unwrap_or(0.0);
        let materials = card.materials.iter().filter_map(|material| {
            let limits = material.limits.as_ref()?;
            Some(MaterialLimit {
                id: material.id.clone(),
                cast: material.kind.is_cast(),
                min_wall_mm: number(limits.min_wall_mm),
                min_detail_mm: number(limits.min_detail_mm),
                max_solid_mm: number(limits.max_solid_mm),
                build_volume_mm: limits.build_volume_mm.map(number),
                pattern_scale: 1.0 + number(material.shrinkage),
            })
        });
        Self { materials: materials.collect() }
    }
}
