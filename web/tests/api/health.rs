//! Whether a process lives, and whether it can work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use shared::platform::shutdown::Shutdown;
use testkit::{DatabaseRole, PATIENCE, Proxy, TestDatabase, eventually};
use web_kit::Health;

use crate::support::{Options, TestServer};
use ::web as web_kit;

fn server(health: Health) -> TestServer {
    TestServer::start(Options { health: Some(health), ..Options::default() }, |_| ())
}

#[tokio::test]
async fn readiness_names_what_is_missing_and_life_does_not_depend_on_it() {
    let up = Arc::new(AtomicBool::new(false));
    let state = Arc::clone(&up);
    let health = Health::builder(Shutdown::new())
        .needs("broker", move || {
            let up = state.load(Ordering::SeqCst);
            async move { if up { Ok(()) } else { Err("refuses connections".to_owned()) } }
        })
        .uses("cache", || async { Err("is slow".to_owned()) })
        .build();
    let server = server(health);
    assert_eq!(server.get("/livez").await.status(), 200);
    let answer = server.get("/readyz").await;
    assert_eq!(answer.status(), 503);
    let report: Value = answer.json().await.unwrap();
    assert_eq!(report["checks"][0]["reason"], "refuses connections");
    up.store(true, Ordering::SeqCst);
    let ready = || async { server.get("/readyz").await.status() == 200 };
    eventually("it is ready without the cache", ready, PATIENCE).await;
}

#[tokio::test]
async fn a_dependency_that_does_not_answer_does_not_hang_the_probe() {
    let health =
        Health::builder(Shutdown::new()).needs("abyss", std::future::pending::<Result<(), String>>);
    let server = server(health.build());
    let answer = server.client.get(server.url("/readyz")).timeout(Duration::from_secs(5)).send();
    let report: Value = answer.await.unwrap().json().await.unwrap();
    assert_eq!(report["checks"][0]["reason"], "no answer within 1 s");
}

#[tokio::test]
async fn a_frozen_database_makes_the_process_unready_until_it_thaws() {
    let database = TestDatabase::create().await;
    let url = database.url(DatabaseRole::Read);
    let (user, rest) = url.split_once('@').unwrap();
    let (address, name) = rest.split_once('/').unwrap();
    let proxy = Proxy::to(address).await;
    let through = format!("{user}@{}/{name}", proxy.address());
    let mut config = shared::platform::database::DatabaseConfig::new(through, 2);
    config.acquire_timeout_ms = 500;
    let pool = shared::platform::database::pool(&config, "test").unwrap();
    let health = Health::builder(Shutdown::new()).needs_database("database", pool);
    let server = server(health.build());
    let is = |status: u16| {
        let server = &server;
        move || async move { server.get("/readyz").await.status().as_u16() == status }
    };
    eventually("it is ready", is(200), PATIENCE).await;
    proxy.set_frozen(true);
    eventually("it is not ready", is(503), PATIENCE).await;
    proxy.set_frozen(false);
    eventually("it is ready again", is(200), PATIENCE).await;
}
