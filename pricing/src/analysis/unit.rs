//! Units of length. STL, OBJ, PLY and OFF files have none: the caller must say.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What one unit of a file's coordinates means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// 0.001 mm; the `micron` of 3MF.
    Micrometre,
    /// 1 mm, what jewellery is drawn in.
    Millimetre,
    /// 10 mm.
    Centimetre,
    /// 1000 mm.
    Metre,
    /// 25.4 mm exactly (international yard and pound agreement, 1959).
    Inch,
    /// 304.8 mm exactly.
    Foot,
}

impl Unit {
    /// Those people draw jewellery in, in the order of a menu.
    pub const USUAL: [Self; 4] = [Self::Millimetre, Self::Centimetre, Self::Metre, Self::Inch];

    /// All of them, metric ones first.
    pub const ALL: [Self; 6] =
        [Self::Micrometre, Self::Millimetre, Self::Centimetre, Self::Metre, Self::Inch, Self::Foot];

    /// Millimetres in one unit.
    pub fn millimetres(self) -> f64 {
        match self {
            Self::Micrometre => 0.001,
            Self::Millimetre => 1.0,
            Self::Centimetre => 10.0,
            Self::Metre => 1000.0,
            Self::Inch => 25.4,
            Self::Foot => 304.8,
        }
    }

    /// The name used in requests, messages and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Micrometre => "micrometre",
            Self::Millimetre => "millimetre",
            Self::Centimetre => "centimetre",
            Self::Metre => "metre",
            Self::Inch => "inch",
            Self::Foot => "foot",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no [`Unit`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no unit; one of micrometre, millimetre, centimetre, metre, inch, foot")]
pub struct UnknownUnit(String);

impl FromStr for Unit {
    type Err = UnknownUnit;

    fn from_str(name: &str) -> Result<Self, UnknownUnit> {
        let found = Self::ALL.into_iter().find(|unit| unit.as_str() == name);
        found.ok_or_else(|| UnknownUnit(name.to_owned()))
    }
}
