//! What the printability report says about known pieces.
#![expect(clippy::cast_precision_loss, reason = "small numbers, and the names of geometry")]

use pricing::analysis::{Unit, analyse};
use pricing::mesh::read;
use pricing::rate_card::RateCard;
use pricing::report::{FindingCode, Limits, MaterialLimit, Report, Severity, inspect};

use crate::shapes::{Facet, base, binary, close, cube, flipped, sphere};

fn limits() -> Limits {
    let material = |id: &str, cast, min_wall_mm| MaterialLimit {
        id: id.to_owned(),
        cast,
        min_wall_mm,
        min_detail_mm: 0.3,
        max_solid_mm: 4.0,
        build_volume_mm: [120.0, 68.0, 120.0],
        pattern_scale: 1.015,
    };
    Limits { materials: vec![material("silver", true, 0.8), material("resin", false, 0.5)] }
}

fn report(facets: &[Facet], unit: Unit) -> Report {
    let mesh = read(&binary(facets)).unwrap();
    inspect(&mesh, &analyse(&mesh, unit), &limits())
}

fn in_mm(facets: &[Facet]) -> Report {
    report(facets, Unit::Millimetre)
}

fn says(report: &Report, code: FindingCode) -> Option<Severity> {
    report.findings.iter().find(|finding| finding.code == code).map(|finding| finding.severity)
}

/// A box of given extents.
fn block(extents: [f32; 3]) -> Vec<Facet> {
    let stretch = |[x, y, z]: [f32; 3]| [x * extents[0], y * extents[1], z * extents[2]];
    cube([0.0; 3], 1.0).iter().map(|facet| facet.map(stretch)).collect()
}

#[test]
fn a_plate_is_as_thick_as_it_is() {
    let found = in_mm(&block([20.0, 20.0, 1.5]));
    let thickness = found.measures.thickness.as_ref().unwrap();
    for measured in [thickness.p1_mm, thickness.p5_mm, thickness.median_mm] {
        assert!(close(measured, 1.5, 1e-6), "{measured}");
    }
    assert_eq!(thickness.points, 5_000);
    // The four narrow sides, 120 of 920 mm², look along the plate.
    assert!((thickness.share_above(4.0) - 120.0 / 920.0).abs() < 0.001);
    assert_eq!(says(&found, FindingCode::ThinWalls), None);
    assert_eq!(says(&found, FindingCode::SolidSection), None);
    assert_eq!(says(&found, FindingCode::Castability), Some(Severity::Info));
}

#[test]
fn a_thin_wall_is_an_error_where_the_material_forbids_it() {
    let found = in_mm(&block([20.0, 20.0, 0.6]));
    let thin = found.findings.iter().find(|f| f.code == FindingCode::ThinWalls).unwrap();
    assert_eq!((thin.severity, &thin.materials[..]), (Severity::Error, &["silver".to_owned()][..]));
    assert!(thin.ru.contains("0,8 мм") && thin.en.contains("0.8 mm"), "{} {}", thin.ru, thin.en);
    assert_eq!(says(&found, FindingCode::Castability), Some(Severity::Error));
    assert_eq!(found.worst(), Some(Severity::Error));
}

#[test]
fn a_solid_ball_should_be_hollowed_and_a_hollow_one_is_a_trap() {
    let found = in_mm(&base());
    assert_eq!(says(&found, FindingCode::SolidSection), Some(Severity::Warning));
    assert_eq!(says(&found, FindingCode::TrappedVoids), None);
    let mut hollow = base();
    hollow.extend(flipped(&sphere(22, 48, 9.0, [0.0; 3])));
    let found = in_mm(&hollow);
    assert_eq!(says(&found, FindingCode::SolidSection), None);
    assert_eq!(says(&found, FindingCode::TrappedVoids), Some(Severity::Warning));
    assert_eq!(says(&found, FindingCode::Castability), Some(Severity::Error));
    let thickness = found.measures.thickness.unwrap();
    assert!(thickness.p1_mm > 0.95 && thickness.p1_mm < 1.05, "{}", thickness.p1_mm);
}

#[test]
fn a_size_that_looks_like_another_unit_is_questioned() {
    let shrunk = |by: f32| -> Vec<_> {
        base().iter().map(|facet| facet.map(|corner| corner.map(|x| x / by))).collect()
    };
    let inches = in_mm(&shrunk(25.4));
    assert_eq!(says(&inches, FindingCode::ScaleSuspicious), Some(Severity::Warning));
    let metres = in_mm(&shrunk(1000.0));
    let finding = metres.findings.iter().find(|f| f.code == FindingCode::ScaleSuspicious).unwrap();
    assert_eq!(finding.severity, Severity::Error);
    assert!(finding.ru.contains("метры") && finding.en.contains("metres"), "{}", finding.ru);
    assert_eq!(says(&in_mm(&base()), FindingCode::ScaleSuspicious), None);
    assert_eq!(says(&report(&base(), Unit::Metre), FindingCode::TooLarge), Some(Severity::Error));
}

#[test]
fn a_piece_that_stands_askew_may_fit_when_turned() {
    let turn = |[x, y, z]: [f32; 3]| {
        let (s, c) = 0.8_f32.sin_cos();
        [x, y * c - z * s, y * s + z * c]
    };
    let askew: Vec<_> = block([110.0, 105.0, 5.0]).iter().map(|facet| facet.map(turn)).collect();
    let found = in_mm(&askew);
    assert_eq!(says(&found, FindingCode::FitsTurned), Some(Severity::Info));
    for (found, real) in found.measures.oriented_extents_mm.into_iter().zip([110.0, 105.0, 5.0]) {
        assert!(close(found, real, 0.01), "{found} {real}");
    }
    let large = in_mm(&block([117.0, 70.0, 90.0]));
    assert_eq!(says(&large, FindingCode::TooLarge), Some(Severity::Error));
}

#[test]
fn a_surface_that_goes_through_itself_is_noticed() {
    // A tube whose axis runs through itself in a figure of eight.
    let at = |step: usize, side: usize| {
        let around = step as f32 * std::f32::consts::TAU / 96.0;
        let across = side as f32 * std::f32::consts::TAU / 16.0;
        let centre = [10.0 * around.sin(), 5.0 * (2.0 * around).sin()];
        let along = [10.0 * around.cos(), 10.0 * (2.0 * around).cos()];
        let long = along[0].hypot(along[1]);
        let beside = [along[1] / long, -along[0] / long];
        let (s, c) = across.sin_cos();
        [centre[0] + c * beside[0], centre[1] + c * beside[1], s]
    };
    let mut facets = vec![];
    for step in 0..96 {
        for side in 0..16 {
            let (next, over) = ((step + 1) % 96, (side + 1) % 16);
            let [a, b] = [at(step, side), at(next, side)];
            let [c, d] = [at(next, over), at(step, over)];
            facets.extend([[a, b, c], [a, c, d]]);
        }
    }
    let found = in_mm(&facets);
    assert_eq!(says(&found, FindingCode::SelfIntersection), Some(Severity::Warning));
    assert!(found.measures.self_overlap_mm3 > 1.0, "{}", found.measures.self_overlap_mm3);
    assert_eq!(says(&in_mm(&base()), FindingCode::SelfIntersection), None);
}

#[test]
fn faults_are_named_one_by_one() {
    let mut facets = base();
    facets.remove(100);
    facets[500].reverse();
    let found = in_mm(&facets);
    assert_eq!(says(&found, FindingCode::Holes), Some(Severity::Warning));
    assert_eq!(says(&found, FindingCode::FacetsTurned), Some(Severity::Warning));
    assert_eq!(says(&found, FindingCode::ProvisionalVolume), Some(Severity::Info));
    let twice = in_mm(&base().repeat(2));
    assert_eq!(says(&twice, FindingCode::DuplicateFacets), Some(Severity::Warning));
    assert_eq!(says(&twice, FindingCode::ProvisionalVolume), Some(Severity::Warning));
    let mut apart = base();
    apart.extend(sphere(22, 48, 5.0, [10.0, 0.0, 0.0]));
    assert_eq!(says(&in_mm(&apart), FindingCode::OverlappingParts), Some(Severity::Warning));
    let nothing = in_mm(&cube([0.0; 3], 10.0)[..2]);
    assert_eq!(says(&nothing, FindingCode::NoDefiniteVolume), Some(Severity::Error));
    assert_eq!(nothing.measures.thickness, None);
}

#[test]
fn a_report_survives_json_and_comes_out_the_same_every_time() {
    let found = in_mm(&base());
    assert_eq!(found, in_mm(&base()));
    let json = serde_json::to_string(&found).unwrap();
    let back: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(back.findings, found.findings);
    assert!(json.contains("\"solid_section\"") && json.contains("\"warning\""));
    for finding in &found.findings {
        assert!(!finding.ru.is_empty() && !finding.en.is_empty());
    }
}

#[test]
fn limits_come_from_the_rate_card() {
    let limits = Limits::from(&RateCard::sample());
    for material in &limits.materials {
        assert!(material.min_wall_mm > 0.0 && material.pattern_scale >= 1.0, "{}", material.id);
        assert!(material.build_volume_mm.iter().all(|extent| *extent > 0.0));
    }
}
