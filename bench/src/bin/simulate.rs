//! `simulate`: the outside world of the MES — shop, partners, CRM, carrier, operators — at a given rate.
//!
//! Without `--orders` it goes on until it is told to stop. With `--orders N` it is a check from end to end: it exits
//! with 0 when all N orders came to the end that their stories tell and the read API agrees, and with 1 after
//! telling which have not.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use bench::broker::{Broker, Stopping, listen};
use bench::simulator::world::{Plan, World};
use bench::simulator::{arrivals, check, crm, operators, shop};
use bench::stack::Stack;
use clap::Parser;
use shared::order::Status;
use shared::platform::shutdown::Shutdown;
use tokio::time::{MissedTickBehavior, interval};

/// Thinking takes a while and messages wait unacknowledged meanwhile, so that many must be allowed.
const AT_ONCE: u16 = 2_000;
const GRACE: Duration = Duration::from_secs(5);
/// A check is not a demonstration: people hurry.
const PACE_OF_A_CHECK: f64 = 0.05;

/// The outside world of the MES: shop, partners, CRM, carrier and operators, over RabbitMQ and REST.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The record of a running stack (`.mes/<name>/stack.json`)
    #[arg(long)]
    stack: PathBuf,
    /// Orders per second, from the shop (70 %) and from partners
    #[arg(long, default_value_t = 0.5)]
    rate: f64,
    /// Stop after so many orders, wait until all have ended, exit with 1 if one has not
    #[arg(long)]
    orders: Option<u64>,
    /// With --orders: the status at which an order counts as ended
    #[arg(long, default_value = "CLOSED")]
    until: Status,
    /// Simulated operators. The stack's first operator is left to whoever opens the dashboard, while there are others
    #[arg(long, default_value_t = 3)]
    operators: usize,
    /// Decides every choice
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Multiplies the time that people take; by default 1, less when operators could not keep up with the rate, and
    /// 0.05 with --orders
    #[arg(long)]
    pace: Option<f64>,
    /// With --orders: how long all may take to end after the last one was sent, in milliseconds
    #[arg(long, default_value_t = 180_000)]
    patience: u64,
    /// How often something is sent twice, from 0 to 1
    #[arg(long, default_value_t = 0.05)]
    duplicates: f64,
    /// How many messages per order have to be parked, from 0 to 1
    #[arg(long, default_value_t = 0.01)]
    careless: f64,
    /// Only orders that are priced, made and delivered: no cancellations, no broken models, no careless messages
    #[arg(long)]
    plain: bool,
    /// Seconds between two lines that tell what happened
    #[arg(long, default_value_t = 5)]
    every: u64,
    /// The folder with STL models
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../pricing/models"))]
    models: PathBuf,
    /// Tell of every refusal and every retry
    #[arg(long)]
    verbose: bool,
}

impl Args {
    fn plan(&self) -> Result<Plan> {
        let shares = [self.duplicates, self.careless];
        ensure!(self.rate > 0.0 && self.rate <= 10_000.0, "--rate is above 0, at most 10000");
        ensure!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "shares are from 0 to 1");
        let chosen = match self.orders {
            Some(_) => PACE_OF_A_CHECK,
            None => arrivals::pace_for(self.rate, self.operators),
        };
        let pace = self.pace.unwrap_or(chosen);
        ensure!((0.0..=1_000.0).contains(&pace), "--pace is from 0 to 1000");
        Ok(Plan {
            rate: self.rate,
            orders: self.orders,
            until: self.until,
            operators: self.operators,
            seed: self.seed,
            pace,
            duplicates: self.duplicates,
            careless: if self.plain { 0.0 } else { self.careless },
            plain: self.plain,
            verbose: self.verbose,
            patience: Duration::from_millis(self.patience),
            models: self.models.clone(),
        })
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let (plan, stack) = (args.plan()?, Stack::read(&args.stack)?);
    let shutdown = Shutdown::new();
    shutdown.listen_to_signals()?;
    let (world, broker) = World::new(plan, stack, shutdown.clone())?;
    introduce(&world);
    start(&world, &broker);
    let telling = tokio::spawn(tell(world.clone(), Duration::from_secs(args.every.max(1))));
    let verdict = run(&world).await;
    telling.abort();
    println!("{}", line(&world));
    let code = match verdict {
        Ok(verdict) => conclude(&world, &verdict),
        // Somebody wanted it to stop: that is an answer only for whoever asked for no check.
        Err(Stopping) => ExitCode::from(u8::from(world.plan.orders.is_some())),
    };
    shutdown.stop();
    shutdown.drain(GRACE).await;
    Ok(code)
}

fn introduce(world: &World) {
    let Plan { rate, pace, seed, .. } = &world.plan;
    let operators = crew(world).count();
    println!(
        "the outside world of {}: {rate} orders/s, {operators} operators at pace {pace:.3}, seed {seed}",
        world.stack.write_api
    );
}

/// Who works: everybody but the first operator of the stack, who is the visitor at the dashboard; unless more are
/// asked for than there are others.
fn crew(world: &World) -> impl Iterator<Item = &bench::stack::Person> {
    let all: Vec<_> = world.stack.operators().collect();
    let wanted = world.plan.operators;
    all.into_iter().rev().take(wanted)
}

fn start(world: &Arc<World>, broker: &Broker) {
    let shutdown = &world.shutdown;
    let (shop, crm) = (world.clone(), world.clone());
    let hear = move |received| shop::hear(shop.clone(), received);
    shutdown.spawn(listen(broker.clone(), "mes.to.shop", AT_ONCE, shutdown.clone(), hear));
    let hear = move |received| crm::hear(crm.clone(), received);
    shutdown.spawn(listen(broker.clone(), "mes.to.crm", AT_ONCE, shutdown.clone(), hear));
    for person in crew(world) {
        shutdown.spawn(operators::work(world.clone(), person.clone()));
    }
}

/// What a check has found.
struct Verdict {
    all_ended: bool,
    disagreements: Vec<String>,
}

async fn run(world: &Arc<World>) -> Result<Verdict, Stopping> {
    arrivals::arrive(world.clone()).await?;
    let all_ended = check::all_ended(world).await?;
    let disagreements = check::disagreements(world).await?;
    Ok(Verdict { all_ended, disagreements })
}

fn conclude(world: &World, verdict: &Verdict) -> ExitCode {
    let book = world.book();
    for (end, count) in book.ends() {
        println!("{count} orders: {end:?}");
    }
    if !verdict.all_ended {
        println!("{} orders have not ended:", book.open());
    }
    let late = book.late(std::time::Instant::now());
    let lines = [late.as_slice(), book.unexpected(), &verdict.disagreements].concat();
    for line in &lines {
        println!("  {line}");
    }
    let errors = world.tally.of("error");
    if lines.is_empty() && errors == 0 {
        println!("every order came to the end that was to be expected, and the read API agrees");
        ExitCode::SUCCESS
    } else {
        println!("not as it should be: {} orders, {errors} errors", lines.len());
        ExitCode::FAILURE
    }
}

async fn tell(world: Arc<World>, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        println!("{}", line(&world));
    }
}

fn line(world: &World) -> String {
    world.tally.line(world.began.elapsed(), &world.book(), world.trouble.count())
}
