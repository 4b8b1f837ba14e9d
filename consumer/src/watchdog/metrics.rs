//! What the watchdog measures. `mes_orders_unaccounted` is 0, always.

use opentelemetry::metrics::{Counter, Gauge};
use opentelemetry::{KeyValue, global};

use super::stations::STATIONS;
use super::{Round, Watch};

pub(super) struct WatchdogMetrics {
    unaccounted: Gauge<u64>,
    buckets: Gauge<u64>,
    open: Gauge<u64>,
    steps: Counter<u64>,
    failed: Counter<u64>,
    compared: Counter<u64>,
    stations: Gauge<u64>,
    differing: Gauge<u64>,
}

impl WatchdogMetrics {
    pub fn new() -> Self {
        let meter = global::meter("mes");
        Self {
            unaccounted: meter
                .u64_gauge("mes_orders_unaccounted")
                .with_description("Open orders that wait for nobody; must be 0")
                .build(),
            buckets: meter
                .u64_gauge("mes_orders_in_bucket")
                .with_description("Open orders by who acts next")
                .build(),
            open: meter
                .u64_gauge("mes_incidents_open")
                .with_description("Incidents that are not healed, by cause")
                .build(),
            steps: meter
                .u64_counter("mes_incident_steps")
                .with_description("What was done about incidents: tried, escalated, healed")
                .build(),
            failed: meter
                .u64_counter("mes_watch_failures")
                .with_description("Looks of a watch that failed, or were cut off at their limit")
                .build(),
            compared: meter
                .u64_counter("mes_watchdog_compared_events")
                .with_description("Events that were compared with their orders' timelines")
                .build(),
            stations: meter
                .u64_gauge("mes_station_events")
                .with_description("Events of the last whole minute, by station on the way")
                .build(),
            differing: meter
                .u64_gauge("mes_station_minutes_differing")
                .with_description("Minutes of the last hour in which a station lacks something")
                .build(),
        }
    }

    pub fn note(&self, round: &Round) {
        self.unaccounted.record(round.unaccounted, &[]);
        for (bucket, orders) in &round.buckets {
            self.buckets.record(*orders, &[KeyValue::new("bucket", *bucket)]);
        }
        for cause in Watch::ALL.into_iter().flat_map(Watch::causes) {
            let open = round.open.get(cause).copied().unwrap_or_default();
            self.open.record(open, &[KeyValue::new("cause", *cause)]);
        }
        let steps =
            [("tried", round.tried), ("escalated", round.escalated), ("healed", round.healed)];
        for (step, times) in steps {
            self.steps.add(times, &[KeyValue::new("step", step)]);
        }
        for (why, watches) in [("failed", &round.failed), ("cut_off", &round.cut_off)] {
            for watch in watches {
                let labels = [KeyValue::new("watch", *watch), KeyValue::new("why", why)];
                self.failed.add(1, &labels);
            }
        }
        self.compared.add(round.compared, &[]);
        for (station, events) in &round.stations {
            self.stations.record(*events, &[KeyValue::new("station", *station)]);
        }
        for (station, _) in STATIONS.into_iter().filter(|(station, base)| station != base) {
            let minutes = round.differing.get(station).copied().unwrap_or_default();
            self.differing.record(minutes, &[KeyValue::new("station", station)]);
        }
    }
}
