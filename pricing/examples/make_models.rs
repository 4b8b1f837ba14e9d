//! Writes the demonstration's models into `pricing/models/`; see the README there.
//!
//! `cargo run -p pricing --example make_models` gives the same files every time.

use std::f64::consts::{PI, TAU};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

type Point = [f64; 3];
type Facet = [[f32; 3]; 3];

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    fs::create_dir_all(&folder)?;
    for (name, facets) in [
        ("wedding_band.stl", band(220, 24)),
        ("rope_ring.stl", rope_ring(600, 24)),
        ("signet_ring.stl", signet_ring(180, 24)),
        ("knot_pendant.stl", knot_pendant(800, 26)),
        ("chain.stl", chain(10, 48, 16)),
    ] {
        fs::write(folder.join(name), binary(&facets))?;
        println!("{name}: {} facets", facets.len());
    }
    let stud = stud(28);
    fs::write(folder.join("ear_stud.stl"), ascii("ear_stud", &stud))?;
    println!("ear_stud.stl: {} facets", stud.len());
    Ok(())
}

/// A comfort-fit band, 18 mm inside.
fn band(around: u32, across: u32) -> Vec<Facet> {
    ring(around, across, |_| (1.7, 4.5))
}

/// A band that widens to a plate, 18 mm inside.
fn signet_ring(around: u32, across: u32) -> Vec<Facet> {
    ring(around, across, |u| {
        let from_top = u / TAU - 0.25;
        let plate = (-(from_top * 11.0).powi(2)).exp();
        (1.6 + 1.5 * plate, 3.2 + 9.0 * plate)
    })
}

/// A ring of 18 mm inside, its section a rounded rectangle of the given thickness and width.
fn ring(around: u32, across: u32, section: impl Fn(f64) -> (f64, f64)) -> Vec<Facet> {
    let rounded = |x: f64| x.signum() * x.abs().powf(0.7);
    swept(around, across, |u, v| {
        let (thickness, width) = section(u);
        let radius = 9.0 + thickness * (0.5 + 0.5 * rounded(v.cos()));
        [radius * u.cos(), radius * u.sin(), width / 2.0 * rounded(v.sin())]
    })
}

/// A ring twisted of four strands, about 18 mm inside.
fn rope_ring(around: u32, across: u32) -> Vec<Facet> {
    swept(around, across, |u, v| {
        let section = 1.1 + 0.22 * (4.0 * v - 20.0 * u).cos();
        let radius = 10.3 + section * v.cos();
        [radius * u.cos(), radius * u.sin(), section * v.sin()]
    })
}

/// A trefoil knot of 2.2 mm wire, about 20 mm.
fn knot_pendant(along: u32, across: u32) -> Vec<Facet> {
    const SCALE: f64 = 3.2;
    swept(along, across, |t, v| {
        let at =
            [t.sin() + 2.0 * (2.0 * t).sin(), t.cos() - 2.0 * (2.0 * t).cos(), -(3.0 * t).sin()];
        let speed = [
            t.cos() + 4.0 * (2.0 * t).cos(),
            -t.sin() + 4.0 * (2.0 * t).sin(),
            -3.0 * (3.0 * t).cos(),
        ];
        let turn = [
            -t.sin() - 8.0 * (2.0 * t).sin(),
            -t.cos() + 8.0 * (2.0 * t).cos(),
            9.0 * (3.0 * t).sin(),
        ];
        // The frame of Frenet and Serret: a trefoil is nowhere straight.
        let binormal = unit(cross(speed, turn));
        let normal = cross(binormal, unit(speed));
        [0, 1, 2].map(|axis| {
            SCALE * at[axis] + 1.1 * (v.sin() * binormal[axis] - v.cos() * normal[axis])
        })
    })
}

/// Round links, each through the next, 46 mm long.
fn chain(links: u32, around: u32, across: u32) -> Vec<Facet> {
    const RADIUS: f64 = 3.0;
    const WIRE: f64 = 0.6;
    let link = |number: u32| {
        swept(around, across, move |u, v| {
            let radius = RADIUS + WIRE * v.cos();
            let [x, y, z] = [radius * u.cos(), radius * u.sin(), WIRE * v.sin()];
            let x = x + f64::from(number) * 4.5;
            if number.is_multiple_of(2) { [x, y, z] } else { [x, -z, y] }
        })
    };
    (0..links).flat_map(link).collect()
}

/// A cut stone's shape on a pin, turned on the lathe.
fn stud(sectors: u32) -> Vec<Facet> {
    let mut profile = vec![];
    for step in 1..10 {
        profile.push((0.45, 11.0 - f64::from(step)));
    }
    for step in 0..8 {
        let share = f64::from(step) / 8.0;
        profile.push((0.45 + 2.55 * share.powf(0.8), 1.6 - 1.6 * share));
    }
    for step in 0..=8 {
        let angle = PI / 2.0 * f64::from(step) / 9.0;
        profile.push((3.0 * angle.cos(), -1.4 * angle.sin()));
    }
    turned(&profile, 10.4, -1.4, sectors)
}

/// A closed tube over a grid that wraps both ways; `surface` runs to the right and up as seen from
/// outside.
fn swept(around: u32, across: u32, surface: impl Fn(f64, f64) -> Point) -> Vec<Facet> {
    let at = |i: u32, j: u32| {
        let u = TAU * f64::from(i % around) / f64::from(around);
        let v = TAU * f64::from(j % across) / f64::from(across);
        stored(surface(u, v))
    };
    let mut facets = vec![];
    for i in 0..around {
        for j in 0..across {
            let (a, b) = (at(i, j), at(i + 1, j));
            let (c, d) = (at(i + 1, j + 1), at(i, j + 1));
            facets.extend([[a, b, c], [a, c, d]]);
        }
    }
    facets
}

/// A body of revolution: radii and heights from the top down, closed by a point at either end.
fn turned(profile: &[(f64, f64)], top: f64, bottom: f64, sectors: u32) -> Vec<Facet> {
    let at = |ring: usize, sector: u32| {
        let (radius, height) = profile[ring];
        let around = TAU * f64::from(sector % sectors) / f64::from(sectors);
        stored([radius * around.cos(), radius * around.sin(), height])
    };
    let last = profile.len() - 1;
    let (top, bottom) = (stored([0.0, 0.0, top]), stored([0.0, 0.0, bottom - 0.05]));
    let mut facets = vec![];
    for sector in 0..sectors {
        facets.push([top, at(0, sector), at(0, sector + 1)]);
        for ring in 0..last {
            let (a, b) = (at(ring, sector), at(ring + 1, sector));
            let (c, d) = (at(ring + 1, sector + 1), at(ring, sector + 1));
            facets.extend([[a, b, c], [a, c, d]]);
        }
        facets.push([bottom, at(last, sector + 1), at(last, sector)]);
    }
    facets
}

#[expect(clippy::cast_possible_truncation, reason = "an STL file holds `f32`")]
fn stored(point: Point) -> [f32; 3] {
    // Whole micrometres: nothing that a printer could tell apart, and short numbers in text.
    point.map(|coordinate| ((coordinate * 1000.0).round() / 1000.0) as f32 + 0.0)
}

fn cross(a: Point, b: Point) -> Point {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn unit(a: Point) -> Point {
    let length = a.iter().map(|x| x * x).sum::<f64>().sqrt();
    a.map(|x| x / length)
}

#[expect(clippy::cast_possible_truncation, reason = "a model has far fewer than 2^32 facets")]
fn binary(facets: &[Facet]) -> Vec<u8> {
    let mut file = b"demonstration model, units: mm".to_vec();
    file.resize(80, b' ');
    file.extend((facets.len() as u32).to_le_bytes());
    for facet in facets {
        file.extend([0; 12]);
        facet.iter().flatten().for_each(|number| file.extend(number.to_le_bytes()));
        file.extend([0; 2]);
    }
    file
}

fn ascii(name: &str, facets: &[Facet]) -> String {
    let mut file = format!("solid {name}\n");
    for facet in facets {
        file.push_str("facet normal 0 0 0\n outer loop\n");
        for [x, y, z] in facet {
            writeln!(file, "  vertex {x} {y} {z}").expect("a String takes everything");
        }
        file.push_str(" endloop\nendfacet\n");
    }
    file + "endsolid " + name + "\n"
}
