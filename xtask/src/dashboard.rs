//! The dashboard's npm scripts, run only when something has changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::Result;

use crate::{home, packages, process};

pub fn folder() -> PathBuf {
    home::checkout().join("dashboard")
}

/// The built files, which read-api serves.
pub fn built() -> PathBuf {
    folder().join("dist")
}

/// Builds the dashboard unless the last build is newer than everything it is made from.
pub fn build() -> Result<()> {
    let sources = newest(&folder(), &["node_modules", "dist"]);
    let output = modified(&built().join("index.html"));
    if output.is_some() && output > sources {
        println!("dashboard: already built");
        return Ok(());
    }
    install()?;
    println!("dashboard: building");
    process::run(&mut npm(&["run", "--silent", "build"]))
}

/// Installs the packages of the lock file unless they are there.
pub fn install() -> Result<()> {
    packages::require_node()?;
    let wanted = modified(&folder().join("package-lock.json"));
    let installed = modified(&folder().join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= wanted {
        return Ok(());
    }
    println!("dashboard: installing packages");
    process::run(&mut npm(&["ci", "--no-audit", "--no-fund", "--loglevel=error"]))
}

pub fn npm(args: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(args).current_dir(folder());
    command
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// The latest change of any file under a folder, some names left out.
fn newest(folder: &Path, without: &[&str]) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let wanted = entries.filter(|entry| !without.iter().any(|name| entry.file_name() == *name));
    let times = wanted.filter_map(|entry| {
        let path = entry.path();
        if path.is_dir() { newest(&path, without) } else { modified(&path) }
    });
    times.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_file_counts_and_left_out_folders_do_not() {
        let root = std::env::temp_dir().join(format!("xtask-newest-{}", std::process::id()));
        fs::create_dir_all(root.join("src")).unwrap();
        fs::create_dir_all(root.join("dist")).unwrap();
        fs::write(root.join("src/a"), "").unwrap();
        let only_source = newest(&root, &["dist"]);
        fs::write(root.join("dist/b"), "").unwrap();
        assert_eq!(newest(&root, &["dist"]), only_source);
        assert!(newest(&root, &[]) >= only_source);
        fs::remove_dir_all(root).unwrap();
    }
}
