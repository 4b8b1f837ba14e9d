//! Measures a model file and says how long each step took.
//!
//! `cargo run --release -p pricing --example measure -- FILE [--unit U] [--threads N] [--rounds N]
//! [--print | --first-look]`
//!
//! The file is read in pieces straight into the weld, so that it is never in memory as a whole.
//! Prints one line of JSON a round: seconds of each step, from opening the file to all numbers,
//! and the peak of resident memory. `--print` prints the analysis instead; `--first-look` stops
//! after the first stage (volume, area, box).

use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use pricing::analysis::{Analysis, Unit, analyse};
use pricing::mesh::{ModelError, Source, read_from};
use pricing::tally;
use serde_json::json;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let wanted = Wanted::from_arguments(env::args().skip(1))?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(wanted.threads).build()?;
    for _ in 0..wanted.rounds {
        if wanted.first_look {
            println!("{}", pool.install(|| looked(&wanted))?);
            continue;
        }
        let (analysis, timings) = pool.install(|| measured(&wanted))?;
        if wanted.print {
            println!("{}", serde_json::to_string_pretty(&analysis)?);
        } else {
            println!("{timings}");
        }
    }
    Ok(())
}

fn measured(wanted: &Wanted) -> Result<(Analysis, serde_json::Value), Failure> {
    let start = Instant::now();
    let mesh = read_from(&OnDisk::open(&wanted.path)?)?;
    let read = start.elapsed().as_secs_f64();
    let analysis = analyse(&mesh, wanted.unit);
    let total = start.elapsed().as_secs_f64();
    let timings = json!({
        "total_s": total,
        "read_and_weld_s": read,
        "analyse_s": total - read,
        "facets": analysis.facets,
        "volume_mm3": analysis.volume_mm3,
        "shells": analysis.shells,
        "boundary_edges": analysis.boundary_edges,
        "peak_mb": peak_megabytes(),
    });
    Ok((analysis, timings))
}

fn looked(wanted: &Wanted) -> Result<serde_json::Value, Failure> {
    let start = Instant::now();
    let look = tally::of(&OnDisk::open(&wanted.path)?)?;
    Ok(json!({
        "total_s": start.elapsed().as_secs_f64(),
        "facets": look.facets,
        "volume": look.signed_volume,
        "closed_oriented": look.closed_oriented,
        "peak_mb": peak_megabytes(),
    }))
}

/// What the command line asks for.
struct Wanted {
    path: String,
    unit: Unit,
    threads: usize,
    rounds: usize,
    print: bool,
    first_look: bool,
}

impl Wanted {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let (mut path, mut unit) = (None, Unit::Millimetre);
        let (mut threads, mut rounds) = (0, 1);
        let (mut print, mut first_look) = (false, false);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} wants a value"));
            match argument.as_str() {
                "--unit" => unit = value()?.parse()?,
                "--threads" => threads = value()?.parse()?,
                "--rounds" => rounds = value()?.parse()?,
                "--print" => print = true,
                "--first-look" => first_look = true,
                _ => path = Some(argument),
            }
        }
        Ok(Self { path: path.ok_or("which file?")?, unit, threads, rounds, print, first_look })
    }
}

/// A file, read in pieces.
struct OnDisk {
    file: File,
    size: u64,
}

impl OnDisk {
    fn open(path: &str) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl Source for OnDisk {
    type Error = SourceError;

    fn size(&self) -> u64 {
        self.size
    }

    fn bytes<'a>(
        &'a self,
        offset: u64,
        len: usize,
        room: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], SourceError> {
        room.resize(len, 0);
        self.file.read_exact_at(room, offset)?;
        Ok(room)
    }
}

#[derive(Debug, thiserror::Error)]
enum SourceError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    File(#[from] io::Error),
}

/// The most memory this process has had, from the kernel's books; 0 where there are none.
fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}
