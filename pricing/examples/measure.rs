//! Measures one model and says how long each step took.
//!
//! `cargo run --release -p pricing --example measure -- FILE [millimetre|centimetre|metre|inch]`

use std::env;
use std::error::Error;
use std::fs;
use std::time::Instant;

use pricing::analysis::{Unit, analyse};
use pricing::mesh::{FacetCounter, read};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().ok_or("which file?")?;
    let unit: Unit = arguments.next().as_deref().unwrap_or("millimetre").parse()?;

    let bytes = timed("file into memory", || fs::read(path))?;
    timed("upload's estimate", || {
        let mut counter = FacetCounter::new();
        for chunk in bytes.chunks(64 * 1024) {
            counter.push(chunk);
        }
        counter.verdict(bytes.len() as u64)
    })?;
    let mesh = timed("read and weld", || read(&bytes))?;
    let analysis = timed("analyse", || analyse(&mesh, unit));
    println!("{}", serde_json::to_string_pretty(&analysis)?);
    println!("{}", analysis.verdict());
    Ok(())
}

fn timed<T>(step: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    eprintln!("{step}: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    done
}
