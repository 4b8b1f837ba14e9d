//! A stop that no client notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};
use shared::platform::shutdown::{Drained, Shutdown};
use testkit::{PATIENCE, eventually};
use tokio::sync::Notify;
use web_kit::{Detached, Health, HttpConfig, Kit, Problem};

use ::web as web_kit;

#[derive(Default)]
struct Gate {
    reached: AtomicBool,
    open: Notify,
}

async fn slow(gate: Data<Gate>, detached: Detached) -> Result<HttpResponse, Problem> {
    let gate = gate.into_inner();
    let done = detached.run(async move {
        gate.reached.store(true, Ordering::SeqCst);
        gate.open.notified().await;
        Ok::<_, Problem>("done")
    });
    Ok(HttpResponse::Ok().body(done.await?))
}

#[tokio::test]
async fn requests_in_hand_are_answered_and_probes_told_before_the_server_ends() {
    let shutdown = Shutdown::new();
    let kit = Kit {
        health: Health::builder(shutdown.clone()).build(),
        authenticator: None,
        quotas: None,
        shutdown: shutdown.clone(),
    };
    let gate = Arc::new(Gate::default());
    let state = Data::from(Arc::clone(&gate));
    let config = HttpConfig { stop_delay_ms: 1_000, ..HttpConfig::on_free_port() };
    let bound = kit
        .bind(&config, move |config: &mut ServiceConfig| {
            config.app_data(state.clone()).route("/slow", web::get().to(slow));
        })
        .unwrap();
    let base = format!("http://{}", bound.address());
    let server = tokio::spawn(bound.run());
    let request = tokio::spawn(reqwest::get(format!("{base}/slow")));
    let in_hand = || async { gate.reached.load(Ordering::SeqCst) };
    eventually("the request is in hand", in_hand, PATIENCE).await;

    shutdown.stop();
    let probe = reqwest::get(format!("{base}/readyz")).await.unwrap();
    assert_eq!(probe.status(), 503);
    assert!(probe.text().await.unwrap().contains("stopping"));

    gate.open.notify_one();
    let answer = request.await.unwrap().unwrap();
    assert_eq!(answer.text().await.unwrap(), "done");
    assert_eq!(shutdown.drain(Duration::from_secs(5)).await, Drained::Softly);
    tokio::time::timeout(PATIENCE, server).await.expect("the server ends").unwrap().unwrap();
}
