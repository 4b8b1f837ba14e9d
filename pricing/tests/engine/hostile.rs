//! Bytes from anybody: an answer or a reason, never a panic.

use pricing::analysis::{Unit, analyse};
use pricing::mesh::{FacetCounter, read};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::shapes::cube;
use crate::writers::{ALL, ITEM, NODE, container, glb, model_xml, zip};

fn survives(bytes: &[u8]) {
    let mut counter = FacetCounter::new();
    bytes.chunks(13).for_each(|chunk| counter.push(chunk));
    let estimate = counter.finish(bytes.len() as u64);
    if let Ok(mesh) = read(bytes) {
        let model = analyse(&mesh, mesh.unit().unwrap_or(Unit::Metre));
        let _ = model.verdict();
        let estimate = estimate.expect("the upload lets in what is read");
        assert_eq!(estimate.format, mesh.format());
    }
}

/// Changes a few bytes, perhaps to ones that mean something, and cuts the end off.
fn change(file: &mut Vec<u8>, changes: &[(prop::sample::Index, u8)], keep: prop::sample::Index) {
    for (place, byte) in changes {
        let place = place.index(file.len());
        file[place] = *byte;
    }
    survives(file);
    file.truncate(keep.index(file.len()));
    survives(file);
}

fn telling_byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        any::<u8>(),
        prop::sample::select(b"0123456789-+.eE/#\\<>\"'&=[]{},: \n\r\tOFvfx".to_vec()),
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in vec(any::<u8>(), 0..600)) {
        survives(&bytes);
    }

    #[test]
    fn arbitrary_bytes_behind_the_mark_of_a_format(
        mark in prop::sample::select(vec![
            &b"PK\x03\x04"[..], b"glTF\x02\0\0\0", b"ply\n", b"ply\nformat ascii 1.0\n", b"OFF\n",
            b"OFF 3 1\n", b"v ", b"f ", b"solid ",
            b"ply\nformat binary_little_endian 1.0\nelement vertex 3\nproperty float x\n\
              property float y\nproperty float z\nelement face 1\n\
              property list uchar int vertex_index\nend_header\n",
        ]),
        bytes in vec(any::<u8>(), 0..300),
    ) {
        survives(&[mark, &bytes[..]].concat());
    }

    #[test]
    fn arbitrary_facets(count in 0_u32..8, body in vec(any::<u8>(), 0..400)) {
        let mut file = vec![b' '; 80];
        file.extend(count.to_le_bytes());
        file.extend(body);
        survives(&file);
    }

    #[test]
    fn arbitrary_words(
        start in prop::sample::select(vec![
            "solid x\n", "OFF\n", "OFF 3 1 0\n", "v 0 0 0\nv 1 0 0\nv 0 1 0\n",
            "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\n\
             property float z\nelement face 1\nproperty list uchar int vertex_index\nend_header\n",
            "ply\n",
        ]),
        words in vec(prop::sample::select(vec![
            "solid", "facet", "normal", "outer", "loop", "vertex", "endloop", "endfacet",
            "endsolid", "1e300", "-0", "nan", "3.5", "\n", "ü", "v", "f", "1", "2", "3", "0", "-1",
            "1/2/3", "4294967295", "18446744073709551616", "#", "\\\n", "ply", "element", "face",
            "property", "list", "uchar", "float", "end_header", "format", "ascii", "1.0", "x", "y",
            "z", "vertex_indices", "OFF", "surf",
        ]), 0..120),
    ) {
        survives(format!("{start}{}", words.join(" ")).as_bytes());
        survives(format!("{start}{}", words.join("\n")).as_bytes());
    }

    #[test]
    fn a_good_file_with_bytes_changed(
        format in prop::sample::select(ALL.to_vec()),
        changes in vec((any::<prop::sample::Index>(), telling_byte()), 1..6),
        keep in any::<prop::sample::Index>(),
    ) {
        change(&mut format.1(&cube([0.0; 3], 3.0)), &changes, keep);
    }

    /// Behind the checksum of the archive.
    #[test]
    fn a_good_model_of_a_3mf_with_bytes_changed(
        changes in vec((any::<prop::sample::Index>(), telling_byte()), 1..6),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut xml = model_xml("inch", &cube([0.0; 3], 3.0), "", ITEM).into_bytes();
        for (place, byte) in &changes {
            let place = place.index(xml.len());
            xml[place] = *byte;
        }
        if cut {
            xml.truncate(keep.index(xml.len()));
        }
        survives(&zip(&[("3D/3dmodel.model".to_owned(), xml)], false));
    }

    /// Within lengths that are right.
    #[test]
    fn a_good_json_of_a_glb_with_bytes_changed(
        changes in vec((any::<prop::sample::Index>(), telling_byte()), 1..4),
    ) {
        let file = glb(&cube([0.0; 3], 3.0), NODE);
        let length = u32::from_le_bytes(file[12..16].try_into().unwrap()) as usize;
        let mut json = file[20..20 + length].to_vec();
        for (place, byte) in &changes {
            let place = place.index(json.len());
            json[place] = *byte;
        }
        survives(&container(&String::from_utf8_lossy(&json), &file[28 + length..]));
    }
}
