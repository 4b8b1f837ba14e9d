//! Failover: when the primary does not answer, a standby takes its place, and the old one comes back as a standby.
//!
//! In a cluster of machines CloudNativePG does this; on one machine the supervisor of a stack does, in this order:
//!
//! 1. The old primary is **fenced**: each process that works in its folder is killed, frozen or not, and it is not started
//!    again. While one of them lives, nobody is promoted.
//! 2. The standbys let go of it, and **each** of them says how much of the log it has. A commit was acknowledged when *one*
//!    of them had it (`ANY 1`), so only all of them together know everything that was acknowledged: when one cannot be
//!    asked, nobody is promoted.
//! 3. Who has most is noted as the primary, and then promoted. The others follow it.
//! 4. The old one gets a fresh copy beside everything else, and starts as a standby.
//!
//! A primary that just died is started again where it is, as every process; this is for one that does not come back, or
//! that does not answer.

pub mod fence;
mod pulse;
mod request;

use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::servers::Setup;
use crate::servers::postgres::{self, Follows, Node};
use crate::stack::Stack;
use crate::supervisor::Supervisor;
use pulse::Pulse;
pub use request::{Args, run};

/// A primary that says nothing for so long is replaced. Longer than it takes to start again after a crash, mostly.
const SILENCE: Duration = Duration::from_secs(4);
/// A standby that was asked something has so long for an answer; started anew, once more.
const ANSWER: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(50);
/// How often one that joins is asked whether it answers.
const JOINED: Duration = Duration::from_millis(300);
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(2);

/// The PostgreSQL servers of a stack, and who of them is the primary.
pub struct Cluster {
    setup: Setup,
    pulse: Pulse,
    /// Stopped, and not standbys yet; nobody asks them what they know.
    apart: Vec<Apart>,
    /// Somebody wants another primary.
    wanted: Option<String>,
    not_before: Instant,
}

/// A server on its way to be a standby. No commit waits for it, so nobody needs to know what it knows.
struct Apart {
    node: Node,
    step: Step,
}

enum Step {
    /// Until this time.
    Waiting(Instant),
    /// It gets a copy of this primary.
    Copying(Node, JoinHandle<Result<()>>),
    /// It runs, follows this primary, and does not answer yet: until every transaction that was under way in its copy has
    /// ended, it cannot be asked anything, not even how much log it has.
    Joining(Node, Instant),
}

impl Cluster {
    /// Watches the servers of a stack that runs.
    pub fn of(setup: &Setup) -> Self {
        let pulse = Pulse::of(postgres::primary(setup).port(setup));
        let now = Instant::now();
        Self { setup: setup.clone(), pulse, apart: Vec::new(), wanted: None, not_before: now }
    }

    /// The roles that the servers have now, as the plan of a campaign calls them.
    pub fn roles(&self) -> Vec<(String, String)> {
        let mut roles =
            vec![("postgres-primary".to_owned(), postgres::primary(&self.setup).name())];
        for (number, node) in Node::replicas(&self.setup).enumerate() {
            let suffix = if number == 0 { String::new() } else { format!("-{}", number + 1) };
            roles.push((format!("postgres-replica{suffix}"), node.name()));
        }
        roles
    }

    /// The file by which another primary is asked for.
    pub fn door(&self) -> PathBuf {
        request::request_file(&self.setup.home)
    }

    /// Looks once, and does what is to be done; answers with what a person should know.
    pub fn look(&mut self, servers: &mut Supervisor) -> Vec<String> {
        let mut news = self.take_back(servers);
        if let Some(reason) = request::take(&self.setup.home) {
            self.wanted = Some(reason);
        }
        let silence = self.pulse.silence();
        if self.wanted.is_none() && silence > SILENCE {
            self.wanted = Some(format!("it has not answered for {:.1} s", silence.as_secs_f32()));
        }
        if self.wanted.is_none() || Instant::now() < self.not_before {
            return news;
        }
        let old = postgres::primary(&self.setup);
        let begun = Instant::now();
        let line = match self.fail_over(servers, old) {
            Ok(new) => {
                let reason = self.wanted.take().unwrap_or_default();
                let took = begun.elapsed().as_secs_f32();
                format!(
                    "{} is the primary now, after {} ({reason}); took {took:.1} s",
                    new.name(),
                    old.name()
                )
            }
            Err(error) => format!("{} cannot be replaced yet: {error:#}", old.name()),
        };
        self.not_before = Instant::now() + PAUSE;
        request::answer(&self.setup.home, &line);
        news.push(line);
        news
    }

    fn fail_over(&mut self, servers: &mut Supervisor, old: Node) -> Result<Node> {
        let setup = &self.setup;
        let apart = |node: &Node| self.apart.iter().any(|apart| apart.node == *node);
        let standbys: Vec<Node> = Node::replicas(setup).filter(|node| !apart(node)).collect();
        ensure!(!standbys.is_empty(), "there is no standby");
        servers.hold(&old.name());
        fence::end_all(&old.data(setup))?;
        let mut known = Vec::new();
        for node in &standbys {
            let asked = let_go(setup, *node).or_else(|_| {
                // It may be frozen itself, and nobody may be promoted without it.
                servers.hold(&node.name());
                fence::end_all(&node.data(setup))?;
                postgres::write_settings(setup, *node, Follows::Nobody)?;
                servers.release(&node.name())?;
                let_go(setup, *node)
            });
            known.push((asked.with_context(|| format!("what does {} know?", node.name()))?, *node));
        }
        let Some((_, new)) = known.into_iter().max_by_key(|(log, _)| *log) else {
            bail!("there is no standby")
        };
        postgres::note_primary(setup, new)?;
        let promoted = postgres::psql_at(setup, new, "postgres", postgres::PROMOTE)?;
        ensure!(promoted.trim() == "t", "{} was not promoted in time", new.name());
        for node in Node::replicas(setup) {
            postgres::create_slot(setup, node)?;
        }
        for node in standbys.into_iter().filter(|node| *node != new) {
            postgres::write_settings(setup, node, Follows::AsStandby(new))?;
            postgres::psql_at(setup, node, "postgres", "SELECT pg_reload_conf()")?;
        }
        self.pulse = Pulse::of(new.port(setup));
        self.apart.push(Apart { node: old, step: Step::Waiting(Instant::now()) });
        Stack::note_databases(setup)?;
        Ok(new)
    }

    /// Old primaries become standbys: copied beside everything else, started here.
    fn take_back(&mut self, servers: &mut Supervisor) -> Vec<String> {
        let mut news = Vec::new();
        let setup = &self.setup;
        self.apart.retain_mut(|apart| match apart.look(setup, servers) {
            Ok(done) => {
                if done {
                    news.push(format!("{} is back as a standby", apart.node.name()));
                }
                !done
            }
            Err(error) => {
                let name = apart.node.name();
                news.push(format!("{name} could not be made a standby, once more: {error:#}"));
                apart.step = Step::Waiting(Instant::now() + PAUSE);
                true
            }
        });
        news
    }
}

impl Apart {
    /// Whether it is a standby like the others. A primary that changes meanwhile may lack what the copy has.
    fn look(&mut self, setup: &Setup, servers: &mut Supervisor) -> Result<bool> {
        let (node, primary, now) = (self.node, postgres::primary(setup), Instant::now());
        let name = node.name();
        match &self.step {
            Step::Waiting(until) if now >= *until => {
                servers.hold(&name);
                fence::end_all(&node.data(setup))?;
                let setup = setup.clone();
                let copying = std::thread::spawn(move || {
                    postgres::create_slot(&setup, node)?;
                    postgres::copy_primary(&setup, node)
                });
                self.step = Step::Copying(primary, copying);
            }
            Step::Copying(source, copying) if copying.is_finished() => {
                let source = *source;
                let copying = std::mem::replace(&mut self.step, Step::Waiting(now));
                if let Step::Copying(_, copying) = copying {
                    copying.join().unwrap_or_else(|_| bail!("the copy was given up"))?;
                }
                if source == primary {
                    postgres::write_settings(setup, node, Follows::Unnamed(primary))?;
                    // Processes are started from the main thread only, which this is.
                    servers.release(&name)?;
                    self.step = Step::Joining(primary, now);
                }
            }
            Step::Joining(source, _) if *source != primary => self.step = Step::Waiting(now),
            Step::Joining(_, next_look) if now >= *next_look => {
                self.step = Step::Joining(primary, now + JOINED);
                if postgres::psql_at(setup, node, "postgres", "SELECT 1").is_ok() {
                    postgres::write_settings(setup, node, Follows::AsStandby(primary))?;
                    postgres::psql_at(setup, node, "postgres", "SELECT pg_reload_conf()")?;
                    return Ok(true);
                }
            }
            _ => {}
        }
        Ok(false)
    }
}

/// Makes a standby follow nobody, and asks how much of the log it has, in bytes.
fn let_go(setup: &Setup, node: Node) -> Result<u64> {
    const RECEIVED: &str = "SELECT (SELECT count(*) FROM pg_stat_wal_receiver),
        greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(), '0/0'::pg_lsn) - '0/0'::pg_lsn";
    postgres::write_settings(setup, node, Follows::Nobody)?;
    let deadline = Instant::now() + ANSWER;
    let mut before = None;
    let mut asked_to_let_go = false;
    loop {
        let answer = if asked_to_let_go {
            postgres::psql_at(setup, node, "postgres", RECEIVED)
        } else {
            let reloaded = postgres::psql_at(setup, node, "postgres", "SELECT pg_reload_conf()");
            asked_to_let_go = reloaded.is_ok();
            reloaded
        };
        // One that was just started reads what it has first: the same twice is the end.
        let now = answer.as_deref().ok().and_then(|text| text.trim().strip_prefix("0|"));
        let now = now.map(str::parse::<u64>).transpose()?;
        match (before, now) {
            (Some(before), Some(now)) if before == now => return Ok(now),
            _ if Instant::now() > deadline => {
                answer?;
                bail!("{} does not let go of the old primary", node.name());
            }
            _ => before = now,
        }
        std::thread::sleep(LOOK);
    }
}
