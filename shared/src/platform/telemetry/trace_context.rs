//! Trace context as data: it travels in HTTP headers, in AMQP headers, and in the rows of the log and the
//! jobs, so that a price which took half an hour is still one story.

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, trace::TraceFlags};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The current span as a W3C `traceparent`, to be stored or sent.
pub fn current_traceparent() -> Option<String> {
    let current = current()?;
    Some(format!(
        "00-{}-{}-{:02x}",
        current.trace_id(),
        current.span_id(),
        current.trace_flags() & TraceFlags::SAMPLED
    ))
}

/// The id of the current trace: what a problem report and a log line have in common.
pub fn current_trace_id() -> Option<String> {
    current().map(|span| span.trace_id().to_string())
}

/// The trace id within a stored `traceparent`.
pub fn trace_id_of(traceparent: &str) -> Option<String> {
    parse(traceparent).map(|span| span.trace_id().to_string())
}

/// Makes `span`, not yet entered, a child of a `traceparent` that came with a request or a message. What is
/// not a traceparent is passed over: the span then begins a trace of its own.
pub fn continue_trace(span: &Span, traceparent: Option<&str>) {
    if let Some(parent) = traceparent.and_then(parse) {
        // Fails without an OpenTelemetry layer, when there is no trace to continue anyway.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

/// Links `span` to a stored trace context: the cause of this work, which may have ended long ago or be one
/// of several.
pub fn link_trace(span: &Span, traceparent: &str) {
    if let Some(cause) = parse(traceparent) {
        span.add_link(cause);
    }
}

fn current() -> Option<SpanContext> {
    let context = Span::current().context();
    let span = context.span().span_context().clone();
    span.is_valid().then_some(span)
}

fn parse(traceparent: &str) -> Option<SpanContext> {
    let context = TraceContextPropagator::new().extract(&Carrier(traceparent));
    let span = context.span().span_context().clone();
    span.is_valid().then_some(span)
}

struct Carrier<'a>(&'a str);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "traceparent").then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_is_read_from_a_well_formed_traceparent_only() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace_id_of(&format!("00-{id}-00f067aa0ba902b7-01")).as_deref(), Some(id));
        for broken in
            ["", "00", "00-zz-00f067aa0ba902b7-01", &format!("00-{}-1-01", "0".repeat(32))]
        {
            assert_eq!(trace_id_of(broken), None, "{broken}");
        }
    }
}
