//! `cargo xtask up`: from a bare checkout to a working dashboard, and back to nothing.

mod status;

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cargo::{self, Profile};
use crate::cluster::Cluster;
use crate::home::Home;
use crate::lock::{self, Lock};
use crate::ports::{self, Reservation};
use crate::secrets::Secrets;
use crate::servers::{self, Purpose, Setup, postgres};
use crate::services::{self, Service};
use crate::stack::{DATABASE, Stack};
use crate::supervisor::Supervisor;
use crate::test_servers::migrate;
use crate::{dashboard, env, interrupt, packages, process, seed};

/// How long a service may take to be ready; a debug build on a busy machine is slow.
const READY: Duration = Duration::from_mins(2);

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch on the command line")]
pub struct Args {
    /// The stack's name: each name is an isolated stack with ports and data of its own
    #[arg(long, default_value = "main")]
    pub name: String,
    /// Without the simulator of shop, CRM, carrier and partners
    #[arg(long)]
    empty: bool,
    /// Orders per second that the simulator makes
    #[arg(long, default_value_t = 0.5)]
    rate: f64,
    /// Use the binaries and the dashboard as they lie there
    #[arg(long)]
    no_build: bool,
    /// Keep the data when the stack stops: the next `up` goes on with it
    #[arg(long)]
    pub keep: bool,
    /// Optimised binaries, as in production: for measuring. The first build takes many minutes
    #[arg(long)]
    release: bool,
    #[command(flatten)]
    scale: services::Scale,
}

impl Args {
    const fn profile(&self) -> Profile {
        if self.release { Profile::Release } else { Profile::Dev }
    }
}

pub fn run(args: &Args) -> Result<()> {
    let home = Home::of(&args.name)?;
    let Some(lock) = lock::take(&home)? else { return already_running(&home) };
    let resumed = home.record().exists();
    let result = live(args, lock);
    // Data that was kept before is not lost to a build that fails.
    let failed = result.is_err() && !interrupt::requested();
    finish(&home, args.keep || (failed && resumed))?;
    if failed { result } else { Ok(()) }
}

fn already_running(home: &Home) -> Result<()> {
    println!("`{}` is already running", home.name);
    match Stack::read(home)? {
        Some(stack) => print!("{}", env::sign_in(&stack)),
        None => println!("it is still starting; `cargo xtask env` tells when it is up"),
    }
    Ok(())
}

/// The whole life of a stack; everything it started has ended when this returns.
fn live(args: &Args, _lock: Lock) -> Result<()> {
    let begun = Instant::now();
    let missing = packages::missing_or_refuse()?;
    packages::require_node()?;
    let build = start_build(args)?;
    let ready = packages::install(&missing).and_then(|()| start_servers(&args.name));
    let (setup, _reservation, mut servers) = match ready {
        Ok(ready) => ready,
        Err(error) => return build.map_or(Ok(()), process::end).and(Err(error)),
    };
    if let Some(build) = build {
        process::finish(build, "cargo build --workspace --bins")?;
        dashboard::build()?;
    }
    let binaries = cargo::binaries(args.profile())?;
    let mut stack = migrate_and_record(&setup, &binaries)?;
    let mut services = start_services(&setup, &stack, &binaries, args.scale)?;
    seed::run(&mut stack)?;
    stack.write(&setup.home)?;
    if !args.empty {
        services.keep(services::simulator(&setup, &binaries, args.rate).start()?);
    }
    announce(args, &stack, begun);
    let mut cluster = Cluster::of(&setup);
    let result = watch(&stack, &mut servers, &mut services, &mut cluster);
    println!("\nstopping: services first, then servers");
    services.stop();
    servers.stop();
    result
}

/// The servers need a few seconds, the first build minutes: both go on at once.
fn start_build(args: &Args) -> Result<Option<Child>> {
    if args.no_build {
        return Ok(None);
    }
    println!("building (the first time takes minutes on two cores); servers start meanwhile");
    process::start(&mut cargo::build_binaries(args.profile())).map(Some)
}

/// Everything is made anew, or taken over from data that was kept.
fn setup(name: &str) -> Result<(Setup, Reservation)> {
    let home = Home::create(name)?;
    let earlier = Stack::read(&home)?;
    if earlier.is_some() {
        println!("going on with the data that `{name}` has kept");
    } else {
        home.remove_data()?;
    }
    let home = Home::create(name)?;
    let reservation = ports::reserve(earlier.as_ref().map(|stack| stack.ports))?;
    let secrets = match earlier {
        Some(stack) => stack.secrets,
        None => Secrets::random()?,
    };
    let setup = Setup { home, ports: reservation.ports, secrets, purpose: Purpose::Stack };
    Ok((setup, reservation))
}

pub fn start_servers(name: &str) -> Result<(Setup, Reservation, Supervisor)> {
    let (setup, reservation) = setup(name)?;
    let mut supervisor = Supervisor::new();
    // They come in the order of stopping; the supervisor stops the last one first.
    for server in servers::start(&setup)?.into_iter().rev() {
        supervisor.keep(server);
    }
    Ok((setup, reservation, supervisor))
}

pub fn migrate_and_record(setup: &Setup, binaries: &Path) -> Result<Stack> {
    let exists = format!("SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'");
    if postgres::psql(setup, "postgres", &exists)?.is_empty() {
        postgres::psql(setup, "postgres", &format!("CREATE DATABASE {DATABASE}"))?;
    }
    migrate(setup, binaries, "postgres", "roles")?;
    let report = migrate(setup, binaries, DATABASE, "apply")?;
    println!("database: {}", report.lines().last().unwrap_or_default());
    std::fs::create_dir_all(setup.home.root.join("models"))?;
    let mut stack = Stack::of(setup)?;
    if let Some(earlier) = Stack::read(&setup.home)? {
        stack.partners = earlier.partners;
        stack.systems = earlier.systems;
    }
    stack.write(&setup.home)?;
    Ok(stack)
}

fn start_services(
    setup: &Setup,
    stack: &Stack,
    binaries: &Path,
    scale: services::Scale,
) -> Result<Supervisor> {
    let mut supervisor = Supervisor::new();
    let mut starting = Vec::new();
    for Service { launch, ready } in services::all(setup, stack, binaries, scale) {
        starting.push((launch.start()?, ready));
    }
    for (mut running, ready) in starting {
        running
            .wait_until(READY, || crate::http::is_ok(&ready))
            .with_context(|| format!("{ready} never answered 200"))?;
        println!("  services: {} is ready", running.name());
        supervisor.keep(running);
    }
    Ok(supervisor)
}

fn announce(args: &Args, stack: &Stack, begun: Instant) {
    println!("\n`{}` is up after {:.0} s", stack.name, begun.elapsed().as_secs_f32());
    print!("{}", env::sign_in(stack));
    println!("addresses, credentials, keys: cargo xtask env --name {} [--json]", stack.name);
    println!("logs: {}", stack.folder.join("logs").display());
    if args.empty {
        println!("no simulator (--empty): orders come from you");
    } else {
        println!("the simulator makes {} orders/s as shop and partners", args.rate);
    }
    let data = if args.keep { "keeps" } else { "removes" };
    println!("Ctrl-C (or `cargo xtask down`) stops everything and {data} its data\n");
}

/// Keeps everything alive and tells what is happening, until somebody wants it to stop.
fn watch(
    stack: &Stack,
    servers: &mut Supervisor,
    services: &mut Supervisor,
    cluster: &mut Cluster,
) -> Result<()> {
    let mut status = status::Status::new();
    while !interrupt::requested() {
        let mut news = servers.look()?;
        news.extend(services.look()?);
        news.extend(cluster.look(servers));
        for line in news {
            status.say(&line);
        }
        status.refresh(stack, servers, services);
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// What remains on disk is what the user asked for.
fn finish(home: &Home, keep: bool) -> Result<()> {
    let keep = keep || home.keep_marker().exists();
    if home.keep_marker().exists() {
        std::fs::remove_file(home.keep_marker())?;
    }
    if keep {
        println!("stopped; data is kept in {}", home.root.display());
    } else {
        home.remove_data()?;
        println!("stopped; data is removed, logs stay in {}", home.root.join("logs").display());
    }
    Ok(())
}
