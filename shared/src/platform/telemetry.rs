//! Logs, traces and metrics of a process, set up once by [`init`].
//!
//! Logs are lines on stdout, each with the id of its trace. Spans go to an OpenTelemetry collector when one
//! is configured; without one they still give ids, so that a trace can be followed through logs, messages
//! and rows. Metrics are kept for whoever scrapes `/metrics`.
//!
//! Never log a token, a key, a connection string, a customer's name or address. Names of logged fields
//! are dotted by entity (`order.id`), units stand in the name (`duration_ms`).

mod lines;
mod metrics;
mod process;
mod trace_context;

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{ExporterBuildError, Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use serde::{Deserialize, Serialize};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use lines::LineFormat;
pub use lines::LogFormat;
pub use metrics::{metrics_text, seconds_histogram};
pub use trace_context::{
    continue_trace, current_trace_id, current_traceparent, link_trace, trace_id_of,
};

/// Libraries that tell the story of their own start; `telemetry.log` may let them.
const QUIET: &str = "opentelemetry=warn,actix_server=warn";
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// What a process tells about itself, and to whom.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// What is logged: a level, or directives such as `info,sqlx=debug`.
    pub log: String,
    /// How a log line looks.
    pub format: LogFormat,
    /// Where an OpenTelemetry collector listens (`http://collector:4318`); empty for nowhere.
    #[serde(default)]
    pub otlp_endpoint: String,
    /// The share of new traces that is exported, from 0 to 1. A trace begun elsewhere keeps its choice.
    #[serde(default = "all")]
    pub trace_sample_ratio: f64,
}

const fn all() -> f64 {
    1.0
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            log: "info".to_owned(),
            format: LogFormat::Json,
            otlp_endpoint: String::new(),
            trace_sample_ratio: all(),
        }
    }
}

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `telemetry.log` is not a filter.
    #[error("`telemetry.log` is not a log filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// `telemetry.otlp_endpoint` cannot be used.
    #[error("`telemetry.otlp_endpoint` cannot be used")]
    Exporter(#[from] ExporterBuildError),
    /// The metrics cannot be kept.
    #[error("metrics cannot be set up")]
    Metrics(#[source] opentelemetry_sdk::error::OTelSdkError),
    /// Somebody was faster.
    #[error("telemetry is set up already")]
    Already(#[from] tracing_subscriber::util::TryInitError),
}

/// Holds what must be flushed at the end.
#[derive(Debug)]
#[must_use = "without `shutdown` the last spans are lost"]
pub struct TelemetryGuard {
    tracers: SdkTracerProvider,
    meters: SdkMeterProvider,
}

impl TelemetryGuard {
    /// Sends what is left. Blocks: in asynchronous code call it in `spawn_blocking`.
    pub fn shutdown(self) {
        // Nobody is left to be told of a failure but stderr.
        if let Err(error) = self.tracers.shutdown_with_timeout(SHUTDOWN_TIMEOUT) {
            eprintln!("the last spans were not sent: {error}");
        }
        if let Err(error) = self.meters.shutdown_with_timeout(SHUTDOWN_TIMEOUT) {
            eprintln!("the meters did not stop: {error}");
        }
    }
}

/// Sets up logs, traces and metrics for this process. Once.
pub fn init(
    service: &'static str,
    config: &TelemetryConfig,
) -> Result<TelemetryGuard, TelemetryError> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", config.log))?;
    let resource = Resource::builder_empty()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let tracers = tracer_provider(config, resource.clone())?;
    let meters = metrics::meter_provider(resource)?;
    let logs = tracing_subscriber::fmt::layer()
        .fmt_fields(JsonFields::new())
        .event_format(LineFormat::new(service, config.format))
        .with_filter(filter);
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracers.tracer("mes"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(LevelFilter::INFO);
    tracing_subscriber::registry().with(logs).with(spans).try_init()?;
    global::set_text_map_propagator(TraceContextPropagator::new());
    global::set_tracer_provider(tracers.clone());
    global::set_meter_provider(meters.clone());
    process::measure(&global::meter("mes"));
    Ok(TelemetryGuard { tracers, meters })
}

fn tracer_provider(
    config: &TelemetryConfig,
    resource: Resource,
) -> Result<SdkTracerProvider, ExporterBuildError> {
    let ratio = Sampler::TraceIdRatioBased(config.trace_sample_ratio);
    let builder = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(Sampler::ParentBased(Box::new(ratio)));
    if config.otlp_endpoint.is_empty() {
        return Ok(builder.build());
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", config.otlp_endpoint.trim_end_matches('/')))
        .with_timeout(EXPORT_TIMEOUT)
        .build()?;
    Ok(builder.with_batch_exporter(exporter).build())
}
