//! The deeds themselves, one function each.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use reqwest::Method;
use rustix::process::Signal;
use shared::ids::ModelId;
use uuid::Uuid;

use super::{Deed, FOUND, Saboteur, now};
use crate::dice::Dice;
use crate::faults::processes::send;
use crate::sabotage::incidents::{Expected, wait_for};
use crate::sabotage::plan::Kind;

/// How long a step of a sabotage may take.
const STEP: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);
/// A job that is looked for while it runs is over soon.
const GLANCE: Duration = Duration::from_millis(2);
/// Facets of a model that takes a worker long enough to be killed meanwhile.
const LARGE: u32 = 400_000;

impl Saboteur {
    pub(super) async fn mislead(&self, kind: Kind, number: u64) -> Result<Deed> {
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

    pub(super) async fn purge(&self, number: u64) -> Result<Deed> {
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

    pub(super) async fn unbind(&self, number: u64) -> Result<Deed> {
        // Another sabotage may have unbound it a moment ago: that would be the same incident.
        self.until_closed(Kind::UnbindQueue.cause()).await?;
        let since = now();
        self.unbind_crm().await?;
        let order_id = self.order(number, None).await?;
        let mut deed = deed(Kind::UnbindQueue, order_id, since, self.load.external_id(number));
        "crm".clone_into(&mut deed.expected.subject);
        let told = wait_for(&self.pool, &deed.expected, STEP, |_| true).await?;
        if told.is_none() && self.is_bound().await? {
            bail!("a process that started bound it again before a message came");
        }
        wait_for(&self.pool, &deed.expected, FOUND, |i| i.closed_at.is_some()).await?;
        Ok(deed)
    }

    pub(super) async fn delete_outgoing(&self, number: u64) -> Result<Deed> {
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

    pub(super) async fn skip_outgoing(&self, number: u64) -> Result<Deed> {
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
    pub(super) async fn stop(&self, process: &str, follower: &str, kind: Kind) -> Result<Deed> {
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

    pub(super) async fn delete_read_row(&self, nth: u64) -> Result<Deed> {
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

    pub(super) async fn delete_job(&self, number: u64) -> Result<Deed> {
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

    pub(super) async fn kill_pricer(&self, number: u64) -> Result<Deed> {
        let model_id = self.load.upload(number, LARGE).await?;
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

    async fn until_closed(&self, cause: &str) -> Result<()> {
        let deadline = Instant::now() + STEP;
        loop {
            let open: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM write.incidents WHERE cause = $1 AND closed_at IS NULL)",
            )
            .bind(cause)
            .fetch_one(&self.pool)
            .await?;
            if !open {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "`{cause}` is not closed");
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn is_bound(&self) -> Result<bool> {
        let binding = "bindings/%2f/e/mes.deliveries/q/mes.to.crm/crm";
        Ok(self.management(Method::GET, binding).await.is_ok())
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
