//! Meshes large enough for several threads: the answer is the same with any number of them, and
//! the same as one corner after the other gives.

use pricing::analysis::{Analysis, Unit, analyse};
use pricing::mesh::{Format, Mesh, MeshBuilder, ModelError, read};
use pricing::tally::{self, FirstLook, Tally};
use rayon::ThreadPoolBuilder;

use crate::shapes::{Facet, binary, close, cube, flipped, sphere};

/// About 80 000 facets: five chunks.
fn large_sphere() -> Vec<Facet> {
    sphere(201, 200, 10.0, [3.0, 4.0, 5.0])
}

/// A large sphere inside another, and one that both merely touch in a point.
fn several_shells() -> Vec<Facet> {
    let mut facets = large_sphere();
    facets.extend(flipped(&sphere(40, 40, 5.0, [3.0, 4.0, 5.0])));
    facets.extend(sphere(40, 40, 2.0, [3.0, 4.0, 17.0]));
    facets
}

/// The same facets in an order without system.
fn shuffled(mut facets: Vec<Facet>) -> Vec<Facet> {
    let mut state = 1_u64;
    for last in (1..facets.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        facets.swap(last, (state >> 33) as usize % (last + 1));
    }
    facets
}

pub fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

fn all_of(file: &[u8]) -> (Mesh, Analysis, FirstLook) {
    let mesh = read(file).unwrap();
    let analysis = analyse(&mesh, Unit::Millimetre);
    (mesh, analysis, tally::of(file).unwrap())
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for facets in [large_sphere(), shuffled(large_sphere()), shuffled(several_shells())] {
        let file = binary(&facets);
        let alone = with_threads(1, || all_of(&file));
        for threads in [2, 3, 7] {
            assert_eq!(with_threads(threads, || all_of(&file)), alone, "{threads} threads");
        }
    }
}

#[test]
fn vertices_are_numbered_as_the_file_first_names_them() {
    let facets = shuffled(several_shells());
    let mut builder = MeshBuilder::with_capacity(facets.len());
    for facet in &facets {
        builder.push(*facet).unwrap();
    }
    let one_by_one = builder.finish(Format::StlBinary, vec![]).unwrap();
    let mesh = read(&binary(&facets)).unwrap();
    assert_eq!(mesh.vertices(), one_by_one.vertices());
    assert_eq!(mesh.facets(), one_by_one.facets());
}

#[test]
fn order_changes_only_rounding() {
    let [ordered, random] = [several_shells(), shuffled(several_shells())]
        .map(|facets| analyse(&read(&binary(&facets)).unwrap(), Unit::Millimetre));
    assert_eq!((ordered.shells, ordered.shells_vertex), (3, 2));
    assert_eq!((random.shells, random.shells_vertex), (3, 2));
    assert_eq!(
        (random.boundary_edges, random.nonmanifold_edges, random.badly_wound_edges),
        (0, 0, 0)
    );
    assert_eq!(random.vertices, ordered.vertices);
    assert!(close(random.volume_mm3, ordered.volume_mm3, 1e-13));
    assert!(close(random.area_mm2, ordered.area_mm2, 1e-13));
}

#[test]
fn sums_made_while_reading_are_those_of_the_mesh() {
    let facets = large_sphere();
    let mut builder = MeshBuilder::with_capacity(facets.len());
    for facet in &facets {
        builder.push(*facet).unwrap();
    }
    let from_mesh = analyse(&builder.finish(Format::StlBinary, vec![]).unwrap(), Unit::Millimetre);
    let on_the_way = analyse(&read(&binary(&facets)).unwrap(), Unit::Millimetre);
    assert!(close(on_the_way.signed_volume_mm3, from_mesh.signed_volume_mm3, 1e-13));
    assert!(close(on_the_way.area_mm2, from_mesh.area_mm2, 1e-13));
    for axis in 0..3 {
        assert!(close(on_the_way.projected_mm2[axis], from_mesh.projected_mm2[axis], 1e-13));
    }
    assert_eq!(on_the_way.bbox_mm, from_mesh.bbox_mm);
}

#[test]
fn the_first_facet_that_is_no_number_is_named() {
    let mut facets = large_sphere();
    for at in [70_001, 30_002, 30_001] {
        facets[at][1][2] = f32::NAN;
    }
    let refused = with_threads(3, || read(&binary(&facets)).unwrap_err());
    assert_eq!(refused, ModelError::NotFinite { facet: 30_001 });
}

#[test]
fn the_shadow_of_a_cube_is_its_face() {
    let analysis = analyse(&read(&binary(&cube([1.0, 2.0, 3.0], 2.0))).unwrap(), Unit::Centimetre);
    assert_eq!(analysis.projected_mm2, [400.0; 3]);
}

fn pushed(file: &[u8], piece: usize) -> Result<FirstLook, ModelError> {
    let mut tally = Tally::new();
    file.chunks(piece).for_each(|piece| tally.push(piece));
    tally.finish(file.len() as u64)
}

#[test]
fn a_first_look_is_the_same_whole_or_in_pieces() {
    let mut file = binary(&shuffled(several_shells()));
    let look = tally::of(&file[..]).unwrap();
    assert!(look.closed_oriented);
    let exact = analyse(&read(&file).unwrap(), Unit::Millimetre);
    assert!(close(look.signed_volume, exact.signed_volume_mm3, 1e-12));
    assert!(close(look.area, exact.area_mm2, 1e-12));
    assert_eq!(look.extents, exact.bbox_mm);
    file.extend(b"more than was announced, more than a facet takes, but not one");
    for piece in [7, 50, 84, 65_536, file.len()] {
        assert_eq!(pushed(&file, piece).unwrap(), look, "pieces of {piece}");
    }
}

#[test]
fn a_first_look_sees_a_hole_a_turned_facet_and_what_is_no_number() {
    let whole = large_sphere();
    let closed = |facets: &[Facet]| tally::of(&binary(facets)[..]).unwrap().closed_oriented;
    assert!(closed(&whole));
    assert!(!closed(&whole[1..]));
    let mut turned = whole.clone();
    turned[40_000].swap(0, 1);
    assert!(!closed(&turned));
    // Minus zero is zero.
    let split: Vec<Facet> = cube([-1.0, 0.0, 0.0], 1.0)
        .into_iter()
        .map(|facet| facet.map(|corner| corner.map(|x| if x == 0.0 { -0.0 } else { x })))
        .collect();
    assert!(closed(&split));
    let mut broken = whole;
    broken[12_345][2][0] = f32::INFINITY;
    let look = tally::of(&binary(&broken)[..]).unwrap();
    assert_eq!((look.not_finite, look.closed_oriented), (1, false));
    assert!(look.signed_volume.is_finite());
}

#[test]
fn a_first_look_loses_nothing_far_from_the_origin() {
    let look = tally::of(&binary(&cube([1e6, -1e6, 1e6], 2.0))[..]).unwrap();
    assert_eq!((look.signed_volume, look.area, look.extents), (8.0, 24.0, [2.0; 3]));
    let rough = look.known(Unit::Centimetre);
    assert_eq!((rough.volume.unwrap().mm3, rough.bbox_mm), (8_000.0, [20.0; 3]));
}

#[test]
fn a_first_look_at_half_a_file_says_so() {
    let file = binary(&cube([0.0; 3], 1.0));
    let half = &file[..file.len() / 2];
    let cut = ModelError::Truncated { facets: 12, expected: 684, actual: 342 };
    assert_eq!(tally::of(half).unwrap_err(), cut);
    assert_eq!(pushed(half, 10).unwrap_err(), cut);
    assert_eq!(pushed(&binary(&[]), 10).unwrap_err(), ModelError::NoFacets);
    assert!(matches!(pushed(&file[..50], 10), Err(ModelError::Truncated { facets: 0, .. })));
}
