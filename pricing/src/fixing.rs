//! Prices of pure metals on a day: what a market or a supplier says a gram costs.
//!
//! A set of them has a number, kept with each price that used it. Whoever keeps the sets decides when a price has
//! become too old; this crate has no clock.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A metal that is traded pure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metal {
    /// Au.
    Gold,
    /// Ag.
    Silver,
    /// Pt.
    Platinum,
    /// Pd.
    Palladium,
}

impl Metal {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Gold, Self::Silver, Self::Platinum, Self::Palladium];

    /// The word it is written as: `gold`, …
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gold => "gold",
            Self::Silver => "silver",
            Self::Platinum => "platinum",
            Self::Palladium => "palladium",
        }
    }
}

impl std::fmt::Display for Metal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a metal's price may still be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// It may.
    #[default]
    Fresh,
    /// It may, with a warning.
    Stale,
    /// It may not: a newer one must come first.
    TooOld,
}

/// What a gram of one pure metal costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetalPrice {
    /// Minor units of [`MetalPrice::currency`], above 0.
    pub per_gram: Decimal,
    /// ISO 4217 code.
    pub currency: String,
    /// As whoever keeps it judged at the moment of pricing.
    #[serde(default)]
    pub freshness: Freshness,
}

/// The prices of metals that are in force together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixing {
    /// The set's number: the same number is the same prices for ever.
    pub id: i64,
    /// Prices by metal.
    pub prices: BTreeMap<Metal, MetalPrice>,
}

impl Fixing {
    /// The demonstration's prices, in roubles. Made up.
    pub fn sample() -> Self {
        let prices = [
            (Metal::Gold, 1_020_000),
            (Metal::Silver, 13_800),
            (Metal::Platinum, 395_000),
            (Metal::Palladium, 330_000),
        ];
        let price = |minor: i64| MetalPrice {
            per_gram: Decimal::from(minor),
            currency: "RUB".to_owned(),
            freshness: Freshness::Fresh,
        };
        Self { id: 1, prices: prices.map(|(metal, minor)| (metal, price(minor))).into() }
    }
}
