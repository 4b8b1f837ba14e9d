//! Work that outlives its client.
//!
//! actix-web drops a handler's future when the client resets the connection, in the middle of
//! whatever it awaits; a command would stop halfway, its outcome known to nobody. [`Detached`] runs it in
//! a task of its own on the process's main runtime, where a graceful stop waits for it.

use std::future::{Future, Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use shared::platform::shutdown::Shutdown;
use tokio::runtime::Handle;
use tracing::Instrument;

use crate::problem::Problem;

/// A client is told "unknown" after this long; the work goes on.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Runs commands in tasks of their own.
#[derive(Debug, Clone)]
pub struct Detached {
    shutdown: Shutdown,
    runtime: Handle,
}

impl Detached {
    /// Tasks run on the current runtime and are waited for by `shutdown`.
    pub fn new(shutdown: Shutdown) -> Self {
        Self { shutdown, runtime: Handle::current() }
    }

    /// Runs `work` to its end whatever the client does, and returns its result.
    pub async fn run<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let task = self.shutdown.spawn_on(work.in_current_span(), &self.runtime);
        match tokio::time::timeout(ANSWER_WITHIN, task).await {
            Ok(Ok(Some(outcome))) => outcome.map_err(Into::into),
            Ok(Ok(None)) => Err(unknown("The service is stopping")),
            Ok(Err(panic)) => Err(Problem::internal(&panic)),
            Err(_) => Err(unknown("The answer takes too long")),
        }
    }
}

fn unknown(why: &str) -> Problem {
    Problem::unavailable(
        format!(
            "{why}; whether the command was carried out is not known: repeat it with the same Idempotency-Key"
        ),
        Duration::from_secs(1),
    )
}

impl FromRequest for Detached {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let detached = request.app_data::<Self>().cloned();
        ready(detached.ok_or_else(|| {
            tracing::error!("a server was built without `Kit::bind`");
            Problem::internal_logged()
        }))
    }
}
