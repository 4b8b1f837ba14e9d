//! The primary freezes, its standby is promoted while nobody can stop the old one, and then that one wakes up. Servers of
//! this test alone, because of the others there is one primary for everybody.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use consumer::follower::{Follower, FollowerError, LogAccess};
use migrations::RolePasswords;
use shared::clock::SystemClock;
use shared::platform::database::{self, DatabaseConfig};
use sqlx::{Connection, PgConnection, PgPool};
use testkit::{PATIENCE, eventually};

/// Longer than any commit here takes, when somebody confirms it.
const NEVER: Duration = Duration::from_secs(2);
/// What the old primary waits for.
const STANDBY: &str = "standby";

/// A PostgreSQL server; gone with the value.
struct Server {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl Server {
    fn primary(parent: &Path) -> Self {
        let folder = parent.join("primary");
        run(program("initdb")
            .args(["-U", "postgres", "-A", "trust", "--no-sync", "-D"])
            .arg(&folder));
        Self::start(folder, &format!("synchronous_standby_names={STANDBY}"))
    }

    fn standby_of(primary: &Self, parent: &Path) -> Self {
        let folder = parent.join(STANDBY);
        let port = primary.port;
        let source = format!("host=127.0.0.1 port={port} user=postgres application_name={STANDBY}");
        run(program("pg_basebackup")
            .args(["-R", "--no-sync", "-c", "fast", "-d", &source, "-D"])
            .arg(&folder));
        Self::start(folder, "synchronous_standby_names=")
    }

    fn start(folder: PathBuf, setting: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let process = program("postgres")
            .args(["-c", "fsync=off", "-c", "unix_socket_directories=", "-c", "wal_level=replica"])
            .args(["-c", "shared_buffers=32MB", "-c", setting, "-c", &format!("port={port}"), "-D"])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, folder, port }
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    async fn connect(&self) -> PgConnection {
        let connect = || async { PgConnection::connect(&self.url()).await.ok() };
        eventually("the server takes connections", connect, PATIENCE).await
    }

    /// Freezes or wakes each process that works in the server's folder.
    fn signal(&self, signal: &str) {
        let folder = self.folder.canonicalize().unwrap();
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            if std::fs::read_link(process.path().join("cwd")).is_ok_and(|at| at == folder) {
                let pid = process.file_name();
                let _ = Command::new("kill").arg(signal).arg(pid).stderr(Stdio::null()).status();
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal("-KILL");
        let _ = self.process.wait();
    }
}

/// A program of PostgreSQL, run as its user: it refuses to run as root.
fn program(name: &str) -> Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap().flatten();
    let found = versions.map(|version| version.path().join("bin").join(name));
    let found = found.filter(|program| program.exists()).max().unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if is_root() {
        command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups"]);
    }
    command.arg("--").arg(found).current_dir("/");
    command
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

struct Folder(PathBuf);

impl Folder {
    fn create() -> Self {
        let path = std::env::temp_dir().join(format!("mes-failover-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&path));
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Asks where a connection of the pool leads; `None` while there is none.
async fn port_of(pool: &PgPool) -> Option<u16> {
    let port = sqlx::query_scalar::<_, i32>("SELECT inet_server_port()").fetch_one(pool);
    port.await.ok().and_then(|port| u16::try_from(port).ok())
}

async fn note(pool: &PgPool, number: i32) -> Result<(), sqlx::Error> {
    let insert = sqlx::query("INSERT INTO noted VALUES ($1)").bind(number).execute(pool);
    database::within(NEVER, insert).await.map(drop)
}

#[tokio::test]
async fn a_frozen_primary_that_nobody_could_stop_is_left_and_never_gone_back_to() {
    let folder = Folder::create();
    let old = Server::primary(&folder.0);
    let mut at_old = old.connect().await;
    let new = Server::standby_of(&old, &folder.0);
    let mut at_new = new.connect().await;
    migrations::create_roles(&mut at_old, &RolePasswords::default()).await.unwrap();
    migrations::apply(&PgPool::connect(&old.url()).await.unwrap()).await.unwrap();

    // The standby comes first in the list, and is not taken for the primary.
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", new.port, old.port);
    let url = format!("postgres://postgres@{hosts}/postgres");
    let pool = database::pool(&DatabaseConfig::new(&url, 4), "test").unwrap();
    let at_primary = || async { port_of(&pool).await == Some(old.port) };
    eventually("the pool finds the primary", at_primary, PATIENCE).await;
    sqlx::query("CREATE TABLE noted (number int)").execute(&pool).await.unwrap();
    note(&pool, 1).await.unwrap();
    let access = LogAccess::of(&pool, "test", 10, Arc::new(SystemClock));
    let mut follower = Follower::try_lead(&access, "test").await.unwrap().unwrap();
    assert_eq!(epoch(&pool).await, 1);
    follower.read().await.unwrap();

    // It sees the frozen one as one that does not answer, and the promoted one as the primary.
    old.signal("-STOP");
    sqlx::query("SELECT pg_promote(true, 30)").execute(&mut at_new).await.unwrap();
    let goes_on = || async { note(&pool, 2).await.is_ok() };
    eventually("the pool writes to the promoted one", goes_on, PATIENCE).await;
    assert_eq!(port_of(&pool).await, Some(new.port));

    // Nobody has stopped the old one. It wakes, believes to be the primary, and can acknowledge nothing.
    old.signal("-CONT");
    let woken: Result<bool, _> =
        sqlx::query_scalar("SELECT NOT pg_is_in_recovery()").fetch_one(&mut at_old).await;
    assert!(woken.unwrap(), "the old one is a primary to itself");
    let insert = sqlx::query("INSERT INTO noted VALUES (3)").execute(&mut at_old);
    assert!(database::within(NEVER, insert).await.is_err(), "acknowledged without a standby");
    for _ in 0..20 {
        assert_eq!(port_of(&pool).await, Some(new.port));
    }

    // Whoever followed its log leads anew, at the new one, in another epoch.
    assert!(matches!(follower.read().await, Err(FollowerError::Moved("test"))));
    let mut follower = Follower::try_lead(&access, "test").await.unwrap().unwrap();
    follower.read().await.unwrap();
    assert!(epoch(&pool).await > 2, "one that no other future has had");
    let numbers: Vec<i32> = sqlx::query_scalar("SELECT DISTINCT number FROM noted ORDER BY 1")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(numbers, [1, 2]);
    let mut found = database::connect_to_primary(&url).await.unwrap();
    let port: i32 =
        sqlx::query_scalar("SELECT inet_server_port()").fetch_one(&mut found).await.unwrap();
    assert_eq!(port, i32::from(new.port));
}

async fn epoch(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT epoch FROM write.system").fetch_one(pool).await.unwrap()
}
