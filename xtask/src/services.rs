//! Our own processes in a stack, in the order of starting. Configuration goes by environment
//! variables, so that no password shows in a process list.

use std::path::Path;

use crate::dashboard;
use crate::process::Launch;
use crate::servers::Setup;
use crate::stack::{self, Stack};

/// One of our processes and where it says that it is ready.
pub struct Service {
    pub launch: Launch,
    pub ready: String,
}

/// How many processes of a kind, and how large.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Scale {
    /// Processes that price models
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_PRICERS)))]
    pricers: u16,
    /// Threads that each of them calculates with; by default what its configuration says
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pricer_threads: Option<u16>,
}

impl Scale {
    /// One process of each kind.
    pub const fn one() -> Self {
        Self { pricers: 1, pricer_threads: None }
    }
}

/// What fits into a block of ports.
pub const MOST_PRICERS: u16 = 6;

/// Every service of a stack.
pub fn all(setup: &Setup, stack: &Stack, binaries: &Path, scale: Scale) -> Vec<Service> {
    let consumer = |role, name: &str, port| consumer(setup, stack, binaries, role, name, port);
    let ports = stack.ports;
    let mut services = vec![
        write_api(setup, stack, binaries),
        consumer("intake", "intake", ports.intake),
        consumer("relay", "relay", ports.relay),
        consumer("projector", "projector", ports.projector),
        consumer("watchdog", "watchdog", ports.watchdog),
        consumer("heartbeat", "heartbeat", ports.heartbeat),
        webhooks(consumer("webhooks", "webhooks", ports.webhooks)),
    ];
    for number in 0..scale.pricers {
        let name = if number == 0 { "pricer".to_owned() } else { format!("pricer-{}", number + 1) };
        let Service { mut launch, ready } = consumer("pricer", &name, ports.pricer + number);
        if let Some(threads) = scale.pricer_threads {
            launch = launch.env("MES__PRICER__THREADS", threads.to_string());
        }
        services.push(Service { launch, ready });
    }
    services.push(read_api(setup, stack, binaries));
    services
}

/// A developer's receiver listens on this machine.
fn webhooks(service: Service) -> Service {
    let Service { launch, ready } = service;
    Service { launch: launch.env("MES__WEBHOOKS__ALLOW_PRIVATE", "true"), ready }
}

/// The simulator of the outside world: shop, CRM, carrier and partners.
pub fn simulator(setup: &Setup, binaries: &Path, rate: f64) -> Launch {
    let record = setup.home.record();
    let log = setup.home.log("simulate");
    Launch::new("simulate", binaries.join("simulate"), &setup.home.root, &log).args([
        "--stack",
        &record.to_string_lossy(),
        "--rate",
        &rate.to_string(),
    ])
}

fn write_api(setup: &Setup, stack: &Stack, binaries: &Path) -> Service {
    let launch = launch(setup, binaries, "write-api", "write-api", stack.ports.write_api)
        .env("MES__DATABASE__URL", &stack.postgres["mes_write"])
        .env("MES__MODELS__URL", &stack.models)
        .env("MES__WEBHOOKS__ALLOW_PRIVATE", "true")
        .env("MES__HTTP__CORS_ORIGINS", &stack.read_api);
    service(with_auth(launch, stack), stack.ports.write_api)
}

fn read_api(setup: &Setup, stack: &Stack, binaries: &Path) -> Service {
    let launch = launch(setup, binaries, "read-api", "read-api", stack.ports.read_api)
        .env("MES__DATABASE__REPLICAS", stack::replicas(setup))
        .env("MES__DATABASE__PRIMARY", &stack.postgres["mes_read_primary"])
        .env("MES__REDIS__URL", &stack.redis)
        .env("MES__DASHBOARD__DIRECTORY", dashboard::built().to_string_lossy())
        .env("MES__DASHBOARD__WRITE_API_URL", &stack.write_api);
    service(with_auth(launch, stack), stack.ports.read_api)
}

fn consumer(
    setup: &Setup,
    stack: &Stack,
    binaries: &Path,
    role: &str,
    name: &str,
    port: u16,
) -> Service {
    let launch = launch(setup, binaries, name, "consumer", port)
        .args([role])
        .env("MES__DATABASE__URL", &stack.postgres["mes_consumer"])
        .env("MES__RABBITMQ__URL", &stack.rabbitmq.url)
        .env("MES__REDIS__URL", &stack.redis)
        .env("MES__MODELS__URL", &stack.models);
    service(launch, port)
}

fn launch(setup: &Setup, binaries: &Path, name: &str, program: &str, port: u16) -> Launch {
    let log = setup.home.log(name);
    Launch::new(name, binaries.join(program), &setup.home.root, &log)
        .env("MES__HTTP__LISTEN", format!("127.0.0.1:{port}"))
        // Errors tell what happened by themselves; a stack trace would push them out of sight.
        .env("RUST_LIB_BACKTRACE", "0")
}

fn with_auth(launch: Launch, stack: &Stack) -> Launch {
    launch
        .env("MES__AUTH__HS256_SECRET", &stack.auth.hs256_secret)
        .env("MES__AUTH__ISSUER", &stack.auth.issuer)
        .env("MES__AUTH__AUDIENCE", &stack.auth.audience)
}

fn service(launch: Launch, port: u16) -> Service {
    Service { launch, ready: format!("http://127.0.0.1:{port}/readyz") }
}
