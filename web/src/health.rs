//! `/livez`, `/readyz` and `/metrics`.
//!
//! `/livez` says that the process runs, and asks nobody: a database that is away must not get every instance
//! restarted. `/readyz` asks what the process cannot work without, and tells the reasons.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{self, Data, ServiceConfig};
use futures_util::future::join_all;
use serde::Serialize;
use shared::platform::shutdown::Shutdown;
use shared::platform::telemetry;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::Instant;

const CHECK_DEADLINE: Duration = Duration::from_secs(1);
/// However often we are asked, what we depend on is asked no more than this often.
const REMEMBERED: Duration = Duration::from_millis(500);

type Outcome = Result<(), String>;
type Check = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync>;

/// What a process depends on, and how to ask it.
#[derive(Clone)]
pub struct Health {
    checks: Arc<Vec<Named>>,
    /// Where checks run: a connection belongs to the runtime that opened it.
    runtime: Handle,
    shutdown: Shutdown,
    last: Arc<Mutex<Option<(Instant, Report)>>>,
}

struct Named {
    name: &'static str,
    needed: bool,
    check: Check,
}

/// Collects the checks of a process.
pub struct HealthBuilder {
    checks: Vec<Named>,
    shutdown: Shutdown,
}

/// What `/readyz` answers.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Report {
    /// `ready`, `not_ready` or `stopping`.
    pub status: &'static str,
    /// What was asked.
    pub checks: Vec<CheckReport>,
}

/// What one dependency said.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct CheckReport {
    /// Which dependency.
    pub name: &'static str,
    /// Whether the process can work without it.
    pub needed: bool,
    /// Whether it answered well.
    pub ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Health {
    /// A process that is not ready once `shutdown` has begun. To be built on its main runtime.
    pub fn builder(shutdown: Shutdown) -> HealthBuilder {
        HealthBuilder { checks: Vec::new(), shutdown }
    }

    async fn report(&self) -> Report {
        if self.shutdown.soft().is_cancelled() {
            return Report { status: "stopping", checks: Vec::new() };
        }
        // Held while asking: whoever comes meanwhile takes the same answer.
        let mut last = self.last.lock().await;
        if let Some((at, report)) = last.as_ref()
            && at.elapsed() < REMEMBERED
        {
            return report.clone();
        }
        let checks = join_all(self.checks.iter().map(|check| check.ask(&self.runtime))).await;
        let ready = checks.iter().all(|check| check.ok || !check.needed);
        let report = Report { status: if ready { "ready" } else { "not_ready" }, checks };
        *last = Some((Instant::now(), report.clone()));
        report
    }
}

impl HealthBuilder {
    /// Adds something without which the process cannot work. The reason of a failure is public: it names no
    /// address and no secret.
    #[must_use]
    pub fn needs<F>(self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        self.add(name, true, check)
    }

    /// Adds something that is reported and that the process can work without.
    #[must_use]
    pub fn uses<F>(self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        self.add(name, false, check)
    }

    /// Adds a database without which the process cannot work.
    #[must_use]
    pub fn needs_database(self, name: &'static str, pool: sqlx::PgPool) -> Self {
        self.needs(name, move || {
            let pool = pool.clone();
            async move {
                let answer = sqlx::query("SELECT 1").execute(&pool).await;
                answer.map(|_| ()).map_err(|_| "does not answer".to_owned())
            }
        })
    }

    fn add<F>(
        mut self,
        name: &'static str,
        needed: bool,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        self.checks.push(Named { name, needed, check: Box::new(move || Box::pin(check())) });
        self
    }

    /// All checks are named.
    #[must_use]
    pub fn build(self) -> Health {
        Health {
            checks: Arc::new(self.checks),
            runtime: Handle::current(),
            shutdown: self.shutdown,
            last: Arc::new(Mutex::new(None)),
        }
    }
}

impl Named {
    async fn ask(&self, runtime: &Handle) -> CheckReport {
        let mut task = runtime.spawn((self.check)());
        let outcome = match tokio::time::timeout(CHECK_DEADLINE, &mut task).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err("the check failed".to_owned()),
            Err(_) => {
                task.abort();
                Err(format!("no answer within {} s", CHECK_DEADLINE.as_secs()))
            }
        };
        CheckReport {
            name: self.name,
            needed: self.needed,
            ok: outcome.is_ok(),
            reason: outcome.err(),
        }
    }
}

/// These are asked by machines all the time: no quota, no log line.
pub(crate) fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/metrics")
}

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/livez").get(livez))
        .service(web::resource("/readyz").get(readyz))
        .service(web::resource("/metrics").get(metrics));
}

async fn livez() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(serde_json::json!({ "status": "alive" }))
}

async fn readyz(health: Data<Health>) -> HttpResponse {
    let report = health.report().await;
    let mut answer = match report.status {
        "ready" => HttpResponse::Ok(),
        _ => HttpResponse::ServiceUnavailable(),
    };
    answer.insert_header((CACHE_CONTROL, "no-store")).json(report)
}

async fn metrics() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(telemetry::metrics_text())
}
