//! Small writers of every format that is read.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use crate::shapes::{Facet, ascii, binary};

/// From facets to a file.
pub type Writer = fn(&[Facet]) -> Vec<u8>;

/// Every way to write a solid, by a name for messages.
pub const ALL: [(&str, Writer); 10] = [
    ("stl-binary", binary),
    ("stl-ascii", |facets| ascii(facets, "\n")),
    ("obj", obj),
    ("3mf", |facets| three_mf(&model_xml("millimeter", facets, "", ITEM))),
    ("3mf-stored", |facets| zip(&package(model_xml("millimeter", facets, "", ITEM)), false)),
    ("ply", |facets| ply(facets, "ascii")),
    ("ply-little", |facets| ply(facets, "binary_little_endian")),
    ("ply-big", |facets| ply(facets, "binary_big_endian")),
    ("off", off),
    ("glb", |facets| glb(facets, NODE)),
];

/// A build of object 1 where it stands.
pub const ITEM: &str = "<item objectid=\"1\"/>";
/// A scene of mesh 0 where it stands.
pub const NODE: &str = "[{\"mesh\": 0}]";

/// Positions, each once, and facets by their numbers.
pub fn indexed(facets: &[Facet]) -> (Vec<[f32; 3]>, Vec<[u32; 3]>) {
    let (mut known, mut positions) = (HashMap::new(), vec![]);
    let mut number = |corner: [f32; 3]| {
        *known.entry(corner.map(f32::to_bits)).or_insert_with(|| {
            positions.push(corner);
            u32::try_from(positions.len() - 1).unwrap()
        })
    };
    let triangles = facets.iter().map(|facet| facet.map(&mut number)).collect();
    (positions, triangles)
}

pub fn obj(facets: &[Facet]) -> Vec<u8> {
    let (positions, triangles) = indexed(facets);
    let mut text = "# made by a test\no solid\n".to_owned();
    for [x, y, z] in positions {
        writeln!(text, "v {x} {y} {z}").unwrap();
    }
    for [a, b, c] in triangles {
        writeln!(text, "f {} {} {}", a + 1, b + 1, c + 1).unwrap();
    }
    text.into_bytes()
}

pub fn off(facets: &[Facet]) -> Vec<u8> {
    let (positions, triangles) = indexed(facets);
    let mut text = format!("OFF\n{} {} 0\n", positions.len(), triangles.len());
    for [x, y, z] in positions {
        writeln!(text, "{x} {y} {z}").unwrap();
    }
    for [a, b, c] in triangles {
        writeln!(text, "3 {a} {b} {c}").unwrap();
    }
    text.into_bytes()
}

/// With a property and an element more than the mesh needs.
pub fn ply(facets: &[Facet], encoding: &str) -> Vec<u8> {
    let (positions, triangles) = indexed(facets);
    let mut file = format!(
        "ply\nformat {encoding} 1.0\ncomment made by a test\nelement vertex {}\nproperty float x\n\
         property float y\nproperty uchar red\nproperty float z\nelement face {}\n\
         property list uchar int vertex_indices\nend_header\n",
        positions.len(),
        triangles.len()
    )
    .into_bytes();
    if encoding == "ascii" {
        for [x, y, z] in positions {
            writeln!(file, "{x} {y} 255 {z}").unwrap();
        }
        for [a, b, c] in triangles {
            writeln!(file, "3 {a} {b} {c}").unwrap();
        }
        return file;
    }
    let put = |mut bytes: [u8; 4]| {
        if encoding == "binary_big_endian" {
            bytes.reverse();
        }
        bytes
    };
    for [x, y, z] in positions {
        file.extend([x, y].map(|number| put(number.to_le_bytes())).as_flattened());
        file.push(255);
        file.extend(put(z.to_le_bytes()));
    }
    for triangle in triangles {
        file.push(3);
        file.extend(triangle.map(|corner| put(corner.to_le_bytes())).as_flattened());
    }
    file
}

/// The model of a 3MF: object 1 is the solid, `objects` are more of them, `build` its items.
pub fn model_xml(unit: &str, facets: &[Facet], objects: &str, build: &str) -> String {
    let solid = object_xml(1, "", facets);
    let namespace = "http://schemas.microsoft.com/3dmanufacturing";
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<model unit=\"{unit}\" xml:lang=\"en-US\" \
         requiredextensions=\"p\" xmlns=\"{namespace}/core/2015/02\" \
         xmlns:p=\"{namespace}/production/2015/06\">\n<metadata name=\"Title\">a &amp; b</metadata>\
         \n<resources>\n{solid}{objects}</resources>\n<build>{build}</build>\n</model>\n"
    )
}

/// An object of a 3MF with facets of its own.
pub fn object_xml(number: u32, attributes: &str, facets: &[Facet]) -> String {
    let (positions, triangles) = indexed(facets);
    let mut text = format!("<object id=\"{number}\" {attributes}>\n<mesh>\n<vertices>\n");
    for [x, y, z] in positions {
        writeln!(text, "<vertex x=\"{x}\" y=\"{y}\" z=\"{z}\" />").unwrap();
    }
    text += "</vertices>\n<triangles>\n";
    for [a, b, c] in triangles {
        writeln!(text, "<triangle v1=\"{a}\" v2=\"{b}\" v3=\"{c}\" />").unwrap();
    }
    text + "</triangles>\n</mesh>\n</object>\n"
}

/// A 3MF around a model.
pub fn three_mf(model: &str) -> Vec<u8> {
    zip(&package(model.to_owned()), true)
}

/// The parts of a package with one model.
pub fn package(model: String) -> Vec<(String, Vec<u8>)> {
    let relations = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Relationships \
        xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship \
        Target=\"/3D/3dmodel.model\" Id=\"rel0\" \
        Type=\"http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel\"/></Relationships>";
    vec![
        ("_rels/.rels".to_owned(), relations.to_owned().into_bytes()),
        ("3D/3dmodel.model".to_owned(), model.into_bytes()),
    ]
}

/// A ZIP archive.
pub fn zip(entries: &[(String, Vec<u8>)], deflate: bool) -> Vec<u8> {
    let (mut file, mut directory) = (vec![], vec![]);
    for (name, bytes) in entries {
        let mut crc = Crc::new();
        crc.update(bytes);
        let packed = if deflate {
            let mut encoder = DeflateEncoder::new(vec![], Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        } else {
            bytes.clone()
        };
        let start = u32::try_from(file.len()).unwrap();
        let mut common = vec![20, 0, 0, 0, if deflate { 8 } else { 0 }, 0, 0, 0, 0, 0];
        common.extend(crc.sum().to_le_bytes());
        for length in [packed.len(), bytes.len()] {
            common.extend(u32::try_from(length).unwrap().to_le_bytes());
        }
        common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        common.extend([0, 0]);
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(name.as_bytes());
        file.extend(packed);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(common);
        directory.extend([0; 10]);
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = u32::try_from(file.len()).unwrap();
    file.extend(&directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    for _ in 0..2 {
        file.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
    }
    file.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0, 0]);
    file
}

/// A GLB whose mesh 0 is the solid, placed by `nodes`, all of which the scene shows unless they
/// are children.
pub fn glb(facets: &[Facet], nodes: &str) -> Vec<u8> {
    let (positions, triangles) = indexed(facets);
    let vertices: Vec<u8> =
        positions.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
    let indices: Vec<u8> =
        triangles.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
    let least = |axis: usize| positions.iter().map(|p| p[axis]).fold(f32::INFINITY, f32::min);
    let most = |axis: usize| positions.iter().map(|p| p[axis]).fold(f32::NEG_INFINITY, f32::max);
    let json = format!(
        "{{\"asset\": {{\"version\": \"2.0\"}}, \"nodes\": {nodes}, \"meshes\": [{{\"primitives\": \
         [{{\"attributes\": {{\"POSITION\": 0}}, \"indices\": 1}}]}}], \"accessors\": \
         [{{\"bufferView\": 0, \"componentType\": 5126, \"count\": {}, \"type\": \"VEC3\", \
         \"min\": {:?}, \"max\": {:?}}}, {{\"bufferView\": 1, \"componentType\": 5125, \
         \"count\": {}, \"type\": \"SCALAR\"}}], \"bufferViews\": [{{\"buffer\": 0, \
         \"byteLength\": {}}}, {{\"buffer\": 0, \"byteOffset\": {}, \"byteLength\": {}}}], \
         \"buffers\": [{{\"byteLength\": {}}}]}}",
        positions.len(),
        [0, 1, 2].map(least),
        [0, 1, 2].map(most),
        triangles.len() * 3,
        vertices.len(),
        vertices.len(),
        indices.len(),
        vertices.len() + indices.len(),
    );
    container(&json, &[vertices, indices].concat())
}

/// The two chunks of a GLB.
pub fn container(json: &str, binary: &[u8]) -> Vec<u8> {
    let mut json = json.as_bytes().to_vec();
    json.resize(json.len().next_multiple_of(4), b' ');
    let mut binary = binary.to_vec();
    binary.resize(binary.len().next_multiple_of(4), 0);
    let word = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
    let mut file = b"glTF\x02\0\0\0".to_vec();
    file.extend(word(12 + 8 + json.len() + 8 + binary.len()));
    file.extend(word(json.len()));
    file.extend(b"JSON");
    file.extend(json);
    file.extend(word(binary.len()));
    file.extend(b"BIN\0");
    file.extend(binary);
    file
}
