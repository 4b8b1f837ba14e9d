//! Are the walls thick enough, and not too thick?

use super::finding::{Finding, FindingCode as Code, NumberUnit, Severity};
use super::limits::{Limits, MaterialLimit};
use super::measures::Measures;
use super::words::{en, ru};
use crate::analysis::{Analysis, Thickness};

/// Next to sharp edges every wall is thin: so much of the surface says nothing.
const EDGES: f64 = 0.01;
/// From here on it is not an edge but a wall that will not come out.
const A_WALL: f64 = 0.05;
/// So much of the surface with too much behind it is a solid section, and not a long way through
/// a flat piece from its narrow side.
const A_BODY: f64 = 0.25;

pub(super) fn findings(analysis: &Analysis, measures: &Measures, limits: &Limits) -> Vec<Finding> {
    let Some(thickness) = &measures.thickness else { return vec![] };
    let mut findings = vec![];
    findings.extend(thin(thickness, limits, Severity::Error));
    findings.extend(thin(thickness, limits, Severity::Warning));
    findings.extend(detail(thickness, limits));
    findings.extend(solid(thickness, limits));
    findings.extend(castability(analysis, thickness, limits));
    findings
}

fn how_thin(thickness: &Thickness, limit: &MaterialLimit) -> Option<Severity> {
    match thickness.share_below(limit.min_wall_mm) {
        share if share >= A_WALL => Some(Severity::Error),
        share if share >= EDGES => Some(Severity::Warning),
        _ => None,
    }
}

/// The materials a condition holds for.
fn those(limits: &Limits, holds: impl Fn(&MaterialLimit) -> bool) -> Vec<&MaterialLimit> {
    limits.materials.iter().filter(|limit| holds(limit)).collect()
}

fn ids(limits: &[&MaterialLimit]) -> Vec<String> {
    limits.iter().map(|limit| limit.id.clone()).collect()
}

fn thin(thickness: &Thickness, limits: &Limits, severity: Severity) -> Option<Finding> {
    let found = those(limits, |limit| how_thin(thickness, limit) == Some(severity));
    let strictest = found.iter().map(|limit| limit.min_wall_mm).reduce(f64::max)?;
    let (share, names) = (thickness.share_below(strictest) * 100.0, ids(&found));
    let finding = Finding::new(
        Code::ThinWalls,
        severity,
        format!(
            "Стенки тоньше допустимых {} мм на {} % поверхности (самое тонкое место около {} мм): \
             {}.",
            ru(strictest),
            ru(share),
            ru(thickness.p1_mm),
            names.join(", ")
        ),
        format!(
            "Walls are thinner than {} mm on {} % of the surface (the thinnest about {} mm): {}.",
            en(strictest),
            en(share),
            en(thickness.p1_mm),
            names.join(", ")
        ),
    );
    Some(
        finding
            .number("min_wall", strictest, NumberUnit::Mm)
            .number("thinnest", thickness.p1_mm, NumberUnit::Mm)
            .number("share", share, NumberUnit::Percent)
            .of(names),
    )
}

fn detail(thickness: &Thickness, limits: &Limits) -> Option<Finding> {
    let found = those(limits, |limit| thickness.share_below(limit.min_detail_mm) >= EDGES);
    let strictest = found.iter().map(|limit| limit.min_detail_mm).reduce(f64::max)?;
    let (share, names) = (thickness.share_below(strictest) * 100.0, ids(&found));
    let finding = Finding::new(
        Code::FineDetails,
        Severity::Warning,
        format!(
            "Детали мельче {} мм ({} % поверхности) могут не воспроизвестись: {}.",
            ru(strictest),
            ru(share),
            names.join(", ")
        ),
        format!(
            "Details finer than {} mm ({} % of the surface) may be lost: {}.",
            en(strictest),
            en(share),
            names.join(", ")
        ),
    );
    Some(
        finding
            .number("min_detail", strictest, NumberUnit::Mm)
            .number("share", share, NumberUnit::Percent)
            .of(names),
    )
}

fn is_solid(thickness: &Thickness, limit: &MaterialLimit) -> bool {
    thickness.share_above(limit.max_solid_mm) >= A_BODY
}

fn solid(thickness: &Thickness, limits: &Limits) -> Option<Finding> {
    let found = those(limits, |limit| is_solid(thickness, limit));
    let strictest = found.iter().map(|limit| limit.max_solid_mm).reduce(f64::min)?;
    let (share, names) = (thickness.share_above(strictest) * 100.0, ids(&found));
    let finding = Finding::new(
        Code::SolidSection,
        Severity::Warning,
        format!(
            "Массивные сечения толще {} мм ({} % поверхности): возможны усадочные раковины и \
             лишний вес. Сделайте изделие полым: {}.",
            ru(strictest),
            ru(share),
            names.join(", ")
        ),
        format!(
            "Solid sections thicker than {} mm ({} % of the surface): shrinkage porosity and \
             needless weight. Hollow it: {}.",
            en(strictest),
            en(share),
            names.join(", ")
        ),
    );
    Some(
        finding
            .number("max_solid", strictest, NumberUnit::Mm)
            .number("p90", thickness.p90_mm, NumberUnit::Mm)
            .number("share", share, NumberUnit::Percent)
            .of(names),
    )
}

/// In which metals it can be cast, in short.
fn castability(analysis: &Analysis, thickness: &Thickness, limits: &Limits) -> Option<Finding> {
    let metals = those(limits, |limit| limit.cast);
    if metals.is_empty() {
        return None;
    }
    let (no, rest): (Vec<_>, Vec<_>) = metals.into_iter().partition(|limit| {
        analysis.voids > 0 || how_thin(thickness, limit) == Some(Severity::Error)
    });
    let (doubtful, good): (Vec<_>, Vec<_>) = rest
        .into_iter()
        .partition(|limit| how_thin(thickness, limit).is_some() || is_solid(thickness, limit));
    let severity = match (no.is_empty(), doubtful.is_empty()) {
        (false, _) => Severity::Error,
        (true, false) => Severity::Warning,
        (true, true) => Severity::Info,
    };
    let (mut russian, mut english) = (vec![], vec![]);
    for (list, ru, en) in [
        (&good, "можно отлить", "can be cast in"),
        (&doubtful, "под вопросом", "doubtful in"),
        (&no, "отлить нельзя", "cannot be cast in"),
    ] {
        if !list.is_empty() {
            russian.push(format!("{ru}: {}", ids(list).join(", ")));
            english.push(format!("{en} {}", ids(list).join(", ")));
        }
    }
    let affected = if no.is_empty() { doubtful } else { no };
    Some(
        Finding::new(
            Code::Castability,
            severity,
            format!("Литьё — {}.", russian.join("; ")),
            format!("Casting: {}.", english.join("; ")),
        )
        .of(ids(&affected)),
    )
}
