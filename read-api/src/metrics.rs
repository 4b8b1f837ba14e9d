//! What this process tells beside the durations of its requests: where answers come from, how far each server is, and
//! how many streams are open. No ids in labels.

use opentelemetry::metrics::{Counter, UpDownCounter};
use opentelemetry::{KeyValue, global};
use shared::clock::{Clock, SystemClock};

use crate::replicas::Replicas;

/// The instruments that handlers use.
#[derive(Debug, Clone)]
pub struct Metrics {
    answers: Counter<u64>,
    streams: UpDownCounter<i64>,
}

impl Metrics {
    /// To be called once, after telemetry is set up.
    pub fn new() -> Self {
        let meter = global::meter("mes");
        Self {
            answers: meter
                .u64_counter("mes.read.answers")
                .with_description("Screens shown, by where the answer came from")
                .build(),
            streams: meter
                .i64_up_down_counter("mes.live.streams")
                .with_description("Open streams of live updates")
                .build(),
        }
    }

    /// A screen was shown.
    pub fn answered(&self, served_by: &'static str, stale: bool) {
        let labels = [KeyValue::new("served_by", served_by), KeyValue::new("stale", stale)];
        self.answers.add(1, &labels);
    }

    /// A stream was opened; it counts until the value is dropped.
    pub fn stream_opened(&self) -> OpenStream {
        self.streams.add(1, &[]);
        OpenStream(self.streams.clone())
    }
}

/// An open stream.
#[derive(Debug)]
pub struct OpenStream(UpDownCounter<i64>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.add(-1, &[]);
    }
}

/// How far each server is, told whenever somebody scrapes.
pub fn watch(replicas: &Replicas) {
    let meter = global::meter("mes");
    let servers = replicas.clone();
    // The meter keeps what it observes; the handles are not needed.
    let _ = meter
        .u64_observable_gauge("mes.read.server.up")
        .with_description("Whether a server of the read model answers")
        .with_callback(move |observer| {
            for (name, standing) in servers.standings() {
                let label = [KeyValue::new("server", name)];
                observer.observe(u64::from(standing.is_some()), &label);
            }
        })
        .build();
    let servers = replicas.clone();
    let _ = meter
        .u64_observable_gauge("mes.read.server.position")
        .with_description("The position of the log that a server of the read model shows")
        .with_callback(move |observer| {
            for (name, standing) in servers.standings() {
                if let Some(standing) = standing {
                    let label = [KeyValue::new("server", name)];
                    observer.observe(standing.position.position, &label);
                }
            }
        })
        .build();
    let servers = replicas.clone();
    let _ = meter
        .f64_observable_gauge("mes.read.server.data_age")
        .with_unit("s")
        .with_description("How old the data of a server of the read model is")
        .with_callback(move |observer| {
            let now = SystemClock.now();
            for (name, standing) in servers.standings() {
                if let Some(standing) = standing {
                    let age = (now - standing.as_of).as_seconds_f64().max(0.0);
                    observer.observe(age, &[KeyValue::new("server", name)]);
                }
            }
        })
        .build();
}
