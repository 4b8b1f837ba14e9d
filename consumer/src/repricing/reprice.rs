//! `consumer reprice --order … [--as-of …]`: the same price again, compared line by line.
//!
//! Without `--as-of` the book is the one that the price names, and anything but the same price is a fault of ours. With
//! it, the book is the one in force at that moment.

use std::sync::Arc;

use anyhow::{Context, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use object_store::{ObjectStore, ObjectStoreExt};
use pricing::ENGINE_VERSION;
use pricing::analysis::{Analysis, analyse};
use pricing::quote::{Item, PriceBook};
use shared::ids::OrderId;
use shared::order::Order;
use shared::order::price::{Price, PriceLine};
use shared::order::spec::WorkSpec;
use sqlx::types::Json;
use write_api::models::path_of;
use write_api::prices;
use write_api::store::{AnalysisKey, Store};

use super::table::{Side, difference, per_cent, sum, table};

/// What came of it.
#[derive(Debug)]
pub struct Compared {
    /// Whether every line and the total are the same.
    pub same: bool,
    /// Both prices side by side, for people.
    pub report: String,
}

/// Makes an order's price again and compares.
///
/// # Errors
/// When the order has no price, or something that the price was made of is gone.
pub async fn run(
    store: &Store,
    models: &Arc<dyn ObjectStore>,
    order_id: OrderId,
    as_of: Option<DateTime<Utc>>,
) -> anyhow::Result<Compared> {
    let (spec, stored) = price_of(store, order_id).await?;
    let book = match as_of {
        Some(at) => store
            .price_book(at)
            .await?
            .with_context(|| format!("--as-of {}: no rate card was in force then", time(at)))?,
        None => named_by(store, &stored).await?,
    };
    let (analysis, basis) = analysis(store, models, &spec, &stored).await?;
    // Whoever accepted the upper bound then, accepted it.
    let item = Item { accept_provisional: stored.range.is_some(), ..prices::item(&spec) };
    let breakdown = pricing::quote::price(&analysis, &book, &item)
        .context("the order cannot be priced by this book")?;
    let again = prices::price(&breakdown, &analysis, &spec.model_id, stored.calculated_at)?;
    let book = as_of.map_or_else(
        || "the book that the price names".to_owned(),
        |at| format!("the book in force at {}", time(at)),
    );
    Ok(compare(&format!("order {order_id}, from {basis}, by {book}"), &stored, &again))
}

async fn price_of(store: &Store, order_id: OrderId) -> anyhow::Result<(WorkSpec, Price)> {
    let state = sqlx::query_scalar!(
        r#"SELECT state AS "state: Json<Order>" FROM write.orders WHERE order_id = $1"#,
        order_id.as_uuid(),
    );
    let named = |what| move || format!("--order {order_id}: {what}");
    let order = state.fetch_optional(store.pool()).await?;
    let order = order.with_context(named("there is no such order"))?.0;
    let spec = order.stage.spec().with_context(named("it was not submitted"))?.clone();
    let price = order.stage.price().with_context(named("it has no price"))?.clone();
    Ok((spec, price))
}

async fn named_by(store: &Store, price: &Price) -> anyhow::Result<PriceBook> {
    let (version, at) = (price.rate_card_version, price.calculated_at);
    let book = store.price_book_of(version, price.fixing_id, at).await?;
    book.with_context(|| format!("rate card {version} is gone"))
}

/// What the engine of then measured, or else what this one measures.
async fn analysis(
    store: &Store,
    models: &Arc<dyn ObjectStore>,
    spec: &WorkSpec,
    stored: &Price,
) -> anyhow::Result<(Analysis, &'static str)> {
    let key = AnalysisKey::of(spec);
    if let Some(kept) = store.lookup_analysis_of_engine(&key, &stored.engine_version).await? {
        return Ok((kept, "the analysis that was kept"));
    }
    if stored.engine_version != ENGINE_VERSION {
        bail!(
            "the analysis of engine {} was not kept, and this is engine {ENGINE_VERSION}",
            stored.engine_version
        );
    }
    let path = path_of(&spec.model_id);
    let bytes = models.get(&path).await.context("the model is gone")?.bytes().await?;
    let unit = prices::stated_unit(spec.unit);
    let measured = tokio::task::spawn_blocking(move || {
        let mesh = pricing::mesh::read(&bytes)?;
        let unit = unit.or(mesh.unit()).context("the file does not say its unit")?;
        anyhow::Ok(analyse(&mesh, unit))
    });
    Ok((measured.await.context("the engine failed")??, "the model, measured again"))
}

fn compare(title: &str, stored: &Price, again: &Price) -> Compared {
    let same = stored.lines == again.lines && stored.total == again.total;
    let pairs = pairs(&stored.lines, &again.lines);
    let changed = pairs.iter().filter(|(then, now)| then != now).count();
    let verdict = if same {
        format!("The same price, line by line: {}.", money(again))
    } else {
        let (before, after) = (stored.total.minor.into(), again.total.minor.into());
        format!(
            "Another price: {changed} of {} lines differ, the total by {} ({}).",
            pairs.len(),
            difference(after - before),
            per_cent(before, after),
        )
    };
    let (books, lines) = (books(stored, again), breakdown(&pairs, stored, again));
    Compared { same, report: format!("{title}\n\n{books}\n{lines}\n{verdict}\n") }
}

/// What each price was made of.
fn books(stored: &Price, again: &Price) -> String {
    let row = |name: &str, of: &dyn Fn(&Price) -> String| {
        let mark = if of(stored) == of(again) { " " } else { "!" };
        [mark.to_owned(), name.to_owned(), of(stored), of(again)]
    };
    let rows = [
        [" ", "", "as priced", "again"].map(str::to_owned),
        row("rate card", &|price| price.rate_card_version.to_string()),
        row("metal prices", &|price| {
            price.fixing_id.map_or_else(|| "none".to_owned(), |set_id| format!("set {set_id}"))
        }),
        row("engine", &|price| price.engine_version.clone()),
        [" ", "priced at", &time(stored.calculated_at), ""].map(str::to_owned),
    ];
    table([Side::Left; 4], &rows)
}

type Pair<'p> = (Option<&'p PriceLine>, Option<&'p PriceLine>);

/// Lines for the same thing beside each other, in their order.
fn pairs<'p>(then: &'p [PriceLine], now: &'p [PriceLine]) -> Vec<Pair<'p>> {
    let mut rest = then;
    let mut pairs = Vec::new();
    for line in now {
        let is_same = |old: &PriceLine| old.code == line.code && old.detail == line.detail;
        let Some(place) = rest.iter().position(is_same) else {
            pairs.push((None, Some(line)));
            continue;
        };
        pairs.extend(rest[..place].iter().map(|gone| (Some(gone), None)));
        pairs.push((Some(&rest[place]), Some(line)));
        rest = &rest[place + 1..];
    }
    pairs.extend(rest.iter().map(|gone| (Some(gone), None)));
    pairs
}

fn breakdown(pairs: &[Pair<'_>], stored: &Price, again: &Price) -> String {
    let head = [" ", "line", "as priced", "minor", "again", "minor", "change"].map(str::to_owned);
    let row = |&(then, now): &Pair<'_>| {
        let amount = |line: Option<&PriceLine>| line.map_or(0, |line| line.amount_minor.into());
        let shown = |line: Option<&PriceLine>| line.map_or_else(String::new, |_| sum(amount(line)));
        let name = then.or(now).map_or_else(String::new, name);
        // What is the same need not be said twice.
        let again = if then == now { String::new() } else { now.map_or("-".to_owned(), working) };
        let change = amount(now) - amount(then);
        let mark = if then == now { " " } else { "!" };
        let working = then.map_or("-".to_owned(), working);
        [mark.to_owned(), name, working, shown(then), again, shown(now), difference(change)]
    };
    let (before, after) = (stored.total.minor.into(), again.total.minor.into());
    let total = [
        if before == after { " " } else { "!" }.to_owned(),
        "total".to_owned(),
        stored.total.currency.as_str().to_owned(),
        sum(before),
        if before == after { String::new() } else { again.total.currency.as_str().to_owned() },
        sum(after),
        difference(after - before),
    ];
    let rows: Vec<_> = [head].into_iter().chain(pairs.iter().map(row)).chain([total]).collect();
    let (left, right) = (Side::Left, Side::Right);
    table([left, left, left, right, left, right, right], &rows)
}

fn name(line: &PriceLine) -> String {
    line.detail
        .as_ref()
        .map_or_else(|| line.code.clone(), |detail| format!("{code} {detail}", code = line.code))
}

fn working(line: &PriceLine) -> String {
    let PriceLine { quantity, unit, rate, .. } = line;
    format!("{quantity} {unit} × {rate}")
}

fn money(price: &Price) -> String {
    format!("{} minor units of {}", sum(price.total.minor.into()), price.total.currency.as_str())
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(code: &str, detail: Option<&str>) -> PriceLine {
        PriceLine {
            code: code.to_owned(),
            quantity: 1.into(),
            unit: "piece".to_owned(),
            rate: 5.into(),
            amount_minor: 5,
            detail: detail.map(str::to_owned),
        }
    }

    /// A rush that is new must not make every later line look changed.
    #[test]
    fn lines_for_the_same_thing_stand_beside_each_other() {
        let then = [line("metal", None), line("stones", Some("pave")), line("vat", None)];
        let now = [line("metal", None), line("rush", None), line("vat", None)];
        let pairs = pairs(&then, &now);
        let codes = |side: fn(&Pair<'_>) -> bool| pairs.iter().map(side).collect::<Vec<_>>();
        assert_eq!(codes(|pair| pair.0.is_some()), [true, false, true, true]);
        assert_eq!(codes(|pair| pair.1.is_some()), [true, true, false, true]);
    }
}
