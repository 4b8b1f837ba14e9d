//! The servers that tests need, with roles and the template database, and the variables that
//! tell tests where they are.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::home::Home;
use crate::interrupt;
use crate::lock::{self, Lock};
use crate::ports::{self, Reservation};
use crate::process::{self, Running};
use crate::secrets::Secrets;
use crate::servers::postgres::{self, Node};
use crate::servers::{self, Purpose, Setup};

/// Tests clone this database; nobody ever connects to it.
const TEMPLATE: &str = "mes_template";

/// Stops its servers and removes their data when it goes, whatever the reason; the logs stay.
pub struct TestServers {
    pub setup: Setup,
    running: Vec<Running>,
    _reservation: Reservation,
    _lock: Lock,
}

impl TestServers {
    pub fn start(name: &str) -> Result<Self> {
        let Some(lock) = lock::take(&Home::of(name)?)? else {
            bail!("`{name}` is already running; `cargo xtask down --name {name}` stops it");
        };
        Home::of(name)?.remove_data()?;
        let home = Home::create(name)?;
        let reservation = ports::reserve(None)?;
        let secrets = Secrets::random()?;
        let setup = Setup { home, ports: reservation.ports, secrets, purpose: Purpose::Tests };
        let mut servers =
            Self { setup, running: Vec::new(), _reservation: reservation, _lock: lock };
        servers.running = servers::start(&servers.setup)?;
        Ok(servers)
    }

    /// Creates the roles and the template database with the `migrate` binary.
    pub fn prepare(&self, binaries: &Path) -> Result<()> {
        migrate(&self.setup, binaries, "postgres", "roles")?;
        self.make_template(binaries)
    }

    fn make_template(&self, binaries: &Path) -> Result<()> {
        let sql = |text: &str| postgres::psql(&self.setup, "postgres", text);
        sql(&format!("CREATE DATABASE {TEMPLATE}"))?;
        migrate(&self.setup, binaries, TEMPLATE, "apply")?;
        sql(&format!("ALTER DATABASE {TEMPLATE} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false"))?;
        Ok(())
    }

    /// The variables of `testkit`.
    pub fn variables(&self, binaries: &Path) -> Vec<(&'static str, String)> {
        let setup = &self.setup;
        let at = |node| postgres::url(setup, "postgres", "", node, "postgres");
        let replica = Node::replicas(setup).next().unwrap_or_else(|| postgres::primary(setup));
        vec![
            ("MES_TEST_POSTGRES_URL", at(postgres::primary(setup))),
            ("MES_TEST_REPLICA_URL", at(replica)),
            ("MES_TEST_REDIS_URL", setup.redis_url()),
            // Without a vhost: every test makes its own.
            ("MES_TEST_RABBITMQ_URL", setup.amqp_url().replace("/%2f", "")),
            ("MES_TEST_RABBITMQ_API_URL", setup.management_url()),
            ("MES_TEST_BIN_DIR", binaries.to_string_lossy().into_owned()),
        ]
    }

    /// Waits until the user interrupts or a server dies.
    pub fn watch(&mut self) -> Result<()> {
        loop {
            interrupt::check()?;
            for server in &mut self.running {
                if let Some(status) = server.ended() {
                    bail!("{} died ({status})\n{}", server.name(), server.story());
                }
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}

impl Drop for TestServers {
    fn drop(&mut self) {
        process::stop_all(&mut self.running);
        if let Err(error) = self.setup.home.remove_data() {
            eprintln!("{error:#}");
        }
    }
}

/// Runs one verb of the `migrate` binary against a database of the primary, as superuser.
pub fn migrate(setup: &Setup, binaries: &Path, database: &str, verb: &str) -> Result<String> {
    let primary = postgres::primary(setup);
    let url = postgres::url(setup, "postgres", &setup.secrets.postgres, primary, database);
    let mut command = Command::new(binaries.join("migrate"));
    command.arg(verb).env("DATABASE_URL", url);
    if verb == "roles" && setup.purpose == Purpose::Stack {
        let roles = [
            ("write", &setup.secrets.mes_write),
            ("consumer", &setup.secrets.mes_consumer),
            ("read", &setup.secrets.mes_read),
        ];
        for (role, password) in roles {
            let variable = format!("MES_PASSWORD_{}", role.to_uppercase());
            command.arg(format!("--{role}-password-env")).arg(&variable).env(&variable, password);
        }
    }
    process::output(&mut command)
}
