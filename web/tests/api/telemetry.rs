//! What a request leaves behind: a trace that goes on, and a measurement.

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use shared::platform::telemetry::{TelemetryConfig, current_traceparent, init};

use crate::support::{Options, TestServer};

fn routes(config: &mut ServiceConfig) {
    config.route("/v1/orders/{id}", web::get().to(show));
}

async fn show() -> HttpResponse {
    HttpResponse::Ok().body(current_traceparent().unwrap_or_default())
}

/// One test, because telemetry is set up once a process.
#[tokio::test]
async fn a_request_continues_its_callers_trace_and_is_measured_by_route() {
    let guard = init("web-test", &TelemetryConfig::default()).unwrap();
    let server = TestServer::start(Options::default(), routes);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = server
        .client
        .get(server.url("/v1/orders/42?reference=somebody"))
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["x-request-id"], trace);
    assert!(answer.headers()["traceparent"].to_str().unwrap().contains(trace));
    let inside = answer.text().await.unwrap();
    assert!(inside.contains(trace) && !inside.contains("00f067aa0ba902b7"), "{inside}");

    let problem: serde_json::Value = server.get("/nowhere").await.json().await.unwrap();
    assert_eq!(problem["trace_id"].as_str().map(str::len), Some(32));

    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("http_server_request_duration_seconds_bucket"), "{metrics}");
    assert!(metrics.contains(r#"http_route="/v1/orders/{id}""#), "{metrics}");
    assert!(metrics.contains("process_memory_usage_bytes"), "{metrics}");
    assert!(!metrics.contains("somebody") && !metrics.contains("/nowhere"), "{metrics}");
    tokio::task::spawn_blocking(move || guard.shutdown()).await.unwrap();
}
