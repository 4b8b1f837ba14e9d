//! The processes of the stack, as whoever keeps them running writes them down: names, process ids, where they say that
//! they are ready. A signal goes to a process of this file and to nobody else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

/// How long a process may take to stop.
const LOOK: Duration = Duration::from_millis(50);
const STOPPED: Duration = Duration::from_secs(10);

/// `control.json` of a stack that is to be tormented.
#[derive(Debug, Clone, Deserialize)]
pub struct Control {
    /// The process id of everything that runs, by name.
    pub processes: BTreeMap<String, i32>,
    /// Which server is what: `postgres-primary` may be `postgres-2` by now.
    pub roles: BTreeMap<String, String>,
    /// Whoever writes this file asks for another primary.
    pub failover: PathBuf,
    /// Where a service answers 200 when it is ready.
    pub ready: BTreeMap<String, String>,
    /// The broker's command line tool.
    pub rabbitmqctl: Tool,
}

impl Control {
    /// The name of a process, from its own or from its role.
    pub fn name_of<'a>(&'a self, name: &'a str) -> &'a str {
        self.roles.get(name).map_or(name, String::as_str)
    }
}

/// A program and its environment.
#[derive(Debug, Clone, Deserialize)]
pub struct Tool {
    /// The program.
    pub program: PathBuf,
    /// Its environment.
    pub env: BTreeMap<String, String>,
}

/// Where the file is; it changes whenever a process is started.
#[derive(Debug, Clone)]
pub struct Processes(PathBuf);

impl Processes {
    /// The processes of this file.
    pub fn of(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// What the file says now.
    ///
    /// # Errors
    /// When there is none, or it is none.
    pub fn read(&self) -> Result<Control> {
        let text = fs::read_to_string(&self.0)
            .with_context(|| format!("cannot read {}", self.0.display()))?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Waits until the stack has been started.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn started(&self, limit: Duration) -> Result<Control> {
        let deadline = Instant::now() + limit;
        loop {
            match self.read() {
                Ok(control) => return Ok(control),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// The process id of one that runs.
    ///
    /// # Errors
    /// When nothing of this name runs.
    pub fn pid(&self, name: &str) -> Result<i32> {
        let control = self.read()?;
        let pid = control.processes.get(control.name_of(name)).copied();
        pid.filter(|pid| is_alive(*pid)).with_context(|| format!("{name} does not run"))
    }

    /// Sends a signal to a process of the stack.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn signal(&self, name: &str, signal: Signal) -> Result<i32> {
        let pid = self.pid(name)?;
        send(pid, signal)?;
        Ok(pid)
    }

    /// Stops a process and all its descendants; they go on when the answer is dropped.
    ///
    /// # Errors
    /// When there is no such process, or it does not stop.
    pub async fn freeze(&self, name: &str) -> Result<Frozen> {
        let frozen = Frozen::new(self.pid(name)?);
        let deadline = Instant::now() + STOPPED;
        while !frozen.is_stopped() {
            ensure!(Instant::now() < deadline, "{name} was not stopped");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(frozen)
    }

    /// All of these; when one does not stop, they all go on.
    ///
    /// # Errors
    /// As for [`Self::freeze`].
    pub async fn freeze_all(&self, names: &[&str]) -> Result<Vec<Frozen>> {
        let mut frozen = Vec::new();
        for name in names {
            frozen.push(self.freeze(name).await?);
        }
        Ok(frozen)
    }

    /// Waits until a process has been started anew.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn replaced(&self, name: &str, old: i32, limit: Duration) -> Result<i32> {
        let deadline = Instant::now() + limit;
        loop {
            match self.pid(name) {
                Ok(pid) if pid != old => return Ok(pid),
                _ if Instant::now() > deadline => bail!("{name} was not started again"),
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }
}

/// A process and its descendants, stopped as long as this lives.
#[derive(Debug)]
pub struct Frozen(Vec<i32>);

impl Frozen {
    fn new(pid: i32) -> Self {
        let mut frozen = Vec::new();
        // Its children may have had children meanwhile.
        loop {
            let fresh: Vec<i32> =
                family(pid).into_iter().filter(|pid| !frozen.contains(pid)).collect();
            if fresh.is_empty() {
                return Self(frozen);
            }
            for pid in fresh {
                // It may have ended by itself.
                let _ = send(pid, Signal::STOP);
                frozen.push(pid);
            }
        }
    }

    /// Who they are.
    pub fn pids(&self) -> &[i32] {
        &self.0
    }

    /// How many processes.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    fn is_stopped(&self) -> bool {
        self.0.first().is_some_and(|pid| is_stopped(*pid))
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in self.0.iter().rev() {
            let _ = send(*pid, Signal::CONT);
        }
    }
}

/// Sends a signal.
///
/// # Errors
/// When there is no such process.
pub fn send(pid: i32, signal: Signal) -> Result<()> {
    let pid = Pid::from_raw(pid).context("not a process id")?;
    Ok(kill_process(pid, signal)?)
}

/// A process and all its descendants: a frozen PostgreSQL is one whose workers are frozen, too.
pub fn family(pid: i32) -> Vec<i32> {
    let parents: Vec<(i32, i32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?.parent)))
        .collect();
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    family
}

/// Whether a process is stopped by `SIGSTOP`.
pub fn is_stopped(pid: i32) -> bool {
    stat(pid).is_some_and(|stat| stat.state == 'T')
}

/// Whether a process runs, or is stopped.
pub fn is_alive(pid: i32) -> bool {
    stat(pid).is_some_and(|stat| stat.state != 'Z')
}

struct Stat {
    state: char,
    parent: i32,
}

/// The two fields of `/proc/<pid>/stat` after the name, which may hold anything.
fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some(Stat { state, parent: fields.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_family_is_stopped_and_goes_on() {
        let mut parent = Command::new("sh").args(["-c", "sleep 60 & wait"]).spawn().unwrap();
        let pid = i32::try_from(parent.id()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while family(pid).len() < 2 {
            assert!(Instant::now() < deadline, "the shell has no child");
            std::thread::yield_now();
        }
        let family = family(pid);
        for pid in &family {
            send(*pid, Signal::STOP).unwrap();
        }
        while !family.iter().all(|pid| is_stopped(*pid)) {
            assert!(Instant::now() < deadline, "not stopped");
            std::thread::yield_now();
        }
        for pid in family.iter().rev() {
            send(*pid, Signal::KILL).unwrap();
        }
        parent.wait().unwrap();
        assert!(!is_alive(pid));
    }
}
