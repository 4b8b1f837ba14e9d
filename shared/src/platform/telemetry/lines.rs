//! Log lines: what an event says, what its spans know, and the id of its trace.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::clock::{Clock, SystemClock};

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// One sentence a line, for people.
    Text,
}

pub(super) struct LineFormat {
    service: &'static str,
    format: LogFormat,
}

impl LineFormat {
    pub(super) fn new(service: &'static str, format: LogFormat) -> Self {
        Self { service, format }
    }
}

impl<S> FormatEvent<S, JsonFields> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = span_fields(context);
        event.record(&mut Recorder(&mut fields));
        if let Some(trace_id) = trace_id() {
            fields.insert("trace_id".to_owned(), trace_id.into());
        }
        let message = fields.remove("message").unwrap_or_default();
        match self.format {
            LogFormat::Json => self.write_json(&mut writer, event, message, fields),
            LogFormat::Text => write_text(&mut writer, event, &message, &fields),
        }
    }
}

impl LineFormat {
    fn write_json(
        &self,
        writer: &mut Writer<'_>,
        event: &Event<'_>,
        message: Value,
        fields: Map<String, Value>,
    ) -> fmt::Result {
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), now().into());
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.insert("service".to_owned(), self.service.into());
        line.insert("target".to_owned(), event.metadata().target().into());
        line.insert("message".to_owned(), message);
        for (name, value) in fields {
            line.entry(name).or_insert(value);
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}

fn write_text(
    writer: &mut Writer<'_>,
    event: &Event<'_>,
    message: &Value,
    fields: &Map<String, Value>,
) -> fmt::Result {
    let metadata = event.metadata();
    let message = message.as_str().unwrap_or_default();
    write!(writer, "{} {:5} {}: {message}", now(), metadata.level(), metadata.target())?;
    for (name, value) in fields {
        match value {
            Value::String(text) => write!(writer, " {name}={text}")?,
            value => write!(writer, " {name}={value}")?,
        }
    }
    writeln!(writer)
}

fn now() -> String {
    SystemClock.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// What the spans around an event know; the innermost wins.
fn span_fields<S>(context: &FmtContext<'_, S, JsonFields>) -> Map<String, Value>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let mut fields = Map::new();
    for span in
        context.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root)
    {
        let extensions = span.extensions();
        let known = extensions.get::<FormattedFields<JsonFields>>().map(|f| f.fields.as_str());
        if let Some(Ok(known)) = known.map(serde_json::from_str::<Map<String, Value>>) {
            // `otel.*` fields are instructions for the exporter.
            fields.extend(known.into_iter().filter(|(name, _)| !name.starts_with("otel.")));
        }
    }
    fields
}

fn trace_id() -> Option<String> {
    let context = Context::current();
    let span = context.span().span_context().clone();
    span.is_valid().then(|| span.trace_id().to_string())
}

struct Recorder<'a>(&'a mut Map<String, Value>);

impl Recorder<'_> {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Recorder<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    /// Errors with their causes: whoever handles one prints the chain, once.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        self.insert(field, text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::platform::telemetry::current_trace_id;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged while `work` runs, and what `work` returns.
    fn logged<T>(format: LogFormat, work: impl FnOnce() -> T) -> (String, T) {
        let written = Written::default();
        let writer = written.clone();
        let tracers = SdkTracerProvider::builder().build();
        let subscriber = tracing_subscriber::registry()
            .with(
                tracing_subscriber::fmt::layer()
                    .with_writer(move || writer.clone())
                    .fmt_fields(JsonFields::new())
                    .event_format(LineFormat::new("test", format)),
            )
            .with(tracing_opentelemetry::layer().with_tracer(tracers.tracer("test")));
        let result = tracing::subscriber::with_default(subscriber, work);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        (text, result)
    }

    #[test]
    fn a_line_is_one_json_object_with_what_its_spans_know_and_the_id_of_its_trace() {
        let (text, trace_id) = logged(LogFormat::Json, || {
            let span = tracing::info_span!("command", order.id = 7, otel.kind = "server");
            span.in_scope(|| {
                tracing::warn!(attempt = 2, "a \"quoted\"\nsentence");
                current_trace_id()
            })
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "a \"quoted\"\nsentence");
        assert_eq!((&line["level"], &line["service"]), (&"WARN".into(), &"test".into()));
        assert_eq!((&line["order.id"], &line["attempt"]), (&7.into(), &2.into()));
        assert_eq!(line["trace_id"].as_str(), trace_id.as_deref());
        assert!(trace_id.is_some() && line.get("otel.kind").is_none(), "{text}");
    }

    #[test]
    fn an_error_is_logged_with_its_causes() {
        let error = io::Error::other(fmt::Error);
        let (text, ()) = logged(LogFormat::Text, || {
            tracing::error!(error = &error as &dyn std::error::Error, "it failed");
        });
        assert!(text.contains("ERROR") && text.contains("it failed error="), "{text}");
    }
}
