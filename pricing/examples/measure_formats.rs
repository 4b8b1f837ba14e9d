//! How fast each format is read and welded, in bytes of file a second; for 3MF also how long
//! inflating alone takes, and for all how fast the upload's counter is.
//! Times are those of the wall, the best of all rounds: the machine should have nothing else to do.
//!
//! `cargo run --release -p pricing --example measure_formats -- [FACETS [ROUNDS [FORMAT]]]`
#![expect(clippy::unwrap_used, reason = "a tool for developers")]
#![expect(clippy::cast_precision_loss, reason = "a tool for developers")]
#![expect(clippy::cast_possible_truncation, reason = "a tool for developers")]
#![expect(clippy::cast_sign_loss, reason = "a tool for developers")]

use std::env;
use std::f64::consts::TAU;
use std::io::Read as _;
use std::time::Instant;

use flate2::read::DeflateDecoder;
use pricing::mesh::{FacetCounter, read};

#[path = "../tests/engine/shapes.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod shapes;
#[path = "../tests/engine/writers.rs"]
mod writers;

fn main() {
    let argument = |place: usize| env::args().nth(place);
    let facets = argument(1).map_or(1_000_000, |word| word.parse().unwrap());
    let rounds = argument(2).map_or(5, |word| word.parse().unwrap());
    let solid = torus(facets);
    for (name, write) in writers::ALL {
        if argument(3).is_some_and(|only| only != name) {
            continue;
        }
        let file = write(&solid);
        let megabytes = file.len() as f64 / 1e6;
        let reading = best(rounds, || assert_eq!(read(&file).unwrap().facets().len(), solid.len()));
        let counting = best(rounds, || {
            let mut counter = FacetCounter::new();
            file.chunks(64 << 10).for_each(|chunk| counter.push(chunk));
            assert!(counter.finish(file.len() as u64).is_some());
        });
        println!(
            "{name:12} {megabytes:7.1} MB  read {:6.1} ms {:7.1} MB/s  counted {:6.1} ms",
            reading * 1e3,
            megabytes / reading,
            counting * 1e3,
        );
        if name == "3mf" {
            let inflating = best(rounds, || inflate(&file));
            println!("{name:12} inflating alone {:6.1} ms", inflating * 1e3);
        }
    }
}

fn best(rounds: usize, mut work: impl FnMut()) -> f64 {
    let timed = (0..rounds).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    });
    timed.fold(f64::INFINITY, f64::min)
}

/// The model part of a 3MF of the writer, with its checksum, through a small buffer.
fn inflate(file: &[u8]) {
    let second = file.windows(4).skip(4).position(|word| word == b"PK\x03\x04").unwrap() + 4;
    let start = second + 30 + usize::from(file[second + 26]);
    let (mut decoder, mut crc) = (DeflateDecoder::new(&file[start..]), flate2::Crc::new());
    let mut block = vec![0; 64 << 10];
    loop {
        match decoder.read(&mut block).unwrap() {
            0 => break,
            length => crc.update(&block[..length]),
        }
    }
    assert!(crc.amount() > 0);
}

/// A torus of about so many facets, with coordinates of six decimals.
fn torus(facets: u32) -> Vec<shapes::Facet> {
    let across = (f64::from(facets) / 4.0).sqrt() as u32;
    let around = facets / (2 * across);
    let at = |i: u32, j: u32| {
        let u = TAU * f64::from(i % around) / f64::from(around);
        let v = TAU * f64::from(j % across) / f64::from(across);
        let ring = 10.0 + 2.0 * v.cos();
        let point = [ring * u.cos(), ring * u.sin(), 2.0 * v.sin()];
        point.map(|x| ((x * 1e6).round() / 1e6) as f32)
    };
    let mut solid = vec![];
    for i in 0..around {
        for j in 0..across {
            let (a, b, c, d) = (at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1));
            solid.extend([[a, b, c], [a, c, d]]);
        }
    }
    solid
}
