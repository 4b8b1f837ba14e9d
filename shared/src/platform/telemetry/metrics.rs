//! Metrics: one OpenTelemetry API, scraped by Prometheus.

use std::sync::OnceLock;

use opentelemetry::global;
use opentelemetry::metrics::Histogram;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Encoder, Registry, TextEncoder};

use super::TelemetryError;

static REGISTRY: OnceLock<Registry> = OnceLock::new();

/// From a cache hit to a request that times out.
const SECONDS: [f64; 15] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

pub(super) fn meter_provider(resource: Resource) -> Result<SdkMeterProvider, TelemetryError> {
    let registry = REGISTRY.get_or_init(Registry::new);
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .scope_info_enabled(false)
        .build()
        .map_err(TelemetryError::Metrics)?;
    Ok(SdkMeterProvider::builder().with_resource(resource).with_reader(exporter).build())
}

/// Everything measured so far, in the text format that Prometheus reads; empty before
/// [`init`](super::init).
pub fn metrics_text() -> String {
    let Some(registry) = REGISTRY.get() else { return String::new() };
    let mut text = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&registry.gather(), &mut text) {
        tracing::error!(%error, "metrics could not be written");
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A histogram of durations in seconds, with the same buckets everywhere. Ask for it after
/// [`init`](super::init), and keep it.
pub fn seconds_histogram(name: &'static str, description: &'static str) -> Histogram<f64> {
    global::meter("mes")
        .f64_histogram(name)
        .with_description(description)
        .with_unit("s")
        .with_boundaries(SECONDS.to_vec())
        .build()
}
