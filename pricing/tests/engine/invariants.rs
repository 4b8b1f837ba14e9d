//! What must not change a measurement, and what must change it by a known factor.

use pricing::analysis::{Analysis, Unit, Verdict, analyse};
use pricing::mesh::read;
use proptest::prelude::*;

use crate::shapes::{Facet, analysed, binary, close, sphere};

/// An egg on a grid of 1/64 mm, so that moving and turning it loses no digit.
fn egg(bands: usize, sectors: usize) -> Vec<Facet> {
    let mut facets = sphere(bands, sectors, 1.0, [0.0; 3]);
    let axes = [7.0_f32, 5.0, 3.0];
    for corner in facets.iter_mut().flatten() {
        for (coordinate, radius) in corner.iter_mut().zip(axes) {
            *coordinate = (*coordinate * radius * 64.0).round() / 64.0;
        }
    }
    facets
}

fn moved(facets: &[Facet], change: impl Fn([f32; 3]) -> [f32; 3] + Copy) -> Vec<Facet> {
    facets.iter().map(|facet| facet.map(change)).collect()
}

fn same_solid(a: &Analysis, b: &Analysis) -> Result<(), TestCaseError> {
    prop_assert!(close(a.volume_mm3, b.volume_mm3, 1e-12), "{} {}", a.volume_mm3, b.volume_mm3);
    prop_assert!(close(a.area_mm2, b.area_mm2, 1e-12), "{} {}", a.area_mm2, b.area_mm2);
    prop_assert_eq!(
        (a.vertices, a.boundary_edges, a.nonmanifold_edges, a.badly_wound_edges, a.shells),
        (b.vertices, b.boundary_edges, b.nonmanifold_edges, b.badly_wound_edges, b.shells)
    );
    prop_assert_eq!(a.verdict(), b.verdict());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn moving_a_model_changes_nothing(
        bands in 4_usize..14, sectors in 4_usize..20, by in prop::array::uniform3(-4000_i16..4000),
    ) {
        let here = egg(bands, sectors);
        let by = by.map(|step| f32::from(step) / 64.0);
        let there = moved(&here, |[x, y, z]| [x + by[0], y + by[1], z + by[2]]);
        let (here, there) = (analysed(&here), analysed(&there));
        same_solid(&here, &there)?;
        prop_assert_eq!(here.bbox_mm, there.bbox_mm);
    }

    #[test]
    fn turning_a_model_turns_its_box(bands in 4_usize..14, sectors in 4_usize..20) {
        let straight = egg(bands, sectors);
        let turned = moved(&straight, |[x, y, z]| [-y, x, z]);
        let tipped = moved(&straight, |[x, y, z]| [x, -z, y]);
        let (straight, turned, tipped) =
            (analysed(&straight), analysed(&turned), analysed(&tipped));
        same_solid(&straight, &turned)?;
        same_solid(&straight, &tipped)?;
        let [x, y, z] = straight.bbox_mm;
        prop_assert_eq!(turned.bbox_mm, [y, x, z]);
        prop_assert_eq!(tipped.bbox_mm, [x, z, y]);
    }

    #[test]
    fn the_order_of_facets_and_the_first_corner_do_not_matter(
        (original, shuffled) in (4_usize..10, 4_usize..14).prop_flat_map(|(bands, sectors)| {
            let facets = egg(bands, sectors);
            (Just(facets.clone()), Just(facets).prop_shuffle())
        }),
        turn in 0_usize..3,
    ) {
        let mut shuffled = shuffled;
        for facet in &mut shuffled {
            facet.rotate_left(turn);
        }
        same_solid(&analysed(&original), &analysed(&shuffled))?;
    }

    #[test]
    fn inches_are_25_4_times_as_long(bands in 4_usize..14, sectors in 4_usize..20) {
        let mesh = read(&binary(&egg(bands, sectors))).unwrap();
        let (mm, inch) = (analyse(&mesh, Unit::Millimetre), analyse(&mesh, Unit::Inch));
        prop_assert!(close(inch.volume_mm3, mm.volume_mm3 * 25.4 * 25.4 * 25.4, 1e-14));
        prop_assert!(close(inch.area_mm2, mm.area_mm2 * 25.4 * 25.4, 1e-14));
        prop_assert!(close(inch.bbox_mm[0], mm.bbox_mm[0] * 25.4, 1e-14));
        prop_assert_eq!(inch.verdict(), Verdict::Exact);
    }

    #[test]
    fn an_analysis_survives_json_to_the_last_bit(bands in 4_usize..14, sectors in 4_usize..20) {
        let model = analysed(&egg(bands, sectors));
        let json = serde_json::to_string(&model).unwrap();
        prop_assert_eq!(serde_json::from_str::<Analysis>(&json).unwrap(), model);
    }
}
