//! Does what the plan says, each to one order, queue or role, and waits until the system has found and healed it.

mod deeds;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use reqwest::Client;
use shared::clock::{Clock, SystemClock};
use shared::platform::shutdown::Shutdown;
use sqlx::PgPool;
use uuid::Uuid;

use super::incidents::{Expected, wait_for};
use super::plan::Kind;
use super::report::Outcome;
use crate::broker::{Broker, Post};
use crate::faults::load::Load;
use crate::faults::processes::Processes;
use crate::faults::standins::Standins;
use crate::stack::Stack;

/// Whatever was not found by then is not found.
const FOUND: Duration = Duration::from_secs(90);
/// Whatever was not healed by then is not healed; three attempts of half a minute each, and some.
const HEALED: Duration = Duration::from_mins(5);
const GRACE: Duration = Duration::from_secs(5);
/// A sabotage that misses is tried again, with another order.
const TRIES: u64 = 4;
/// Sabotaged orders have numbers of their own: neither called off nor confirmed by the CRM.
const FIRST_NUMBER: u64 = 1_000_001;
const APART: u64 = 20;

/// What was done, and what must come of it.
struct Deed {
    expected: Expected,
    external_id: String,
}

/// Whoever does it.
pub struct Saboteur {
    /// The stack.
    pub stack: Stack,
    /// The primary, as superuser.
    pub pool: PgPool,
    /// What it may stop and kill.
    pub processes: Processes,
    /// For the broker's management API.
    pub http: Client,
    /// Who orders.
    pub load: Arc<Load>,
    /// The CRM and the shop.
    pub standins: Arc<Standins>,
    /// Where the CRM listens.
    pub broker: Broker,
    /// How the CRM answers.
    pub post: Post,
    /// Decides what is hit.
    pub seed: u64,
    /// What must not be done to the same process twice at once.
    pub alone: Alone,
}

/// One sabotage at a time of each.
#[derive(Default)]
pub struct Alone {
    relay: tokio::sync::Mutex<()>,
    projector: tokio::sync::Mutex<()>,
    pricer: tokio::sync::Mutex<()>,
    crm: tokio::sync::Mutex<Option<Shutdown>>,
    rows: Mutex<HashSet<Uuid>>,
}

impl Alone {
    /// Waits until nothing else is done to what this is done to.
    async fn of(&self, kind: Kind) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        match kind {
            Kind::PurgeQueue
            | Kind::UnbindQueue
            | Kind::DeleteOutgoing
            | Kind::SkipOutgoing
            | Kind::StopRelay => Some(self.relay.lock().await),
            Kind::StopProjector => Some(self.projector.lock().await),
            Kind::DeleteJob | Kind::KillPricer => Some(self.pricer.lock().await),
            Kind::AcknowledgeAndDrop | Kind::NeverAcknowledge | Kind::DeleteReadRow => None,
        }
    }
}

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).as_seconds_f64()
}

impl Saboteur {
    /// The CRM listens, until it is to miss something.
    pub async fn start_crm(&self) {
        let shutdown = Shutdown::new();
        self.standins.start_crm(&self.broker, &self.post, &shutdown);
        *self.alone.crm.lock().await = Some(shutdown);
    }

    /// The CRM listens no more; what it has in hand it ends.
    pub async fn stop_crm(&self) {
        if let Some(shutdown) = self.alone.crm.lock().await.take() {
            shutdown.stop();
            shutdown.drain(GRACE).await;
        }
    }

    /// Carries one sabotage out and waits for what comes of it.
    pub async fn sabotage(&self, number: usize, kind: Kind) -> Outcome {
        let mut outcome = Outcome {
            number,
            kind,
            subject: String::new(),
            began: now(),
            at: None,
            found: None,
            healed: None,
            escalated: false,
            note: String::new(),
        };
        for attempt in 0..TRIES {
            let nth = u64::try_from(number).unwrap_or_default() * TRIES + attempt;
            let alone = self.alone.of(kind).await;
            if attempt == 0 {
                outcome.began = now();
            }
            let committed = self.commit(kind, nth).await;
            drop(alone);
            match committed {
                Ok(deed) => {
                    outcome.subject.clone_from(&deed.expected.subject);
                    outcome.at = Some(deed.expected.since);
                    outcome.note = match self.follow(&deed, &mut outcome).await {
                        Ok(()) => String::new(),
                        Err(error) => format!("{error:#}"),
                    };
                    break;
                }
                Err(error) => outcome.note = format!("missed: {error:#}"),
            }
        }
        tell(&outcome);
        outcome
    }

    async fn follow(&self, deed: &Deed, outcome: &mut Outcome) -> Result<()> {
        let (pool, expected) = (&self.pool, &deed.expected);
        let found = wait_for(pool, expected, FOUND, |_| true).await?;
        let found = found.with_context(|| format!("no incident `{}`", expected.cause))?;
        outcome.found = Some(seconds(expected.since, found.opened_at).max(0.0));
        if outcome.kind == Kind::NeverAcknowledge {
            let escalated = wait_for(pool, expected, HEALED, |i| i.status == "escalated").await?;
            outcome.escalated = escalated.is_some();
            ensure!(outcome.escalated, "its owner was not called");
            self.standins.tampering.relent(&deed.external_id);
            let order_id = expected.subject.parse().context("an order's id")?;
            self.standins.acknowledge(order_id, &self.post).await;
        }
        let closed = wait_for(pool, expected, HEALED, |i| i.closed_at.is_some()).await?;
        let closed = closed.and_then(|incident| incident.closed_at).context("not healed")?;
        outcome.healed = Some(seconds(found.opened_at, closed));
        self.standins.tampering.relent(&deed.external_id);
        Ok(())
    }

    async fn commit(&self, kind: Kind, nth: u64) -> Result<Deed> {
        let number = FIRST_NUMBER + nth * APART;
        match kind {
            Kind::AcknowledgeAndDrop | Kind::NeverAcknowledge => self.mislead(kind, number).await,
            Kind::PurgeQueue => self.purge(number).await,
            Kind::UnbindQueue => self.unbind(number).await,
            Kind::DeleteOutgoing => self.delete_outgoing(number).await,
            Kind::SkipOutgoing => self.skip_outgoing(number).await,
            Kind::StopRelay => self.stop("relay", "relay:crm", kind).await,
            Kind::StopProjector => self.stop("projector", "projector", kind).await,
            Kind::DeleteReadRow => self.delete_read_row(nth).await,
            Kind::DeleteJob => self.delete_job(number).await,
            Kind::KillPricer => self.kill_pricer(number).await,
        }
    }
}

fn tell(outcome: &Outcome) {
    let Outcome { number, kind, found, healed, note, .. } = outcome;
    match (found, healed) {
        (Some(found), Some(healed)) => {
            println!("{number:>4} {kind:<28} found after {found:.1} s, healed {healed:.1} s later");
        }
        _ => println!("{number:>4} {kind:<28} {note}"),
    }
}
