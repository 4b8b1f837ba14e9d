//! Wavefront OBJ as exporters write it, and as they should not.

use pricing::analysis::{Unit, analyse};
use pricing::mesh::{FacetCounter, Format, Mesh, ModelError, Place, Warning, read};

/// A cube of side 2 as six squares, in the given form of a corner and with the given line end.
fn cube(corner: impl Fn(i32) -> String, end: &str) -> String {
    let mut lines = vec!["# a cube".to_owned(), "mtllib none.mtl".to_owned(), "o cube".to_owned()];
    for corner in 0..8 {
        lines.push(format!("v {} {:e} {}.0", (corner & 1) * 2, corner & 2, (corner & 4) / 2));
    }
    lines.extend(["vt 0 0".to_owned(), "vn 0 0 1".to_owned(), "g sides".to_owned()]);
    for face in [[1, 3, 4, 2], [5, 6, 8, 7], [1, 2, 6, 5], [3, 7, 8, 4], [1, 5, 7, 3], [2, 4, 8, 6]]
    {
        lines.push(format!("f {}", face.map(&corner).join(" ")));
    }
    lines.push(String::new());
    lines.join(end)
}

fn volume(text: &str) -> f64 {
    let mesh = read(text.as_bytes()).unwrap();
    assert_eq!((mesh.format(), mesh.unit()), (Format::Obj, None));
    let model = analyse(&mesh, Unit::Millimetre);
    assert!(model.watertight);
    let mut counter = FacetCounter::new();
    text.as_bytes().chunks(5).for_each(|chunk| counter.push(chunk));
    let found = counter.finish(text.len() as u64).unwrap();
    assert_eq!(found.facets, mesh.facets().len() as u64);
    assert_eq!(found.extents, Some([2.0; 3]));
    model.volume_mm3
}

fn refused(text: &str) -> ModelError {
    read(text.as_bytes()).map(|mesh: Mesh| mesh.facets().len()).unwrap_err()
}

#[test]
fn every_form_of_a_corner_and_every_line_end_is_read() {
    for end in ["\n", "\r\n", "\r"] {
        assert_eq!(volume(&cube(|corner| corner.to_string(), end)), 8.0);
        assert_eq!(volume(&cube(|corner| format!("{corner}/1"), end)), 8.0);
        assert_eq!(volume(&cube(|corner| format!("{corner}//1"), end)), 8.0);
        assert_eq!(volume(&cube(|corner| format!("{corner}/1/1"), end)), 8.0);
        assert_eq!(volume(&cube(|corner| (corner - 9).to_string(), end)), 8.0);
        assert_eq!(volume(&cube(|corner| format!("\\{end} {corner}"), end)), 8.0);
    }
}

#[test]
fn positions_written_twice_are_one_vertex() {
    let text = cube(|corner| corner.to_string(), "\n");
    let mut twice = String::new();
    for line in text.lines() {
        let copies = if line.starts_with("v ") { 2 } else { 1 };
        (0..copies).for_each(|_| twice.extend([line, "\n"]));
    }
    let twice = twice.replace("f 1 3 4 2", "f 1 6 8 3").replace("f 5 6 8 7", "f 10 11 15 14");
    let twice = twice.replace("f 1 2 6 5", "f 1 4 12 9").replace("f 3 7 8 4", "f 5 14 16 7");
    let twice = twice.replace("f 1 5 7 3", "f 2 9 13 5").replace("f 2 4 8 6", "f 3 7 15 11");
    assert_eq!(volume(&twice), 8.0);
}

#[test]
fn lines_and_points_are_left_out_and_mentioned() {
    let text = cube(|corner| corner.to_string(), "\n") + "l 1 2 3\nf 1 2\nf 3\n";
    assert_eq!(read(text.as_bytes()).unwrap().warnings(), [Warning::FacesSkipped { faces: 2 }]);
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let text = cube(|corner| corner.to_string(), "\n");
    let line = |text: &str| match refused(text) {
        ModelError::Broken { place: Place::Line(line), what } => (line, what),
        other => panic!("{other:?}"),
    };
    let (at, what) = line(&text.replace("f 1 5 7 3", "f 1 5 x 3"));
    assert!(at == 19 && what.contains("\"x\""), "{at} {what}");
    assert_eq!(line(&text.replace("f 1 5 7 3", "f 1 5 0 3")).0, 19);
    assert_eq!(line(&text.replace("f 1 5 7 3", "f 1 5 -9 3")).0, 19);
    assert_eq!(line(&text.replace("f 1 5 7 3", "f 1 5 7- 3")).0, 19);
    assert_eq!(line(&text.replace("v 2 2e0", "v 2 2e0x")).0, 7);
    assert_eq!(line(&text.replace("v 2 2e0 0.0", "v 2 2e0")).0, 7);
    let beyond = refused(&text.replace("f 1 5 7 3", "f 1 5 9 3"));
    assert!(matches!(beyond, ModelError::Broken { place: Place::Facet(8), .. }), "{beyond:?}");
    let infinite = refused(&text.replace("v 2 2e0", "v 2 2e99"));
    assert!(matches!(infinite, ModelError::NotFinite { .. }), "{infinite:?}");
    let free = refused(&(text + "surf 0 1 0 1 1 2 3 4\n"));
    assert!(matches!(free, ModelError::Unsupported { place: Place::Line(21), .. }), "{free:?}");
    assert_eq!(refused("v 0 0 0\n"), ModelError::NoFacets);
}

/// Found by the fuzzer: the upload joined lines that the reader did not.
#[test]
fn a_backslash_joins_lines_only_within_positions_and_faces() {
    let text = cube(|corner| corner.to_string(), "\n");
    assert_eq!(volume(&text.replace("# a cube", "# C:\\models \\")), 8.0);
    assert_eq!(volume(&text.replace("g sides", "g sides \\")), 8.0);
    assert_eq!(volume(&text.replace("g sides", "\\")), 8.0);
    assert_eq!(volume(&text.replace("v 2 2e0 2.0", "v 2 \\\n2e0 2.0 \\")), 8.0);
}
