//! Triangle soups of known volume, and the files they are written in.

use std::f64::consts::{PI, TAU};
use std::fmt::Write as _;

use pricing::analysis::{Analysis, Unit, analyse};
use pricing::mesh::read;

/// Three corners, counter-clockwise seen from outside.
pub type Facet = [[f32; 3]; 3];

/// A sphere of `bands` × `sectors`, `2 · sectors · (bands - 1)` facets.
#[expect(clippy::cast_precision_loss, reason = "small counts")]
#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is what writing a file does")]
pub fn sphere(bands: usize, sectors: usize, radius: f64, centre: [f64; 3]) -> Vec<Facet> {
    let at = |band: usize, sector: usize| {
        let polar = PI * band as f64 / bands as f64;
        let around = TAU * (sector % sectors) as f64 / sectors as f64;
        let ring = if band == 0 || band == bands { 0.0 } else { polar.sin() };
        let unit = [ring * around.cos(), ring * around.sin(), polar.cos()];
        [0, 1, 2].map(|axis| (unit[axis] * radius + centre[axis]) as f32)
    };
    let mut facets = vec![];
    for sector in 0..sectors {
        facets.push([at(0, 0), at(1, sector), at(1, sector + 1)]);
        for band in 1..bands - 1 {
            let [a, b] = [at(band, sector), at(band + 1, sector)];
            let [c, d] = [at(band + 1, sector + 1), at(band, sector + 1)];
            facets.extend([[a, b, c], [a, c, d]]);
        }
        facets.push([at(bands, 0), at(bands - 1, sector + 1), at(bands - 1, sector)]);
    }
    facets
}

/// The sphere most damaged models start from: 2016 facets, radius 10.
pub fn base() -> Vec<Facet> {
    sphere(22, 48, 10.0, [0.0; 3])
}

/// A cube with one corner at `low`.
pub fn cube(low: [f32; 3], side: f32) -> Vec<Facet> {
    const CORNERS: [[[u8; 3]; 3]; 12] = [
        [[0, 0, 0], [0, 1, 0], [1, 1, 0]],
        [[0, 0, 0], [1, 1, 0], [1, 0, 0]],
        [[0, 0, 1], [1, 0, 1], [1, 1, 1]],
        [[0, 0, 1], [1, 1, 1], [0, 1, 1]],
        [[0, 0, 0], [1, 0, 0], [1, 0, 1]],
        [[0, 0, 0], [1, 0, 1], [0, 0, 1]],
        [[0, 1, 0], [0, 1, 1], [1, 1, 1]],
        [[0, 1, 0], [1, 1, 1], [1, 1, 0]],
        [[0, 0, 0], [0, 0, 1], [0, 1, 1]],
        [[0, 0, 0], [0, 1, 1], [0, 1, 0]],
        [[1, 0, 0], [1, 1, 0], [1, 1, 1]],
        [[1, 0, 0], [1, 1, 1], [1, 0, 1]],
    ];
    let place =
        |corner: [u8; 3]| [0, 1, 2].map(|axis| f32::from(corner[axis]).mul_add(side, low[axis]));
    CORNERS.map(|facet| facet.map(place)).to_vec()
}

/// Turned inside out.
pub fn flipped(facets: &[Facet]) -> Vec<Facet> {
    facets.iter().map(|[a, b, c]| [*c, *b, *a]).collect()
}

/// A binary STL.
pub fn binary(facets: &[Facet]) -> Vec<u8> {
    let mut file = b"made by a test".to_vec();
    file.resize(80, b' ');
    file.extend(u32::try_from(facets.len()).unwrap().to_le_bytes());
    for facet in facets {
        file.extend([0; 12]);
        facet.iter().flatten().for_each(|number| file.extend(number.to_le_bytes()));
        file.extend([0; 2]);
    }
    file
}

/// An ASCII STL with the given line ends. Rust prints an `f32` with the digits that identify it.
pub fn ascii(facets: &[Facet], end: &str) -> Vec<u8> {
    let mut file = format!("solid made by a test{end}");
    for facet in facets {
        write!(file, "  facet normal 0 0 nan{end}    outer loop{end}").unwrap();
        for [x, y, z] in facet {
            write!(file, "      vertex {x} {y:e} {z}{end}").unwrap();
        }
        write!(file, "    endloop{end}  endfacet{end}").unwrap();
    }
    write!(file, "endsolid made by a test{end}").unwrap();
    file.into_bytes()
}

/// Through a file, in millimetres.
pub fn analysed(facets: &[Facet]) -> Analysis {
    analyse(&read(&binary(facets)).unwrap(), Unit::Millimetre)
}

/// Whether two numbers agree to a relative difference.
pub fn close(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs())
}
