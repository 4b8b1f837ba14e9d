//! What is measured for the report and not for the price.

use serde::{Deserialize, Serialize};

use crate::analysis::columns::survey;
use crate::analysis::extents::oriented;
use crate::analysis::thickness::thickness;
use crate::analysis::{Analysis, Standing, Thickness, Verdict};
use crate::mesh::Mesh;

/// What was measured for the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Extents in mm of a box that may stand askew, largest first; never larger in volume than the
    /// one along the axes.
    pub oriented_extents_mm: [f64; 3],
    /// Area of the shadow along x, y and z in mm², to about half a percent; `None` for what is
    /// flat.
    pub shadow_mm2: Option<[f64; 3]>,
    /// How thick the walls are; `None` for what has no volume.
    pub thickness: Option<Thickness>,
    /// The least volume in mm³ that is counted twice because the surface goes through itself;
    /// looked at only where the verdict is *exact*.
    pub self_overlap_mm3: f64,
}

impl Measures {
    pub(super) fn of(mesh: &Mesh, analysis: &Analysis) -> Self {
        let scale = analysis.unit.millimetres();
        let inside_out = analysis.signed_volume_mm3 < 0.0;
        let has_volume = !matches!(analysis.standing(), Standing::Refused { .. });
        let survey = survey(mesh, inside_out);
        let exact = analysis.verdict() == Verdict::Exact;
        let overlap = survey.as_ref().map_or(0.0, |survey| survey.least_excess);
        Self {
            oriented_extents_mm: oriented(mesh).map(|extent| extent * scale),
            shadow_mm2: survey.map(|survey| survey.shadow.map(|area| area * scale * scale)),
            thickness: if has_volume { thickness(mesh, scale, inside_out) } else { None },
            self_overlap_mm3: if exact { overlap * scale * scale * scale } else { 0.0 },
        }
    }
}
