//! The server: one place that knows in which order everything is wrapped around the handlers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::dev::Server;
use actix_web::http::header;
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::{self, Data, PathConfig, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde::{Deserialize, Serialize};
use shared::platform::shutdown::Shutdown;

use crate::body;
use crate::caller::Authenticator;
use crate::detached::Detached;
use crate::health::{self, Health};
use crate::observe::{Durations, observe};
use crate::problem::{Problem, Violation, method_not_allowed};
use crate::quotas::{QuotaConfig, Quotas, admit};

const HEAD_DEADLINE: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_mins(1);
const DISCONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// Shorter than an orchestrator's patience.
const STOP_SECONDS: u64 = 10;
const CONNECTIONS_PER_WORKER: usize = 10_000;
const BACKLOG: u32 = 1_024;

/// Where to listen, and to whose pages to answer.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: String,
    /// Threads that serve requests; 0 for one a core.
    #[serde(default)]
    pub workers: usize,
    /// How long to go on answering after the soft stop has begun and `/readyz` has said so: what a load
    /// balancer needs to notice.
    #[serde(default)]
    pub stop_delay_ms: u64,
    /// The origins whose pages may call us from a browser, such as `https://mes.example`.
    #[serde(default)]
    pub cors_origins: Vec<String>,
}

impl HttpConfig {
    /// One worker on a free port of this machine, for tests.
    pub fn on_free_port() -> Self {
        Self {
            listen: "127.0.0.1:0".to_owned(),
            workers: 1,
            stop_delay_ms: 0,
            cors_origins: Vec::new(),
        }
    }
}

/// What a server is built from, besides its routes.
#[derive(Clone)]
pub struct Kit {
    /// What it depends on.
    pub health: Health,
    /// Who recognises callers; `None` where nobody needs to be known.
    pub authenticator: Option<Authenticator>,
    /// How often a caller may ask; `None` for as often as they like.
    pub quotas: Option<QuotaConfig>,
    /// When to stop.
    pub shutdown: Shutdown,
}

/// A server that listens and has not begun to answer.
pub struct Bound {
    addresses: Vec<SocketAddr>,
    server: Server,
}

impl Kit {
    /// Binds a server whose handlers are what `routes` adds. To be called on the process's main runtime,
    /// after telemetry is set up.
    pub fn bind<F>(self, config: &HttpConfig, routes: F) -> io::Result<Bound>
    where
        F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
    {
        let Self { health, authenticator, quotas, shutdown } = self;
        let health = Data::new(health);
        let detached = Detached::new(shutdown.clone());
        let durations = Durations::new();
        let quotas = quotas.map(Quotas::new);
        let origins = config.cors_origins.clone();
        let factory = move || {
            let (authenticator, quotas) = (authenticator.clone(), quotas.clone());
            let durations = durations.clone();
            // The last `wrap` is the outermost.
            App::new()
                .wrap(from_fn(body::pace))
                .wrap(from_fn(move |request, next| {
                    admit(request, next, authenticator.clone(), quotas.clone())
                }))
                .wrap(Condition::new(!origins.is_empty(), cors(&origins)))
                .wrap(from_fn(move |request, next| observe(request, next, durations.clone())))
                .app_data(health.clone())
                .app_data(detached.clone())
                .app_data(path_errors())
                .configure(health::routes)
                .configure(routes.clone())
                .default_service(web::to(nothing_here))
        };
        let mut server = HttpServer::new(factory)
            .client_request_timeout(HEAD_DEADLINE)
            .client_disconnect_timeout(DISCONNECT_DEADLINE)
            .keep_alive(KEEP_ALIVE)
            .max_connections(CONNECTIONS_PER_WORKER)
            .backlog(BACKLOG)
            .shutdown_timeout(STOP_SECONDS)
            .shutdown_signal(stop(shutdown, Duration::from_millis(config.stop_delay_ms)));
        if config.workers > 0 {
            server = server.workers(config.workers);
        }
        let server = server.bind(&config.listen)?;
        let addresses = server.addrs();
        for address in &addresses {
            tracing::info!(%address, "listening");
        }
        Ok(Bound { addresses, server: server.run() })
    }
}

impl Bound {
    /// Where it listens: with port 0, the port it got.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Answers until the soft stop, finishes what is in hand, and returns.
    pub async fn run(self) -> io::Result<()> {
        self.server.await
    }
}

async fn stop(shutdown: Shutdown, delay: Duration) {
    shutdown.soft().cancelled().await;
    shutdown.hard().run_until_cancelled(tokio::time::sleep(delay)).await;
}

/// A page of another origin may call us if it is listed, and may read the headers that we made up.
fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST", "PUT", "DELETE"])
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_NONE_MATCH])
        .allowed_headers([
            "idempotency-key",
            "last-event-id",
            "mes-min-position",
            "prefer",
            "traceparent",
        ])
        .expose_headers([header::ETAG, header::LOCATION, header::RETRY_AFTER])
        .expose_headers(["mes-position", "mes-as-of", "mes-stale", "mes-served-by"])
        .expose_headers(["preference-applied", "ratelimit", "ratelimit-policy", "x-request-id"])
        .max_age(3_600);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

fn path_errors() -> PathConfig {
    PathConfig::default().error_handler(|error, request| {
        let field = request.match_pattern().unwrap_or_default();
        Problem::invalid(vec![Violation { field, message: error.to_string() }]).into()
    })
}

/// `App::route` makes a resource for each method, so that a wrong method ends here too.
async fn nothing_here(request: HttpRequest) -> Result<HttpResponse, Problem> {
    if request.match_pattern().is_some() {
        return Err(method_not_allowed());
    }
    Err(Problem::not_found(format!("Nothing answers at {}", request.path())))
}
