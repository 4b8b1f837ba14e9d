//! What files made to do harm cost: for each the seconds and the memory to a clear answer.
//!
//! `cargo run --release -p pricing --example measure_hostile [-- ROUNDS]` runs each in a process of its own, which reads
//! it from a file, and prints a table: best time of the rounds, and by how much the most memory the
//! process had exceeds that of a process that reads a sound cube. Ends with 1 when a file is
//! taken for a model, takes more than a second, or takes more than 64 MB.
#![expect(clippy::unwrap_used, reason = "a tool for developers")]

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;
use std::{env, fs};

use pricing::analysis::{Standing, Unit, analyse};
use pricing::mesh::read;

#[path = "../tests/hostile_files/corpus.rs"]
mod corpus;
#[path = "../tests/engine/shapes.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod shapes;
#[path = "../tests/engine/writers.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod writers;

const MOST_SECONDS: f64 = 1.0;
const MOST_KILOBYTES: u64 = 64 << 10;

fn main() -> ExitCode {
    if env::args().nth(1).as_deref() == Some("--one") {
        one(&env::args().nth(2).unwrap());
        return ExitCode::SUCCESS;
    }
    let rounds = env::args().nth(1).map_or(3, |word| word.parse().unwrap());
    let path = env::temp_dir().join(format!("hostile-{}", std::process::id()));
    fs::write(&path, shapes::binary(&shapes::cube([0.0; 3], 1.0))).unwrap();
    let plain = run(&path, rounds).kilobytes;
    println!("| file | bytes | ms | MB more | answer |\n|---|---:|---:|---:|---|");
    let mut sound = true;
    for (name, make) in corpus::ALL {
        let file = make();
        fs::write(&path, &file).unwrap();
        let Run { seconds, kilobytes, answer } = run(&path, rounds);
        // The file itself is in memory once, as an upload is.
        let more = kilobytes.saturating_sub(plain + (file.len() as u64 >> 10));
        println!(
            "| {name} | {} | {:.1} | {} | {answer} |",
            file.len(),
            seconds * 1e3,
            more.div_ceil(1 << 10)
        );
        sound &= seconds <= MOST_SECONDS && more <= MOST_KILOBYTES && answer != "a model";
    }
    fs::remove_file(&path).unwrap();
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Run {
    seconds: f64,
    kilobytes: u64,
    answer: String,
}

/// The best time and the most memory of some rounds.
fn run(path: &Path, rounds: usize) -> Run {
    let runs = (0..rounds).map(|_| {
        let output =
            Command::new(env::current_exe().unwrap()).arg("--one").arg(path).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines = text.lines();
        let mut number = || lines.next().unwrap().to_owned();
        Run {
            seconds: number().parse().unwrap(),
            kilobytes: number().parse().unwrap(),
            answer: number(),
        }
    });
    runs.reduce(|one, other| Run {
        seconds: one.seconds.min(other.seconds),
        kilobytes: one.kilobytes.max(other.kilobytes),
        answer: other.answer,
    })
    .unwrap()
}

/// Seconds, kilobytes and an answer, a line each.
fn one(path: &str) {
    let start = Instant::now();
    let file = fs::read(path).unwrap();
    let answer = match read(&file) {
        Err(error) => error.to_string(),
        Ok(mesh) => match analyse(&mesh, Unit::Millimetre).standing() {
            Standing::Refused { verdict } => verdict.to_string(),
            Standing::Exact | Standing::Provisional { .. } => "a model".to_owned(),
        },
    };
    let seconds = start.elapsed().as_secs_f64();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak = peak.split_whitespace().next().unwrap();
    println!("{seconds}\n{peak}\n{}", answer.replace(['\n', '|'], " "));
}
