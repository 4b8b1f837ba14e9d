//! How far rough prices are from the exact ones: measured, so that nobody has to believe in them.

use std::sync::OnceLock;

use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, global};
use pricing::quote::PriceBook;
use pricing::rough::error;
use shared::order::price::Price;
use shared::order::spec::WorkSpec;
use shared::quote::RoughPrice;

use super::{CommandError, Store};

/// Shares of the exact price: from a third of it to four times as much.
const BOUNDARIES: [f64; 15] =
    [-0.5, -0.25, -0.1, -0.05, -0.02, -0.01, 0.0, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0];

struct Instruments {
    errors: Histogram<f64>,
    outside: Counter<u64>,
}

fn instruments() -> &'static Instruments {
    static INSTRUMENTS: OnceLock<Instruments> = OnceLock::new();
    INSTRUMENTS.get_or_init(|| {
        let meter = global::meter("mes");
        Instruments {
            errors: meter
                .f64_histogram("mes_rough_price_error")
                .with_description(
                    "The likely rough price less the exact one, as a share of the exact one",
                )
                .with_boundaries(BOUNDARIES.to_vec())
                .build(),
            outside: meter
                .u64_counter("mes_rough_price_outside")
                .with_description("Exact prices that were outside the range of the rough one")
                .build(),
        }
    })
}

/// Compares a rough price with the exact one that came. Prices in different currencies say nothing.
pub(super) fn note(subject: &'static str, rough: &RoughPrice, exact: &Price) {
    let (exact, currency) = (exact.total.minor, exact.total.currency);
    if rough.likely.currency != currency {
        return;
    }
    let Some(share) = error(rough.likely.minor, exact) else { return };
    let labels = [KeyValue::new("subject", subject), KeyValue::new("basis", rough.basis.as_str())];
    instruments().errors.record(share, &labels);
    if !(rough.low.minor..=rough.high.minor).contains(&exact) {
        instruments().outside.add(1, &labels);
    }
}

impl Store {
    /// Compares the exact price of an order with what would have been said roughly: nobody asked, and so nothing of it
    /// was kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_rough_error_of_order(
        &self,
        spec: &WorkSpec,
        book: &PriceBook,
        exact: &Price,
    ) -> Result<(), CommandError> {
        if let Some(Ok(Some(rough))) = self.rough_price(spec, book).await? {
            note("order", &rough, exact);
        }
        Ok(())
    }
}
