//! Is the model of a size that can be made, and of one that makes sense?

use super::finding::{Finding, FindingCode as Code, NumberUnit, Severity};
use super::limits::{Limits, MaterialLimit};
use super::measures::Measures;
use super::words::{en, in_english, in_russian, ru, size};
use crate::analysis::{Analysis, Unit};
use crate::mesh::Mesh;

/// Below this extent nothing is a piece of jewellery: it is in another unit.
const NOTHING_MM: f64 = 0.1;
/// The largest extents of pieces of jewellery, from the smallest stud to the longest chain.
const USUAL_MM: std::ops::RangeInclusive<f64> = 3.0..=500.0;

pub(super) fn findings(
    mesh: &Mesh,
    analysis: &Analysis,
    measures: &Measures,
    limits: &Limits,
) -> Vec<Finding> {
    let mut findings = vec![];
    findings.extend(scale(mesh, analysis, limits));
    findings.extend(room(analysis, measures, limits));
    findings
}

/// Whether the size looks like another unit. A file that carries its unit is believed.
fn scale(mesh: &Mesh, analysis: &Analysis, limits: &Limits) -> Option<Finding> {
    let largest = analysis.bbox_mm.into_iter().fold(0.0, f64::max);
    let machine = limits
        .materials
        .iter()
        .flat_map(|material| material.build_volume_mm)
        .fold(*USUAL_MM.end(), f64::max);
    let plausible = *USUAL_MM.start()..=machine;
    if mesh.unit().is_some() || plausible.contains(&largest) {
        return None;
    }
    let in_file = largest / analysis.unit.millimetres();
    let other: Vec<Unit> = Unit::USUAL
        .into_iter()
        .filter(|unit| plausible.contains(&(in_file * unit.millimetres())))
        .collect();
    let severity =
        if largest < NOTHING_MM || largest > machine { Severity::Error } else { Severity::Warning };
    let russian: Vec<_> = other.iter().map(|unit| in_russian(*unit)).collect();
    let english: Vec<_> = other.iter().map(|unit| in_english(*unit)).collect();
    let (ask_ru, ask_en) = if other.is_empty() {
        (String::new(), String::new())
    } else {
        (
            format!(" Возможно, размеры заданы в других единицах: {}?", russian.join(", ")),
            format!(" Is the file in {}?", english.join(" or ")),
        )
    };
    Some(
        Finding::new(
            Code::ScaleSuspicious,
            severity,
            format!(
                "Размер изделия {} мм не похож на ювелирный.{ask_ru}",
                size(analysis.bbox_mm, ru)
            ),
            format!(
                "A size of {} mm does not look like jewellery.{ask_en}",
                size(analysis.bbox_mm, en)
            ),
        )
        .number("largest_extent", largest, NumberUnit::Mm),
    )
}

/// Whether it fits the machine, straight or turned.
fn room(analysis: &Analysis, measures: &Measures, limits: &Limits) -> Vec<Finding> {
    let fits = |limit: &MaterialLimit, extents: [f64; 3]| {
        let (mut piece, mut machine) =
            (extents.map(|extent| extent * limit.pattern_scale), limit.build_volume_mm);
        piece.sort_unstable_by(f64::total_cmp);
        machine.sort_unstable_by(f64::total_cmp);
        piece.iter().zip(machine).all(|(piece, machine)| *piece <= machine)
    };
    let (mut too_large, mut turned) = (vec![], vec![]);
    for limit in &limits.materials {
        if fits(limit, analysis.bbox_mm) {
            continue;
        }
        let fits_turned = fits(limit, measures.oriented_extents_mm);
        let list = if fits_turned { &mut turned } else { &mut too_large };
        list.push(limit.id.clone());
    }
    let [x, y, z] = analysis.bbox_mm;
    let numbers = |finding: Finding| {
        finding.number("x", x, NumberUnit::Mm).number("y", y, NumberUnit::Mm).number(
            "z",
            z,
            NumberUnit::Mm,
        )
    };
    let mut findings = vec![];
    if !too_large.is_empty() {
        let finding = Finding::new(
            Code::TooLarge,
            Severity::Error,
            format!(
                "Изделие {} мм не помещается в принтер для материалов: {}.",
                size(analysis.bbox_mm, ru),
                too_large.join(", ")
            ),
            format!(
                "At {} mm it does not fit the machine for {}.",
                size(analysis.bbox_mm, en),
                too_large.join(", ")
            ),
        );
        findings.push(numbers(finding).of(too_large));
    }
    if !turned.is_empty() {
        let finding = Finding::new(
            Code::FitsTurned,
            Severity::Info,
            format!("Изделие помещается в принтер только под углом ({}).", turned.join(", ")),
            format!("It fits the machine only when turned ({}).", turned.join(", ")),
        );
        findings.push(numbers(finding).of(turned));
    }
    findings
}
