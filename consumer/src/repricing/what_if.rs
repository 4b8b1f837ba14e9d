//! `consumer what-if --rate-card card.json`: what a new rate card would have made of past orders.
//!
//! Orders are read in pages and only the changes are kept, so memory does not grow with their number; how many are
//! looked at has a limit. Prices are made from the measures kept with them, with the metal prices of their own day.

use std::collections::BTreeMap;

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

use super::effect::{Change, Effect};
use super::question::Question;

/// The most orders that one run looks at.
pub const MOST_ORDERS: u32 = 100_000;
/// The most orders that one run lists.
pub const MOST_LISTED: usize = 1_000;
const USUAL_ORDERS: u32 = 10_000;
const USUALLY_LISTED: usize = 20;
const PAGE: i64 = 500;
/// Sets of metal prices kept at hand.
const MOST_SETS: usize = 1_000;

/// Which orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Made at this moment or later; from the first on when left out.
    pub from: Option<DateTime<Utc>>,
    /// Made before this moment; until now when left out.
    pub to: Option<DateTime<Utc>>,
    /// The most priced orders to look at.
    pub limit: u32,
    /// The most orders to list.
    pub list: usize,
}

impl Default for Range {
    fn default() -> Self {
        Self { from: None, to: None, limit: USUAL_ORDERS, list: USUALLY_LISTED }
    }
}

/// The card and the orders that the command line asks for.
///
/// # Errors
/// The argument at fault, and of a card its field.
pub fn parse(question: &Question) -> anyhow::Result<(RateCard, Range)> {
    let path = question.rate_card.as_ref();
    let path = path.context("--rate-card is missing: which card is to be tried?")?;
    let named = || format!("--rate-card {}", path.display());
    let text = std::fs::read_to_string(path).with_context(named)?;
    let card: RateCard =
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(&text))
            .with_context(named)?;
    card.validate().with_context(named)?;
    let usual = Range::default();
    let limit = question.limit.unwrap_or(usual.limit);
    if !(1..=MOST_ORDERS).contains(&limit) {
        bail!("--limit {limit}: must be from 1 to {MOST_ORDERS} orders");
    }
    let list = question.list.unwrap_or(usual.list);
    if list > MOST_LISTED {
        bail!("--list {list}: must be from 0 to {MOST_LISTED} orders");
    }
    let Question { from, to, .. } = *question;
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        bail!("--from must be before --to: there are no orders between them");
    }
    Ok((card, Range { from, to, limit, list }))
}

/// Prices past orders by a new card that was found valid.
///
/// # Errors
/// When the database fails.
pub async fn run(store: &Store, card: RateCard, range: Range) -> anyhow::Result<Effect> {
    let mut effect = Effect::new(&card.currency, range);
    let mut sets = Sets::new(store, &card);
    let mut book = PriceBook { card, card_version: 0, fixing: None };
    let mut after = Uuid::nil();
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
                return Ok(effect);
            }
            book.fixing = sets.of(price).await?;
            match priced(price, &book, &prices::item(spec)) {
                Ok(change) => effect.note(order.id, change),
                Err(code) => effect.refuse(code, order.id),
            }
        }
    }
    Ok(effect)
}

fn priced(old: &Price, book: &PriceBook, item: &Item) -> Result<Change, &'static str> {
    if old.total.currency.as_str() != book.card.currency {
        return Err("other_currency");
    }
    let model = &old.model;
    let (volume_mm3, area_mm2, bbox_mm) = (model.volume_mm3, model.area_mm2, model.bbox_mm);
    let measures = Measures { volume_mm3, area_mm2, bbox_mm };
    let new = price_of_measures(&measures, book, item).map_err(|error| error.code())?;
    Ok(Change { before: old.total.minor, after: new.total_minor })
}

async fn page(store: &Store, range: Range, after: Uuid) -> Result<Vec<Order>, sqlx::Error> {
    let states = sqlx::query_scalar!(
        r#"SELECT state AS "state: Json<Order>" FROM write.orders
           WHERE order_id > $1 AND created_at >= $2 AND created_at < $3
           ORDER BY order_id LIMIT $4"#,
        after,
        range.from.unwrap_or(DateTime::UNIX_EPOCH),
        range.to.unwrap_or_else(|| store.clock().now()),
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
