//! Watches over the age of metal prices. A feed that fell silent is found here and not in the shop's margin.

use std::collections::BTreeSet;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Gauge;
use pricing::fixing::Freshness;
use shared::platform::shutdown::Shutdown;
use write_api::store::{MetalAge, Store};

/// Prices change a few times a day.
const PAUSE: Duration = Duration::from_mins(1);

struct Watch {
    store: Store,
    age: Gauge<f64>,
    waiting: Gauge<u64>,
    /// Which metals were reported as old: each is told once.
    told: BTreeSet<&'static str>,
}

/// Measures the age of each price every minute, until the soft stop, and warns once when one becomes too old.
pub fn watch(store: Store, shutdown: &Shutdown) {
    let meter = opentelemetry::global::meter("mes");
    let mut watch = Watch {
        store,
        age: meter
            .f64_gauge("mes_metal_fixing_age_seconds")
            .with_description("Since the price of the metal that holds was observed")
            .build(),
        waiting: meter
            .u64_gauge("mes_metal_fixings_waiting")
            .with_description("Metal prices that jumped and wait for a person")
            .build(),
        told: BTreeSet::new(),
    };
    let stop = shutdown.soft().clone();
    shutdown.spawn(async move {
        stop.run_until_cancelled(async {
            loop {
                watch.look().await;
                tokio::time::sleep(PAUSE).await;
            }
        })
        .await;
    });
}

impl Watch {
    async fn look(&mut self) {
        match self.store.metal_ages().await {
            Ok((ages, waiting)) => {
                self.waiting.record(waiting, &[]);
                for age in &ages {
                    self.note(age);
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the age of metal prices is not known"
                );
            }
        }
    }

    fn note(&mut self, found: &MetalAge) {
        let metal = found.metal.as_str();
        let seconds = found.age.to_std().unwrap_or_default().as_secs_f64();
        self.age.record(seconds, &[KeyValue::new("metal", metal)]);
        if found.freshness == Freshness::Fresh {
            self.told.remove(metal);
        } else if self.told.insert(metal) {
            let hours = found.age.num_hours();
            tracing::warn!(
                metal,
                hours,
                "the price of a metal is old: has its feed fallen silent?"
            );
        }
    }
}
