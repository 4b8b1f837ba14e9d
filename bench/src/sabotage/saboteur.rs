//! Does what the plan says, each to one order, queue or role, and waits until the system has found and healed it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use reqwest::{Client, Method};
use rustix::process::Signal;
use shared::clock::{Clock, SystemClock};
use shared::ids::ModelId;
use shared::platform::shutdown::Shutdown;
use sqlx::PgPool;
use uuid::Uuid;

use super::incidents::{Expected, wait_for};
use super::plan::Kind;
use super::report::Outcome;
use crate::broker::{Broker, Post};
use crate::dice::Dice;
use crate::faults::load::Load;
use crate::faults::processes::{Processes, send};
use crate::faults::standins::Standins;
use crate::price_times::torus::torus;
use crate::rest::{Api, Asking};
use crate::stack::Stack;
use crate::trouble::Trouble;

/// Whatever was not found by then is not found.
const FOUND: Duration = Duration::from_secs(90);
/// Whatever was not healed by then is not healed; three attempts of half a minute each, and some.
const HEALED: Duration = Duration::from_mins(5);
/// How long a step of a sabotage may take.
const STEP: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);
/// A job that is looked for while it runs is over soon.
const GLANCE: Duration = Duration::from_millis(2);
const GRACE: Duration = Duration::from_secs(5);
/// A sabotage that misses is tried again, with another order.
const TRIES: u64 = 4;
/// Sabotaged orders have numbers of their own: neither called off nor confirmed by the CRM.
const FIRST_NUMBER: u64 = 1_000_001;
const APART: u64 = 20;
/// Facets of a model that takes a worker long enough to be killed meanwhile.
const LARGE: u32 = 400_000;

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
    /// Where trouble of uploads is counted.
    pub trouble: Arc<Trouble>,
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

    async fn mislead(&self, kind: Kind, number: u64) -> Result<Deed> {
        let (external_id, tampering) = (self.load.external_id(number), &self.standins.tampering);
        if kind == Kind::NeverAcknowledge {
            tampering.mute(&external_id);
        } else {
            tampering.drop_first(&external_id);
        }
        let order_id = self.order(number, None).await?;
        // The relay may be stopped just now.
        let deadline = Instant::now() + FOUND;
        loop {
            if let Some(since) = tampering.since(&external_id) {
                return Ok(deed(kind, order_id, since, external_id));
            }
            ensure!(Instant::now() < deadline, "the CRM never got the message");
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn purge(&self, number: u64) -> Result<Deed> {
        self.stop_crm().await;
        let purged = async {
            let order_id = self.order(number, None).await?;
            self.until_relayed(order_id).await?;
            let since = now();
            self.management(Method::DELETE, "queues/%2f/mes.to.crm/contents").await?;
            Ok(deed(Kind::PurgeQueue, order_id, since, self.load.external_id(number)))
        };
        let purged = purged.await;
        self.start_crm().await;
        purged
    }

    async fn unbind(&self, number: u64) -> Result<Deed> {
        let since = now();
        self.unbind_crm().await?;
        let order_id = self.order(number, None).await?;
        let mut deed = deed(Kind::UnbindQueue, order_id, since, self.load.external_id(number));
        "crm".clone_into(&mut deed.expected.subject);
        wait_for(&self.pool, &deed.expected, FOUND, |i| i.closed_at.is_some()).await?;
        Ok(deed)
    }

    async fn delete_outgoing(&self, number: u64) -> Result<Deed> {
        self.unbind_crm().await?;
        let order_id = self.order(number, None).await?;
        let deadline = Instant::now() + STEP;
        while Instant::now() < deadline {
            let since = now();
            let deleted = sqlx::query(
                "DELETE FROM write.parked_deliveries WHERE recipient = 'crm' AND order_id = $1",
            );
            if deleted.bind(order_id).execute(&self.pool).await?.rows_affected() > 0 {
                let external_id = self.load.external_id(number);
                return Ok(delivery(Kind::DeleteOutgoing, order_id, since, external_id));
            }
            if self.is_relayed(order_id).await? {
                bail!("it was bound again too soon");
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!("nothing was parked")
    }

    async fn skip_outgoing(&self, number: u64) -> Result<Deed> {
        let relay = self.freeze("relay").await?;
        let skipped = async {
            let order_id = self.order(number, None).await?;
            let since = now();
            let mut transaction = self.pool.begin().await?;
            sqlx::query("SET LOCAL lock_timeout = '2s'").execute(&mut *transaction).await?;
            let moved = sqlx::query(
                "UPDATE write.followers
                 SET cursor = (SELECT max(position) FROM write.order_events WHERE order_id = $1)
                 WHERE name = 'relay:crm' AND cursor < (
                     SELECT min(position) FROM write.order_events WHERE order_id = $1)",
            );
            let moved = moved.bind(order_id).execute(&mut *transaction).await?.rows_affected();
            transaction.commit().await?;
            ensure!(moved == 1, "the relay was faster");
            let external_id = self.load.external_id(number);
            Ok(delivery(Kind::SkipOutgoing, order_id, since, external_id))
        };
        let skipped = skipped.await;
        send(relay, Signal::CONT)?;
        skipped
    }

    /// Stops a process while it holds no transaction, which would hold its locks: that would be another sabotage.
    async fn freeze(&self, process: &str) -> Result<i32> {
        let deadline = Instant::now() + STEP;
        loop {
            let pid = self.processes.signal(process, Signal::STOP)?;
            tokio::time::sleep(LOOK).await;
            let busy: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity
                 WHERE application_name = $1 AND xact_start IS NOT NULL",
            )
            .bind(process)
            .fetch_one(&self.pool)
            .await?;
            if busy == 0 {
                return Ok(pid);
            }
            send(pid, Signal::CONT)?;
            ensure!(Instant::now() < deadline, "{process} is never idle");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whoever is stopped goes on when the system has noticed.
    async fn stop(&self, process: &str, follower: &str, kind: Kind) -> Result<Deed> {
        let pid = self.freeze(process).await?;
        let since = now();
        let subject = follower.to_owned();
        let expected = Expected { cause: kind.cause(), subject, since };
        let found = wait_for(&self.pool, &expected, FOUND, |_| true).await;
        send(pid, Signal::CONT)?;
        if found?.is_some() {
            wait_for(&self.pool, &expected, FOUND, |i| i.closed_at.is_some()).await?;
        }
        Ok(Deed { expected, external_id: String::new() })
    }

    async fn delete_read_row(&self, nth: u64) -> Result<Deed> {
        let known: Vec<Uuid> = sqlx::query_scalar(
            "SELECT order_id FROM read.orders
             WHERE status = 'PRICE_CALCULATED' AND status_since < now() - interval '5 s' ORDER BY order_id",
        )
        .fetch_all(&self.pool)
        .await?;
        let order_id = {
            let mut taken = self.alone.rows.lock().unwrap_or_else(PoisonError::into_inner);
            let free: Vec<Uuid> = known.into_iter().filter(|id| !taken.contains(id)).collect();
            ensure!(!free.is_empty(), "there is no order at rest");
            let order_id = *Dice::nth(self.seed, nth).pick(&free);
            taken.insert(order_id);
            order_id
        };
        let since = now();
        let deleted = sqlx::query("DELETE FROM read.orders WHERE order_id = $1").bind(order_id);
        let deleted = deleted.execute(&self.pool).await?.rows_affected();
        ensure!(deleted == 1, "the row was gone");
        Ok(deed(Kind::DeleteReadRow, order_id, since, String::new()))
    }

    async fn delete_job(&self, number: u64) -> Result<Deed> {
        let pricer = self.freeze("pricer").await?;
        let deleted = async {
            let order_id = self.order(number, None).await?;
            let since = now();
            let mut transaction = self.pool.begin().await?;
            sqlx::query("SET LOCAL lock_timeout = '2s'").execute(&mut *transaction).await?;
            let jobs = sqlx::query(
                "DELETE FROM write.pricing_jobs WHERE order_id = $1 AND state IN ('queued', 'running')",
            );
            let jobs = jobs.bind(order_id).execute(&mut *transaction).await?.rows_affected();
            transaction.commit().await?;
            ensure!(jobs == 1, "there was no job");
            Ok(deed(Kind::DeleteJob, order_id, since, self.load.external_id(number)))
        };
        let deleted = deleted.await;
        send(pricer, Signal::CONT)?;
        deleted
    }

    async fn kill_pricer(&self, number: u64) -> Result<Deed> {
        let api =
            Api::new(&self.http, &self.stack.write_api, self.stack.key_of("shop")?, &self.trouble);
        let variant = u32::try_from(number % 1_000_000).unwrap_or_default();
        let key = format!("large-{number}-of-{}", self.seed);
        let asking = Asking { key: Some(&key), ..Asking::default() };
        let model_id = api.upload(torus(LARGE, variant), asking).await?.model_id;
        let order_id = self.order(number, Some(&model_id)).await?;
        let deadline = Instant::now() + STEP;
        while !self.is_being_priced(order_id).await? {
            ensure!(Instant::now() < deadline, "nobody took the job");
            tokio::time::sleep(GLANCE).await;
        }
        let (since, old) = (now(), self.processes.signal("pricer", Signal::KILL)?);
        self.processes.replaced("pricer", old, FOUND).await?;
        ensure!(self.is_being_priced(order_id).await?, "the job was done before its worker died");
        Ok(deed(Kind::KillPricer, order_id, since, self.load.external_id(number)))
    }

    async fn order(&self, number: u64, model: Option<&ModelId>) -> Result<Uuid> {
        let submitted = tokio::time::timeout(STEP, self.load.submit(number, model)).await;
        submitted.context("no answer")?.context("refused")
    }

    async fn is_being_priced(&self, order_id: Uuid) -> Result<bool> {
        let running = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM write.pricing_jobs WHERE order_id = $1 AND state = 'running')",
        );
        Ok(running.bind(order_id).fetch_one(&self.pool).await?)
    }

    async fn until_relayed(&self, order_id: Uuid) -> Result<()> {
        let deadline = Instant::now() + STEP;
        while !self.is_relayed(order_id).await? {
            ensure!(Instant::now() < deadline, "the relay does not send it");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Whether the relay has passed the order's submission, and has nothing of it parked.
    async fn is_relayed(&self, order_id: Uuid) -> Result<bool> {
        let relayed = sqlx::query_scalar(
            "SELECT (SELECT cursor FROM write.followers WHERE name = 'relay:crm') >= (
                        SELECT min(position) FROM write.order_events WHERE order_id = $1)
                AND NOT EXISTS (SELECT FROM write.parked_deliveries
                                WHERE recipient = 'crm' AND order_id = $1)",
        );
        Ok(relayed.bind(order_id).fetch_one(&self.pool).await?)
    }

    async fn unbind_crm(&self) -> Result<()> {
        let binding = "bindings/%2f/e/mes.deliveries/q/mes.to.crm/crm";
        self.management(Method::DELETE, binding).await
    }

    async fn management(&self, method: Method, path: &str) -> Result<()> {
        let broker = &self.stack.rabbitmq;
        let url = format!("{}/api/{path}", broker.management);
        let request = self.http.request(method, url).timeout(STEP);
        let request = request.basic_auth(&broker.user, Some(&broker.password));
        request.send().await?.error_for_status()?;
        Ok(())
    }
}

fn deed(kind: Kind, order_id: Uuid, since: DateTime<Utc>, external_id: String) -> Deed {
    let expected = Expected { cause: kind.cause(), subject: order_id.to_string(), since };
    Deed { expected, external_id }
}

/// What is not sent is an incident of the delivery, not of the order.
fn delivery(kind: Kind, order_id: Uuid, since: DateTime<Utc>, external_id: String) -> Deed {
    let mut deed = deed(kind, order_id, since, external_id);
    deed.expected.subject = format!("crm:{order_id}");
    deed
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
