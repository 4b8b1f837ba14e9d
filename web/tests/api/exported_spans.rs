//! Spans reach a collector, from within an asynchronous process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use shared::platform::telemetry::{TelemetryConfig, init};

use crate::support::{Options, TestServer};

async fn collect(received: Data<AtomicUsize>, body: Bytes) -> HttpResponse {
    received.fetch_add(body.len(), Ordering::SeqCst);
    HttpResponse::Ok().finish()
}

#[tokio::test]
async fn the_last_spans_are_sent_before_the_process_ends() {
    let received = Arc::new(AtomicUsize::new(0));
    let state = Data::from(Arc::clone(&received));
    let collector = TestServer::start(Options::default(), move |config: &mut ServiceConfig| {
        config.app_data(state.clone()).route("/v1/traces", web::post().to(collect));
    });
    let config =
        TelemetryConfig { otlp_endpoint: collector.base.clone(), ..TelemetryConfig::default() };
    let guard = init("web-test", &config).unwrap();
    tracing::info_span!("work").in_scope(|| tracing::info!("done"));
    tokio::task::spawn_blocking(move || guard.shutdown()).await.unwrap();
    assert!(received.load(Ordering::SeqCst) > 0);
}
