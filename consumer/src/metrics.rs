//! What is measured of every follower of the log. Names end in their unit.

use std::time::Duration;

use chrono::{DateTime, Utc};
use opentelemetry::metrics::{Counter, Gauge};
use opentelemetry::{KeyValue, global};

use crate::log_reader::Reach;

/// The measurements of one follower.
#[derive(Debug)]
pub struct FollowerMetrics {
    follower: [KeyValue; 1],
    position: Gauge<u64>,
    lag: Gauge<f64>,
    hole_age: Gauge<f64>,
    stopped: Gauge<u64>,
    events: Counter<u64>,
    failures: Counter<u64>,
}

impl FollowerMetrics {
    /// Of the follower with this name.
    pub fn of(name: &'static str) -> Self {
        let meter = global::meter("mes");
        Self {
            follower: [KeyValue::new("follower", name)],
            position: meter
                .u64_gauge("mes_follower_position")
                .with_description("Position of the last event that was dealt with")
                .build(),
            lag: meter
                .f64_gauge("mes_follower_lag_seconds")
                .with_description("Age of the last event at the moment when it was dealt with")
                .build(),
            hole_age: meter
                .f64_gauge("mes_follower_oldest_hole_seconds")
                .with_description(
                    "For how long a position that somebody may still fill is in the way",
                )
                .build(),
            stopped: meter
                .u64_gauge("mes_follower_stopped")
                .with_description("1 while the log or a row is damaged and somebody must look")
                .build(),
            events: meter
                .u64_counter("mes_follower_events")
                .with_description("Events dealt with")
                .build(),
            failures: meter
                .u64_counter("mes_follower_failures")
                .with_description("How often the follower had to begin anew")
                .build(),
        }
    }

    /// These events, in the order of the log, were dealt with.
    pub fn note_batch(&self, reach: Option<Reach>, now: DateTime<Utc>) {
        let Some(reach) = reach else { return };
        self.events.add(reach.events, &self.follower);
        self.position.record(reach.position, &self.follower);
        let lag = (now - reach.occurred_at).to_std().unwrap_or_default();
        self.lag.record(lag.as_secs_f64(), &self.follower);
    }

    /// A hole is in the way for so long, or none is.
    pub fn note_hole(&self, age: Option<Duration>) {
        self.hole_age.record(age.unwrap_or_default().as_secs_f64(), &self.follower);
    }

    /// Whether it stands still until somebody repairs what it found.
    pub fn note_stopped(&self, stopped: bool) {
        self.stopped.record(stopped.into(), &self.follower);
    }

    /// It must begin anew.
    pub fn note_failure(&self) {
        self.failures.add(1, &self.follower);
    }
}
