//! `consumer reprice --order … [--as-of …]`: the same price again, compared line by line.
//!
//! Without `--as-of` the book is the one that the price names, and anything but the same price is a fault of ours. With
//! it, the book is the one in force at that moment.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
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
        Some(as_of) => store.price_book(as_of).await?.context("no rate card was in force then")?,
        None => named_by(store, &stored).await?,
    };
    let (analysis, basis) = analysis(store, models, &spec, &stored).await?;
    // Whoever accepted the upper bound then, accepted it.
    let item = Item { accept_provisional: stored.range.is_some(), ..prices::item(&spec) };
    let breakdown = pricing::quote::price(&analysis, &book, &item).context("no price")?;
    let again = prices::price(&breakdown, &analysis, &spec.model_id, stored.calculated_at)?;
    Ok(compare(order_id, &stored, &again, basis))
}

async fn price_of(store: &Store, order_id: OrderId) -> anyhow::Result<(WorkSpec, Price)> {
    let state = sqlx::query_scalar!(
        r#"SELECT state AS "state: Json<Order>" FROM write.orders WHERE order_id = $1"#,
        order_id.as_uuid(),
    );
    let order = state.fetch_optional(store.pool()).await?.context("there is no such order")?.0;
    let spec = order.stage.spec().context("the order was not submitted")?.clone();
    let price = order.stage.price().context("the order has no price")?.clone();
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

fn compare(order_id: OrderId, stored: &Price, again: &Price, basis: &str) -> Compared {
    let mut report = format!(
        "order {order_id}, from {basis}\n\
         stored: card {}, fixing {}, engine {}, {}\n\
         again:  card {}, fixing {}, engine {}\n",
        stored.rate_card_version,
        number(stored.fixing_id),
        stored.engine_version,
        stored.calculated_at,
        again.rate_card_version,
        number(again.fixing_id),
        again.engine_version,
    );
    let lines = stored.lines.len().max(again.lines.len());
    for index in 0..lines {
        let (then, now) = (stored.lines.get(index), again.lines.get(index));
        let mark = if then == now { ' ' } else { '!' };
        let _ = writeln!(report, "{mark} {:40} {:40}", shown(then), shown(now));
    }
    let same = stored.lines == again.lines && stored.total == again.total;
    let _ = writeln!(
        report,
        "{} {:>40} {:>40} {}",
        if same { ' ' } else { '!' },
        stored.total.minor,
        again.total.minor,
        again.total.currency.as_str()
    );
    Compared { same, report }
}

fn shown(line: Option<&PriceLine>) -> String {
    let Some(line) = line else { return "-".to_owned() };
    let detail = line.detail.as_deref().unwrap_or_default();
    let PriceLine { code, quantity, rate, amount_minor, .. } = line;
    format!("{code} {detail} {quantity} × {rate} = {amount_minor}")
}

fn number(id: Option<i64>) -> String {
    id.map_or_else(|| "none".to_owned(), |id| id.to_string())
}
