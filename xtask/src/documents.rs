//! `cargo xtask docs`: the API documents in `docs/api`, written by the binaries themselves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{cargo, home, process};

/// File, binary, argument.
const DOCUMENTS: [(&str, &str, &str); 3] = [
    ("write-api.json", "write-api", "--openapi"),
    ("read-api.json", "read-api", "--openapi"),
    ("asyncapi.json", "consumer", "--asyncapi"),
];

pub fn run() -> Result<()> {
    process::run(&mut cargo::build_binaries())?;
    let binaries = cargo::binaries()?;
    fs::create_dir_all(folder())?;
    for (file, text) in generate(&binaries)? {
        fs::write(&file, text)?;
        println!("wrote {}", file.display());
    }
    Ok(())
}

/// Fails when a checked-in document is not what the code says.
pub fn check() -> Result<()> {
    process::run(&mut cargo::build_binaries())?;
    let stale = generate(&cargo::binaries()?)?
        .into_iter()
        .filter(|(file, text)| fs::read_to_string(file).ok().as_ref() != Some(text))
        .map(|(file, _)| format!("{} is stale", file.display()))
        .collect::<Vec<_>>();
    if stale.is_empty() {
        return Ok(());
    }
    bail!("{}\nrun `cargo xtask docs` and commit what it writes", stale.join("\n"))
}

fn generate(binaries: &Path) -> Result<Vec<(PathBuf, String)>> {
    let one = |(file, binary, argument): &(&str, &str, &str)| {
        let text = process::output(Command::new(binaries.join(binary)).arg(argument))
            .with_context(|| format!("`{binary} {argument}` must print {file}"))?;
        Ok((folder().join(file), format!("{}\n", text.trim_end())))
    };
    DOCUMENTS.iter().map(one).collect()
}

fn folder() -> PathBuf {
    home::checkout().join("docs/api")
}
