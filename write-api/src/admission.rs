//! How many commands may be in hand at once. More are refused at once, before they cost anything: a queue that only grows
//! makes everybody wait until nobody wants the answer any more, and what is refused quickly can come again.
//!
//! Systems may flood us, people do not: what systems may have in hand is a part of the whole, so that an operator's press
//! is never refused because of a partner's program. A place is held until its command has ended, also when the client
//! has gone.

use std::sync::Arc;
use std::time::Duration;

use ::web::{Caller, Problem};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Commands take milliseconds: a second later there is room again, unless many come at once again.
const COME_BACK: Duration = Duration::from_secs(1);

/// How many commands may be in hand.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmissionConfig {
    /// At once, running or waiting for a connection of the pool.
    pub most: usize,
    /// Of them, those of systems: of everybody with an API key together.
    pub most_of_systems: usize,
}

/// The door for commands; clones share it.
#[derive(Debug, Clone)]
pub struct Admission {
    all: Arc<Semaphore>,
    systems: Arc<Semaphore>,
}

/// The right to carry out a command, until dropped.
#[derive(Debug)]
pub struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_systems: Option<OwnedSemaphorePermit>,
}

impl Admission {
    /// A door that lets so many in.
    pub fn new(config: AdmissionConfig) -> Self {
        Self {
            all: Arc::new(Semaphore::new(config.most)),
            systems: Arc::new(Semaphore::new(config.most_of_systems)),
        }
    }

    /// A place for a command of this caller.
    ///
    /// # Errors
    /// 503 when there is none at the moment.
    pub fn enter(&self, caller: &Caller) -> Result<Place, Problem> {
        let is_system = caller.role().is_none();
        let of_systems = is_system.then(|| take(&self.systems)).transpose()?;
        Ok(Place { _of_all: take(&self.all)?, _of_systems: of_systems })
    }
}

fn take(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(places).try_acquire_owned().map_err(|_| {
        Problem::unavailable(
            "As many commands as possible are in hand already; nothing was done: repeat it with the same Idempotency-Key",
            COME_BACK,
        )
    })
}
