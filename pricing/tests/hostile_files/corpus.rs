//! Files made to do harm: small ones that ask for much time, for much memory, or for a number that
//! is none.

use std::fmt::Write as _;

use crate::shapes::{Facet, binary, cube};
use crate::writers::{ITEM, container, glb, model_xml, object_xml, package, three_mf, zip};

/// A name and how to make the file.
pub type Hostile = (&'static str, fn() -> Vec<u8>);

/// All of them.
pub const ALL: [Hostile; 29] = [
    ("empty", Vec::new),
    ("3mf-bomb-of-blanks", || three_mf(&model().replacen('\n', &" ".repeat(100_000_000), 1))),
    ("3mf-bomb-of-elements", || {
        three_mf(&full_of(&"<vertex x=\"1\" y=\"1\" z=\"1\"/>".repeat(3_000_000)))
    }),
    ("3mf-elements-below-the-ratio", || three_mf(&full_of(&noisy_vertices(1_500_000)))),
    ("3mf-bomb-of-empty-elements", || three_mf(&full_of(&"<v/>".repeat(20_000_000)))),
    ("3mf-bomb-of-comments", || three_mf(&full_of(&"<!---->".repeat(8_000_000)))),
    ("3mf-claims-4-gb", claims_4_gb),
    ("3mf-path-out-of-the-archive", || with_entry("../../etc/passwd")),
    ("3mf-path-from-the-root", || with_entry("/etc/passwd")),
    ("3mf-65000-entries", many_entries),
    ("3mf-entities", entities),
    ("3mf-tag-without-end", || {
        zip(
            &package(model().replacen(
                "<mesh>",
                &format!("<mesh a=\"{}", "x".repeat(30_000_000)),
                1,
            )),
            false,
        )
    }),
    ("3mf-tag-that-ends-at-every-byte", || {
        let tag = format!("<mesh a=\"{}", ">".repeat(30_000_000));
        zip(&package(model().replacen("<mesh>", &tag, 1)), false)
    }),
    ("3mf-elements-5000-deep", || {
        three_mf(&model().replace("<mesh>", &("<a>".repeat(5000) + "<mesh>")))
    }),
    ("3mf-components-2000-deep", || chain(2000, 1)),
    ("3mf-components-doubled-31-times", || chain(31, 2)),
    ("3mf-components-in-a-circle", circle),
    ("stl-claims-4-billion-facets", || count_of_stl(u32::MAX)),
    ("stl-claims-no-facets", || count_of_stl(0)),
    ("stl-nan", || coordinate(f32::NAN)),
    ("stl-infinity", || coordinate(f32::INFINITY)),
    ("stl-ascii-infinity", || {
        b"solid x\nfacet normal 0 0 0\nouter loop\nvertex inf 0 0\nvertex 0 1 0\nvertex 0 0 1\nendloop\nendfacet\nendsolid\n".to_vec()
    }),
    ("obj-corner-beyond", || b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4294967295\n".to_vec()),
    ("obj-polygon-of-a-million-corners", || {
        [b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf", " 1 2".repeat(500_000).as_bytes(), b"\n"].concat()
    }),
    ("ply-claims-4-billion", || ply("4294967295", "4294967295", &[0; 60])),
    ("ply-list-of-4-billion", || ply("3", "1", &[&[0; 36][..], &[255; 12]].concat())),
    ("off-claims-4-billion", || {
        b"OFF\n4294967295 4294967295 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n".to_vec()
    }),
    ("glb-10000-nodes-in-a-circle", circle_of_nodes),
    ("glb-json-a-million-deep", || container(&"[".repeat(1_000_000), &[])),
];

fn model() -> String {
    model_xml("millimeter", &solid(), "", ITEM)
}

fn solid() -> Vec<Facet> {
    cube([0.0; 3], 2.0)
}

/// A model with so much more among its vertices.
fn full_of(elements: &str) -> String {
    model().replacen("<vertices>\n", &(String::from("<vertices>\n") + elements), 1)
}

/// Vertices that pack like those of a model.
fn noisy_vertices(count: usize) -> String {
    let mut state = 1_u64;
    let mut digit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'0' + u8::try_from(state >> 61).unwrap())
    };
    let mut text = String::new();
    for _ in 0..count {
        text.push_str("<vertex x=\"");
        text.push(digit());
        text.push_str("\" y=\"1\" z=\"1\"/>");
    }
    text
}

fn claims_4_gb() -> Vec<u8> {
    let mut file = three_mf(&model());
    for at in places(&file, b"PK\x01\x02") {
        file[at + 24..at + 28].copy_from_slice(&0xFFFF_FFFE_u32.to_le_bytes());
    }
    file
}

fn places(bytes: &[u8], mark: &[u8]) -> Vec<usize> {
    (0..bytes.len()).filter(|at| bytes[*at..].starts_with(mark)).collect()
}

fn with_entry(name: &str) -> Vec<u8> {
    let mut parts = package(model());
    parts.push((name.to_owned(), b"root".to_vec()));
    zip(&parts, true)
}

fn many_entries() -> Vec<u8> {
    let mut parts = package(model());
    parts.extend((0..65_000).map(|number| (format!("{number}"), vec![])));
    zip(&parts, false)
}

/// A billion laughs.
fn entities() -> Vec<u8> {
    let mut doctype = "<!DOCTYPE model [<!ENTITY a0 \"ha\">".to_owned();
    for number in 1..10 {
        let ten = format!("&a{};", number - 1).repeat(10);
        write!(doctype, "<!ENTITY a{number} \"{ten}\">").unwrap();
    }
    three_mf(
        &model().replacen("<model", &format!("{doctype}]><model"), 1).replace("a &amp; b", "&a9;"),
    )
}

fn assembly(number: u32, components: &[u32]) -> String {
    let mut text = String::new();
    for object in components {
        write!(text, "<component objectid=\"{object}\"/>").unwrap();
    }
    format!("<object id=\"{number}\"><components>{text}</components></object>")
}

fn chain(length: u32, copies: usize) -> Vec<u8> {
    let objects: String =
        (2..=length).map(|number| assembly(number, &vec![number - 1; copies])).collect();
    three_mf(&model_xml(
        "millimeter",
        &solid(),
        &objects,
        &format!("<item objectid=\"{length}\"/>"),
    ))
}

fn circle() -> Vec<u8> {
    let objects = assembly(2, &[3]) + &assembly(3, &[2]) + &object_xml(4, "", &solid());
    three_mf(&model_xml("millimeter", &solid(), &objects, "<item objectid=\"3\"/>"))
}

fn count_of_stl(count: u32) -> Vec<u8> {
    let mut file = binary(&solid());
    file[80..84].copy_from_slice(&count.to_le_bytes());
    file
}

fn coordinate(value: f32) -> Vec<u8> {
    let mut facets = solid();
    facets[3][1][2] = value;
    binary(&facets)
}

fn ply(vertices: &str, faces: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "ply\nformat binary_little_endian 1.0\nelement vertex {vertices}\nproperty float x\n\
         property float y\nproperty float z\nelement face {faces}\n\
         property list uint uint vertex_indices\nend_header\n"
    );
    [head.as_bytes(), body].concat()
}

/// A chain of nodes without end: the last one has the first one as its child.
fn circle_of_nodes() -> Vec<u8> {
    let node = |number: u32| format!("{{\"mesh\": 0, \"children\": [{}]}}", (number + 1) % 10_000);
    let nodes: Vec<String> = (0..10_000).map(node).collect();
    glb(&solid(), &format!("[{}]", nodes.join(", ")))
}
