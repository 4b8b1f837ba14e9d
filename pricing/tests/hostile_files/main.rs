//! What files made to do harm cost: a clear problem, and no more than 64 MB beside the file.
//!
//! How long each takes is measured by `examples/measure_hostile.rs`, on a quiet machine.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../engine/shapes.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod shapes;
#[path = "../engine/writers.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod writers;

mod corpus;

use std::fs;

use pricing::analysis::{Standing, Unit, analyse};
use pricing::mesh::read;

/// Bytes of memory that a hostile file may take beside itself.
const MOST: u64 = 64 << 20;

#[test]
fn each_hostile_file_is_answered_with_a_problem_and_in_little_memory() {
    let mut wrong = vec![];
    for (name, make) in corpus::ALL {
        let file = make();
        forget_the_peak();
        let before = memory("VmRSS:");
        let answer = problem(&file);
        let taken = memory("VmHWM:").saturating_sub(before);
        match answer {
            None => wrong.push(format!("{name} was taken for a model")),
            Some(problem) if problem.len() < 10 => wrong.push(format!("{name}: {problem:?}")),
            Some(_) if taken > MOST => wrong.push(format!("{name} took {taken} bytes")),
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is wrong with the file, in words; `None` when a price could be made of it.
fn problem(file: &[u8]) -> Option<String> {
    match read(file) {
        Err(error) => Some(error.to_string()),
        Ok(mesh) => match analyse(&mesh, Unit::Millimetre).standing() {
            Standing::Refused { verdict } => Some(verdict.to_string()),
            Standing::Exact | Standing::Provisional { .. } => None,
        },
    }
}

/// The kernel counts the most memory of this process from here on (proc(5), `clear_refs`).
fn forget_the_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// Bytes, from the kernel's books of this process.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
}
