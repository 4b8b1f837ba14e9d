//! RabbitMQ with everything private: node name, port mapper, cookie, folders, plugins.
//!
//! The packaged wrapper in `/usr/sbin` changes user and drops the environment, so the real script
//! is called. The Erlang port mapper (epmd) would otherwise be started by the broker, become a
//! child of init and outlive it; started here, it is a process like the others.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Purpose, Setup};
use crate::process::{Launch, Running};
use crate::{files, http};

const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";

pub fn start_port_mapper(setup: &Setup) -> Result<Running> {
    let folder = folder(setup)?;
    let port = setup.ports.port_mapper;
    let log = setup.home.log("port-mapper");
    let mut launch = Launch::new("port-mapper", "epmd", &folder, &log).args([
        "-address",
        "127.0.0.1",
        "-port",
        &port.to_string(),
    ]);
    launch.outlives_others = true;
    let mut mapper = launch.start()?;
    let listening = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    mapper.wait_until(Duration::from_secs(20), listening)?;
    Ok(mapper)
}

/// Starts the broker without waiting for it: it takes seconds.
pub fn start(setup: &Setup) -> Result<Running> {
    let folder = folder(setup)?;
    files::write_private(&folder.join("rabbitmq.conf"), &settings(setup))?;
    let plugins = "[rabbitmq_management,rabbitmq_prometheus,rabbitmq_consistent_hash_exchange].\n";
    fs::write(folder.join("enabled_plugins"), plugins)?;
    let log = setup.home.log("rabbitmq");
    let mut launch = Launch::new("rabbitmq", format!("{SCRIPTS}/rabbitmq-server"), &folder, &log);
    launch.env = environment(setup)?;
    launch.grace = Duration::from_secs(30);
    launch.start()
}

pub fn wait(setup: &Setup, broker: &mut Running) -> Result<()> {
    let (user, password) = login(setup);
    let overview = format!("{}/api/overview", setup.management_url());
    broker.wait_until(Duration::from_mins(2), || http::basic(&overview, user, password).is_ok())
}

pub fn url(setup: &Setup) -> String {
    let (user, password) = login(setup);
    format!("amqp://{user}:{password}@127.0.0.1:{}/%2f", setup.ports.amqp)
}

pub fn login(setup: &Setup) -> (&str, &str) {
    match setup.purpose {
        Purpose::Stack => ("mes", &setup.secrets.rabbitmq),
        Purpose::Tests => ("guest", "guest"),
    }
}

fn folder(setup: &Setup) -> Result<PathBuf> {
    let folder = setup.home.data.join("rabbitmq");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

fn settings(setup: &Setup) -> String {
    let ports = setup.ports;
    let (user, password) = login(setup);
    format!(
        "listeners.tcp.1 = 127.0.0.1:{}\n\
         management.tcp.ip = 127.0.0.1\n\
         management.tcp.port = {}\n\
         prometheus.tcp.ip = 127.0.0.1\n\
         prometheus.tcp.port = {}\n\
         default_user = {user}\n\
         default_pass = {password}\n\
         # The defaults watch the whole machine; a private broker minds its own share.\n\
         vm_memory_high_watermark.absolute = 2GB\n\
         disk_free_limit.absolute = 500MB\n\
         # Counts of messages are as old as this interval (5 s by default).\n\
         collect_statistics_interval = 1000\n\
         log.console = true\n\
         log.console.level = warning\n\
         log.file = false\n",
        ports.amqp, ports.management, ports.broker_metrics
    )
}

fn environment(setup: &Setup) -> Result<Vec<(String, String)>> {
    let folder = folder(setup)?;
    let ports = setup.ports;
    let inside = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let path = std::env::var("PATH").unwrap_or_default();
    let variables = [
        ("HOME", folder.to_string_lossy().into_owned()),
        ("PATH", format!("{SCRIPTS}:{path}")),
        // `exec` instead of a shell that stays in between: the process id is the broker's own.
        ("RUNNING_UNDER_SYSTEMD", "true".to_owned()),
        ("RABBITMQ_NODENAME", format!("mes{}@localhost", ports.amqp)),
        ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
        ("RABBITMQ_NODE_PORT", ports.amqp.to_string()),
        ("RABBITMQ_DIST_PORT", ports.distribution.to_string()),
        ("ERL_EPMD_PORT", ports.port_mapper.to_string()),
        ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
        ("RABBITMQ_MNESIA_BASE", inside("mnesia")),
        // One folder whatever the node is called, so that kept data survives a change of ports.
        ("RABBITMQ_MNESIA_DIR", inside("mnesia/mes")),
        ("RABBITMQ_LOG_BASE", inside("log")),
        ("RABBITMQ_PID_FILE", inside("rabbitmq.pid")),
        ("RABBITMQ_CONFIG_FILE", inside("rabbitmq.conf")),
        ("RABBITMQ_CONF_ENV_FILE", inside("none.conf")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", inside("enabled_plugins")),
        ("RABBITMQ_GENERATED_CONFIG_DIR", inside("generated")),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", inside("advanced.config")),
        // The distribution port would listen on every address; idle schedulers would spin.
        (
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"
                .to_owned(),
        ),
    ];
    Ok(variables.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}
