//! One thing to say about a model.

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look before it is made.
    Warning,
    /// It cannot be made like this.
    Error,
}

/// What was found. The word on the wire is the name in `snake_case` and never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// The model has no volume that could be stated.
    NoDefiniteVolume,
    /// The volume is known within bounds only.
    ProvisionalVolume,
    /// The surface has holes.
    Holes,
    /// Facets face the wrong way.
    FacetsTurned,
    /// Corners that should be one are apart.
    CornersApart,
    /// Facets are there more than once.
    DuplicateFacets,
    /// The surface has one side only.
    OneSidedSurface,
    /// Parts cut through each other.
    OverlappingParts,
    /// Parts face the wrong way for where they are.
    MisorientedParts,
    /// The surface goes through itself.
    SelfIntersection,
    /// Facets without area.
    DegenerateFacets,
    /// The file holds several separate pieces.
    SeveralPieces,
    /// Parts touch and will come out as one.
    TouchingParts,
    /// Spaces that nothing can get out of.
    TrappedVoids,
    /// The size looks like another unit.
    ScaleSuspicious,
    /// The file says another unit than was ordered.
    UnitContradictsFile,
    /// Larger than the machine.
    TooLarge,
    /// Fits the machine when turned.
    FitsTurned,
    /// Walls thinner than the material allows.
    ThinWalls,
    /// Details finer than the material shows.
    FineDetails,
    /// Sections thicker than the material takes.
    SolidSection,
    /// Whether it can be cast, in short.
    Castability,
}

/// What a number is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberUnit {
    /// Things.
    Count,
    /// Millimetres.
    Mm,
    /// Square millimetres.
    Mm2,
    /// Cubic millimetres.
    Mm3,
    /// Hundredths.
    Percent,
}

/// A number a finding was decided by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Number {
    /// What it is, in `snake_case`.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: NumberUnit,
}

/// One thing to say about a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub code: FindingCode,
    /// How bad.
    pub severity: Severity,
    /// By which numbers.
    pub numbers: Vec<Number>,
    /// Ids of the materials it holds for; empty when for all.
    pub materials: Vec<String>,
    /// In Russian.
    pub ru: String,
    /// In English.
    pub en: String,
}

impl Finding {
    pub(super) fn new(code: FindingCode, severity: Severity, ru: String, en: String) -> Self {
        Self { code, severity, numbers: vec![], materials: vec![], ru, en }
    }

    pub(super) fn number(mut self, name: &str, value: f64, unit: NumberUnit) -> Self {
        self.numbers.push(Number { name: name.to_owned(), value, unit });
        self
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    pub(super) fn count(self, name: &str, value: u64) -> Self {
        self.number(name, value as f64, NumberUnit::Count)
    }

    pub(super) fn of(mut self, materials: Vec<String>) -> Self {
        self.materials = materials;
        self
    }
}
