//! The measurements. Everything is uploaded before the clock runs: what is timed is "make order" to price.

use std::time::Duration;

use anyhow::{Context, Result};
use shared::ids::ModelId;
use tokio::time::{Instant, interval, sleep_until};

use super::floor::{Floor, UNITS};
use super::ledger::Times;
use crate::dice::Dice;
use crate::figures::{Line, percentile};

/// From here on models are priced in the long lane.
const LONG: u32 = 200_000;
const MONSTER: u32 = 5_000_000;
/// Facets of the models of a heap.
pub const HEAPED: u32 = 2_500_000;
const PATIENCE: Duration = Duration::from_mins(5);
const BETWEEN_SHORT: Duration = Duration::from_millis(500);
/// Orders per second of those beside a batch.
const OTHERS_RATE: f64 = 4.0;

/// Short models of all sizes at a rate, while monsters of 5 M facets keep the long lane busy.
///
/// # Errors
/// When something is refused or a price does not come.
pub async fn steady(floor: &Floor, rate: f64, seconds: f64, seed: u64) -> Result<Vec<Line>> {
    let mut dice = Dice::new(seed);
    let models = floor.new_models(sizes(&mut dice, rate * seconds)).await?;
    let monsters = floor.new_models([MONSTER; 2]).await?;
    let (numbers, long) = tokio::try_join!(
        at_a_rate(floor, rate, &models, Who::Shop),
        one_after_another(floor, &monsters, Duration::from_secs_f64(seconds)),
    )?;
    let times = floor.ledger.all_priced(&numbers, PATIENCE).await?;
    Ok(vec![
        Line::time("short, make order → news of the price, p50", seen(&times, 50)).at_most(500.0),
        Line::time("short, make order → news of the price, p99", seen(&times, 99)).at_most(2_000.0),
        Line::time("short, in the queue, p95", waited(&times, 95)),
        Line::time("short, with the worker, p50", worked(&times, 50)),
        Line::time("monsters beside them, with the worker, p50", worked(&long, 50)),
    ])
}

/// The same model again and again.
///
/// # Errors
/// As for [`steady`].
pub async fn repeat(floor: &Floor, times: u32) -> Result<Vec<Line>> {
    let model = floor.new_model(LONG - 1_000).await?;
    let first = floor.shop_orders(&model, UNITS[0]).await?;
    let first = floor.ledger.all_priced(&[first], PATIENCE).await?;
    let mut again = vec![];
    for _ in 0..times {
        let number = floor.shop_orders(&model, UNITS[0]).await?;
        again.extend(floor.ledger.all_priced(&[number], PATIENCE).await?);
    }
    Ok(vec![
        Line::time("a model of 199 k facets, the first time", seen(&first, 50)),
        Line::time("the same again, make order → news of the price, p50", seen(&again, 50)),
        Line::time("the same again, p95", seen(&again, 95)).at_most(100.0),
    ])
}

/// Short models while the long lane is flooded.
///
/// # Errors
/// As for [`steady`].
pub async fn flood(floor: &Floor, monsters: usize) -> Result<Vec<Line>> {
    let files = floor.new_models(vec![MONSTER; monsters.div_ceil(UNITS.len())]).await?;
    let models = floor.new_models(vec![LONG - 10_000; 200]).await?;
    let mut long = vec![];
    for (file, unit) in files.iter().flat_map(|file| UNITS.map(|unit| (file, unit))).take(monsters)
    {
        long.push(floor.shop_orders(file, unit).await?);
    }
    let flooded = floor.ledger.all_priced(&long, PATIENCE);
    tokio::pin!(flooded);
    // As many short ones as find the flood still there.
    let (mut numbers, mut models, mut ticks) = (vec![], models.iter(), interval(BETWEEN_SHORT));
    let long = loop {
        tokio::select! {
            long = &mut flooded => break long?,
            _ = ticks.tick() => {
                let model = models.next().context("the flood does not end")?;
                numbers.push(floor.shop_orders(model, UNITS[0]).await?);
            }
        }
    };
    let times = floor.ledger.all_priced(&numbers, PATIENCE).await?;
    let shares = times.iter().filter_map(|times| {
        Some(times.waited()?.div_duration_f64(times.worked()?.max(Duration::from_millis(1))))
    });
    let mut shares: Vec<f64> = shares.collect();
    shares.sort_unstable_by(f64::total_cmp);
    let p95 = shares.get((shares.len() * 95).div_ceil(100).max(1) - 1).context("no short job")?;
    Ok(vec![
        Line::time(
            format!("{} short ones in the flood, in the queue, p95", times.len()),
            waited(&times, 95),
        ),
        Line::time("short ones in the flood, with the worker, p50", worked(&times, 50)),
        Line::ratio("their wait in their own duration, p95", *p95).at_most(1.0),
        Line::time("the flood's models, with the worker, p50", worked(&long, 50)),
    ])
}

/// Others' prices without and with a partner's batch.
///
/// # Errors
/// As for [`steady`].
pub async fn batch(floor: &Floor, orders: u32, seconds: f64) -> Result<Vec<Line>> {
    let others = || floor.new_models(vec![20_000; whole(OTHERS_RATE * seconds) as usize]);
    let (before, during, after) = (others().await?, others().await?, others().await?);
    let small = floor.new_models(vec![2_000; orders as usize]).await?;
    let calm = others_times(floor, &before).await?;
    let flooding = batch_of(floor, &small);
    let (numbers, beside) = tokio::try_join!(flooding, others_times(floor, &during))?;
    let theirs = floor.ledger.all_priced(&numbers, PATIENCE).await?;
    let quiet = others_times(floor, &after).await?;
    let alone = seen(&[calm, quiet].concat(), 95);
    let flooded = seen(&beside, 95);
    Ok(vec![
        Line::time("others alone, make order → news of the price, p95", alone),
        Line::time(format!("others beside a batch of {orders}, p95"), flooded),
        Line::ratio("with the batch / without it", flooded.div_duration_f64(alone)).at_most(1.2),
        Line::time("the batch itself, make order → news, p95", seen(&theirs, 95)),
    ])
}

/// Prices per second of a heap of equal models, all there at once. The models are large, so that the engine does most of
/// the work and not the servers, which both stacks have one of.
///
/// # Errors
/// As for [`steady`].
pub async fn heap(floor: &Floor, models: u32) -> Result<f64> {
    let count = f64::from(models);
    let models = floor.new_models(vec![HEAPED; models as usize]).await?;
    let mut numbers = vec![];
    for model in &models {
        numbers.push(floor.shop_orders(model, UNITS[0]).await?);
    }
    let times = floor.ledger.all_priced(&numbers, PATIENCE).await?;
    let began = times.iter().filter_map(Times::started).min().context("nothing began")?;
    let ended = times.iter().filter_map(Times::ended).max().context("nothing ended")?;
    let seconds = (ended - began).to_std()?.as_secs_f64();
    floor.reported(&models, PATIENCE).await?;
    Ok(count / seconds)
}

/// Facets from 2 000 to just below the long lane, as many small as large ones by order of magnitude.
fn sizes(dice: &mut Dice, count: f64) -> Vec<u32> {
    let range = f64::from(LONG - 10_000) / 2e3;
    (0..whole(count)).map(|_| whole(2e3 * range.powf(dice.fraction()))).collect()
}

/// Without the fraction; bounds and rates are small and not negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn whole(number: f64) -> u32 {
    number.clamp(0.0, f64::from(u32::MAX)) as u32
}

/// Who orders.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Shop,
    /// Half of the orders are the shop's, half another partner's than the one with the batch.
    ShopAndPartner,
}

/// Orders the models one by one at a rate, however the MES feels.
async fn at_a_rate(floor: &Floor, rate: f64, models: &[ModelId], who: Who) -> Result<Vec<String>> {
    let (mut next, mut numbers) = (Instant::now(), vec![]);
    for (index, model) in models.iter().enumerate() {
        sleep_until(next).await;
        next += Duration::from_secs_f64(rate.recip());
        let by_partner = who == Who::ShopAndPartner && index % 2 == 1;
        numbers.push(if by_partner {
            floor.partner_orders(1, model).await?
        } else {
            floor.shop_orders(model, UNITS[0]).await?
        });
    }
    Ok(numbers)
}

async fn others_times(floor: &Floor, models: &[ModelId]) -> Result<Vec<Times>> {
    let numbers = at_a_rate(floor, OTHERS_RATE, models, Who::ShopAndPartner).await?;
    Ok(floor.ledger.all_priced(&numbers, PATIENCE).await?)
}

/// One partner's orders, as fast as they are taken.
async fn batch_of(floor: &Floor, models: &[ModelId]) -> Result<Vec<String>> {
    let mut numbers = vec![];
    for model in models {
        numbers.push(floor.partner_orders(0, model).await?);
    }
    Ok(numbers)
}

/// Monsters, always one in the long lane, for so long.
async fn one_after_another(
    floor: &Floor,
    files: &[ModelId],
    how_long: Duration,
) -> Result<Vec<Times>> {
    let (until, mut times) = (Instant::now() + how_long, vec![]);
    for (file, unit) in files.iter().flat_map(|file| UNITS.map(|unit| (file, unit))) {
        if Instant::now() > until {
            break;
        }
        let number = floor.shop_orders(file, unit).await?;
        times.extend(floor.ledger.all_priced(&[number], PATIENCE).await?);
    }
    Ok(times)
}

fn seen(times: &[Times], percent: u32) -> Duration {
    percentile(times.iter().filter_map(Times::seen), percent)
}

fn waited(times: &[Times], percent: u32) -> Duration {
    percentile(times.iter().filter_map(Times::waited), percent)
}

fn worked(times: &[Times], percent: u32) -> Duration {
    percentile(times.iter().filter_map(Times::worked), percent)
}
