//! Damage of every kind the trade knows, each with what must be said about it.

use pricing::analysis::{Unit, Verdict, analyse};
use pricing::mesh::{ModelError, read};

use crate::shapes::{analysed, base, binary, close, cube, flipped, sphere};

/// Volume and area of the base sphere, as independent programs computed them from the same
/// 2016 facets.
const VOLUME: f64 = 4_155.581_047_687_668;
const AREA: f64 = 1_251.645_525_186_895;

/// Every twentieth facet: none of them share an edge.
fn scattered(index: usize) -> bool {
    index.is_multiple_of(20)
}

#[test]
fn the_undamaged_sphere_is_exact() {
    let sphere = analysed(&base());
    assert_eq!(sphere.verdict(), Verdict::Exact);
    assert_eq!((sphere.facets, sphere.vertices), (2016, 1010));
    assert_eq!((sphere.shells, sphere.shells_vertex), (1, 1));
    assert!(close(sphere.volume_mm3, VOLUME, 1e-7), "{}", sphere.volume_mm3);
    assert!(close(sphere.area_mm2, AREA, 1e-7), "{}", sphere.area_mm2);
    assert_eq!(sphere.bbox_mm[2], 20.0);
}

#[test]
fn a_missing_facet_leaves_three_boundary_edges() {
    let mut facets = base();
    facets.remove(1000);
    let model = analysed(&facets);
    assert_eq!(
        model.verdict(),
        Verdict::NotClosed { boundary_edges: 3, nonmanifold_edges: 0, badly_wound_edges: 0 }
    );
}

#[test]
fn missing_facets_are_counted_by_the_edges_around_them() {
    let facets = base();
    let kept: Vec<_> =
        facets.iter().enumerate().filter(|(i, _)| !scattered(*i)).map(|(_, f)| *f).collect();
    let missing = (facets.len() - kept.len()) as u64;
    let model = analysed(&kept);
    assert_eq!(model.boundary_edges, 3 * missing);
    assert!(matches!(model.verdict(), Verdict::NotClosed { .. }));
}

#[test]
fn inverted_facets_are_counted_though_every_edge_is_used_twice() {
    let mut facets = base();
    let mut turned = 0;
    for (_, facet) in facets.iter_mut().enumerate().filter(|(i, _)| scattered(*i)) {
        facet.reverse();
        turned += 1;
    }
    let model = analysed(&facets);
    assert_eq!((model.boundary_edges, model.nonmanifold_edges), (0, 0));
    assert_eq!(model.badly_wound_edges, 3 * turned);
    assert!(!model.watertight);
    assert!(matches!(model.verdict(), Verdict::NotClosed { .. }));
}

#[test]
fn a_model_inside_out_has_the_volume_of_the_right_one() {
    let model = analysed(&flipped(&base()));
    assert_eq!(model.verdict(), Verdict::Exact);
    assert_eq!(model.signed_volume_mm3, -model.volume_mm3);
    assert!(close(model.volume_mm3, VOLUME, 1e-7));
}

#[test]
fn duplicated_facets_are_seen() {
    let mut facets = base();
    let again: Vec<_> = facets.iter().step_by(20).copied().collect();
    let added = again.len() as u64;
    facets.extend(again);
    let model = analysed(&facets);
    assert_eq!(model.nonmanifold_edges, 3 * added);
    assert_eq!(model.verdict(), Verdict::Duplicated { duplicate_facets: added });
}

#[test]
fn the_whole_mesh_twice_is_not_paid_for_twice() {
    let model = analysed(&base().repeat(2));
    assert_eq!(model.verdict(), Verdict::Duplicated { duplicate_facets: 2016 });
    assert_eq!(model.nonmanifold_edges, 3024);
    assert!(model.closed_oriented && !model.watertight);
    assert_eq!(model.shells, 1);
}

#[test]
fn facets_without_area_change_nothing_but_their_count() {
    let mut facets = base();
    let slivers: Vec<_> = facets.iter().step_by(21).map(|[a, b, _]| [*a, *b, *a]).collect();
    let added = slivers.len() as u64;
    facets.extend(slivers);
    let model = analysed(&facets);
    assert_eq!(model.zero_area_facets, added);
    assert_eq!(model.verdict(), Verdict::Exact);
    assert!(close(model.volume_mm3, VOLUME, 1e-7));
    assert!(close(model.area_mm2, AREA, 1e-7));
}

#[test]
fn a_facet_with_its_corners_on_a_line_still_closes_the_surface() {
    // One facet of a cube is split at the middle of an edge, and a sliver without area joins the
    // halves to the facet on the other side of that edge.
    let mut facets = cube([0.0; 3], 10.0);
    let [a, b, c] = facets[1];
    let middle = [0, 1, 2].map(|axis| f32::midpoint(b[axis], c[axis]));
    facets[1] = [a, b, middle];
    facets.push([a, middle, c]);
    facets.push([b, c, middle]);
    let model = analysed(&facets);
    assert_eq!(model.zero_area_facets, 1);
    assert_eq!(model.verdict(), Verdict::Exact);
    assert_eq!(model.volume_mm3, 1000.0);
}

#[test]
fn corners_that_do_not_meet_exactly_leave_every_facet_alone() {
    let mut facets = base();
    let mut noise = 1_u32;
    for coordinate in facets.iter_mut().flatten().flatten() {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *coordinate += f32::from(u16::try_from(noise >> 16).unwrap()) * 1e-8 + 1e-6;
    }
    let model = analysed(&facets);
    assert!(model.boundary_edges > 5_000, "{}", model.boundary_edges);
    assert!(matches!(model.verdict(), Verdict::NotClosed { .. }));
}

#[test]
fn a_void_facing_inward_is_taken_off() {
    let mut facets = cube([0.0; 3], 10.0);
    facets.extend(flipped(&cube([2.0; 3], 5.0)));
    let model = analysed(&facets);
    assert_eq!(model.verdict(), Verdict::Exact);
    assert_eq!(model.volume_mm3, 875.0);
    assert_eq!((model.shells, model.negative_shells), (2, 1));
}

#[test]
fn a_shell_facing_outward_inside_another_is_noticed() {
    let mut facets = base();
    facets.extend(sphere(22, 48, 5.0, [0.0; 3]));
    let model = analysed(&facets);
    assert!(model.watertight);
    assert_eq!(model.verdict(), Verdict::Misoriented { shells: 1 });
    assert!(close(model.volume_mm3, 4_675.028_678_648_603, 1e-7), "the integral is kept");
}

#[test]
fn one_of_two_parts_inside_out_is_noticed() {
    let mut facets = base();
    facets.extend(flipped(&sphere(22, 48, 10.0, [30.0, 0.0, 0.0])));
    assert_eq!(analysed(&facets).verdict(), Verdict::Misoriented { shells: 1 });
}

#[test]
fn a_model_with_a_void_wholly_inside_out_is_only_mirrored() {
    let mut facets = flipped(&cube([0.0; 3], 10.0));
    facets.extend(cube([2.0; 3], 5.0));
    let model = analysed(&facets);
    assert_eq!(model.verdict(), Verdict::Exact);
    assert_eq!(model.volume_mm3, 875.0);
}

#[test]
fn a_piece_within_a_ring_is_beside_it_and_not_inside() {
    // The box of the ring contains the box of the bead; the ring does not contain the bead.
    let square = |turn: usize| {
        let half = [[0.0, 0.0], [20.0, 0.0], [20.0, 20.0], [0.0, 20.0]];
        let hole = [[5.0, 5.0], [15.0, 5.0], [15.0, 15.0], [5.0, 15.0]];
        let at = |from: [[f32; 2]; 4], z: f32| [from[turn % 4][0], from[turn % 4][1], z];
        [at(half, 0.0), at(half, 4.0), at(hole, 4.0), at(hole, 0.0)]
    };
    let mut facets = vec![];
    for turn in 0..4 {
        let (here, there) = (square(turn), square(turn + 1));
        for side in 0..4 {
            let next = (side + 1) % 4;
            facets.push([here[side], there[side], there[next]]);
            facets.push([here[side], there[next], here[next]]);
        }
    }
    let ring = analysed(&facets);
    assert_eq!((ring.verdict(), ring.volume_mm3), (Verdict::Exact, 1200.0));
    facets.extend(cube([9.0, 9.0, 1.0], 2.0));
    let model = analysed(&facets);
    assert_eq!((model.verdict(), model.volume_mm3), (Verdict::Exact, 1208.0));
}

#[test]
fn a_bead_in_a_hollow_ball_is_solid_in_void_in_solid() {
    let mut facets = sphere(22, 48, 20.0, [5.0; 3]);
    facets.extend(flipped(&sphere(22, 48, 19.0, [5.0; 3])));
    facets.extend(cube([4.0; 3], 2.0));
    let model = analysed(&facets);
    assert_eq!(model.verdict(), Verdict::Exact);
    assert_eq!((model.shells, model.negative_shells), (3, 1));
}

#[test]
fn cubes_that_share_a_corner_are_two_shells() {
    let mut facets = cube([0.0; 3], 10.0);
    facets.extend(cube([10.0; 3], 10.0));
    let model = analysed(&facets);
    assert_eq!(model.verdict(), Verdict::Exact);
    assert_eq!((model.shells, model.shells_vertex), (2, 1));
    assert_eq!(model.volume_mm3, 2000.0);
}

#[test]
fn a_flat_model_has_no_volume() {
    let facets = cube([0.0; 3], 10.0);
    let flat: Vec<_> = facets.iter().map(|facet| facet.map(|[x, y, _]| [x, y, 0.0])).collect();
    let refused = analysed(&flat).verdict();
    assert!(matches!(refused, Verdict::NoVolume | Verdict::NotManifold { .. }), "{refused:?}");
    assert_eq!(analysed(&[[[1.0; 3]; 3]]).verdict(), Verdict::NoVolume);
}

#[test]
fn the_unit_decides_the_size() {
    let scaled = |factor: f32, unit| {
        let facets: Vec<_> =
            base().iter().map(|facet| facet.map(|p| p.map(|x| x / factor))).collect();
        analyse(&read(&binary(&facets)).unwrap(), unit)
    };
    for (factor, unit) in [
        (25.4, Unit::Inch),
        (1000.0, Unit::Metre),
        (10.0, Unit::Centimetre),
        (1.0, Unit::Millimetre),
    ] {
        let model = scaled(factor, unit);
        assert_eq!(model.verdict(), Verdict::Exact);
        assert!(close(model.volume_mm3, VOLUME, 1e-6), "{unit}: {}", model.volume_mm3);
        assert!(close(model.area_mm2, AREA, 1e-6), "{unit}: {}", model.area_mm2);
        assert!(close(model.bbox_mm[2], 20.0, 1e-6), "{unit}: {:?}", model.bbox_mm);
    }
}

#[test]
fn a_coordinate_that_is_no_number_is_refused_with_its_facet() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut facets = base();
        facets[5][1][2] = value;
        assert_eq!(read(&binary(&facets)), Err(ModelError::NotFinite { facet: 5 }));
    }
}
