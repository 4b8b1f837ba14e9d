//! A stack of its own for a program of `bench` that torments it, by whatever name: from nothing, and back to nothing.
//!
//! This program keeps the processes running, as in `up`: what the other kills is started again at once, unless it is to
//! stay away. The two talk by files in `.mes/<name>/<folder>/`: `links.json` says through which port a service reaches a
//! server, `control.json` who runs under which process id, and `away/` who is to stay away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::cluster::Cluster;
use crate::home::{self, Home};
use crate::lock::{self, Lock};
use crate::process::Launch;
use crate::servers::Setup;
use crate::servers::postgres::Node;
use crate::services::{self, Scale, Service};
use crate::stack::Stack;
use crate::supervisor::Supervisor;
use crate::{files, http, interrupt, process, seed, up};

/// How long links and services may take.
const READY: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(50);

/// A stack that nobody else has, and where what is found out about it is kept.
pub struct Trial {
    home: Home,
    folder: PathBuf,
    _lock: Lock,
}

impl Trial {
    /// What an earlier one left is removed.
    pub fn new(name: &str, folder: &str) -> Result<Self> {
        let home = Home::of(name)?;
        let Some(lock) = lock::take(&home)? else { bail!("`{name}` is already running") };
        home.remove_data()?;
        let folder = home.root.join(folder);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Self { home, folder, _lock: lock })
    }

    /// Where the two talk, and reports are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps the report in `bench/results/`, for the next ones to compare with.
    pub fn keep_report(&self, name: &str) -> Result<()> {
        for kind in ["txt", "json"] {
            let report = self.folder.join("report").with_extension(kind);
            let kept = home::checkout().join(format!("bench/results/{name}.{kind}"));
            fs::copy(&report, &kept)
                .with_context(|| format!("cannot keep {}", report.display()))?;
        }
        Ok(())
    }

    /// A program of `bench`, told where stack and folder are.
    pub fn program(&self, binaries: &Path, name: &str) -> Command {
        let mut command = Command::new(binaries.join(name));
        command.arg("--stack").arg(self.home.record()).arg("--folder").arg(&self.folder);
        command
    }

    /// Starts the stack and then the program, and keeps the stack running until that ends; answers whether it was content.
    /// Everything that was started has ended when this returns.
    pub fn run(
        &self,
        binaries: &Path,
        make_ready: impl FnOnce(&mut Vec<Service>),
        start: impl FnOnce(&Self, &[Service]) -> Result<Child>,
    ) -> Result<bool> {
        let (setup, _reservation, servers) = up::start_servers(&self.home.name)?;
        let stack = up::migrate_and_record(&setup, binaries)?;
        let mut services = services::all(&setup, &stack, binaries, Scale::one());
        // Its orders are asked for by nobody, and a system that gets one a minute never comes to rest.
        services.retain(|service| service.launch.name != "heartbeat");
        make_ready(&mut services);
        let child = start(self, &services)?;
        let mut keeper = Keeper::new(servers, Cluster::of(&setup), self.folder.clone());
        let result = keeper.keep(child, &setup, stack, services);
        keeper.stop();
        let content = result?.success();
        setup.home.remove_data()?;
        Ok(content)
    }
}

/// Keeps servers and services running while the program goes on, but for those that it wants away.
struct Keeper {
    servers: Supervisor,
    services: Supervisor,
    cluster: Cluster,
    folder: PathBuf,
    told: String,
}

impl Keeper {
    fn new(servers: Supervisor, cluster: Cluster, folder: PathBuf) -> Self {
        let (servers, services) = (servers.impatient(), Supervisor::new().impatient());
        Self { servers, services, cluster, folder, told: String::new() }
    }

    fn keep(
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
                bail!("no links were opened");
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

    fn stop(&mut self) {
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
