//! PostgreSQL: one primary and one streaming replica in hot standby.
//!
//! PostgreSQL refuses to run as root, so root runs it as the packaged `postgres` user in a folder
//! which that user owns. There are no Unix sockets: their path may not exceed 107 bytes, and
//! nobody can choose how deep a checkout lies.

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

/// The replica's name: its slot and its `application_name`.
pub const REPLICA: &str = "replica";
/// The second replica's name, in stacks that have one.
pub const SECOND_REPLICA: &str = "replica-2";

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

pub fn start_primary(setup: &Setup) -> Result<Running> {
    let data = folder(setup, "primary")?;
    if !data.join("PG_VERSION").exists() {
        create_primary(setup, &data)?;
    }
    write_settings(&data, setup, &[("port", setup.ports.primary.to_string())])?;
    let mut server = launch(setup, "postgres-primary", &data)?.start()?;
    server.wait_until(Duration::from_mins(1), || psql(setup, "postgres", "SELECT 1").is_ok())?;
    Ok(server)
}

pub fn start_replica(setup: &Setup) -> Result<Running> {
    start_standby(setup, REPLICA, setup.ports.replica)
}

/// One more, for whoever wants to see one go away while another stays.
pub fn start_second_replica(setup: &Setup) -> Result<Running> {
    start_standby(setup, SECOND_REPLICA, setup.ports.second_replica())
}

/// The name is that of its folder, its slot and its session on the primary.
fn start_standby(setup: &Setup, name: &str, port: u16) -> Result<Running> {
    let data = folder(setup, name)?;
    // The signal file is written last: without it the copy was never finished.
    if !data.join("standby.signal").exists() {
        create_replica(setup, &data, &slot(name))?;
    }
    write_settings(&data, setup, &replica_settings(setup, name, port))?;
    let mut server = launch(setup, &format!("postgres-{name}"), &data)?.start()?;
    let streaming =
        format!("SELECT state FROM pg_stat_replication WHERE application_name = '{name}'");
    server.wait_until(Duration::from_mins(1), || {
        psql(setup, "postgres", &streaming).is_ok_and(|state| state.trim() == "streaming")
    })?;
    Ok(server)
}

/// Runs SQL on the primary as superuser; the answer is unaligned, without headings.
pub fn psql(setup: &Setup, database: &str, sql: &str) -> Result<String> {
    process::output(psql_command(setup, database).args(["-c", sql]))
}

/// Runs a file of SQL on the primary as superuser.
pub fn psql_file(setup: &Setup, database: &str, file: &Path) -> Result<String> {
    process::output(psql_command(setup, database).arg("-f").arg(file))
}

fn psql_command(setup: &Setup, database: &str) -> Command {
    let psql = programs().map_or_else(|| PathBuf::from("psql"), |folder| folder.join("psql"));
    let mut command = Command::new(psql);
    command.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres"]);
    command.args(["-p", &setup.ports.primary.to_string(), "-d", database]);
    command.env("PGPASSWORD", &setup.secrets.postgres).env("PGCONNECT_TIMEOUT", "5");
    command
}

/// The address of a database for a role, on the primary's or the replica's port.
pub fn url(setup: &Setup, role: &str, password: &str, port: u16, database: &str) -> String {
    match setup.purpose {
        Purpose::Stack => format!("postgres://{role}:{password}@127.0.0.1:{port}/{database}"),
        Purpose::Tests => format!("postgres://{role}@127.0.0.1:{port}/{database}"),
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
    fs::write(data.join("pg_hba.conf"), access(setup.purpose)).context("cannot write pg_hba.conf")
}

/// Slots may have no hyphens.
fn slot(name: &str) -> String {
    name.replace('-', "_")
}

fn create_replica(setup: &Setup, data: &Path, slot: &str) -> Result<()> {
    // A slot left by an unfinished copy would keep the log for ever.
    let drop_slot = format!(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots \
         WHERE slot_name = '{slot}'"
    );
    psql(setup, "postgres", &drop_slot)?;
    if data.exists() {
        fs::remove_dir_all(data)?;
    }
    let mut backup = as_server_user("pg_basebackup")?;
    backup.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &setup.ports.primary.to_string()]);
    backup.args(["-X", "stream", "-C", "-S", slot, "-c", "fast"]).arg("-D").arg(data);
    backup.env("PGPASSWORD", &setup.secrets.postgres).current_dir("/");
    process::output(&mut backup)?;
    let signal = data.join("standby.signal");
    fs::write(&signal, "")?;
    give_to_server_user(&signal)
}

fn launch(setup: &Setup, name: &str, data: &Path) -> Result<Launch> {
    let programs = programs().context("PostgreSQL's programs are not in /usr/lib/postgresql")?;
    let log = setup.home.log(name);
    let data_text = data.to_string_lossy();
    let mut launch =
        Launch::new(name, programs.join("postgres"), data, &log).args(["-D", &*data_text]);
    launch.user = server_user();
    // Fast shutdown: sessions are ended, the data is consistent.
    launch.stop = Signal::SIGINT;
    Ok(launch)
}

/// Who may log in how. Not by SCRAM: its 4096 rounds cost a debug build a good part of a second
/// per connection, and protect nothing where passwords are 128 random bits on a loopback address.
/// Tests, with their thousands of connections, do without.
fn access(purpose: Purpose) -> String {
    let method = match purpose {
        Purpose::Stack => "md5",
        Purpose::Tests => "trust",
    };
    format!(
        "host all all 127.0.0.1/32 {method}\n\
         host replication all 127.0.0.1/32 {method}\n"
    )
}

fn replica_settings(setup: &Setup, name: &str, port: u16) -> Vec<(&'static str, String)> {
    let source = format!(
        "host=127.0.0.1 port={} user=postgres password={} application_name={name}",
        setup.ports.primary, setup.secrets.postgres
    );
    vec![
        ("port", port.to_string()),
        ("primary_conninfo", source),
        ("primary_slot_name", slot(name)),
        // A standby inherits the whole configuration; this one stays small.
        ("shared_buffers", "64MB".to_owned()),
        ("hot_standby_feedback", "on".to_owned()),
    ]
}

/// Writes `mes.conf`, anew at each start: ports may have changed. Later lines win.
fn write_settings(data: &Path, setup: &Setup, own: &[(&str, String)]) -> Result<()> {
    let own = own.iter().map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''")));
    let lines = common_settings(setup.purpose).to_owned() + &own.collect::<Vec<_>>().concat();
    let path = data.join("mes.conf");
    files::write_private(&path, &lines)?;
    give_to_server_user(&path)
}

fn common_settings(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Stack => {
            "listen_addresses = '127.0.0.1'\n\
             unix_socket_directories = ''\n\
             shared_preload_libraries = 'pg_stat_statements'\n\
             wal_level = 'replica'\n\
             max_wal_senders = '10'\n\
             max_replication_slots = '10'\n\
             max_slot_wal_keep_size = '4GB'\n\
             max_connections = '200'\n\
             shared_buffers = '256MB'\n\
             idle_in_transaction_session_timeout = '60s'\n\
             log_min_duration_statement = '500ms'\n"
        }
        // fsync off: the operating system keeps what a killed process has written, so tests that
        // kill PostgreSQL lose nothing; only a machine that loses power would.
        Purpose::Tests => {
            "listen_addresses = '127.0.0.1'\n\
             unix_socket_directories = ''\n\
             shared_preload_libraries = 'pg_stat_statements'\n\
             wal_level = 'replica'\n\
             max_wal_senders = '10'\n\
             max_replication_slots = '10'\n\
             max_slot_wal_keep_size = '4GB'\n\
             max_connections = '400'\n\
             shared_buffers = '256MB'\n\
             fsync = 'off'\n\
             # Nobody waits for this standby but the test that starts it.\n\
             synchronous_standby_names = 'standby_of_a_test'\n\
             synchronous_commit = 'local'\n\
             full_page_writes = 'off'\n\
             autovacuum_naptime = '5min'\n"
        }
    }
}

/// One of PostgreSQL's programs, to be run as its user.
fn as_server_user(program: &str) -> Result<Command> {
    let path = programs().context("PostgreSQL's programs are missing")?.join(program);
    let Some(user) = server_user() else { return Ok(Command::new(path)) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--init-groups", "--"]).arg(path);
    Ok(command)
}

/// `<data>/postgres/<name>`, in a folder that the server's user owns.
fn folder(setup: &Setup, name: &str) -> Result<PathBuf> {
    let parent = setup.home.data.join("postgres");
    fs::create_dir_all(&parent).with_context(|| format!("cannot create {}", parent.display()))?;
    give_to_server_user(&parent)?;
    Ok(parent.join(name))
}

fn give_to_server_user(path: &Path) -> Result<()> {
    let Some(name) = server_user() else { return Ok(()) };
    let user = User::from_name(name)?.context("there is no user `postgres`")?;
    chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
        .with_context(|| format!("cannot give {} to {name}", path.display()))
}
