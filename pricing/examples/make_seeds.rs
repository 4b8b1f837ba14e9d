//! Writes the seeds of the fuzz targets: small sound files and some that are wrong in an
//! interesting way. `cargo run -p pricing --example make_seeds -- fuzz/seeds`
#![expect(clippy::unwrap_used, reason = "a tool for developers")]

use std::fs;
use std::path::Path;

#[path = "../tests/engine/shapes.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod shapes;
#[path = "../tests/engine/writers.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod writers;

use shapes::{ascii, binary, cube, sphere};
use writers::{container, glb, model_xml, obj, object_xml, off, package, ply, zip};

fn main() {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "fuzz/seeds".to_owned());
    let (cube, ball) = (cube([0.0; 3], 2.0), sphere(4, 6, 1.5, [0.0; 3]));
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
        if bytes.len() < 4096 {
            let all = folder.with_file_name("analyse");
            fs::create_dir_all(&all).unwrap();
            fs::write(all.join(format!("{target}-{name}")), bytes).unwrap();
        }
    };

    write("stl_binary", "cube", &binary(&cube));
    write("stl_binary", "trailing", &[&binary(&cube)[..], b"more"].concat());
    write("stl_ascii", "cube", &ascii(&cube, "\n"));
    write("stl_ascii", "crlf", &ascii(&ball, "\r\n"));
    write("obj", "ball", &obj(&ball));
    write("obj", "forms", OBJ.as_bytes());
    for encoding in ["ascii", "binary_little_endian", "binary_big_endian"] {
        write("ply", encoding, &ply(&cube, encoding));
    }
    write("ply", "lists", PLY.as_bytes());
    write("off", "ball", &off(&ball));
    write("off", "forms", OFF.as_bytes());

    let components = "<object id=\"2\" type=\"model\"><components><component objectid=\"1\" \
        transform=\"-1 0 0 0 1 0 0 0 1 5 0 0\"/><component objectid=\"1\"/></components></object>";
    let build =
        "<item objectid=\"2\" transform=\"1 0 0 0 1 0 0 0 1 0 0 9.5\"/><item objectid=\"1\"/>";
    let model = model_xml("inch", &cube, components, build);
    write("three_mf", "packed", &zip(&package(model.clone()), true));
    write("three_mf", "stored", &zip(&package(model.clone()), false));
    write("three_mf", "model", model.as_bytes());
    let support = object_xml(3, "type=\"support\"", &cube);
    let build = "<item objectid=\"3\"/><item objectid=\"1\" p:path=\"/3D/3dmodel.model\"/>";
    write("three_mf", "support", model_xml("micron", &cube, &support, build).as_bytes());

    let nodes = "[{\"children\": [1, 2]}, {\"mesh\": 0, \"scale\": [-1, 1, 1]}, {\"mesh\": 0, \
        \"rotation\": [0, 0, 0.7071, 0.7071], \"translation\": [5, 0, 0]}]";
    let file = glb(&cube, nodes);
    write("glb", "cube", &file);
    let json = usize::try_from(u32::from_le_bytes(file[12..16].try_into().unwrap())).unwrap();
    let parted = [&file[20..20 + json], b"\0", &file[28 + json..]].concat();
    write("glb", "parted", &parted);
    write("glb", "strip", &container(STRIP, &strip()));
}

/// Two facets as a strip without indices.
fn strip() -> Vec<u8> {
    let corners = [[0.0_f32, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]];
    corners.as_flattened().iter().flat_map(|number| number.to_le_bytes()).collect()
}

const STRIP: &str = r#"{"scene":0,"scenes":[{"nodes":[0]}],"nodes":[{"mesh":0,"matrix":
[1,0,0,0,0,1,0,0,0,0,1,0,4,5,6,1]}],"meshes":[{"primitives":[{"mode":5,"attributes":{"POSITION":0}}]}],
"accessors":[{"bufferView":0,"componentType":5126,"count":4,"type":"VEC3"}],
"bufferViews":[{"buffer":0,"byteLength":48,"byteStride":12}],"buffers":[{"byteLength":48}]}"#;

const OBJ: &str = "mtllib a.mtl\no a\nv 0 0 0\nv 1.5e0 0 0 1 0 0\nv 0 -.5 0\nv 0 0 +2.\nvt 0 0\n\
    vn 0 0 1\ng b\nusemtl c\ns off\nf 1 3/1 2\nf -4/1/1 -3//1 \\\n -1\nf 1 4 3\nf 2 3 4 2\nl 1 2\n";

const PLY: &str = "ply\nformat ascii 1.0\nobj_info none\nelement camera 1\nproperty double f\n\
    property list uchar short t\nelement vertex 4\nproperty float x\nproperty double y\n\
    property int z\nelement face 2\nproperty uchar red\nproperty list uint8 uint32 vertex_index\n\
    property list uchar float uv\nelement edge 0\nproperty int a\nend_header\n1.5 2 7 8\n0 0 0\n\
    2 0 0\n0 2 0\n0 0 2\n9 4 0 2 1 3 0\n9 3 1 2 3 2 0.5 0.5\n";

const OFF: &str = "# a comment\nCNOFF 4 4 # counts\n0 0 0 0 0 1 255 0 0 255\n1 0 0 0 0 1 1 1 1 1\n\
    0 1 0 0 0 1 0 0 0 0\n\n# another\n0 0 1 0 0 1 0 0 0 0\n3 0 2 1 255 0 0\n3 0 1 3\n4 0 3 2 0\n\
    3 1 2 3\n";
