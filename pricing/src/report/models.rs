//! Is the model sound, and what is in it?

use super::finding::{Finding, FindingCode as Code, NumberUnit, Severity};
use super::measures::Measures;
use super::words::{en, in_english, in_russian, ru};
use crate::analysis::{Analysis, Repair, Standing, Verdict};
use crate::mesh::Mesh;

/// A spread of the volume up to this share is priced without a person.
const SMALL_SPREAD: f64 = 0.005;
/// Overlap of a surface with itself that is worth a word, as a share of the volume.
const WORTH_A_WORD: f64 = 1e-6;

pub(super) fn findings(mesh: &Mesh, analysis: &Analysis, measures: &Measures) -> Vec<Finding> {
    let mut findings = vec![];
    findings.extend(standing(analysis));
    findings.extend(arrangement(analysis));
    if let Some(repair) = &analysis.repair {
        findings.extend(repaired(analysis, repair));
    }
    findings.extend(contents(analysis, measures));
    findings.extend(unit(mesh, analysis));
    findings
}

/// What is to be made of the volume.
fn standing(analysis: &Analysis) -> Option<Finding> {
    match analysis.standing() {
        Standing::Exact => None,
        Standing::Refused { verdict } => Some(Finding::new(
            Code::NoDefiniteVolume,
            Severity::Error,
            "У модели нет определённого объёма, цену по ней посчитать нельзя. Исправьте модель и \
             загрузите её снова."
                .to_owned(),
            format!("The model has no definite volume and cannot be priced: {verdict}."),
        )),
        Standing::Provisional { verdict, low_mm3, high_mm3 } => {
            let share = (high_mm3 - low_mm3) / high_mm3;
            let severity = if share <= SMALL_SPREAD { Severity::Info } else { Severity::Warning };
            let text = Finding::new(
                Code::ProvisionalVolume,
                severity,
                format!(
                    "Модель с дефектами, точного объёма у неё нет: он не меньше {} и не больше {} \
                     мм³ (расхождение {} %).",
                    ru(low_mm3),
                    ru(high_mm3),
                    ru(share * 100.0)
                ),
                format!(
                    "The model is faulty and has no exact volume: it is not less than {} and not \
                     more than {} mm³ ({} % apart). What is wrong: {verdict}.",
                    en(low_mm3),
                    en(high_mm3),
                    en(share * 100.0)
                ),
            );
            Some(
                text.number("low", low_mm3, NumberUnit::Mm3)
                    .number("high", high_mm3, NumberUnit::Mm3)
                    .number("spread", share * 100.0, NumberUnit::Percent),
            )
        }
    }
}

/// How the parts lie to each other.
fn arrangement(analysis: &Analysis) -> Option<Finding> {
    match analysis.verdict() {
        Verdict::Overlapping { pairs } => Some(
            Finding::new(
                Code::OverlappingParts,
                Severity::Warning,
                format!(
                    "Детали пересекаются (пар: {pairs}). Общий объём не должен оплачиваться \
                     дважды: объедините детали в одно тело."
                ),
                format!(
                    "Parts cut through each other (pairs: {pairs}). What they share should not be \
                     paid for twice: unite them into one body."
                ),
            )
            .count("pairs", pairs.into()),
        ),
        Verdict::Misoriented { shells } => Some(
            Finding::new(
                Code::MisorientedParts,
                Severity::Warning,
                format!(
                    "Оболочки вывернуты (количество: {shells}): полость смотрит наружу или тело \
                     вывернуто наизнанку. Проверьте направление нормалей."
                ),
                format!(
                    "Shells face the wrong way ({shells}): a void that faces outward, or a part \
                     turned inside out. Check the normals."
                ),
            )
            .count("shells", shells.into()),
        ),
        Verdict::OverlapUnchecked { shells } | Verdict::TooManyShells { shells } => Some(
            Finding::new(
                Code::OverlappingParts,
                Severity::Warning,
                format!(
                    "В модели слишком много оболочек (количество: {shells}), их взаимное \
                     расположение до конца не проверено."
                ),
                format!("How the {shells} shells lie to each other was not found out."),
            )
            .count("shells", shells.into()),
        ),
        _ => None,
    }
}

/// What had to be assumed closed, turned and joined.
fn repaired(analysis: &Analysis, repair: &Repair) -> Vec<Finding> {
    let mut findings = vec![];
    let mut say = |count: u64, code, ru: String, en: String| {
        if count > 0 {
            findings.push(Finding::new(code, Severity::Warning, ru, en).count("count", count));
        }
    };
    say(
        repair.holes,
        Code::Holes,
        format!(
            "В поверхности есть отверстия (количество: {}, площадь {} мм²). Замкните их.",
            repair.holes,
            ru(repair.hole_area_mm2)
        ),
        format!(
            "The surface has holes ({}, {} mm² in all). Close them.",
            repair.holes,
            en(repair.hole_area_mm2)
        ),
    );
    say(
        repair.turned_facets,
        Code::FacetsTurned,
        format!("Грани вывернуты (количество: {}). Выровняйте нормали.", repair.turned_facets),
        format!("Facets face the wrong way ({}). Make the normals agree.", repair.turned_facets),
    );
    say(
        repair.welded_vertices,
        Code::CornersApart,
        format!(
            "Вершины соседних граней не совпадают (количество: {}, расстояние до {} мм). Сшейте \
             сетку.",
            repair.welded_vertices,
            ru(repair.weld_tolerance_mm)
        ),
        format!(
            "Corners of neighbouring facets do not meet ({}, within {} mm). Weld the mesh.",
            repair.welded_vertices,
            en(repair.weld_tolerance_mm)
        ),
    );
    say(
        analysis.duplicate_facets,
        Code::DuplicateFacets,
        format!(
            "Грани повторяются (количество: {}). Удалите лишние копии; если нужно два изделия, \
             укажите количество в заказе.",
            analysis.duplicate_facets
        ),
        format!(
            "Facets are there more than once ({}). Remove the copies; for two pieces, order two.",
            analysis.duplicate_facets
        ),
    );
    say(
        repair.one_sided_edges,
        Code::OneSidedSurface,
        "Поверхность односторонняя: где у неё внутренняя сторона, определить нельзя.".to_owned(),
        "The surface has one side only: there is no telling what is inside.".to_owned(),
    );
    findings
}

/// What is in a file: pieces, voids, facets that do nothing.
fn contents(analysis: &Analysis, measures: &Measures) -> Vec<Finding> {
    let mut findings = vec![];
    if analysis.voids > 0 {
        findings.push(
            Finding::new(
                Code::TrappedVoids,
                Severity::Warning,
                format!(
                    "Внутри есть замкнутые полости (количество: {}, объём {} мм³). При печати в \
                     них останется смола или порошок, отлить такую деталь нельзя. Сделайте \
                     выходные отверстия или заполните полости.",
                    analysis.voids,
                    ru(analysis.void_volume_mm3)
                ),
                format!(
                    "Closed voids ({}, {} mm³ in all). Resin or powder stays in them, and they \
                     cannot be cast. Open them or fill them.",
                    analysis.voids,
                    en(analysis.void_volume_mm3)
                ),
            )
            .count("voids", analysis.voids.into())
            .number("volume", analysis.void_volume_mm3, NumberUnit::Mm3),
        );
    }
    if analysis.pieces > 1 {
        findings.push(
            Finding::new(
                Code::SeveralPieces,
                Severity::Info,
                format!(
                    "В файле несколько отдельных тел (количество: {}). Они считаются одним \
                     изделием.",
                    analysis.pieces
                ),
                format!(
                    "The file holds {} separate pieces; they are priced as one item.",
                    analysis.pieces
                ),
            )
            .count("pieces", analysis.pieces.into()),
        );
    }
    if analysis.touching_pairs > 0 {
        findings.push(
            Finding::new(
                Code::TouchingParts,
                Severity::Info,
                format!(
                    "Тела соприкасаются (пар: {}). После печати они могут срастись.",
                    analysis.touching_pairs
                ),
                format!(
                    "Parts touch (pairs: {}); they may come out as one.",
                    analysis.touching_pairs
                ),
            )
            .count("pairs", analysis.touching_pairs.into()),
        );
    }
    findings.extend(through_itself(analysis, measures));
    if analysis.zero_area_facets > 0 {
        findings.push(
            Finding::new(
                Code::DegenerateFacets,
                Severity::Info,
                format!(
                    "Есть вырожденные грани без площади (количество: {}). На цену они не влияют.",
                    analysis.zero_area_facets
                ),
                format!(
                    "Facets have no area ({}). They do not change the price.",
                    analysis.zero_area_facets
                ),
            )
            .count("facets", analysis.zero_area_facets),
        );
    }
    findings
}

fn through_itself(analysis: &Analysis, measures: &Measures) -> Option<Finding> {
    let overlap = measures.self_overlap_mm3;
    (overlap > WORTH_A_WORD * analysis.volume_mm3).then(|| {
        Finding::new(
            Code::SelfIntersection,
            Severity::Warning,
            format!(
                "Поверхность пересекает сама себя: не меньше {} мм³ посчитано дважды. Исправьте \
                 самопересечения.",
                ru(overlap)
            ),
            format!(
                "The surface goes through itself: at least {} mm³ are counted twice. Remove the \
                 self-intersections.",
                en(overlap)
            ),
        )
        .number("counted_twice", overlap, NumberUnit::Mm3)
    })
}

/// Whether the file says another unit than the order.
fn unit(mesh: &Mesh, analysis: &Analysis) -> Option<Finding> {
    let said = mesh.unit().filter(|said| *said != analysis.unit)?;
    Some(Finding::new(
        Code::UnitContradictsFile,
        Severity::Warning,
        format!(
            "В файле указаны {}, а в заказе — {}. Проверьте размер.",
            in_russian(said),
            in_russian(analysis.unit)
        ),
        format!(
            "The file says {}, the order says {}. Check the size.",
            in_english(said),
            in_english(analysis.unit)
        ),
    ))
}
