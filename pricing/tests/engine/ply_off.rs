//! PLY and OFF: properties, lists, comments, and counts that lie.

use pricing::analysis::{Unit, analyse};
use pricing::mesh::{FacetCounter, ModelError, Place, read};

use crate::shapes::cube;
use crate::writers::{off, ply};

fn volume(file: &[u8]) -> f64 {
    analyse(&read(file).unwrap(), Unit::Millimetre).volume_mm3
}

fn refused(file: &[u8]) -> ModelError {
    let error = read(file).map(|mesh| mesh.facets().len()).unwrap_err();
    // A reason of the upload, if it finds one, is the same kind of reason.
    let mut counter = FacetCounter::new();
    counter.push(file);
    if let Err(early) = counter.verdict(file.len() as u64) {
        assert!(early.code() == error.code() || early == ModelError::NoFacets, "{early}: {error}");
    }
    error
}

fn replaced(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = file.windows(from.len()).position(|window| window == from.as_bytes());
    let at = at.unwrap_or_else(|| panic!("{from}"));
    [&file[..at], to.as_bytes(), &file[at + from.len()..]].concat()
}

const ENCODINGS: [&str; 3] = ["ascii", "binary_little_endian", "binary_big_endian"];

/// The cube as six squares, with every type there is.
fn rich(line_end: &str) -> Vec<u8> {
    let mut lines = vec![
        "ply".to_owned(),
        "format ascii 1.0".to_owned(),
        "comment end_header".to_owned(),
        "obj_info none".to_owned(),
        "element material 2".to_owned(),
        "property list uchar double shades".to_owned(),
        "element vertex 8".to_owned(),
        "property double z".to_owned(),
        "property list int8 int16 tags".to_owned(),
        "property int x".to_owned(),
        "property uint8 y".to_owned(),
        "element nothing 3000000000".to_owned(),
        "element face 6".to_owned(),
        "property float32 quality".to_owned(),
        "property list ushort uint vertex_index".to_owned(),
        "property list uchar float uv".to_owned(),
        "element edge 1".to_owned(),
        "property int a".to_owned(),
        "end_header".to_owned(),
        "3 1 2 3".to_owned(),
        "0".to_owned(),
    ];
    for corner in 0..8 {
        lines.push(format!("{}.0 2 5 6 {} {}", (corner & 4) / 2, (corner & 1) * 2, corner & 2));
    }
    for [a, b, c, d] in
        [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]]
    {
        lines.push(format!("0.5 4 {a} {b} {c} {d} 2 0.25 0.75"));
    }
    lines.push("17".to_owned());
    lines.join(line_end).into_bytes()
}

#[test]
fn properties_and_elements_that_say_nothing_about_the_shape_are_passed_over() {
    for end in ["\n", "\r\n", "\r"] {
        let file = rich(end);
        assert_eq!(volume(&file), 8.0);
        for chunk in [1, 5, 4096] {
            let mut counter = FacetCounter::new();
            file.chunks(chunk).for_each(|chunk| counter.push(chunk));
            let found = counter.verdict(file.len() as u64).unwrap();
            assert_eq!((found.facets, found.extents), (12, Some([2.0; 3])), "{end:?} {chunk}");
        }
    }
}

#[test]
fn counts_that_lie_are_refused_before_anything_is_allocated() {
    for encoding in ENCODINGS {
        let file = ply(&cube([0.0; 3], 2.0), encoding);
        for (from, to) in [
            ("element vertex 8", "element vertex 4294967295"),
            ("element face 12", "element face 4294967295"),
            ("element face 12", "element face 18446744073709551615"),
            ("element vertex 8", "element camera 4294967295\nproperty int a\nelement vertex 8"),
        ] {
            let error = refused(&replaced(&file, from, to));
            assert!(matches!(error, ModelError::Overstated { .. }), "{encoding} {error:?}");
            assert!(error.to_string().starts_with("line "), "{error}");
        }
        let cut = refused(&file[..file.len() - 3]);
        assert_eq!(cut.code(), "truncated", "{encoding}");
    }
    let file = ply(&cube([0.0; 3], 2.0), "ascii");
    let long = refused(&replaced(&file, "\n3 ", "\n4000000000 "));
    assert!(matches!(long, ModelError::Broken { .. } | ModelError::CutOff { .. }), "{long:?}");
    let off = off(&cube([0.0; 3], 2.0));
    for to in ["4294967295 12 0", "8 4294967295 0", "18446744073709551615 1 1"] {
        assert_eq!(refused(&replaced(&off, "8 12 0", to)).code(), "truncated", "{to}");
    }
    assert_eq!(refused(&off[..off.len() - 5]).code(), "truncated");
    let long = refused(&replaced(&off, "\n3 ", "\n4000000000 "));
    assert!(matches!(long, ModelError::Broken { place: Place::Line(11), .. }), "{long:?}");
}

#[test]
fn corners_beyond_the_vertices_and_words_that_are_no_numbers_are_named() {
    for encoding in ENCODINGS {
        let file = ply(&cube([0.0; 3], 2.0), encoding);
        let one_less = replaced(&file, "element vertex 8", "element vertex 7");
        let error = refused(&one_less);
        assert!(matches!(error.code(), "malformed" | "truncated"), "{encoding} {error:?}");
    }
    let file = ply(&cube([0.0; 3], 2.0), "ascii");
    let error = refused(&replaced(&file, "\n3 0", "\n3 9"));
    assert!(matches!(error, ModelError::Broken { place: Place::Line(20), .. }), "{error:?}");
    let error = refused(&replaced(&file, "\n2 2 255", "\n2 zwei 255"));
    assert!(error.to_string().contains("zwei"), "{error}");
    let error = refused(&replaced(&file, "\n2 2 255", "\n2 inf 255"));
    assert!(matches!(error, ModelError::NotFinite { .. }), "{error:?}");

    let off = off(&cube([0.0; 3], 2.0));
    let error = refused(&replaced(&off, "\n3 0", "\n3 9"));
    assert!(matches!(error, ModelError::Broken { place: Place::Line(11), .. }), "{error:?}");
    let error = refused(&replaced(&off, "\n2 2 0", "\n2 zwei 0"));
    assert!(error.to_string().contains("zwei"), "{error}");
}

#[test]
fn headers_that_make_no_sense_are_refused() {
    let file = ply(&cube([0.0; 3], 2.0), "ascii");
    for (from, to, code) in [
        ("format ascii 1.0", "format morse 1.0", "malformed"),
        ("format ascii 1.0\n", "", "malformed"),
        ("property float x", "property float w", "malformed"),
        ("property float x", "property fraction x", "malformed"),
        ("element vertex 8", "property int early\nelement vertex 8", "malformed"),
        ("element vertex 8", "element vertex -8", "malformed"),
        ("element face 12", "element vertex 8\nproperty float x\nelement face 12", "malformed"),
        ("list uchar", "list float", "malformed"),
        (
            "element vertex 8",
            "element face 0\nproperty list uchar int vertex_indices\nelement vertex 8",
            "not_supported",
        ),
        (
            "element face 12",
            "element tristrips 1\nproperty list int int vertex_indices\nelement face 12",
            "not_supported",
        ),
        ("end_header", "end_headr", "malformed"),
        ("vertex_indices", "corners", "no_facets"),
    ] {
        assert_eq!(refused(&replaced(&file, from, to)).code(), code, "{to}");
    }
    let many = "property float a\n".repeat(300);
    let file = replaced(&file, "property float x\n", &(many + "property float x\n"));
    assert_eq!(refused(&file).code(), "over_limit");
    assert_eq!(refused(b"ply\nformat ascii 1.0\n").code(), "truncated");
}

#[test]
fn off_in_its_forms_is_the_same_solid() {
    let plain = String::from_utf8(off(&cube([0.0; 3], 2.0))).unwrap();
    let body = plain.strip_prefix("OFF\n8 12 0\n").unwrap();
    let coloured = body.replace("\n3 ", " 0 0 1 255 0 0 255 # corner\n\n# next\n3 ");
    for file in [
        plain.clone(),
        plain.replace('\n', "\r\n"),
        plain.replace('\n', "\r"),
        format!("OFF 8 12 0\n{body}"),
        format!("OFF # made by a test\n# counts\n\n8 12\n{body}"),
        format!("# first of all\nCOFF\n8 12 0\n{coloured}"),
        format!("STCNOFF\n8 12 0\n{coloured}"),
        plain.trim_end().to_owned(),
    ] {
        assert_eq!(volume(file.as_bytes()), 8.0, "{file}");
        let mut counter = FacetCounter::new();
        file.as_bytes().chunks(3).for_each(|chunk| counter.push(chunk));
        let found = counter.verdict(file.len() as u64).unwrap();
        assert_eq!((found.facets, found.extents), (12, Some([2.0; 3])), "{file}");
    }
    assert_eq!(refused(format!("4OFF\n8 12 0\n{body}").as_bytes()).code(), "not_supported");
    assert!(refused(b"OFF BINARY\n\0\0\0\x08").to_string().contains("binary OFF"));
}
