//! 3MF: units, transforms, components, parts; and everything a package could try.

use pricing::analysis::{Analysis, Unit, analyse};
use pricing::mesh::{ModelError, Place, Warning, read};

use crate::large::with_threads;
use crate::shapes::{close, cube, sphere};
use crate::writers::{ITEM, model_xml, object_xml, package, three_mf, zip};

const MODEL: &str = "3D/3dmodel.model";

fn made(unit: &str, objects: &str, build: &str) -> Vec<u8> {
    three_mf(&model_xml(unit, &cube([0.0; 3], 2.0), objects, build))
}

fn measured(file: &[u8]) -> Analysis {
    analyse(&read(file).unwrap(), Unit::Millimetre)
}

fn refused(file: &[u8]) -> ModelError {
    read(file).map(|mesh| mesh.facets().len()).unwrap_err()
}

/// The model above with something in it replaced.
fn replaced(from: &str, to: &str) -> Vec<u8> {
    let xml = model_xml("millimeter", &cube([0.0; 3], 2.0), "", ITEM);
    assert!(xml.contains(from), "{from}");
    three_mf(&xml.replacen(from, to, 1))
}

fn assembly(number: u32, components: &[u32]) -> String {
    let component = |object: &u32| format!("<component objectid=\"{object}\"/>");
    let components: String = components.iter().map(component).collect();
    format!("<object id=\"{number}\"><components>{components}</components></object>")
}

#[test]
fn the_file_says_its_unit() {
    for (name, unit) in [
        ("micron", Unit::Micrometre),
        ("millimeter", Unit::Millimetre),
        ("centimeter", Unit::Centimetre),
        ("inch", Unit::Inch),
        ("foot", Unit::Foot),
        ("meter", Unit::Metre),
    ] {
        assert_eq!(read(&made(name, "", ITEM)).unwrap().unit(), Some(unit));
    }
    let silent = replaced("unit=\"millimeter\" ", "");
    assert_eq!(read(&silent).unwrap().unit(), Some(Unit::Millimetre));
    let unknown = refused(&made("furlong", "", ITEM));
    assert!(unknown.to_string().contains("furlong"), "{unknown}");
}

#[test]
fn items_and_components_are_placed_and_mirrors_turn_facets_round() {
    let objects = "<object id=\"2\"><components><component objectid=\"1\" \
        transform=\"-1 0 0 0 1 0 0 0 1 -1 0 0\"/><component objectid=\"1\" \
        transform=\"2 0 0 0 2 0 0 0 2 1 0 0\"/></components></object>";
    let build = "<item objectid=\"2\" transform=\"0 1 0 -1 0 0 0 0 1 0 0 7\"/>\
        <item objectid=\"1\" transform=\"1 0 0 0 0 1 0 1 0 40 0 0\"/>";
    let model = measured(&made("millimeter", objects, build));
    assert!(model.watertight && model.closed_oriented);
    assert_eq!(model.shells, 3);
    assert_eq!(model.volume_mm3, 8.0 + 64.0 + 8.0);
    assert_eq!(model.bbox_mm, [46.0, 8.0, 11.0]);
}

#[test]
fn what_is_no_part_of_the_model_is_left_out_and_mentioned() {
    for kind in ["support", "solidsupport", "surface", "other"] {
        let support = object_xml(7, &format!("type=\"{kind}\""), &cube([5.0; 3], 1.0));
        let objects = support + &assembly(8, &[1, 7]);
        let file = made("millimeter", &objects, "<item objectid=\"8\"/><item objectid=\"7\"/>");
        assert_eq!(read(&file).unwrap().warnings(), [Warning::ObjectsSkipped { objects: 2 }]);
        assert_eq!(measured(&file).volume_mm3, 8.0);
    }
    assert_eq!(refused(&made("millimeter", "", "")), ModelError::NoFacets);
}

#[test]
fn objects_of_other_parts_are_read_in_their_unit() {
    let objects = "<object id=\"2\"><components><component objectid=\"1\" \
        p:path=\"/3D/Objects/part.model\" transform=\"1 0 0 0 1 0 0 0 1 30 0 0\"/></components>\
        </object>";
    let build = "<item objectid=\"2\"/><item objectid=\"1\"/>";
    let main = model_xml("millimeter", &cube([0.0; 3], 2.0), objects, build);
    let mut parts = package(main);
    let other = model_xml("centimeter", &cube([0.0; 3], 1.0), "", "");
    parts.push(("3D/Objects/part.model".to_owned(), other.into_bytes()));
    let model = measured(&zip(&parts, true));
    assert!(close(model.volume_mm3, 1008.0, 1e-12), "{}", model.volume_mm3);
    assert_eq!(model.bbox_mm, [40.0, 10.0, 10.0]);
    parts.pop();
    assert!(refused(&zip(&parts, true)).to_string().contains("3D/Objects/part.model"));
}

#[test]
fn the_model_is_found_by_relation_and_else_where_it_usually_is() {
    let xml = model_xml("millimeter", &cube([0.0; 3], 2.0), "", ITEM);
    let mut parts = package(xml.clone());
    parts.remove(0);
    assert_eq!(measured(&zip(&parts, true)).volume_mm3, 8.0);
    let mut parts = package(xml);
    for (_, bytes) in &mut parts[..1] {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replace("3dmodel.model", "ring.model").into_bytes();
    }
    assert!(refused(&zip(&parts, true)).to_string().contains("3D/ring.model"));
    parts[1].0 = "3D/Ring.model".to_owned();
    assert_eq!(measured(&zip(&parts, true)).volume_mm3, 8.0);
    let letters = zip(&[("letter.txt".to_owned(), b"hello".to_vec())], true);
    assert!(matches!(refused(&letters), ModelError::NotAModel { .. }));
}

#[test]
fn xml_in_any_dress_is_the_same_model() {
    let xml = model_xml("millimeter", &cube([0.0; 3], 2.0), "", ITEM);
    let dressed = [
        xml.replace(" />", "/>"),
        xml.replace('\n', "\r\n\t "),
        xml.replace('\n', ""),
        xml.replace("\" />", "\" pid=\"a &gt; b > 'c'\"></vertex>")
            .replace("</vertex>\n<triangle ", "</triangle>\n<triangle "),
        xml.replace("<mesh>", "<!-- <triangle v1=\"9\"> -- > --><mesh><![CDATA[<a]]>]]><?x <y ?>"),
        xml.replace("x=\"", "x = '").replace("\" y", "' y"),
        xml.replace("x=\"", "u:name='\"' x=\""),
        xml.replace("<mesh>", "<x:y xmlns:x=\"z\"><vertices><vertex/></vertices></x:y><mesh>"),
        format!("\u{FEFF}{xml}<!-- end -->\n"),
    ];
    for (number, xml) in dressed.into_iter().enumerate() {
        let xml = match number {
            // The elements that were closed under another name.
            3 => {
                let (vertices, triangles) = xml.split_once("<triangles>").unwrap();
                let triangles = triangles.replace("</vertex>", "</triangle>");
                format!("{}<triangles>{triangles}", vertices.replace("</triangle>", "</vertex>"))
            }
            _ => xml,
        };
        let model = read(&three_mf(&xml)).map(|mesh| analyse(&mesh, Unit::Millimetre).volume_mm3);
        assert_eq!(model, Ok(8.0), "{number}");
    }
}

#[test]
fn a_tag_over_the_edge_of_a_block_is_read_whole() {
    let xml = model_xml("millimeter", &cube([0.0; 3], 2.0), "", ITEM);
    for padding in (65_000..66_000).step_by(7).chain([131_000, 200_000]) {
        let padded = xml.replacen('\n', &format!("\n<!--{}-->", "x".repeat(padding)), 1);
        let file = zip(&package(padded), false);
        assert_eq!(read(&file).unwrap().facets().len(), 12, "{padding}");
    }
    let long = xml.replacen("<mesh>", &format!("<mesh a=\"{}\">", "x".repeat(300_000)), 1);
    assert_eq!(read(&three_mf(&long)).unwrap().facets().len(), 12);
}

/// A model of many batches, with something done to its XML and then to the archive.
fn large(xml: impl FnOnce(String) -> String, archive: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let model = model_xml("millimeter", &sphere(151, 150, 10.0, [0.0; 3]), "", ITEM);
    let mut file = three_mf(&xml(model));
    archive(&mut file);
    file
}

#[test]
fn any_number_of_threads_reads_the_same_or_finds_the_same_fault() {
    let last = |from: &'static str, to: &'static str| {
        move |xml: String| {
            let at = xml.rfind(from).unwrap();
            format!("{}{to}{}", &xml[..at], &xml[at + from.len()..])
        }
    };
    let damaged = |file: &mut Vec<u8>| {
        let middle = file.len() / 2;
        file[middle..middle + 8].fill(0xFF);
    };
    let same = |xml: String| xml;
    let files = [
        (large(same, |_| {}), ""),
        (large(last("<triangle v1=\"", "<triangle v1=\"x"), |_| {}), "whole number"),
        (large(last("<vertex x=\"", "<vertex x=\"x"), |_| {}), "finite number"),
        (large(last("</triangles>", "</triangle>"), |_| {}), "closed"),
        (large(same, damaged), "3dmodel.model"),
        // Whatever comes first is told: the text before it was read.
        (large(|xml| xml.replacen("x=\"", "x=\"y", 1), damaged), "finite number"),
        (
            large(same, |file| {
                let crc = position(file, b"PK\x01\x02", 1) + 16;
                file[crc] ^= 1;
            }),
            "checksum",
        ),
    ];
    for (number, (file, what)) in files.iter().enumerate() {
        let alone = with_threads(1, || read(file));
        match &alone {
            Ok(mesh) => assert!(what.is_empty() && mesh.facets().len() > 40_000, "{number}"),
            Err(error) => assert!(error.to_string().contains(what), "{number}: {error}"),
        }
        assert_eq!(alone.is_err(), !what.is_empty(), "{number}");
        for threads in [2, 3] {
            assert_eq!(with_threads(threads, || read(file)), alone, "{number}: {threads}");
        }
    }
}

#[test]
fn elements_read_without_a_parser_say_what_the_parser_says() {
    let words = [
        "1",
        "-0",
        "+1",
        ".5",
        "1.",
        "-1.25e2",
        "1e400",
        "1e-400",
        "",
        " 1",
        "1 ",
        "0x1",
        "nan",
        "12345678901234567890",
        "0.1234567890123456789",
        "007",
        "999999999",
        "2147483648",
        "4294967296",
        "1&gt;",
        "1'",
        "9",
    ];
    let told = |file: &[u8]| {
        read(file).map_err(|error| match error {
            ModelError::Broken { what, .. } => what,
            other => panic!("{other:?}"),
        })
    };
    for word in words {
        for (name, tag) in
            [("x=\"2\"", "<vertex "), ("z=\"2\"", "<vertex "), ("v1=\"0\"", "<triangle ")]
        {
            let said = name.split_once('"').unwrap().0;
            let plain = model_xml("millimeter", &cube([0.0; 3], 2.0), "", ITEM).replacen(
                name,
                &format!("{said}\"{word}\""),
                1,
            );
            for plain in [plain.replace(" />", "/>"), plain] {
                let parsed = plain.replace(tag, &format!("{tag}a=\"b\" "));
                assert_eq!(told(&three_mf(&plain)), told(&three_mf(&parsed)), "{name} {word}");
            }
        }
    }
}

#[test]
fn what_is_wrong_in_the_xml_is_named_with_entry_and_byte() {
    let place = |file: &[u8]| match refused(file) {
        ModelError::Broken { place: Place::Entry { name, byte }, what } => {
            assert_eq!(name, MODEL);
            assert!(byte < 5000, "{byte}");
            what
        }
        other => panic!("{other:?}"),
    };
    assert!(place(&replaced("x=\"2\"", "x=\"two\"")).contains("two"));
    assert!(place(&replaced("x=\"2\"", "x=\"1e999\"")).contains("finite"));
    assert!(place(&replaced("x=\"2\"", "x=\"nan\"")).contains("finite"));
    assert!(place(&replaced("x=\"2\"", "w=\"2\"")).contains("x, y and z"));
    assert!(place(&replaced("x=\"2\"", "x=2")).contains("attribute"));
    assert!(place(&replaced("v1=\"0\"", "v1=\"-1\"")).contains("-1"));
    assert!(place(&replaced("v1=\"0\"", "v1=\"99999999999\"")).contains("99999999999"));
    assert!(place(&replaced("v1=\"0\"", "v1=\"8\"")).contains("only 8 vertices"));
    assert!(place(&replaced("v1=\"0\"", "v4=\"0\"")).contains("v1, v2 and v3"));
    assert!(place(&replaced("</vertices>", "</vertixes>")).contains("closed"));
    assert!(place(&replaced("</build>", "<build>")).contains("open one"));
    assert!(place(&replaced("</model>", "")).contains("ends before"));
    assert!(place(&replaced("</model>\n", "</model")).contains("inside a tag"));
    assert!(place(&replaced("</model>", "</model><model/>")).contains("more than one"));
    assert!(place(&replaced("objectid=\"1\"", "objectid=\"1\" transform=\"1 2\"")).contains("12"));
    assert!(place(&replaced("objectid=\"1\"", "objectid=\"5\"")).contains("object 5"));
    assert!(place(&replaced("id=\"1\"", "od=\"1\"")).contains("number"));
    let twice = object_xml(1, "", &cube([0.0; 3], 1.0));
    assert!(place(&made("millimeter", &twice, ITEM)).contains("two objects"));
}

#[test]
fn what_would_make_another_model_of_it_is_refused_by_name() {
    let named = |file: &[u8]| match refused(file) {
        ModelError::Unsupported { what, .. } => what,
        other => panic!("{other:?}"),
    };
    let doctype = "<?xml version=\"1.0\"?><!DOCTYPE model [<!ENTITY a \"b\">]>";
    let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    assert!(named(&replaced(xml, doctype)).contains("document type"));
    let beams =
        replaced("requiredextensions=\"p\"", "requiredextensions=\"p b\" xmlns:b=\"beams\"");
    assert!(named(&beams).contains("beams"));
    assert!(named(&replaced("<triangles>", "<b:beamlattice/><triangles>")).contains("beamlattice"));
    let mut encrypted = made("millimeter", "", ITEM);
    let entry = position(&encrypted, b"PK\x01\x02", 1);
    encrypted[entry + 8] |= 1;
    assert!(named(&encrypted).contains("encrypted"));
    let mut other = made("millimeter", "", ITEM);
    other[entry + 10] = 12;
    assert!(named(&other).contains("method 12"));
}

#[test]
fn names_that_lead_out_of_the_archive_are_refused() {
    for name in
        ["../evil", "3D/../../evil", "/etc/passwd", "C:\\evil", "a\\..\\b", "3D/./x", "a\0b"]
    {
        let mut parts = package(model_xml("millimeter", &cube([0.0; 3], 2.0), "", ITEM));
        parts.push((name.to_owned(), vec![]));
        let what = refused(&zip(&parts, true)).to_string();
        assert!(what.contains("not a path inside"), "{name}: {what}");
    }
    for target in ["/../3D/3dmodel.model", "//3D/3dmodel.model", "http://a/b", "/3D/%2e%2e/a"] {
        let mut parts = package(model_xml("millimeter", &cube([0.0; 3], 2.0), "", ITEM));
        let text = String::from_utf8(parts[0].1.clone()).unwrap();
        parts[0].1 = text.replace("/3D/3dmodel.model", target).into_bytes();
        let what = refused(&zip(&parts, true)).to_string();
        assert!(what.contains("not the name of a part"), "{target}: {what}");
    }
    let mut parts = package(model_xml("millimeter", &cube([0.0; 3], 2.0), "", ITEM));
    parts.push(("3d/3DModel.model".to_owned(), vec![]));
    assert!(refused(&zip(&parts, true)).to_string().contains("two entries"));
}

#[test]
fn bombs_are_stopped_by_what_really_comes_out() {
    let over = |file: &[u8]| match refused(file) {
        ModelError::OverLimit { what, limit, .. } => (what, limit),
        other => panic!("{other:?}"),
    };
    // 3 MB of white space in 3 KB.
    let xml = model_xml("millimeter", &cube([0.0; 3], 2.0), "", ITEM);
    let blank = xml.replacen('\n', &" ".repeat(3_000_000), 1);
    let mut file = three_mf(&blank);
    assert!(file.len() < 10_000);
    assert!(over(&file).0.contains("100 times"));
    // The sizes that the archive states are not asked.
    let entry = position(&file, b"PK\x01\x02", 1);
    file[entry + 24..entry + 28].copy_from_slice(&100_u32.to_le_bytes());
    assert!(over(&file).0.contains("100 times"));
    // One that claims too much but holds little is damaged, not large.
    let mut claims = three_mf(&xml);
    let entry = position(&claims, b"PK\x01\x02", 1);
    claims[entry + 24..entry + 28].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(refused(&claims).to_string().contains("checksum or length"));
    // A million comments.
    let comments = "<!---->".repeat(1_000_001);
    let stuffed = zip(&package(xml.replacen("<mesh>", &(comments + "<mesh>"), 1)), false);
    assert_eq!(over(&stuffed).1, 1_000_000);
    // A tag that never ends.
    let tag = xml.replacen("<mesh>", &format!("<mesh a=\"{}\">", noise(1_300_000)), 1);
    assert_eq!(over(&three_mf(&tag)), ("bytes in one tag", 1 << 20));
    // One that never ends and closes at every byte, but for the quotes.
    let tag = xml.replacen("<mesh>", &format!("<mesh a=\"{}", ">".repeat(1_300_000)), 1);
    let file = zip(&package(tag), false);
    assert_eq!(over(&file), ("bytes in one tag", 1 << 20));
    // More entries than any model has.
    let mut parts = package(xml.clone());
    parts.extend((0..200).map(|number| (format!("Textures/{number}.png"), vec![])));
    assert_eq!(over(&zip(&parts, true)), ("entries in the archive", 200));
}

#[test]
fn nesting_circles_and_doublings_are_counted_before_anything_is_placed() {
    let chain = |length: u32, copies: usize| -> Vec<u8> {
        let link = |number: u32| assembly(number, &vec![number - 1; copies]);
        let objects: String = (2..=length).map(link).collect();
        made("millimeter", &objects, &format!("<item objectid=\"{length}\"/>"))
    };
    assert_eq!(read(&chain(32, 1)).unwrap().facets().len(), 12);
    let over = |file: &[u8]| match refused(file) {
        ModelError::OverLimit { what, limit, .. } => (what, limit),
        other => panic!("{other:?}"),
    };
    assert_eq!(over(&chain(33, 1)), ("components inside each other", 32));
    assert_eq!(over(&chain(2000, 1)), ("components inside each other", 32));
    assert_eq!(over(&chain(31, 2)), ("objects placed by the build", 10_000));
    assert_eq!(over(&chain(31, 200)), ("objects placed by the build", 10_000));
    let circle = assembly(2, &[3]) + &assembly(3, &[1, 2]);
    let what = refused(&made("millimeter", &circle, "<item objectid=\"3\"/>")).to_string();
    assert!(what.contains("component of itself"), "{what}");
    assert_eq!(over(&made("millimeter", "", &ITEM.repeat(10_001))).1, 10_000);
    let deep = replaced("<mesh>", &("<a>".repeat(5000) + "<mesh>"));
    assert_eq!(over(&deep), ("elements inside each other", 64));
}

/// Where a mark stands for the n-th time, counted from 0.
fn position(bytes: &[u8], mark: &[u8], n: usize) -> usize {
    let places = bytes.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark);
    places.map(|(at, _)| at).nth(n).unwrap()
}

/// Letters that do not pack well.
fn noise(length: usize) -> String {
    let mut state = 1_u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'a' + u8::try_from(state >> 60).unwrap())
    };
    (0..length).map(|_| letter()).collect()
}
