//! Prints what the engine finds in model files, one JSON object a line: `analyse [--unit millimetre] FILE…`.

use std::{env, fs, process};

use pricing::analysis::{Unit, analyse};
use pricing::mesh::read;
use serde_json::{Value, json};

fn main() {
    let mut files = env::args().skip(1).peekable();
    let unit = match files.next_if(|argument| argument == "--unit").and_then(|_| files.next()) {
        None => Unit::Millimetre,
        Some(name) => name.parse().unwrap_or_else(|error| {
            eprintln!("{error}");
            process::exit(2)
        }),
    };
    for file in files {
        println!("{}", found(&file, unit));
    }
}

fn found(file: &str, unit: Unit) -> Value {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => return json!({ "file": file, "error": error.to_string() }),
    };
    match read(&bytes) {
        Err(error) => json!({ "file": file, "refused": error.code(), "reason": error.to_string() }),
        Ok(mesh) => {
            let analysis = analyse(&mesh, mesh.unit().unwrap_or(unit));
            let standing = analysis.standing();
            json!({ "file": file, "standing": standing, "analysis": analysis })
        }
    }
}
