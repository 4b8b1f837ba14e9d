//! The printability report: what a person at the bench would say about a model.
//!
//! [`inspect`] looks at what the price does not need: wall thickness, the smallest box, whether
//! the surface goes through itself. It is slower than [`crate::analysis::analyse`] and is run for
//! the report only, after the price is shown. What counts as too thin, too thick and too large is
//! data ([`Limits`]), mostly from the rate card.
//!
//! A finding has a code that never changes its meaning, a severity, the numbers it was decided by
//! with their units, the materials it holds for, and words in Russian and in English. *Error*:
//! it cannot be made like this. *Warning*: somebody should look before it is made. *Info*: good to
//! know.

mod finding;
mod limits;
mod measures;
mod models;
mod sizes;
mod walls;
mod words;

use serde::{Deserialize, Serialize};

use crate::ENGINE_VERSION;
use crate::analysis::Analysis;
use crate::mesh::Mesh;

pub use finding::{Finding, FindingCode, Number, NumberUnit, Severity};
pub use limits::{Limits, MaterialLimit};
pub use measures::Measures;

/// Everything found about a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`ENGINE_VERSION`] of the engine that looked.
    pub engine_version: String,
    /// What was measured for it.
    pub measures: Measures,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The worst severity; `None` when there is nothing to say.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// Inspects a mesh that was analysed before.
pub fn inspect(mesh: &Mesh, analysis: &Analysis, limits: &Limits) -> Report {
    let measures = Measures::of(mesh, analysis);
    let mut findings = models::findings(mesh, analysis, &measures);
    findings.extend(sizes::findings(mesh, analysis, &measures, limits));
    findings.extend(walls::findings(analysis, &measures, limits));
    // Stable: within a severity they stay in the order of the checks.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Report { engine_version: ENGINE_VERSION.to_owned(), measures, findings }
}
