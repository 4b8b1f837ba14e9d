//! What is measured of pricing. Names end in their unit.

use std::time::Duration;

use chrono::TimeDelta;
use opentelemetry::metrics::{Counter, Histogram, UpDownCounter};
use opentelemetry::{KeyValue, global};
use shared::platform::telemetry::seconds_histogram;
use write_api::store::Lane;

/// The measurements of one pricer.
#[derive(Clone)]
pub(super) struct PricerMetrics {
    jobs: Counter<u64>,
    running: UpDownCounter<i64>,
    waits: Histogram<f64>,
    durations: Histogram<f64>,
    analyses: Counter<u64>,
    reports: Counter<u64>,
}

/// A running job; it counts until this is dropped.
pub(super) struct Running {
    metrics: PricerMetrics,
    lane: KeyValue,
}

impl PricerMetrics {
    pub fn new() -> Self {
        let meter = global::meter("mes");
        Self {
            jobs: meter
                .u64_counter("mes_pricing_jobs")
                .with_description("Pricing jobs that were ended, by lane and outcome")
                .build(),
            running: meter
                .i64_up_down_counter("mes_pricing_running")
                .with_description("Pricing jobs in hand")
                .build(),
            waits: seconds_histogram(
                "mes_pricing_wait",
                "How long a job waited in its lane, from the first time on",
            ),
            durations: seconds_histogram(
                "mes_pricing_duration",
                "How long a worker had a job in hand",
            ),
            analyses: meter
                .u64_counter("mes_pricing_analyses")
                .with_description("Analyses that prices needed: computed, reused or refused")
                .build(),
            reports: meter
                .u64_counter("mes_pricing_reports")
                .with_description(
                    "Printability reports: made, put off because too many were in hand, or failed",
                )
                .build(),
        }
    }

    /// A job was claimed.
    pub fn begin(&self, lane: Lane, waited: TimeDelta) -> Running {
        let lane = KeyValue::new("lane", lane.as_str());
        self.waits
            .record(waited.to_std().unwrap_or_default().as_secs_f64(), std::slice::from_ref(&lane));
        self.running.add(1, std::slice::from_ref(&lane));
        Running { metrics: self.clone(), lane }
    }

    /// An analysis was needed.
    pub fn note_analysis(&self, how: &'static str) {
        self.analyses.add(1, &[KeyValue::new("outcome", how)]);
    }

    /// What became of a report.
    pub fn note_report(&self, outcome: &'static str) {
        self.reports.add(1, &[KeyValue::new("outcome", outcome)]);
    }
}

impl Running {
    /// It ended so after this time.
    pub fn end(self, outcome: &'static str, after: Duration) {
        let labels = [self.lane.clone(), KeyValue::new("outcome", outcome)];
        self.metrics.jobs.add(1, &labels);
        self.metrics.durations.record(after.as_secs_f64(), &labels);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.metrics.running.add(-1, std::slice::from_ref(&self.lane));
    }
}
