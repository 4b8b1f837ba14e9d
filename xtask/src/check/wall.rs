//! The wall between the crates: who may depend on what, compared with `cargo metadata`. It is the
//! table of ARCHITECTURE.md as data. Only normal dependencies count; tests may reach further.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cargo;

/// What the wall watches, each with the crates that belong to it. Our own crates come first.
const WATCHED: [(&str, &[&str]); 16] = [
    ("shared", &["shared"]),
    ("web", &["web"]),
    ("write-api", &["write-api"]),
    ("read-api", &["read-api"]),
    ("consumer", &["consumer"]),
    ("pricing", &["pricing"]),
    ("migrations", &["migrations"]),
    ("testkit", &["testkit"]),
    ("bench", &["bench"]),
    ("xtask", &["xtask"]),
    ("actix", &["actix-web", "actix-http", "actix-rt", "actix-cors", "actix-files"]),
    ("sqlx", &["sqlx", "sqlx-core", "sqlx-postgres", "tokio-postgres", "postgres"]),
    ("sea-query", &["sea-query", "sea-query-sqlx", "sea-query-binder"]),
    ("redis", &["redis", "deadpool-redis"]),
    ("lapin", &["lapin", "deadpool-lapin", "amqprs"]),
    ("object_store", &["object_store"]),
];

/// What each crate may use of it. `None`: a tool that stands outside the services.
const ALLOWED: [(&str, Option<&[&str]>); 10] = [
    ("shared", Some(&["sqlx"])),
    ("web", Some(&["shared", "actix", "sqlx"])),
    (
        "write-api",
        Some(&["shared", "web", "pricing", "migrations", "actix", "sqlx", "object_store"]),
    ),
    ("read-api", Some(&["shared", "web", "migrations", "actix", "sqlx", "sea-query", "redis"])),
    (
        "consumer",
        Some(&[
            "shared",
            "web",
            "write-api",
            "pricing",
            "migrations",
            "actix",
            "sqlx",
            "redis",
            "lapin",
            "object_store",
        ]),
    ),
    ("pricing", Some(&[])),
    ("migrations", Some(&["sqlx"])),
    ("testkit", None),
    ("bench", None),
    ("xtask", Some(&[])),
];

pub fn check() -> Result<()> {
    let breaches = breaches(&cargo::metadata()?)?;
    if breaches.is_empty() {
        return Ok(());
    }
    bail!(
        "{}\nmove the code, or change the wall in ARCHITECTURE.md and here, with an ADR",
        breaches.join("\n")
    )
}

fn breaches(metadata: &Value) -> Result<Vec<String>> {
    let members = metadata["workspace_members"].as_array().context("no workspace members")?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let ours = packages.iter().filter(|package| members.contains(&package["id"]));
    Ok(ours.flat_map(breaches_of).collect())
}

fn breaches_of(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
        return vec![format!("{name} is new: say in the wall's table what it may use")];
    };
    let Some(allowed) = allowed else { return Vec::new() };
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    dependencies
        .filter(|dependency| dependency["kind"].is_null())
        .filter_map(|dependency| dependency["name"].as_str())
        .filter_map(|dependency| Some((dependency, group_of(dependency)?)))
        .filter(|(_, group)| !allowed.contains(group))
        .map(|(dependency, group)| format!("{name} uses {dependency}, but may not use {group}"))
        .collect()
}

fn group_of(dependency: &str) -> Option<&'static str> {
    WATCHED.iter().find(|(_, crates)| crates.contains(&dependency)).map(|(group, _)| *group)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workspace(name: &str, dependencies: &Value) -> Value {
        json!({
            "workspace_members": ["id"],
            "packages": [{"id": "id", "name": name, "dependencies": dependencies}],
        })
    }

    #[test]
    fn what_the_table_allows_passes() {
        let dependencies = json!([
            {"name": "sqlx", "kind": null}, {"name": "serde", "kind": null},
            {"name": "lapin", "kind": "dev"},
        ]);
        assert_eq!(breaches(&workspace("write-api", &dependencies)).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn the_write_api_may_not_reach_the_broker_or_the_cache() {
        let dependencies =
            json!([{"name": "lapin", "kind": null}, {"name": "deadpool-redis", "kind": null}]);
        let found = breaches(&workspace("write-api", &dependencies)).unwrap();
        assert_eq!(
            found,
            [
                "write-api uses lapin, but may not use lapin",
                "write-api uses deadpool-redis, but may not use redis"
            ]
        );
    }

    #[test]
    fn pricing_may_use_nothing_of_it() {
        let found = breaches(&workspace("pricing", &json!([{"name": "shared", "kind": null}])));
        assert_eq!(found.unwrap().len(), 1);
    }

    #[test]
    fn a_new_crate_must_be_put_into_the_table() {
        let found = breaches(&workspace("newcomer", &json!([]))).unwrap();
        assert!(found[0].contains("newcomer is new"), "{found:?}");
    }

    #[test]
    fn every_watched_crate_of_ours_has_a_row() {
        let ours = WATCHED.iter().take(ALLOWED.len()).map(|(name, _)| name);
        for name in ours {
            assert!(ALLOWED.iter().any(|(known, _)| known == name), "{name}");
        }
    }
}
