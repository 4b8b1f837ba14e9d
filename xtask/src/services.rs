//! Our own processes in a stack, in the order of starting. Configuration goes by environment
//! variables, so that no password shows in a process list.

use std::path::Path;

use crate::dashboard;
use crate::process::Launch;
use crate::servers::Setup;
use crate::stack::Stack;

/// One of our processes and where it says that it is ready.
pub struct Service {
    pub launch: Launch,
    pub ready: String,
}

/// The roles of `consumer` that run as processes of their own.
const ROLES: [&str; 4] = ["intake", "relay", "projector", "pricer"];

/// Every service of a stack.
pub fn all(setup: &Setup, stack: &Stack, binaries: &Path) -> Vec<Service> {
    let mut services = vec![write_api(setup, stack, binaries)];
    services.extend(ROLES.iter().map(|role| consumer(setup, stack, binaries, role)));
    services.push(read_api(setup, stack, binaries));
    services
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
        .env("MES__HTTP__CORS_ORIGINS", &stack.read_api);
    service(with_auth(launch, stack), stack.ports.write_api)
}

fn read_api(setup: &Setup, stack: &Stack, binaries: &Path) -> Service {
    let launch = launch(setup, binaries, "read-api", "read-api", stack.ports.read_api)
        .env("MES__DATABASE__REPLICAS", &stack.postgres["mes_read"])
        .env("MES__DATABASE__PRIMARY", &stack.postgres["mes_read_primary"])
        .env("MES__REDIS__URL", &stack.redis)
        .env("MES__DASHBOARD__DIRECTORY", dashboard::built().to_string_lossy())
        .env("MES__DASHBOARD__WRITE_API_URL", &stack.write_api);
    service(with_auth(launch, stack), stack.ports.read_api)
}

fn consumer(setup: &Setup, stack: &Stack, binaries: &Path, role: &str) -> Service {
    let port = match role {
        "intake" => stack.ports.intake,
        "relay" => stack.ports.relay,
        "projector" => stack.ports.projector,
        _ => stack.ports.pricer,
    };
    let launch = launch(setup, binaries, role, "consumer", port)
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
