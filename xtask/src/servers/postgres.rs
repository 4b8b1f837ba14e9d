//! PostgreSQL: a primary and its streaming replicas in hot standby; one in tests, two in a stack.
//!
//! Servers go by number, because who is the primary changes: the first one is to begin with, and a file in the folder of
//! the data tells who is now. In a stack a commit waits until one of the other two has it (`ANY 1`), whoever is the
//! primary, so that each of them, or both together, know everything that was acknowledged.
//!
//! PostgreSQL refuses to run as root, so root runs it as the packaged `postgres` user in a folder
//! which that user owns. There are no Unix sockets: their path may not exceed 107 bytes, and
//! nobody can choose how deep a checkout lies.

pub mod archive;
pub mod recovery;
mod settings;

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use nix::unistd::{Uid, User};

use super::{Purpose, Setup};
use crate::files;
use crate::process::{self, Launch, Running};
pub use settings::write_settings;

/// One of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node(usize);

impl Node {
    /// All servers of a stack, or of the tests.
    pub fn all(purpose: Purpose) -> impl Iterator<Item = Self> {
        let count = match purpose {
            Purpose::Stack => 3,
            Purpose::Tests => 2,
        };
        (0..count).map(Self)
    }

    /// All but the primary.
    pub fn replicas(setup: &Setup) -> impl Iterator<Item = Self> {
        let primary = primary(setup);
        Self::all(setup.purpose).filter(move |node| *node != primary)
    }

    /// The name of its process, its log and its folder.
    pub fn name(self) -> String {
        format!("postgres-{}", self.0 + 1)
    }

    /// Its slot, and its `application_name` as a standby.
    pub fn slot(self) -> String {
        format!("postgres_{}", self.0 + 1)
    }

    /// Where it listens.
    pub const fn port(self, setup: &Setup) -> u16 {
        let ports = &setup.ports;
        [ports.primary, ports.replica, ports.second_replica][self.0]
    }

    /// Where its data is.
    pub fn data(self, setup: &Setup) -> PathBuf {
        setup.home.data.join("postgres").join(self.name())
    }
}

/// Who is the primary.
pub fn primary(setup: &Setup) -> Node {
    let text = fs::read_to_string(primary_file(setup)).unwrap_or_default();
    let known = Node::all(setup.purpose).find(|node| node.name() == text.trim());
    known.unwrap_or(Node(0))
}

/// Notes who is the primary, before it is: whoever was is not started as one again.
pub fn note_primary(setup: &Setup, node: Node) -> Result<()> {
    let (draft, path) = (setup.home.data.join("postgres/draft"), primary_file(setup));
    fs::write(&draft, node.name())?;
    fs::rename(draft, &path).with_context(|| format!("cannot write {}", path.display()))
}

fn primary_file(setup: &Setup) -> PathBuf {
    setup.home.data.join("postgres/primary")
}

/// The folder of the server's programs, the newest version first.
pub fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let number = |entry: &fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let newest = versions.flatten().filter(|entry| number(entry) >= Some(15)).max_by_key(number)?;
    let folder = newest.path().join("bin");
    folder.join("postgres").exists().then_some(folder)
}

/// The user that PostgreSQL runs as, when it is not the caller.
pub fn server_user() -> Option<&'static str> {
    Uid::effective().is_root().then_some("postgres")
}

/// Whose log a server follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    Nobody,
    /// Without a name: no commit waits for it.
    Unnamed(Node),
    /// As one of those that a commit waits for.
    AsStandby(Node),
}

pub fn start_primary(setup: &Setup) -> Result<Running> {
    let (node, data) = (primary(setup), folder(setup, primary(setup))?);
    if !data.join("PG_VERSION").exists() {
        create_primary(setup, &data)?;
    }
    write_settings(setup, node, Follows::Nobody)?;
    let mut server = launch(setup, node)?.start()?;
    server.wait_until(Duration::from_mins(1), || psql(setup, "postgres", "SELECT 1").is_ok())?;
    if data.join("standby.signal").exists() {
        // Noted as the primary, and stopped before it was promoted.
        psql(setup, "postgres", PROMOTE)?;
    }
    Ok(server)
}

pub fn start_replica(setup: &Setup, node: Node) -> Result<Running> {
    let data = folder(setup, node)?;
    create_slot(setup, node)?;
    // The signal file is written last: without it the copy was never finished.
    if !data.join("standby.signal").exists() {
        copy_primary(setup, node)?;
    }
    write_settings(setup, node, Follows::AsStandby(primary(setup)))?;
    let mut server = launch(setup, node)?.start()?;
    server.wait_until(Duration::from_mins(1), || is_streaming(setup, node))?;
    Ok(server)
}

/// Promotes the standby that is asked, and answers when that is done.
pub const PROMOTE: &str = "SELECT pg_promote(true, 60)";

/// Whether the primary sends its log to this standby.
pub fn is_streaming(setup: &Setup, node: Node) -> bool {
    let streaming =
        format!("SELECT state FROM pg_stat_replication WHERE application_name = '{}'", node.slot());
    psql(setup, "postgres", &streaming).is_ok_and(|state| state.trim() == "streaming")
}

/// Makes the primary keep what this standby has not got yet. Standbys do not know of each other's slots, so whoever was
/// promoted has none.
pub fn create_slot(setup: &Setup, node: Node) -> Result<()> {
    let slot = node.slot();
    let create = format!(
        "SELECT pg_create_physical_replication_slot('{slot}', true)
         WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{slot}')"
    );
    psql(setup, "postgres", &create).map(drop)
}

/// Runs SQL on the primary as superuser; the answer is unaligned, without headings.
pub fn psql(setup: &Setup, database: &str, sql: &str) -> Result<String> {
    psql_at(setup, primary(setup), database, sql)
}

/// Runs SQL on one of the servers as superuser.
pub fn psql_at(setup: &Setup, node: Node, database: &str, sql: &str) -> Result<String> {
    process::output(psql_command(setup, node, database).args(["-c", sql]))
}

/// Runs a file of SQL on the primary as superuser.
pub fn psql_file(setup: &Setup, database: &str, file: &Path) -> Result<String> {
    process::output(psql_command(setup, primary(setup), database).arg("-f").arg(file))
}

fn psql_command(setup: &Setup, node: Node, database: &str) -> Command {
    let psql = programs().map_or_else(|| PathBuf::from("psql"), |folder| folder.join("psql"));
    let mut command = Command::new(psql);
    command.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres"]);
    command.args(["-p", &node.port(setup).to_string(), "-d", database]);
    command.env("PGPASSWORD", &setup.secrets.postgres).env("PGCONNECT_TIMEOUT", "5");
    command
}

/// The address of a database for a role, at one of the servers.
pub fn url(setup: &Setup, role: &str, password: &str, node: Node, database: &str) -> String {
    url_of(setup, role, password, &[node], database)
}

/// The address of a database for a role, at whichever of the servers is the primary.
pub fn primary_url(setup: &Setup, role: &str, password: &str, database: &str) -> String {
    let nodes: Vec<Node> = Node::all(setup.purpose).collect();
    url_of(setup, role, password, &nodes, database)
}

fn url_of(setup: &Setup, role: &str, password: &str, nodes: &[Node], database: &str) -> String {
    let hosts = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port(setup)));
    let hosts = hosts.collect::<Vec<_>>().join(",");
    match setup.purpose {
        Purpose::Stack => format!("postgres://{role}:{password}@{hosts}/{database}"),
        Purpose::Tests => format!("postgres://{role}@{hosts}/{database}"),
    }
}

fn create_primary(setup: &Setup, data: &Path) -> Result<()> {
    let password = data.with_file_name("password");
    files::write_private(&password, &setup.secrets.postgres)?;
    give_to_server_user(&password)?;
    let mut initdb = as_server_user("initdb")?;
    initdb.arg("-D").arg(data).arg("--pwfile").arg(&password).current_dir("/");
    initdb.args(["-U", "postgres", "-A", "md5", "-E", "UTF8", "--locale=C.UTF-8"]);
    initdb.args(["--no-instructions", "--data-checksums"]);
    if setup.purpose == Purpose::Tests {
        initdb.arg("--no-sync");
    }
    process::output(&mut initdb)?;
    fs::remove_file(&password)?;
    let main = data.join("postgresql.conf");
    let text = fs::read_to_string(&main)?;
    fs::write(&main, text + "\ninclude 'mes.conf'\n")?;
    fs::write(data.join("pg_hba.conf"), settings::access(setup.purpose))
        .context("cannot write pg_hba.conf")
}

/// A fresh copy of the primary, in place of whatever the standby had. Its slot is there already.
pub fn copy_primary(setup: &Setup, node: Node) -> Result<()> {
    let data = folder(setup, node)?;
    base_backup(setup, &data, Some(node))?;
    let signal = data.join("standby.signal");
    fs::write(&signal, "")?;
    give_to_server_user(&signal)
}

/// Copies the primary, with the log that the copy needs to be whole, into a folder that is not there yet. The log is kept
/// by the slot of the standby that it is for.
pub fn base_backup(setup: &Setup, to: &Path, standby: Option<Node>) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    let port = primary(setup).port(setup).to_string();
    let mut backup = as_server_user("pg_basebackup")?;
    backup.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &port]);
    backup.args(["-X", "stream", "-c", "fast"]).arg("-D").arg(to);
    if let Some(standby) = standby {
        backup.args(["-S", &standby.slot()]);
    }
    backup.env("PGPASSWORD", &setup.secrets.postgres).current_dir("/");
    process::output(&mut backup).map(drop)
}

fn launch(setup: &Setup, node: Node) -> Result<Launch> {
    let programs = programs().context("PostgreSQL's programs are not in /usr/lib/postgresql")?;
    let (name, data) = (node.name(), node.data(setup));
    let log = setup.home.log(&name);
    let data_text = data.to_string_lossy();
    let mut launch =
        Launch::new(&name, programs.join("postgres"), &data, &log).args(["-D", &*data_text]);
    launch.user = server_user();
    // Fast shutdown: sessions are ended, the data is consistent.
    launch.stop = Signal::SIGINT;
    Ok(launch)
}

/// One of PostgreSQL's programs, to be run as its user.
fn as_server_user(program: &str) -> Result<Command> {
    let path = programs().context("PostgreSQL's programs are missing")?.join(program);
    let Some(user) = server_user() else { return Ok(Command::new(path)) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--init-groups", "--"]).arg(path);
    Ok(command)
}

/// Where a server's data is, in a folder that the server's user owns.
fn folder(setup: &Setup, node: Node) -> Result<PathBuf> {
    let parent = setup.home.data.join("postgres");
    fs::create_dir_all(&parent).with_context(|| format!("cannot create {}", parent.display()))?;
    give_to_server_user(&parent)?;
    Ok(node.data(setup))
}

fn give_to_server_user(path: &Path) -> Result<()> {
    let Some(name) = server_user() else { return Ok(()) };
    let user = User::from_name(name)?.context("there is no user `postgres`")?;
    chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
        .with_context(|| format!("cannot give {} to {name}", path.display()))
}
