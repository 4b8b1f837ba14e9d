//! Files as they come: cut off, lying, in either kind, with the line ends of every system.

use pricing::analysis::{Unit, analyse};
use pricing::mesh::{FacetCounter, FacetEstimate, Format, ModelError, Warning, read, sniff};

use crate::shapes::{analysed, ascii, base, binary, cube};

fn estimate(bytes: &[u8], chunk: usize) -> Option<FacetEstimate> {
    let mut counter = FacetCounter::new();
    bytes.chunks(chunk).for_each(|chunk| counter.push(chunk));
    counter.finish(bytes.len() as u64)
}

#[test]
fn text_and_binary_give_the_same_numbers() {
    let facets = base();
    let expected = analysed(&facets);
    for end in ["\n", "\r\n", "\r", " \t"] {
        let file = if end == " \t" {
            // All on one line but the name.
            let text = String::from_utf8(ascii(&facets, "\n")).unwrap();
            let (name, rest) = text.split_once('\n').unwrap();
            format!("{name}\n{}", rest.replace('\n', " \t")).into_bytes()
        } else {
            ascii(&facets, end)
        };
        let mesh = read(&file).unwrap();
        assert_eq!(mesh.format(), Format::StlAscii);
        assert!(mesh.warnings().is_empty(), "{:?}", mesh.warnings());
        let model = analyse(&mesh, Unit::Millimetre);
        assert_eq!(model.volume_mm3, expected.volume_mm3);
        assert_eq!(model.shells, expected.shells);
    }
}

#[test]
fn words_may_be_in_any_case_and_a_file_may_hold_several_solids() {
    let mut file = ascii(&cube([0.0; 3], 1.0), "\n").to_ascii_uppercase();
    file.extend(ascii(&cube([5.0; 3], 1.0), "\n"));
    let mesh = read(&file).unwrap();
    assert_eq!(mesh.facets().len(), 24);
    assert_eq!(analyse(&mesh, Unit::Millimetre).volume_mm3, 2.0);
}

#[test]
fn a_byte_order_mark_and_a_name_in_another_encoding_do_no_harm() {
    let mut file = b"\xEF\xBB\xBF".to_vec();
    file.extend(ascii(&cube([0.0; 3], 1.0), "\n"));
    let at = file.windows(4).position(|word| word == b"made").unwrap();
    file[at..at + 4].copy_from_slice(&[0xCA, 0xEE, 0xEB, 0xFC]);
    assert_eq!(read(&file).unwrap().facets().len(), 12);
}

#[test]
fn a_binary_file_that_says_solid_is_binary() {
    let mut file = binary(&base());
    file[..6].copy_from_slice(b"solid ");
    assert_eq!(sniff(&file, file.len() as u64), Ok(Format::StlBinary));
    assert_eq!(read(&file).unwrap().facets().len(), 2016);
    file.extend([0; 1000]);
    assert_eq!(read(&file).unwrap().facets().len(), 2016, "with trailing bytes too");
}

#[test]
fn trailing_bytes_are_left_out_and_mentioned() {
    let mut file = binary(&base());
    file.extend([0; 1000]);
    let mesh = read(&file).unwrap();
    assert_eq!(mesh.warnings(), [Warning::TrailingBytes { bytes: 1000 }]);
    assert_eq!(mesh.facets().len(), 2016);
    let model = analyse(&mesh, Unit::Millimetre);
    assert_eq!(model.warnings, mesh.warnings());
}

#[test]
fn a_file_cut_off_says_how_much_is_missing() {
    let mut file = binary(&base());
    let expected = file.len() as u64;
    file.truncate(file.len() - 777);
    let refused = read(&file).unwrap_err();
    let actual = expected - 777;
    assert_eq!(refused, ModelError::Truncated { facets: 2016, expected, actual });
    let words = refused.to_string();
    assert!(words.contains(&expected.to_string()) && words.contains(&actual.to_string()));
    assert_eq!(estimate(&file, 500), None);
}

#[test]
fn a_count_that_lies_is_refused_before_anything_is_allocated() {
    let mut file = binary(&base());
    file[80..84].copy_from_slice(&u32::MAX.to_le_bytes());
    let refused = read(&file).unwrap_err();
    assert!(matches!(refused, ModelError::Truncated { facets: 4_294_967_295, .. }), "{refused}");
}

#[test]
fn a_text_cut_off_names_the_facet_and_the_word_that_is_missing() {
    let file = ascii(&cube([0.0; 3], 1.0), "\n");
    let cut = &file[..file.len() * 2 / 3];
    let refused = read(cut).unwrap_err();
    assert!(matches!(refused, ModelError::TruncatedText { facet: 7 | 8, .. }), "{refused:?}");

    let text = String::from_utf8(file).unwrap();
    let whole = text.split("endsolid").next().unwrap();
    assert_eq!(read(whole.as_bytes()).unwrap().warnings(), [Warning::MissingEndsolid]);
}

#[test]
fn a_text_that_is_not_quite_stl_names_line_and_word() {
    let text = String::from_utf8(ascii(&cube([0.0; 3], 1.0), "\n")).unwrap();
    let refused = read(text.replacen("vertex 0", "vertex zero", 1).as_bytes()).unwrap_err();
    let ModelError::Malformed { line, facet, found, .. } = refused else { panic!("{refused:?}") };
    assert_eq!((line, facet, found.as_str()), (4, 0, "zero"));
    let four = text.replacen("endloop", "vertex 1 1 1\nendloop", 1);
    assert!(matches!(read(four.as_bytes()), Err(ModelError::Malformed { .. })));
    let huge = text.replacen("vertex 1", "vertex 1e39", 1);
    assert_eq!(read(huge.as_bytes()), Err(ModelError::NotFinite { facet: 0 }));
}

#[test]
fn a_model_without_facets_is_refused() {
    assert_eq!(read(&binary(&[])), Err(ModelError::NoFacets));
    assert_eq!(read(b"solid nothing\nendsolid nothing\n"), Err(ModelError::NoFacets));
    assert_eq!(estimate(b"solid nothing\nendsolid nothing\n", 4), None);
}

#[test]
fn what_is_no_model_is_called_by_its_name() {
    assert_eq!(read(b""), Err(ModelError::Empty));
    let reason = |bytes: &[u8]| match read(bytes).unwrap_err() {
        ModelError::NotAModel { reason } => reason,
        other => panic!("{other:?}"),
    };
    let padded = |start: &[u8]| [start, &[0; 200]].concat();
    assert!(reason(b"ISO-10303-21;\nHEADER;\n").contains("STEP"));
    assert!(reason(&padded(b"\x89PNG\r\n\x1A\n")).contains("PNG"));
    assert!(reason(&padded(b"\xFF\xD8\xFF\xE0")).contains("JPEG"));
    assert!(reason(b"%PDF-1.7\n").contains("PDF"));
    assert!(reason(b"{\"a\": 1}").contains("JSON"));
    assert!(reason(b"solidity is a language").contains("solid"));
    assert!(reason(&[0, 1, 2, 3]).contains("shorter"));
}

#[test]
fn the_counter_agrees_with_the_reader_whatever_the_chunks() {
    let facets = base();
    for file in [binary(&facets), ascii(&facets, "\r\n")] {
        let format = read(&file).unwrap().format();
        for chunk in [1, 2, 7, 8, 9, 83, 84, 85, 4096, file.len()] {
            let found = estimate(&file, chunk).unwrap();
            assert_eq!((found.format, found.facets, found.counted), (format, 2016, true));
        }
    }
}
