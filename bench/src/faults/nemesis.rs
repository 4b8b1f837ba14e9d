//! Does what the plan says, undoes it, and notes in the history whether it hit. A fault that missed is not counted.

mod failover;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::Connection;
use tokio::process::Command;

use super::history::{Entry, History};
use super::plan::{Fault, STANDBYS, Step};
use super::processes::{Frozen, Processes, family, is_stopped, send};
use super::proxy::{Link, Links};
use crate::stack::Stack;

/// How long something that was killed may take to come back.
const BACK: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(100);
/// A model is measured in some 20 ms.
const GLANCE: Duration = Duration::from_millis(3);
const CALL: Duration = Duration::from_secs(10);
/// More than any disk has.
const TOO_MUCH_DISK: &str = "100000GB";
const USUAL_DISK: &str = "500MB";
/// A submission's request is longer, so that a connection breaks within its first or second one.
const RESET_AFTER: u64 = 900;
const READY: &str = "SELECT 1::bigint";
/// Where connections of clients begin.
pub const CLIENTS: &str = "clients";

/// Whoever does it.
#[derive(Debug)]
pub struct Nemesis {
    /// What it may kill.
    pub processes: Processes,
    /// What it may cut.
    pub links: Links,
    /// The stack.
    pub stack: Stack,
    /// The services, in the order of a rolling restart.
    pub services: Vec<String>,
    /// Where it notes what it did.
    pub history: History,
    /// For the broker's management API.
    pub http: reqwest::Client,
}

impl Nemesis {
    /// Carries the plan out, one step after another.
    pub async fn torment(&self, plan: &[Step]) {
        for (number, step) in plan.iter().enumerate() {
            tokio::time::sleep(step.pause).await;
            if matches!(step.fault, Fault::FailOver(_)) {
                self.history.note(Entry::PrimaryLost { step: number });
            }
            let result = self.inflict(step).await;
            let (hit, evidence) = match result {
                Ok(evidence) => (true, evidence),
                Err(error) => (false, format!("{error:#}")),
            };
            let at = self.history.now() / 1_000;
            let said = if hit { "hit" } else { "missed" };
            println!("{at:>5} s  {:<42} {said}: {evidence}", step.fault.to_string());
            let fault = step.fault.to_string();
            self.history.note(Entry::Fault { step: number, fault, hit, evidence });
        }
    }

    async fn inflict(&self, step: &Step) -> Result<String> {
        match &step.fault {
            Fault::Kill(name) if name == "pricer" => {
                let is_busy = self.until_a_job_is_in_hand().await;
                let ended = self.end(name, Signal::KILL).await?;
                Ok(if is_busy { format!("{ended}; a job was in hand") } else { ended })
            }
            Fault::Kill(name) => self.end(name, Signal::KILL).await,
            Fault::RestartPrimary => self.end("postgres-primary", Signal::INT).await,
            Fault::FailOver(loss) => self.fail_over(*loss).await,
            Fault::Freeze(name) => self.freeze(&[name], step.hold, false).await,
            Fault::FreezeStandbyAndCutWaiters => self.freeze(&STANDBYS, step.hold, true).await,
            Fault::Cut { service, server } => {
                let link = self.link(service, server)?;
                let before = link.broken();
                let open = link.cut();
                tokio::time::sleep(step.hold).await;
                link.heal();
                let broken = link.broken() - before;
                ensure!(broken > 0, "nothing was connected and nobody tried ({open} open)");
                Ok(format!("{broken} connections broke"))
            }
            Fault::Slow { service, server, by } => {
                let link = self.link(service, server)?;
                let before = link.delayed();
                link.slow(*by);
                tokio::time::sleep(step.hold).await;
                link.heal();
                let delayed = link.delayed() - before;
                ensure!(delayed > 0, "nothing passed");
                Ok(format!("{delayed} pieces were late"))
            }
            Fault::ResetClients => {
                let link = self.links.get(CLIENTS, "write-api")?;
                let before = link.broken();
                link.reset_after(RESET_AFTER);
                tokio::time::sleep(step.hold).await;
                link.heal();
                let broken = link.broken() - before;
                ensure!(broken > 0, "no client was there");
                Ok(format!("{broken} clients were reset in the middle of a request"))
            }
            Fault::BrokerAlarm => self.broker_alarm(step.hold).await,
            Fault::Unbind => self.unbind(step.hold).await,
            Fault::RollingRestart => self.rolling_restart().await,
        }
    }

    async fn end(&self, name: &str, signal: Signal) -> Result<String> {
        let old = self.processes.signal(name, signal)?;
        let new = self.processes.replaced(name, old, BACK).await?;
        self.wait_for(name).await?;
        Ok(format!("{old} died, {new} is there"))
    }

    /// A pricer that measures nothing has nothing to lose; when there is nothing to measure, which is `false`, it dies all
    /// the same.
    async fn until_a_job_is_in_hand(&self) -> bool {
        let in_hand = "SELECT EXISTS (SELECT FROM write.pricing_jobs WHERE state = 'running')";
        let looking = async {
            let mut connection = self.stack.connect_to_primary().await?;
            while !sqlx::query_scalar::<_, bool>(in_hand).fetch_one(&mut connection).await? {
                tokio::time::sleep(GLANCE).await;
            }
            connection.close().await?;
            anyhow::Ok(())
        };
        matches!(tokio::time::timeout(CALL, looking).await, Ok(Ok(())))
    }

    /// Servers come back slowly; a campaign that only ever sees a dead broker tests nothing else.
    async fn wait_for(&self, name: &str) -> Result<()> {
        let deadline = Instant::now() + BACK;
        loop {
            let back = match name {
                "rabbitmq" => self.management(Method::GET, "overview", None).await.is_ok(),
                "postgres-primary" => self.sql(READY).await.is_ok(),
                _ => return Ok(()),
            };
            if back {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{name} did not come back");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The link to a server, or to whoever has its role now.
    fn link(&self, service: &str, server: &str) -> Result<&Link> {
        let control = self.processes.read()?;
        self.links.get(service, control.name_of(server))
    }

    async fn freeze(&self, names: &[&str], hold: Duration, cut_waiters: bool) -> Result<String> {
        let frozen = self.processes.freeze_all(names).await?;
        // A commit waits for one of the standbys: only without all of them it waits for ever.
        let nobody_confirms = STANDBYS.iter().all(|name| names.contains(name));
        if nobody_confirms {
            self.history.note(Entry::StandbyFrozen);
        }
        let cut = if cut_waiters { self.cut_waiters(hold).await } else { None };
        if !cut_waiters {
            tokio::time::sleep(hold).await;
        }
        if nobody_confirms {
            self.history.note(Entry::StandbyThawed);
        }
        let processes: usize = frozen.iter().map(Frozen::count).sum();
        drop(frozen);
        let seconds = hold.as_secs_f32();
        match cut {
            Some(cut) => Ok(format!("frozen for {seconds:.1} s, {cut} waiting sessions were cut")),
            None => Ok(format!("{processes} processes frozen for {seconds:.1} s")),
        }
    }

    /// A session that waits for the standby has committed here, and its client must not hear so.
    async fn cut_waiters(&self, hold: Duration) -> Option<u64> {
        let (deadline, mut cut) = (Instant::now() + hold, 0);
        while Instant::now() < deadline {
            let query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                         WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'";
            cut += self.sql(query).await.map_or(0, i64::unsigned_abs);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        Some(cut)
    }

    async fn broker_alarm(&self, hold: Duration) -> Result<String> {
        self.rabbitmqctl(&["set_disk_free_limit", TOO_MUCH_DISK]).await?;
        let rang = self.wait_for_alarm().await;
        tokio::time::sleep(hold).await;
        self.rabbitmqctl(&["set_disk_free_limit", USUAL_DISK]).await?;
        rang?;
        Ok(format!("the alarm rang for {:.1} s", hold.as_secs_f32()))
    }

    async fn wait_for_alarm(&self) -> Result<()> {
        let deadline = Instant::now() + CALL;
        loop {
            let nodes = self.management(Method::GET, "nodes", None).await?;
            if nodes[0]["disk_free_alarm"] == true {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the alarm does not ring");
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn rabbitmqctl(&self, args: &[&str]) -> Result<()> {
        let tool = self.processes.read()?.rabbitmqctl;
        let mut command = Command::new(&tool.program);
        command.args(args).envs(&tool.env).kill_on_drop(true);
        let output =
            tokio::time::timeout(BACK, command.output()).await.context("rabbitmqctl")??;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "rabbitmqctl {}: {}", args.join(" "), told.trim());
        Ok(())
    }

    async fn unbind(&self, hold: Duration) -> Result<String> {
        let bindings = "bindings/%2f/e/mes.deliveries/q/mes.to.crm";
        self.management(Method::DELETE, &format!("{bindings}/crm"), None).await?;
        tokio::time::sleep(hold).await;
        self.management(Method::POST, bindings, Some(json!({ "routing_key": "crm" }))).await?;
        Ok(format!("unbound for {:.1} s", hold.as_secs_f32()))
    }

    async fn rolling_restart(&self) -> Result<String> {
        for name in &self.services {
            let old = self.processes.signal(name, Signal::TERM)?;
            self.processes.replaced(name, old, BACK).await?;
            let url = self.processes.read()?.ready.get(name).cloned().unwrap_or_default();
            let deadline = Instant::now() + BACK;
            while !self.is_ready(&url).await {
                ensure!(Instant::now() < deadline, "{name} is not ready");
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(format!("{} services were restarted", self.services.len()))
    }

    async fn is_ready(&self, url: &str) -> bool {
        let answer = self.http.get(url).timeout(CALL).send().await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
    }

    /// Everything is as it should be again. What was killed has been started again by whoever keeps it running.
    pub fn heal(&self) {
        self.links.heal();
        for pid in self.processes.read().into_iter().flat_map(|control| control.processes) {
            for pid in family(pid.1).into_iter().filter(|pid| is_stopped(*pid)) {
                let _ = send(pid, Signal::CONT);
            }
        }
    }

    async fn sql(&self, query: &'static str) -> Result<i64> {
        let work = async {
            let mut connection = self.stack.connect_to_primary().await?;
            let answer: i64 = sqlx::query_scalar(query).fetch_one(&mut connection).await?;
            connection.close().await?;
            anyhow::Ok(answer)
        };
        tokio::time::timeout(CALL, work).await.context("the primary does not answer")?
    }

    async fn management(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let broker = &self.stack.rabbitmq;
        let url = format!("{}/api/{path}", broker.management);
        let mut request = self.http.request(method, url).timeout(CALL);
        request = request.basic_auth(&broker.user, Some(&broker.password));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        Ok(serde_json::from_slice(&answer).unwrap_or_default())
    }
}
