//! The process itself: its health, its document, its start and its configuration.

use std::process::Command;

use testkit::{DatabaseRole, TestDatabase};

use crate::support::{Setup, TestApp};

#[tokio::test]
async fn it_tells_what_it_depends_on() {
    let app = TestApp::start().await;
    let report = app.get("/readyz").await.ok();
    assert_eq!(report["status"], "ready");
    assert_eq!(report["checks"][0]["name"], "read model");
    assert_eq!(
        (&report["checks"][1]["name"], &report["checks"][1]["needed"]),
        (&"redis".into(), &false.into())
    );
    assert_eq!(app.get("/livez").await.status, 200);
    assert_eq!(app.get("/metrics").await.status, 200);
}

#[tokio::test]
async fn it_does_not_start_on_a_schema_that_is_behind() {
    let empty = TestDatabase::empty().await;
    let setup = Setup::usual().await.with("database.replicas", empty.url(DatabaseRole::Read));
    let error = setup.try_build().await.err().expect("it refuses");
    let told = format!("{error:#}");
    assert!(told.contains("behind") && told.contains("migrate"), "{told}");
}

#[tokio::test]
async fn the_document_is_served_as_it_is_printed() {
    let app = TestApp::start().await;
    let served = app.get("/openapi.json").await.ok();
    let printed = Command::new(env!("CARGO_BIN_EXE_read-api")).arg("--openapi").output().unwrap();
    assert!(printed.status.success());
    let printed: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed, served);
    assert_eq!(printed["openapi"], "3.1.0");
    for path in [
        "/v1/board",
        "/v1/board/counts",
        "/v1/my-work",
        "/v1/orders",
        "/v1/orders/{order_id}",
        "/v1/orders/{order_id}/timeline",
        "/v1/live",
        "/config.json",
    ] {
        assert!(printed["paths"][path]["get"].is_object(), "{path}");
    }
}

#[test]
fn the_configuration_can_be_checked_and_shows_no_secret() {
    let checked = Command::new(env!("CARGO_BIN_EXE_read-api"))
        .args(["--check-config", "--set", "database.replicas=postgres://mes_read:hunter2@a/mes"])
        .args(["--set", "auth.hs256_secret=hunter2hunter2"])
        .output()
        .unwrap();
    let told = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success(), "{told}");
    assert!(told.contains("database.replicas") && !told.contains("hunter2"), "{told}");
}

#[test]
fn a_misspelt_key_is_refused_by_name() {
    let checked = Command::new(env!("CARGO_BIN_EXE_read-api"))
        .args(["--check-config", "--set", "database.primary=postgres://a/mes"])
        .args(["--set", "cache.max_byte=1"])
        .output()
        .unwrap();
    assert!(!checked.status.success());
    assert!(String::from_utf8_lossy(&checked.stderr).contains("`max_byte`"));
}
