//! Planted bugs are for campaigns of faults alone: no package has them by default, none asks another one for them, and
//! no binary that lies in the target folder knows of them.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::cargo::{self, Profile};

const FEATURE: &str = "planted-bugs";
/// What a binary with planted bugs reads at its start.
const MARK: &str = "MES_PLANTED_BUG";
const PROGRAMS: [&str; 3] = ["consumer", "write-api", "read-api"];

pub fn check() -> Result<()> {
    let mut wrong = declared(&cargo::metadata()?);
    for profile in [Profile::Dev, Profile::Release] {
        let folder = cargo::binaries(profile)?;
        for program in PROGRAMS.map(|program| folder.join(program)) {
            if program.exists() && is_marked(&program)? {
                wrong.push(format!("{} has planted bugs: build it again", program.display()));
            }
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("{}", wrong.join("\n"))
}

/// Who has the feature by default, or asks for it.
fn declared(metadata: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let ours = package["source"].is_null();
        let default = package["features"]["default"].as_array().into_iter().flatten();
        if default.filter_map(Value::as_str).any(|feature| feature.contains(FEATURE)) {
            wrong.push(format!("{name} plants bugs by default"));
        }
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        for dependency in dependencies.filter(|_| ours) {
            let features = dependency["features"].as_array().into_iter().flatten();
            if features.filter_map(Value::as_str).any(|feature| feature == FEATURE) {
                wrong.push(format!("{name} asks {} for planted bugs", dependency["name"]));
            }
        }
    }
    wrong
}

fn is_marked(program: &Path) -> Result<bool> {
    let status = Command::new("grep").args(["-q", "-a", "-F", MARK]).arg(program).status()?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_has_it_by_default_or_asks_for_it_is_named() {
        let metadata = json!({ "packages": [
            { "name": "sound", "source": null, "features": { "planted-bugs": [] },
              "dependencies": [{ "name": "other", "features": ["derive"] }] },
            { "name": "by-default", "source": null, "features": { "default": ["planted-bugs"] },
              "dependencies": [] },
            { "name": "asks", "source": null, "features": {},
              "dependencies": [{ "name": "sound", "features": ["planted-bugs"] }] },
        ] });
        let wrong = declared(&metadata);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].starts_with("by-default") && wrong[1].starts_with("asks"));
    }

    #[test]
    fn a_program_that_reads_the_mark_is_found() {
        let folder = std::env::temp_dir();
        let file = folder.join(format!("xtask-planted-{}", std::process::id()));
        std::fs::write(&file, b"\x7fELF\0MES_PLANTED_BUG\0").unwrap();
        assert!(is_marked(&file).unwrap());
        std::fs::write(&file, b"\x7fELF\0nothing\0").unwrap();
        assert!(!is_marked(&file).unwrap());
        std::fs::remove_file(file).unwrap();
    }
}
