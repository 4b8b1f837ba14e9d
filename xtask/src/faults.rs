//! `cargo xtask faults`: a stack of its own with synchronous standbys, every service as a process of its own behind
//! links that can be cut, and the campaign of `bench` that torments it and checks that nothing was lost.
//!
//! This program keeps the processes running, as in `up`: what the campaign kills is started again at once. The two talk
//! by files in `.mes/<name>/campaign/`: `links.json` says through which port a service reaches a server, and
//! `control.json` who runs under which process id.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::cargo::{self, Profile};
use crate::cluster::Cluster;
use crate::home::Home;
use crate::process::Launch;
use crate::servers::Setup;
use crate::servers::postgres::Node;
use crate::services::{self, Scale, Service};
use crate::stack::Stack;
use crate::supervisor::Supervisor;
use crate::{files, http, interrupt, lock, packages, process, seed, up};

/// How long links and services may take.
const READY: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(50);
/// The bugs that can be planted, in binaries that are built for that alone.
const PLANTED: &str = "consumer/planted-bugs,write-api/planted-bugs,read-api/planted-bugs";

#[derive(clap::Args, Clone)]
pub struct Args {
    /// The stack's name
    #[arg(long, default_value = "faults")]
    name: String,
    /// How many orders
    #[arg(long, default_value_t = 3_000)]
    orders: u64,
    /// Decides what goes wrong; printed, and the same seed does the same again
    #[arg(long)]
    seed: Option<u64>,
    /// For how long
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// Nothing but failovers of the primary, so many, under load
    #[arg(long, conflicts_with_all = ["minutes", "plant", "orders"])]
    failovers: Option<u32>,
    /// At most so many orders a second; by default they are spread over the minutes
    #[arg(long)]
    rate: Option<f64>,
    /// Plant this bug: the campaign must fail
    #[arg(long)]
    plant: Option<String>,
    /// Use the binaries as they lie there
    #[arg(long)]
    no_build: bool,
    /// Optimised binaries, as in production
    #[arg(long)]
    release: bool,
}

impl Args {
    /// The campaign that is part of the tests: two minutes of everything.
    pub fn short(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            orders: 2_000,
            // What decides whether a change may land is not drawn by lot; other seeds are run by hand.
            seed: Some(21),
            minutes: 2.0,
            failovers: None,
            rate: None,
            plant: None,
            no_build: true,
            release: false,
        }
    }

    const fn profile(&self) -> Profile {
        if self.release { Profile::Release } else { Profile::Dev }
    }
}

pub fn run(args: &Args) -> Result<()> {
    let missing = packages::missing_or_refuse()?;
    packages::install(&missing)?;
    if !args.no_build {
        process::run(&mut cargo::build_binaries(args.profile()))?;
    }
    let passed = campaign(args)?;
    match (&args.plant, passed) {
        (None, true) => Ok(()),
        (None, false) => bail!("the campaign failed; its files are kept"),
        (Some(bug), false) => {
            println!("the planted bug `{bug}` was caught");
            Ok(())
        }
        (Some(bug), true) => bail!("the planted bug `{bug}` was NOT caught"),
    }
}

/// Whether the campaign is valid and found nothing. Everything it started has ended when this returns.
pub fn campaign(args: &Args) -> Result<bool> {
    let binaries = cargo::binaries(args.profile())?;
    let planted = args.plant.as_ref().map(|_| planted_binaries(args)).transpose()?;
    let home = Home::of(&args.name)?;
    let Some(_lock) = lock::take(&home)? else { bail!("`{}` is already running", args.name) };
    home.remove_data()?;
    let folder = home.root.join("campaign");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let (setup, _reservation, servers) = up::start_servers(&args.name)?;
    let stack = up::migrate_and_record(&setup, &binaries)?;
    let seed = args.seed.unwrap_or_else(a_seed);
    println!("seed {seed}; `cargo xtask faults --seed {seed}` does the same again");
    let mut services = services::all(&setup, &stack, &binaries, Scale::one());
    // Its orders are asked for by nobody, and a system that gets one a minute never comes to rest.
    services.retain(|service| service.launch.name != "heartbeat");
    torment_ready(&mut services, planted.as_deref(), args.plant.as_deref());
    let child = start_campaign(args, seed, &binaries, &home, &folder, &services)?;
    let mut keeper = Keeper::new(servers, Cluster::of(&setup), folder.clone());
    let result = keeper.keep(child, &setup, stack, services);
    keeper.stop();
    println!("history, report, plan: {}", folder.display());
    let passed = result?.success();
    setup.home.remove_data()?;
    Ok(passed)
}

pub fn a_seed() -> u64 {
    let since = files::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_nanos()) + since.as_secs() % 1_000
}

/// Built beside the others, under the same names, and then put into a folder of their own.
fn planted_binaries(args: &Args) -> Result<PathBuf> {
    let binaries = cargo::binaries(args.profile())?;
    let folder = binaries.join("planted");
    if args.no_build && folder.exists() {
        return Ok(folder);
    }
    process::run(cargo::build_binaries(args.profile()).args(["--features", PLANTED]))?;
    fs::create_dir_all(&folder)?;
    for program in ["consumer", "write-api", "read-api"] {
        fs::copy(binaries.join(program), folder.join(program))?;
    }
    // The ordinary ones lie there again, before anybody takes the others for them.
    process::run(&mut cargo::build_binaries(args.profile()))?;
    Ok(folder)
}

/// Quotas and a pace are for customers, and a lease that is shorter than a freeze is one that is lost.
pub fn torment_ready(services: &mut [Service], planted: Option<&Path>, bug: Option<&str>) {
    for Service { launch, .. } in services {
        let settings = [
            ("MES__QUOTAS__REQUESTS_PER_SECOND", "100000"),
            ("MES__QUOTAS__BURST", "100000"),
            ("MES__PACE__ORDERS_PER_SECOND", "100000"),
            ("MES__PRICER__LEASE_SECONDS", "5"),
            ("MES__TELEMETRY__LOG", "warn"),
        ];
        launch.env.extend(settings.map(|(key, value)| (key.to_owned(), value.to_owned())));
        if let (Some(folder), Some(name)) = (planted, launch.program.file_name()) {
            launch.program = folder.join(name);
            launch.env.extend(bug.map(|bug| ("MES_PLANTED_BUG".to_owned(), bug.to_owned())));
        }
    }
}

fn start_campaign(
    args: &Args,
    seed: u64,
    binaries: &Path,
    home: &Home,
    folder: &Path,
    services: &[Service],
) -> Result<Child> {
    let names: Vec<&str> = services.iter().map(|service| &*service.launch.name).collect();
    let mut command = Command::new(binaries.join("faults"));
    command.arg("--stack").arg(home.record()).arg("--folder").arg(folder);
    command.args(["--services", &names.join(","), "--seed", &seed.to_string()]);
    command.args(["--orders", &args.orders.to_string(), "--minutes", &args.minutes.to_string()]);
    if let Some(failovers) = args.failovers {
        command.args(["--failovers", &failovers.to_string()]);
    }
    if let Some(rate) = args.rate {
        command.args(["--rate", &rate.to_string()]);
    }
    if let Some(bug) = &args.plant {
        // A bug is caught just as well by what it leaves undone; nobody has to wait for it for long.
        command.args(["--planted", bug, "--rest", "20"]);
    }
    process::start(&mut command)
}

/// Keeps servers and services running while the campaign goes on, but for those that it wants away.
pub struct Keeper {
    servers: Supervisor,
    services: Supervisor,
    cluster: Cluster,
    folder: PathBuf,
    told: String,
}

impl Keeper {
    pub fn new(servers: Supervisor, cluster: Cluster, folder: PathBuf) -> Self {
        let (servers, services) = (servers.impatient(), Supervisor::new().impatient());
        Self { servers, services, cluster, folder, told: String::new() }
    }

    pub fn keep(
        &mut self,
        mut child: Child,
        setup: &Setup,
        stack: Stack,
        services: Vec<Service>,
    ) -> Result<ExitStatus> {
        let result = self.keep_until(&mut child, setup, stack, services);
        if result.is_err() {
            process::end(child)?;
        }
        result
    }

    fn keep_until(
        &mut self,
        child: &mut Child,
        setup: &Setup,
        mut stack: Stack,
        services: Vec<Service>,
    ) -> Result<ExitStatus> {
        let links = self.wait_for_links(child)?;
        let ready = services
            .iter()
            .map(|service| (service.launch.name.clone(), service.ready.clone()))
            .collect::<BTreeMap<_, _>>();
        self.start_services(setup, services, &links)?;
        seed::run(&mut stack)?;
        stack.write(&setup.home)?;
        loop {
            self.tell(&ready)?;
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            interrupt::check()?;
            let away = self.away();
            self.servers.keep_away(away.clone());
            self.services.keep_away(away);
            self.servers.look()?;
            self.services.look()?;
            for line in self.cluster.look(&mut self.servers) {
                println!("{line}");
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Whoever has a file of their name, or of their role, in the folder `away`.
    fn away(&self) -> BTreeSet<String> {
        let roles = BTreeMap::from_iter(self.cluster.roles());
        let files = fs::read_dir(self.folder.join("away")).into_iter().flatten().flatten();
        let names = files.filter_map(|entry| entry.file_name().into_string().ok());
        names.map(|name| roles.get(&name).cloned().unwrap_or(name)).collect()
    }

    fn wait_for_links(&self, child: &mut Child) -> Result<Links> {
        let (path, deadline) = (self.folder.join("links.json"), Instant::now() + READY);
        loop {
            if let Ok(text) = fs::read_to_string(&path) {
                return Ok(serde_json::from_str(&text)?);
            }
            interrupt::check()?;
            if child.try_wait()?.is_some() || Instant::now() > deadline {
                bail!("the campaign has opened no links");
            }
            std::thread::sleep(LOOK);
        }
    }

    fn start_services(
        &mut self,
        setup: &Setup,
        services: Vec<Service>,
        links: &Links,
    ) -> Result<()> {
        let mut starting = Vec::new();
        for Service { mut launch, ready } in services {
            lead_through_links(&mut launch, setup, links);
            starting.push((launch.start()?, ready));
        }
        for (mut running, ready) in starting {
            running
                .wait_until(READY, || http::is_ok(&ready))
                .with_context(|| format!("{ready} never answered 200"))?;
            self.services.keep(running);
        }
        Ok(())
    }

    /// Writes down who runs, whenever that has changed.
    fn tell(&mut self, ready: &BTreeMap<String, String>) -> Result<()> {
        let processes: BTreeMap<String, u32> =
            self.servers.pids().chain(self.services.pids()).collect();
        let broker = self.servers.launch_of("rabbitmq").context("there is no broker")?;
        let tool = broker.program.with_file_name("rabbitmqctl");
        let environment: BTreeMap<&String, &String> =
            broker.env.iter().map(|(key, value)| (key, value)).collect();
        let roles: BTreeMap<String, String> = self.cluster.roles().into_iter().collect();
        let text = serde_json::to_string(&json!({
            "processes": processes,
            "roles": roles,
            "failover": self.cluster.door(),
            "ready": ready,
            "rabbitmqctl": { "program": tool, "env": environment },
        }))?;
        if text != self.told {
            let draft = self.folder.join("control.draft");
            files::write_private(&draft, &text)?;
            fs::rename(draft, self.folder.join("control.json"))?;
            self.told = text;
        }
        Ok(())
    }

    pub fn stop(&mut self) {
        self.services.stop();
        self.servers.stop();
        // It holds the broker's secrets.
        let _ = fs::remove_file(self.folder.join("control.json"));
    }
}

/// The port of each link, by service and then by server.
type Links = BTreeMap<String, BTreeMap<String, u16>>;

/// Wherever a setting of a service names a server that it has a link to, it names the link instead.
fn lead_through_links(launch: &mut Launch, setup: &Setup, links: &Links) {
    let ports = setup.ports;
    let mut servers: Vec<_> =
        Node::all(setup.purpose).map(|node| (node.name(), node.port(setup))).collect();
    servers.push(("redis".to_owned(), ports.redis));
    servers.push(("rabbitmq".to_owned(), ports.amqp));
    let Some(links) = links.get(&launch.name) else { return };
    for (server, port) in servers {
        let Some(link) = links.get(&server) else { continue };
        // The end of a URL's authority, or of one host in a list of them.
        for end in ['/', ','] {
            let (server, link) =
                (format!("127.0.0.1:{port}{end}"), format!("127.0.0.1:{link}{end}"));
            for (_, value) in &mut launch.env {
                *value = value.replace(&server, &link);
            }
        }
    }
}
