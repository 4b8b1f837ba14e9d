//! `cargo xtask docs`: the documents in `docs/api`, written by the binaries themselves, and the
//! dashboard's types that are made from them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cargo::{self, Profile};
use crate::{dashboard, home, process};

/// File, binary, argument.
const DOCUMENTS: [(&str, &str, &str); 3] = [
    ("write-api.json", "write-api", "--openapi"),
    ("read-api.json", "read-api", "--openapi"),
    (MESSAGES, "consumer", "--asyncapi"),
];
const MESSAGES: &str = "asyncapi.json";
/// One JSON Schema a message, for teams that do not read AsyncAPI.
const SCHEMAS: &str = "schemas";

/// File name below `docs/api` and text.
type Documents = BTreeMap<String, String>;

pub fn run() -> Result<()> {
    let documents = generate()?;
    // A schema whose message is gone goes as well.
    let _ = fs::remove_dir_all(folder().join(SCHEMAS));
    fs::create_dir_all(folder().join(SCHEMAS))?;
    for (name, text) in &documents {
        fs::write(folder().join(name), text)?;
    }
    println!("wrote {} files to {}", documents.len(), folder().display());
    dashboard::install()?;
    process::run(&mut dashboard::npm(&["run", "--silent", "api-types"]))
}

/// Fails when a checked-in document is not what the code says.
pub fn check() -> Result<()> {
    let stale = compare(&read(&folder()), &generate()?);
    if stale.is_empty() {
        return Ok(());
    }
    bail!("{}\nrun `cargo xtask docs` and commit what it writes", stale.join("\n"))
}

fn compare(kept: &Documents, fresh: &Documents) -> Vec<String> {
    let stale = fresh.iter().filter(|(name, text)| kept.get(*name) != Some(text));
    let stale = stale.map(|(name, _)| format!("docs/api/{name} is stale"));
    let unused = kept.keys().filter(|name| !fresh.contains_key(*name));
    stale.chain(unused.map(|name| format!("docs/api/{name} belongs to nothing"))).collect()
}

fn generate() -> Result<Documents> {
    process::run(&mut cargo::build_binaries(Profile::Dev))?;
    let binaries = cargo::binaries(Profile::Dev)?;
    let mut documents = Documents::new();
    for (name, binary, argument) in DOCUMENTS {
        documents.insert(name.to_owned(), print(&binaries.join(binary), argument)?);
    }
    documents.extend(schemas(&documents[MESSAGES])?);
    Ok(documents)
}

fn print(binary: &Path, argument: &str) -> Result<String> {
    let text = process::output(Command::new(binary).arg(argument))?;
    Ok(format!("{}\n", text.trim_end()))
}

/// The schemas of the messages, as files of their own.
fn schemas(asyncapi: &str) -> Result<Documents> {
    let document: Value = serde_json::from_str(asyncapi)?;
    let schemas = document["components"]["schemas"].as_object();
    let schemas = schemas.context("the AsyncAPI document has no schemas")?;
    let file = |(kind, schema): (&String, &Value)| {
        let text = serde_json::to_string_pretty(schema)?;
        Ok((format!("{SCHEMAS}/{kind}.json"), format!("{text}\n")))
    };
    schemas.iter().map(file).collect()
}

/// Every generated file that is checked in.
fn read(folder: &Path) -> Documents {
    let inside = |below: &str| fs::read_dir(folder.join(below)).into_iter().flatten().flatten();
    let files = inside("").chain(inside(SCHEMAS)).map(|entry| entry.path());
    let json = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    json.filter_map(|path| {
        let name = path.strip_prefix(folder).ok()?.to_string_lossy().into_owned();
        Some((name, fs::read_to_string(&path).ok()?))
    })
    .collect()
}

fn folder() -> PathBuf {
    home::checkout().join("docs/api")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_and_unused_documents_are_named() {
        let documents = |entries: &[(&str, &str)]| -> Documents {
            entries.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let kept = documents(&[("a.json", "old"), ("b.json", "same"), ("c.json", "")]);
        let fresh = documents(&[("a.json", "new"), ("b.json", "same"), ("d.json", "")]);
        assert_eq!(
            compare(&kept, &fresh),
            [
                "docs/api/a.json is stale",
                "docs/api/d.json is stale",
                "docs/api/c.json belongs to nothing"
            ]
        );
    }

    #[test]
    fn every_message_has_a_schema_of_its_own() {
        let asyncapi = r#"{"components": {"schemas": {"order.submitted": {"type": "object"}}}}"#;
        let files = schemas(asyncapi).unwrap();
        assert_eq!(files["schemas/order.submitted.json"], "{\n  \"type\": \"object\"\n}\n");
        assert!(schemas("{}").is_err());
    }
}
