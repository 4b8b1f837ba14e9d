//! GLB: nodes, kinds of primitives and of indices, and accessors that lie.

use pricing::analysis::{Analysis, Unit, analyse};
use pricing::mesh::{ModelError, Warning, read};

use crate::shapes::{close, cube};
use crate::writers::{NODE, container, glb};

fn measured(file: &[u8]) -> Analysis {
    analyse(&read(file).unwrap(), Unit::Millimetre)
}

fn placed(nodes: &str) -> Analysis {
    measured(&glb(&cube([0.0; 3], 2.0), nodes))
}

fn refused(file: &[u8]) -> ModelError {
    read(file).map(|mesh| mesh.facets().len()).unwrap_err()
}

/// The cube with its JSON changed.
fn changed(from: &str, to: &str) -> Vec<u8> {
    let file = glb(&cube([0.0; 3], 2.0), NODE);
    let length = usize::try_from(u32::from_le_bytes(file[12..16].try_into().unwrap())).unwrap();
    let json = std::str::from_utf8(&file[20..20 + length]).unwrap();
    assert!(json.contains(from), "{json}");
    container(&json.replacen(from, to, 1), &file[28 + length..])
}

#[test]
fn nodes_place_turn_stretch_and_mirror() {
    let model = placed(
        "[{\"children\": [1, 3], \"translation\": [0, 0, 7]}, {\"children\": [2], \"scale\": \
         [-1, 1, 1]}, {\"mesh\": 0, \"scale\": [2, 2, 2], \"translation\": [1, 0, 0]}, {\"mesh\": 0, \
         \"matrix\": [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 9, 0, 0, 1]}]",
    );
    assert!(model.closed_oriented && model.shells == 2);
    assert_eq!(model.volume_mm3, 72.0);
    assert_eq!(model.bbox_mm, [14.0, 4.0, 4.0]);
    let turned = placed("[{\"mesh\": 0, \"rotation\": [0, 0, 0.3826834, 0.9238795]}]");
    assert!(close(turned.volume_mm3, 8.0, 1e-6));
    assert!(close(turned.bbox_mm[0], 8_f64.sqrt(), 1e-6), "{:?}", turned.bbox_mm);
}

#[test]
fn only_the_scene_counts() {
    let two = "{\"asset\"";
    let scenes = "{\"scene\": 1, \"scenes\": [{}, {\"nodes\": [0]}], \"asset\"";
    assert_eq!(measured(&changed(two, scenes)).volume_mm3, 8.0);
    let none = "{\"scene\": 0, \"scenes\": [{}, {\"nodes\": [0]}], \"asset\"";
    assert_eq!(refused(&changed(two, none)), ModelError::NoFacets);
}

/// A tetrahedron by the mode and the indices given.
fn tetrahedron(mode: u32, indices: Option<(u32, &[u32])>) -> Vec<u8> {
    let corners = [[0.0_f32, 0.0, 0.0], [6.0, 0.0, 0.0], [0.0, 6.0, 0.0], [0.0, 0.0, 6.0]];
    let order: Vec<[f32; 3]> = match indices {
        Some(_) => corners.to_vec(),
        None => [0, 2, 1, 0, 1, 3, 1, 2, 3, 2, 0, 3].map(|at| corners[at]).to_vec(),
    };
    // A gap behind each position, and a byte before the indices.
    let mut binary: Vec<u8> = vec![];
    for position in &order {
        binary.extend(position.map(f32::to_le_bytes).as_flattened());
        binary.extend([9; 4]);
    }
    let start = binary.len();
    let (mut accessor, mut named) = (String::new(), "");
    if let Some((kind, indices)) = indices {
        let width = match kind {
            5121 => 1,
            5123 => 2,
            _ => 4,
        };
        binary.extend([7; 4]);
        for index in indices {
            binary.extend(&index.to_le_bytes()[..width]);
        }
        named = ", \"indices\": 1";
        accessor = format!(
            ", {{\"bufferView\": 1, \"byteOffset\": 4, \"componentType\": {kind}, \"count\": {}, \
             \"type\": \"SCALAR\"}}",
            indices.len()
        );
    }
    let json = format!(
        "{{\"nodes\": [{{\"mesh\": 0}}], \"meshes\": [{{\"primitives\": [{{\"mode\": {mode}, \
         \"attributes\": {{\"POSITION\": 0}}{named}}}]}}], \"accessors\": [{{\"bufferView\": 0, \
         \"componentType\": 5126, \"count\": {}, \"type\": \"VEC3\"}}{accessor}], \"bufferViews\": \
         [{{\"buffer\": 0, \"byteLength\": {start}, \"byteStride\": 16}}, {{\"buffer\": 0, \
         \"byteOffset\": {start}, \"byteLength\": {}}}], \"buffers\": [{{\"byteLength\": {}}}]}}",
        order.len(),
        binary.len() - start,
        binary.len()
    );
    container(&json, &binary)
}

#[test]
fn lists_strips_and_fans_with_indices_of_every_width_or_none() {
    let list: &[u32] = &[0, 2, 1, 0, 1, 3, 1, 2, 3, 2, 0, 3];
    for kind in [5121, 5123, 5125] {
        assert_eq!(measured(&tetrahedron(4, Some((kind, list)))).volume_mm3, 36.0);
        let strip = [0, 2, 1, 3, 0, 2];
        assert_eq!(measured(&tetrahedron(5, Some((kind, &strip)))).volume_mm3, 36.0, "{kind}");
    }
    assert_eq!(measured(&tetrahedron(4, None)).volume_mm3, 36.0);
    let fan = read(&tetrahedron(6, Some((5121, &[3, 0, 1, 2, 0])))).unwrap();
    assert_eq!(fan.facets(), [[0, 1, 2], [1, 3, 2], [3, 0, 2]]);
    let lines =
        changed("\"primitives\": [", "\"primitives\": [{\"mode\": 1, \"attributes\": {}}, ");
    assert_eq!(read(&lines).unwrap().warnings(), [Warning::FacesSkipped { faces: 1 }]);
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let named = |file: &[u8], word: &str| {
        let error = refused(file);
        assert!(matches!(error, ModelError::Unsupported { .. }), "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
    };
    let asset = "{\"asset\"";
    let draco = "{\"extensionsRequired\": [\"KHR_draco_mesh_compression\"], \"asset\"";
    named(&changed(asset, draco), "KHR_draco_mesh_compression");
    let harmless = "{\"extensionsRequired\": [\"KHR_materials_unlit\"], \"asset\"";
    assert_eq!(measured(&changed(asset, harmless)).volume_mm3, 8.0);
    named(&changed("\"componentType\": 5126", "\"componentType\": 5122"), "32-bit floats");
    named(&changed("\"type\": \"VEC3\"", "\"type\": \"VEC3\", \"sparse\": {}"), "sparse");
    named(&changed("\"buffers\": [{", "\"buffers\": [{\"uri\": \"../a.bin\", "), "another file");
    named(&changed("{\"mesh\": 0}", "{\"mesh\": 0, \"skin\": 0}"), "skin");
    named(&changed("{\"attributes\"", "{\"targets\": [{}], \"attributes\""), "morph");
    named(&changed("{\"bufferView\": 0, ", "{"), "no bytes of its own");
    let mut old = changed("a", "a");
    old[4] = 1;
    named(&old, "version 1");
}

#[test]
fn accessors_and_chunks_that_lie_are_refused() {
    let code = |file: &[u8]| refused(file).code();
    for (from, to) in [
        ("\"count\": 8", "\"count\": 4000000000"),
        ("\"count\": 8", "\"count\": 18446744073709551615"),
        ("\"count\": 36", "\"count\": 37"),
        ("\"buffers\": [{\"byteLength\": ", "\"buffers\": [{\"byteLength\": 9"),
    ] {
        assert_eq!(code(&changed(from, to)), "truncated", "{to}");
    }
    for (from, to) in [
        ("\"count\": 8", "\"count\": 7"),
        ("\"count\": 8", "\"count\": -8"),
        ("\"bufferView\": 1", "\"bufferView\": 2"),
        ("\"byteOffset\": ", "\"byteOffset\": 1844674407370955"),
        ("\"byteLength\": ", "\"byteStride\": 3, \"byteLength\": "),
        ("\"POSITION\": 0", "\"POSITION\": 5"),
        ("\"mesh\": 0", "\"mesh\": 1"),
        ("[{\"mesh\": 0}]", "[{\"mesh\": 0, \"children\": [1]}, {\"children\": [1]}]"),
        ("[{\"mesh\": 0}]", "[{\"children\": [1, 1]}, {\"mesh\": 0}]"),
        ("[{\"mesh\": 0}]", "[{\"children\": [7]}]"),
        ("\"asset\"", "\"scene\": 3, \"asset\""),
        ("\"asset\"", "asset"),
    ] {
        assert_eq!(code(&changed(from, to)), "malformed", "{to}");
    }
    let file = changed("a", "a");
    for length in [0, 4, 12, 19, 20, 21, 500, file.len() - 1] {
        let error = refused(&file[..length]);
        assert!(matches!(error.code(), "truncated" | "empty_file" | "not_a_model"), "{error:?}");
    }
    let mut claims = file.clone();
    claims[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(code(&claims), "over_limit");
    let more = [file, vec![0; 5]].concat();
    assert_eq!(read(&more).unwrap().warnings(), [Warning::TrailingBytes { bytes: 5 }]);
}

#[test]
fn long_lists_deep_nesting_and_many_copies_are_stopped() {
    let nodes = format!("[{}{{}}]", "{},".repeat(100_000));
    assert!(refused(&glb(&cube([0.0; 3], 2.0), &nodes)).to_string().contains("100000 in one list"));
    // What says nothing about the shape is passed over without recursion.
    let deep = format!("\"a\": {}{}, \"asset\"", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(measured(&changed("\"asset\"", &deep)).volume_mm3, 8.0);
    let links: Vec<_> = (1..50_000).map(|child| format!("{{\"children\": [{child}]}}")).collect();
    let chain = format!("[{}, {{\"mesh\": 0}}]", links.join(","));
    assert_eq!(placed(&chain).volume_mm3, 8.0);
    let many: Vec<_> = (0..90_000).map(|_| "{\"mesh\":0}").collect();
    let ball = crate::shapes::sphere(20, 20, 1.0, [0.0; 3]);
    let error = refused(&glb(&ball, &format!("[{}]", many.join(","))));
    assert!(
        matches!(error, ModelError::OverLimit { what: "facets in all copies", .. }),
        "{error:?}"
    );
}
