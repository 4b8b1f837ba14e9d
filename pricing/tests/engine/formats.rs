//! One solid in every format is one solid.

use pricing::analysis::{Unit, analyse};
use pricing::mesh::{FacetCounter, FacetEstimate, Format, read};

use crate::shapes::{base, close, cube};
use crate::writers::ALL;

fn estimate(bytes: &[u8], chunk: usize) -> FacetEstimate {
    let mut counter = FacetCounter::new();
    bytes.chunks(chunk).for_each(|chunk| counter.push(chunk));
    counter.verdict(bytes.len() as u64).unwrap()
}

#[test]
fn the_same_solid_has_the_same_numbers_to_the_last_bit() {
    let expected = crate::shapes::analysed(&base());
    for (name, write) in ALL {
        let mesh = read(&write(&base())).unwrap();
        assert!(name.starts_with(mesh.format().as_str()), "{name}: {}", mesh.format());
        assert!(mesh.warnings().is_empty(), "{name}");
        let model = analyse(&mesh, Unit::Millimetre);
        assert_eq!(model.volume_mm3, expected.volume_mm3, "{name}");
        assert_eq!(model.area_mm2, expected.area_mm2, "{name}");
        assert_eq!(model.bbox_mm, expected.bbox_mm, "{name}");
        assert_eq!((model.facets, model.vertices), (expected.facets, expected.vertices), "{name}");
        assert!(model.watertight && model.shells == 1, "{name}");
    }
}

#[test]
fn only_some_formats_carry_a_unit() {
    for (name, write) in ALL {
        let mesh = read(&write(&base())).unwrap();
        let expected = match mesh.format() {
            Format::ThreeMf => Some(Unit::Millimetre),
            Format::Glb => Some(Unit::Metre),
            _ => None,
        };
        assert_eq!(mesh.unit(), expected, "{name}");
    }
}

#[test]
fn the_upload_sees_facets_and_extents_whatever_the_chunks() {
    for solid in [cube([-1.0, 2.0, 30.0], 5.0), base()] {
        for (name, write) in ALL {
            let file = write(&solid);
            let mesh = read(&file).unwrap();
            let whole = estimate(&file, file.len());
            assert_eq!(whole.format, mesh.format(), "{name}");
            for chunk in [1, 2, 3, 7, 50, 1023, 1024, 1025, 4096] {
                assert_eq!(estimate(&file, chunk), whole, "{name} by {chunk}");
            }
            if mesh.format() == Format::ThreeMf {
                assert!(whole.facets > 0 && !whole.counted && whole.extents.is_none());
                continue;
            }
            assert_eq!(whole.facets, solid.len() as u64, "{name}");
            assert!(whole.counted, "{name}");
            if mesh.format() != Format::StlBinary {
                let expected = analyse(&mesh, Unit::Millimetre).bbox_mm;
                let extents = whole.extents.unwrap();
                for axis in 0..3 {
                    assert!(close(extents[axis], expected[axis], 1e-9), "{name} {extents:?}");
                }
            }
        }
    }
}

#[test]
fn names_of_formats_are_the_same_everywhere() {
    for format in Format::ALL {
        assert_eq!(serde_json::to_value(format).unwrap(), format.as_str());
    }
}
