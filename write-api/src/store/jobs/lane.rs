//! The lanes that pricing jobs wait in.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// From this many facets on a model is priced in the long lane.
const LONG_FROM_FACETS: i64 = 200_000;

/// Who waits behind whom: a long job never blocks short ones, a partner's flood never starves the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "channel × length, as the names say")]
pub enum Lane {
    ShopShort,
    ShopLong,
    PartnerShort,
    PartnerLong,
}

impl Lane {
    /// All lanes.
    pub const ALL: [Self; 4] =
        [Self::ShopShort, Self::ShopLong, Self::PartnerShort, Self::PartnerLong];

    /// The name in rows, queues and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ShopShort => "shop-short",
            Self::ShopLong => "shop-long",
            Self::PartnerShort => "partner-short",
            Self::PartnerLong => "partner-long",
        }
    }

    /// Whether models of the lane are quickly dealt with.
    pub const fn is_short(self) -> bool {
        matches!(self, Self::ShopShort | Self::PartnerShort)
    }

    /// Whether partners' jobs wait here.
    pub const fn is_partners(self) -> bool {
        matches!(self, Self::PartnerShort | Self::PartnerLong)
    }

    pub(super) const fn of(is_partners: bool, facets: i64) -> Self {
        match (is_partners, facets >= LONG_FROM_FACETS) {
            (false, false) => Self::ShopShort,
            (false, true) => Self::ShopLong,
            (true, false) => Self::PartnerShort,
            (true, true) => Self::PartnerLong,
        }
    }
}

/// A name that no lane has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no lane {0}: shop-short, shop-long, partner-short and partner-long are")]
pub struct UnknownLane(String);

impl FromStr for Lane {
    type Err = UnknownLane;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|lane| lane.as_str() == name);
        known.ok_or_else(|| UnknownLane(name.to_owned()))
    }
}
