//! `cargo xtask sqlx`: the data of checked queries in `.sqlx/`, made by asking a fresh database.
//!
//! sqlx-cli is not needed: the macros write what they learn to `SQLX_OFFLINE_DIR`. They only run
//! when their crate is compiled, so the sources that use them look changed for the time of one build.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::home::{self, Home};
use crate::secrets::Secrets;
use crate::servers::{Purpose, Setup, postgres};
use crate::stack::DATABASE;
use crate::{cargo, files, lock, ports, process};

type Queries = BTreeMap<String, String>;

pub fn run() -> Result<()> {
    let fresh = describe_queries()?;
    let folder = home::checkout().join(".sqlx");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    for (name, text) in &fresh {
        fs::write(folder.join(name), text)?;
    }
    println!("wrote {} queries to {}", fresh.len(), folder.display());
    Ok(())
}

/// Fails when `.sqlx/` is not what a fresh database says.
pub fn check() -> Result<()> {
    let fresh = describe_queries()?;
    let kept = read(&home::checkout().join(".sqlx"))?;
    let differences = compare(&kept, &fresh);
    if differences.is_empty() {
        return Ok(());
    }
    bail!("{}\nrun `cargo xtask sqlx` and commit `.sqlx`", differences.join("\n"))
}

fn compare(kept: &Queries, fresh: &Queries) -> Vec<String> {
    let missing = fresh.keys().filter(|name| !kept.contains_key(*name));
    let unused = kept.keys().filter(|name| !fresh.contains_key(*name));
    let changed =
        fresh.iter().filter(|(name, text)| kept.get(*name).is_some_and(|old| old != *text));
    let missing = missing.map(|name| format!("missing: {name}"));
    let unused = unused.map(|name| format!("no longer used: {name}"));
    missing.chain(unused).chain(changed.map(|(name, _)| format!("changed: {name}"))).collect()
}

/// Compiles everything that uses the macros against a migrated database of our own.
fn describe_queries() -> Result<Queries> {
    home::sweep("sqlx-")?;
    let home = Home::create(&format!("sqlx-{}", std::process::id()))?;
    let _lock = lock::take(&home)?;
    let result = with_database(&home);
    home.remove()?;
    result
}

fn with_database(home: &Home) -> Result<Queries> {
    let reservation = ports::reserve(None)?;
    let setup = Setup {
        home: home.clone(),
        ports: reservation.ports,
        secrets: Secrets::random()?,
        purpose: Purpose::Tests,
    };
    let _primary = postgres::start_primary(&setup)?;
    make_schema(&setup)?;
    let data = home.root.join("queries");
    fs::create_dir_all(&data)?;
    compile(&postgres::url(&setup, "postgres", "", postgres::primary(&setup), DATABASE), &data)?;
    read(&data)
}

/// The SQL files as they are, by psql: the `migrate` binary may not compile while the data is stale.
fn make_schema(setup: &Setup) -> Result<()> {
    let migrations = home::checkout().join("migrations");
    postgres::psql_file(setup, "postgres", &migrations.join("roles.sql"))?;
    postgres::psql(setup, "postgres", &format!("CREATE DATABASE {DATABASE}"))?;
    let mut files: Vec<_> =
        fs::read_dir(migrations.join("sql"))?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    for file in files {
        postgres::psql_file(setup, DATABASE, &file)?;
    }
    // Projections name their tables without a schema, so that a rebuild can point them elsewhere.
    let path = format!("ALTER DATABASE {DATABASE} SET search_path = read, public");
    postgres::psql(setup, "postgres", &path)?;
    Ok(())
}

fn compile(database: &str, data: &Path) -> Result<()> {
    let sources = sources_with_macros()?;
    let touched = sources.iter().map(|file| files::touch(file)).collect::<Result<Vec<_>>>()?;
    let mut check = cargo::command();
    check.args(["check", "--workspace", "--all-targets", "--quiet"]);
    check.env("DATABASE_URL", database).env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", data);
    let result = process::run(&mut check);
    // What was built before is still good: without this, the next build would not know.
    for (file, before) in sources.iter().zip(touched) {
        files::set_modified(file, before)?;
    }
    result
}

fn sources_with_macros() -> Result<Vec<PathBuf>> {
    let metadata = cargo::metadata()?;
    let members = metadata["workspace_members"].as_array().context("no workspace members")?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let ours = packages.iter().filter(|package| members.contains(&package["id"]));
    let roots = ours.filter_map(|package| Path::new(package["manifest_path"].as_str()?).parent());
    let mut found = Vec::new();
    for root in roots {
        collect(root, &mut found)?;
    }
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            if text.contains("query!(")
                || text.contains("query_as!(")
                || text.contains("query_scalar!(")
            {
                found.push(path);
            }
        }
    }
    Ok(())
}

fn read(folder: &Path) -> Result<Queries> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Queries::new()) };
    let files = entries.flatten().map(|entry| entry.path());
    let json = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    json.map(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path)?;
        Ok((name, text))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queries(entries: &[(&str, &str)]) -> Queries {
        entries.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn equal_data_has_no_differences() {
        let data = queries(&[("query-1.json", "{}")]);
        assert!(compare(&data, &data).is_empty());
    }

    #[test]
    fn missing_unused_and_changed_queries_are_named() {
        let kept = queries(&[("query-1.json", "old"), ("query-2.json", "x")]);
        let fresh = queries(&[("query-1.json", "new"), ("query-3.json", "x")]);
        let expected =
            ["missing: query-3.json", "no longer used: query-2.json", "changed: query-1.json"];
        assert_eq!(compare(&kept, &fresh), expected);
    }
}
