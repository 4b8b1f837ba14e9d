//! `consumer what-if --rate-card card.json`: what a new rate card would have made of past orders.
//!
//! Orders are read in pages and only the changes are kept, so memory does not grow with their number; how many are
//! looked at has a limit. Prices are made from the measures kept with them, with the metal prices of their own day.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use pricing::fixing::Fixing;
use pricing::quote::{Item, Measures, PriceBook, price_of_measures};
use pricing::rate_card::{GramPrice, RateCard};
use shared::order::Order;
use shared::order::price::Price;
use sqlx::types::Json;
use uuid::Uuid;
use write_api::prices;
use write_api::store::Store;

/// The most orders that one run looks at.
pub const MOST_ORDERS: u32 = 100_000;
const PAGE: i64 = 500;
/// Sets of metal prices kept at hand.
const MOST_SETS: usize = 1_000;

/// Which orders.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// Made at this moment or later.
    pub from: DateTime<Utc>,
    /// Made before this moment.
    pub to: DateTime<Utc>,
    /// The most priced orders to look at.
    pub limit: u32,
}

/// What the new card would have changed.
#[derive(Debug, Default, PartialEq)]
pub struct Effect {
    /// Orders priced by both cards.
    pub orders: u64,
    /// Their totals as they were, minor units.
    pub before_minor: i128,
    /// Their totals by the new card, minor units.
    pub after_minor: i128,
    /// Orders that would have cost less.
    pub cheaper: u64,
    /// Orders that would have cost more.
    pub dearer: u64,
    /// Orders that the new card could not have priced, by reason.
    pub unpriced: BTreeMap<&'static str, u64>,
    /// Whether there were more orders than the limit.
    pub cut_off: bool,
    /// Changes as fractions of the old totals.
    changes: Vec<f64>,
}

/// Prices past orders by a new card.
///
/// # Errors
/// When the card has a fault, the limit is too high, or the database fails.
pub async fn run(store: &Store, card: RateCard, range: Range) -> anyhow::Result<Effect> {
    card.validate().context("the rate card")?;
    if !(1..=MOST_ORDERS).contains(&range.limit) {
        bail!("the limit is from 1 to {MOST_ORDERS} orders");
    }
    let mut sets = Sets::new(store, &card);
    let mut book = PriceBook { card, card_version: 0, fixing: None };
    let (mut effect, mut after) = (Effect::default(), Uuid::nil());
    loop {
        let orders = page(store, range, after).await?;
        let Some(last) = orders.last() else { break };
        after = last.id.as_uuid();
        for order in &orders {
            let (Some(spec), Some(price)) = (order.stage.spec(), order.stage.price()) else {
                continue;
            };
            if effect.seen() == u64::from(range.limit) {
                effect.cut_off = true;
                return Ok(effect.sorted());
            }
            book.fixing = sets.of(price).await?;
            effect.note(price, &book, &prices::item(spec));
        }
    }
    Ok(effect.sorted())
}

async fn page(store: &Store, range: Range, after: Uuid) -> Result<Vec<Order>, sqlx::Error> {
    let states = sqlx::query_scalar!(
        r#"SELECT state AS "state: Json<Order>" FROM write.orders
           WHERE order_id > $1 AND created_at >= $2 AND created_at < $3
           ORDER BY order_id LIMIT $4"#,
        after,
        range.from,
        range.to,
        PAGE,
    );
    let states = states.fetch_all(store.pool()).await?;
    Ok(states.into_iter().map(|state| state.0).collect())
}

/// The metal prices of an order's own day.
struct Sets<'s> {
    store: &'s Store,
    /// Whether the new card asks for any.
    wanted: bool,
    kept: BTreeMap<i64, Fixing>,
}

impl<'s> Sets<'s> {
    fn new(store: &'s Store, card: &RateCard) -> Self {
        let by_fixing = |price: &GramPrice| matches!(price, GramPrice::ByFixing(_));
        let wanted = card.materials.iter().any(|material| by_fixing(&material.price_per_gram));
        Self { store, wanted, kept: BTreeMap::new() }
    }

    async fn of(&mut self, price: &Price) -> Result<Option<Fixing>, sqlx::Error> {
        let at = price.calculated_at;
        let Some(set_id) = price.fixing_id.filter(|_| self.wanted) else {
            return if self.wanted { self.store.fixing_at(at).await } else { Ok(None) };
        };
        if let Some(known) = self.kept.get(&set_id) {
            return Ok(Some(known.clone()));
        }
        let fixing = self.store.fixing_of(set_id, at).await?;
        if self.kept.len() == MOST_SETS {
            self.kept.clear();
        }
        self.kept.insert(set_id, fixing.clone());
        Ok(Some(fixing))
    }
}

impl Effect {
    fn seen(&self) -> u64 {
        self.orders + self.unpriced.values().sum::<u64>()
    }

    #[expect(clippy::cast_precision_loss, reason = "a share of change, not money")]
    fn note(&mut self, old: &Price, book: &PriceBook, item: &Item) {
        if old.total.currency.as_str() != book.card.currency {
            return self.refuse("other_currency");
        }
        let model = &old.model;
        let (volume_mm3, area_mm2, bbox_mm) = (model.volume_mm3, model.area_mm2, model.bbox_mm);
        let measures = Measures { volume_mm3, area_mm2, bbox_mm };
        let new = match price_of_measures(&measures, book, item) {
            Ok(new) => new.total_minor,
            Err(error) => return self.refuse(error.code()),
        };
        self.orders += 1;
        self.before_minor += i128::from(old.total.minor);
        self.after_minor += i128::from(new);
        self.cheaper += u64::from(new < old.total.minor);
        self.dearer += u64::from(new > old.total.minor);
        let before = old.total.minor.max(1) as f64;
        self.changes.push((new - old.total.minor) as f64 / before);
    }

    fn refuse(&mut self, code: &'static str) {
        *self.unpriced.entry(code).or_default() += 1;
    }

    fn sorted(mut self) -> Self {
        self.changes.sort_unstable_by(f64::total_cmp);
        self
    }

    /// The change that so many per cent of the orders do not exceed; `None` without orders.
    pub fn percentile(&self, percent: usize) -> Option<f64> {
        let last = self.changes.len().checked_sub(1)?;
        self.changes.get((last * percent.min(100) + 50) / 100).copied()
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "orders   {}{}",
            self.orders,
            if self.cut_off { " (more were left out)" } else { "" }
        )?;
        writeln!(f, "before   {} minor units", self.before_minor)?;
        writeln!(f, "after    {} minor units", self.after_minor)?;
        let same = self.orders - self.cheaper - self.dearer;
        writeln!(f, "cheaper  {}\ndearer   {}\nsame     {same}", self.cheaper, self.dearer)?;
        for percent in [0, 5, 25, 50, 75, 95, 100] {
            if let Some(change) = self.percentile(percent) {
                writeln!(f, "p{percent:<7} {:+.2} %", change * 100.0)?;
            }
        }
        self.unpriced
            .iter()
            .try_for_each(|(code, orders)| writeln!(f, "no price {orders} ({code})"))
    }
}
