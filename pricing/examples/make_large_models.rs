//! Writes large models for measuring: tori as binary STL.
//!
//! `cargo run --release -p pricing --example make_large_models -- FOLDER FACETS...` writes
//! `torus_<FACETS>.stl` and, with the same facets in random order, `torus_<FACETS>_random.stl`.
//! The same arguments give the same files every time.

#![expect(clippy::many_single_char_names, reason = "coordinates have the names of geometry")]

use std::env;
use std::error::Error;
use std::f64::consts::TAU;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

type Corners = [[f32; 3]; 3];

const AROUND: f64 = 10.0;
const TUBE: f64 = 2.0;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let folder = arguments.next().ok_or("which folder?")?;
    for facets in arguments {
        let mut torus = torus(facets.parse()?);
        write(&Path::new(&folder).join(format!("torus_{facets}.stl")), &torus)?;
        shuffle(&mut torus);
        write(&Path::new(&folder).join(format!("torus_{facets}_random.stl")), &torus)?;
    }
    Ok(())
}

/// About so many facets, nearly square pairs.
fn torus(facets: u32) -> Vec<Corners> {
    let across = (f64::from(facets) / 2.0 * TUBE / AROUND).sqrt().round();
    let around = (f64::from(facets) / 2.0 / across).round();
    let at = |i: f64, j: f64| {
        let (u, v) = (TAU * (i % around) / around, TAU * (j % across) / across);
        let ring = AROUND + TUBE * v.cos();
        stored([ring * u.cos(), ring * u.sin(), TUBE * v.sin()])
    };
    let mut torus = vec![];
    let mut i = 0.0;
    while i < around {
        let mut j = 0.0;
        while j < across {
            let (a, b) = (at(i, j), at(i + 1.0, j));
            let (c, d) = (at(i + 1.0, j + 1.0), at(i, j + 1.0));
            torus.extend([[a, b, c], [a, c, d]]);
            j += 1.0;
        }
        i += 1.0;
    }
    torus
}

#[expect(clippy::cast_possible_truncation, reason = "an STL file holds `f32`")]
fn stored(point: [f64; 3]) -> [f32; 3] {
    point.map(|coordinate| coordinate as f32)
}

/// Fisher and Yates with a multiplicative generator: any order will do that has no system in it.
fn shuffle(facets: &mut [Corners]) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for last in (1..facets.len()).rev() {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = (u128::from(state) * (last as u128 + 1)) >> 64;
        facets.swap(last, usize::try_from(other).unwrap_or(0));
    }
}

/// Others check it, and repair it where it is missing: they should not have to.
fn normal([a, b, c]: &Corners) -> [f32; 3] {
    let from_a = |p: &[f32; 3]| [0, 1, 2].map(|axis| f64::from(p[axis]) - f64::from(a[axis]));
    let ([x, y, z], [p, q, r]) = (from_a(b), from_a(c));
    let normal = [y * r - z * q, z * p - x * r, x * q - y * p];
    let length = normal.iter().map(|x| x * x).sum::<f64>().sqrt();
    stored(normal.map(|component| component / length))
}

fn write(path: &Path, facets: &[Corners]) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut header = b"a torus for measuring, units: mm".to_vec();
    header.resize(80, b' ');
    file.write_all(&header)?;
    file.write_all(&u32::try_from(facets.len())?.to_le_bytes())?;
    for facet in facets {
        let mut record = [0_u8; 50];
        let numbers = normal(facet).into_iter().chain(facet.as_flattened().iter().copied());
        for (bytes, number) in record[..48].chunks_mut(4).zip(numbers) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        file.write_all(&record)?;
    }
    file.flush()?;
    println!("{}: {} facets", path.display(), facets.len());
    Ok(())
}
