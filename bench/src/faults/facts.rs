//! The facts that the checker compares: what is in the history, and what database, broker and read API say in the end.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use shared::contracts::outbound::OUTBOUND;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::checker::{
    Acknowledged, Asked, BoardRow, Certainty, Channel, EventRow, OrderRow, PutAside, ReadBack,
    Receipt, Said, Seen,
};
use super::history::{self, Call, Entry, Outcome};
use crate::stack::Stack;

/// The system is at rest when nothing was going on in so many looks in a row.
const QUIET_LOOKS: u32 = 3;
const LOOK: Duration = Duration::from_secs(1);
const CALL: Duration = Duration::from_secs(10);
/// For questions over everything.
const LONG_CALL: Duration = Duration::from_mins(5);
/// Orders that the read API is asked for one by one.
const CARDS: usize = 300;

/// The fixed name of an event; one that the contract does not know is told as such.
fn known(kind: &str) -> &'static str {
    let found = OUTBOUND.iter().find(|told| told.event == kind);
    found.map_or("an unknown event", |told| told.event)
}

/// Everything that the outside world saw.
///
/// # Errors
/// When the history cannot be read.
pub fn from_history(path: &Path) -> Result<Seen> {
    let (mut seen, mut calls) = (Seen::default(), HashMap::new());
    let mut frozen_since = None;
    history::read(path, |line| match line.entry {
        Entry::Invoked { op, call } => {
            note_asked(&mut seen, &call);
            calls.insert(op, call);
        }
        Entry::Ended { op, since, outcome } => {
            if let Outcome::Ok { answer, .. } = &outcome {
                seen.answers.entry(op.clone()).or_default().insert(answer.clone());
                seen.acknowledged.push(Acknowledged { op: op.clone(), since, at: line.at });
            }
            if let Some(call) = calls.get(&op) {
                note_outcome(&mut seen, call, &outcome);
            }
        }
        Entry::Received { by, event, order_id, version, kind } => {
            let receipt = Receipt { event, order_id, version, kind: known(&kind) };
            seen.receipts.entry(by).or_default().push(receipt);
        }
        Entry::Read { order_id, wrote, seen: shown, excused } => {
            seen.reads.push(ReadBack { order_id, wrote, seen: shown, excused });
        }
        Entry::Fault { hit, .. } => seen.hits += usize::from(hit),
        Entry::PrimaryLost { .. } => {}
        Entry::StandbyFrozen => frozen_since = Some(line.at),
        Entry::StandbyThawed => {
            seen.frozen.extend(frozen_since.take().map(|since| (since, line.at)));
        }
    })?;
    for recipient in ["crm", "shop"] {
        seen.receipts.entry(recipient.to_owned()).or_default();
    }
    Ok(seen)
}

fn note_asked(seen: &mut Seen, call: &Call) {
    let order = |channel| Asked { channel, certainty: Certainty::Unknown, told: [].into() };
    match call {
        Call::Submit { external_id } => {
            seen.asked.entry(external_id.clone()).or_insert_with(|| order(Channel::Partner));
        }
        Call::Publish { external_id } => {
            seen.asked.entry(external_id.clone()).or_insert_with(|| order(Channel::Shop));
        }
        Call::Cancel { order_id } => {
            seen.cancelled.entry(*order_id).or_insert(Certainty::Unknown);
        }
        Call::Approve { order_id } => {
            seen.approved.entry(*order_id).or_insert(Certainty::Unknown);
        }
        Call::Acknowledge { .. } => {}
        Call::Poison { body } => {
            seen.poison.entry(body.clone()).or_insert(Certainty::Unknown);
        }
    }
}

fn note_outcome(seen: &mut Seen, call: &Call, outcome: &Outcome) {
    let outcome_certainty = match outcome {
        Outcome::Ok { .. } | Outcome::Confirmed => Certainty::Done,
        Outcome::Refused { .. } => Certainty::Refused,
        Outcome::Unknown { .. } => return,
    };
    let certainty = match call {
        Call::Submit { external_id } | Call::Publish { external_id } => {
            let Some(asked) = seen.asked.get_mut(external_id) else { return };
            if let Outcome::Ok { order_id, .. } = outcome {
                asked.told.insert(*order_id);
            }
            &mut asked.certainty
        }
        Call::Cancel { order_id } => seen.cancelled.entry(*order_id).or_insert(Certainty::Unknown),
        Call::Approve { order_id } => seen.approved.entry(*order_id).or_insert(Certainty::Unknown),
        Call::Acknowledge { .. } => return,
        Call::Poison { body } => seen.poison.entry(body.clone()).or_insert(Certainty::Unknown),
    };
    // Once acknowledged is acknowledged, whatever a twin of the request was told.
    if *certainty != Certainty::Done {
        *certainty = outcome_certainty;
    }
}

/// Whoever asks the system.
#[derive(Debug)]
pub struct Inspector {
    /// The stack.
    pub stack: Stack,
    /// For broker and read API.
    pub http: reqwest::Client,
}

impl Inspector {
    /// Waits until nothing is going on any more; answers what still was when nothing had changed for `patience`, or
    /// when a backlog was still being worked off after `longest`.
    pub async fn wait_for_rest(&self, patience: Duration, longest: Duration) -> Vec<String> {
        let end = Instant::now() + longest;
        let (mut quiet, mut before) = (0, Vec::new());
        let mut deadline = Instant::now() + patience;
        loop {
            let unrest = match tokio::time::timeout(CALL, self.unrest()).await {
                Ok(Ok(unrest)) => unrest,
                Ok(Err(error)) => vec![format!("{error:#}")],
                Err(_) => vec!["the database or the broker does not answer".to_owned()],
            };
            quiet = if unrest.is_empty() { quiet + 1 } else { 0 };
            if quiet == QUIET_LOOKS {
                return Vec::new();
            }
            if Instant::now() > deadline.min(end) && quiet == 0 {
                return unrest;
            }
            if unrest != before {
                deadline = Instant::now() + patience;
                before = unrest;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn unrest(&self) -> Result<Vec<String>> {
        let mut connection = self.stack.connect_to_primary().await?;
        let behind: Vec<(String, i64)> = sqlx::query_as(
            "SELECT name, (SELECT coalesce(max(position), 0) FROM write.order_events) - cursor
             FROM write.followers
             WHERE name NOT IN ('watchdog', 'heartbeat') -- they lead by this table and follow nothing
               AND cursor < (SELECT coalesce(max(position), 0) FROM write.order_events)",
        )
        .fetch_all(&mut connection)
        .await?;
        let mut unrest: Vec<String> = behind
            .into_iter()
            .map(|(name, by)| format!("{name} is {by} positions behind"))
            .collect();
        let counts: Vec<(String, i64)> = sqlx::query_as(
            "SELECT 'open pricing jobs', count(*) FROM write.pricing_jobs
             WHERE state IN ('queued', 'running')
             UNION ALL
             SELECT 'waiting messages', count(*) FROM write.waiting_messages WHERE state = 'waiting'
             UNION ALL
             SELECT 'parked deliveries', count(*) FROM write.parked_deliveries
             UNION ALL -- the watchdog tells of these again, when it comes round to them
             SELECT 'orders that the CRM has not acknowledged', count(*)
             FROM write.awaited_acknowledgements AS w
             JOIN write.orders AS o ON o.order_id = w.order_id
             WHERE o.status IN ('SUBMITTED', 'PRICE_CALCULATED')
               AND NOT EXISTS (SELECT FROM write.acknowledgements AS a
                               WHERE a.order_id = w.order_id AND a.recipient = w.recipient)",
        )
        .fetch_all(&mut connection)
        .await?;
        let left = counts.into_iter().filter(|(_, count)| *count > 0);
        unrest.extend(left.map(|(what, count)| format!("{count} {what}")));
        connection.close().await?;
        if unrest.is_empty() {
            // A list of all queues costs the broker a third of a core if asked for every second.
            let queues = self.queues().await?;
            let left =
                queues.into_iter().map(|(name, depth)| format!("{depth} messages in {name}"));
            unrest.extend(left);
        }
        Ok(unrest)
    }

    /// Everything that the system says, after [`Self::wait_for_rest`].
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn ask(&self, unrest: Vec<String>) -> Result<Said> {
        let asking = self.ask_everybody(unrest);
        tokio::time::timeout(LONG_CALL, asking).await.context("the system takes too long")?
    }

    async fn ask_everybody(&self, unrest: Vec<String>) -> Result<Said> {
        let mut connection = self.stack.connect_to_primary().await?;
        let orders = orders(&mut connection).await?;
        let events = events(&mut connection).await?;
        let board = board(&mut connection).await?;
        let put_aside = put_aside(&mut connection).await?;
        let (parked_deliveries, open_jobs) = leftovers(&mut connection).await?;
        let standby = self.standby(&mut connection).await?;
        connection.close().await?;
        Ok(Said {
            counts: self.counts().await?,
            cards: self.cards(&orders).await?,
            queues: self.queues().await?,
            orders,
            events,
            board,
            standby,
            put_aside,
            parked_deliveries,
            open_jobs,
            unrest,
        })
    }

    /// Orders and events on a standby, once it has everything that the primary has now; of the one that has least.
    async fn standby(&self, primary: &mut PgConnection) -> Result<(u64, u64)> {
        let now: String =
            sqlx::query_scalar("SELECT pg_current_wal_lsn()::text").fetch_one(primary).await?;
        let mut least = None;
        for mut standby in self.stack.connect_to_standbys().await? {
            let counts = caught_up(&mut standby, &now).await?;
            least = Some(least.map_or(counts, |known: (u64, u64)| known.min(counts)));
            standby.close().await?;
        }
        least.context("there is no standby")
    }

    /// Queues that hold messages. Wake-ups of workers are hints and expire by themselves.
    async fn queues(&self) -> Result<BTreeMap<String, u64>> {
        let broker = &self.stack.rabbitmq;
        let url = format!("{}/api/queues/%2f?disable_stats=false", broker.management);
        let request = self.http.get(url).basic_auth(&broker.user, Some(&broker.password));
        let queues: Value = request.timeout(CALL).send().await?.error_for_status()?.json().await?;
        let depth = |queue: &Value| {
            let name = queue["name"].as_str()?;
            let depth = queue["messages"].as_u64().unwrap_or(0);
            let counts = name.starts_with("mes.") && !name.starts_with("mes.pricing.");
            (counts && depth > 0).then(|| (name.to_owned(), depth))
        };
        Ok(queues.as_array().into_iter().flatten().filter_map(depth).collect())
    }

    async fn counts(&self) -> Result<BTreeMap<String, u64>> {
        let counts = self.read("/v1/board/counts").await?.context("the board has no counts")?;
        let counts = counts["counts"].as_object().context("the answer has no `counts`")?;
        Ok(counts.iter().map(|(k, v)| (k.clone(), v.as_u64().unwrap_or(0))).collect())
    }

    /// Orders as the read API shows them, spread over all.
    async fn cards(&self, orders: &[OrderRow]) -> Result<BTreeMap<Uuid, Option<u64>>> {
        let mut cards = BTreeMap::new();
        for order in orders.iter().step_by((orders.len() / CARDS).max(1)) {
            let card = self.read(&format!("/v1/orders/{}", order.order_id)).await?;
            cards.insert(order.order_id, card.and_then(|card| card["order"]["version"].as_u64()));
        }
        Ok(cards)
    }

    /// `None` for what is not there.
    async fn read(&self, path: &str) -> Result<Option<Value>> {
        let url = format!("{}{path}", self.stack.read_api);
        let request = self.http.get(url).bearer_auth(self.stack.token_of("admin")?).timeout(CALL);
        let answer = request.send().await?;
        if answer.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(answer.error_for_status()?.json().await?))
    }
}

async fn caught_up(standby: &mut PgConnection, with: &str) -> Result<(u64, u64)> {
    let deadline = Instant::now() + CALL;
    let reached = "SELECT coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false)";
    while !sqlx::query_scalar::<_, bool>(reached).bind(with).fetch_one(&mut *standby).await? {
        anyhow::ensure!(Instant::now() < deadline, "a standby does not reach {with}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let counts: (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM write.orders), (SELECT count(*) FROM write.order_events)",
    )
    .fetch_one(standby)
    .await?;
    Ok((counts.0.unsigned_abs(), counts.1.unsigned_abs()))
}

async fn orders(connection: &mut PgConnection) -> Result<Vec<OrderRow>> {
    // An order that no reference names has no number, and nobody asked for it.
    let rows: Vec<(Uuid, i64, String, Option<String>)> = sqlx::query_as(
        "SELECT o.order_id, o.version, o.status, r.external_id
         FROM write.orders o LEFT JOIN write.order_references r USING (order_id)
         ORDER BY o.order_id",
    )
    .fetch_all(connection)
    .await?;
    let order = |(order_id, version, status, external_id): (Uuid, i64, String, Option<String>)| {
        let external_id = external_id.unwrap_or_default();
        OrderRow { order_id, version: version.unsigned_abs(), status, external_id }
    };
    Ok(rows.into_iter().map(order).collect())
}

async fn events(connection: &mut PgConnection) -> Result<Vec<EventRow>> {
    let rows: Vec<(i64, Uuid, i64, String)> = sqlx::query_as(
        "SELECT position, order_id, version, kind FROM write.order_events ORDER BY position",
    )
    .fetch_all(connection)
    .await?;
    let event = |(position, order_id, version, kind): (i64, Uuid, i64, String)| EventRow {
        position: position.unsigned_abs(),
        order_id,
        version: version.unsigned_abs(),
        kind: known(&kind),
    };
    Ok(rows.into_iter().map(event).collect())
}

async fn board(connection: &mut PgConnection) -> Result<Vec<BoardRow>> {
    let rows: Vec<(Uuid, i64, String)> =
        sqlx::query_as("SELECT order_id, version, status FROM read.orders")
            .fetch_all(connection)
            .await?;
    let row = |(order_id, version, status): (Uuid, i64, String)| BoardRow {
        order_id,
        version: version.unsigned_abs(),
        status,
    };
    Ok(rows.into_iter().map(row).collect())
}

async fn put_aside(connection: &mut PgConnection) -> Result<Vec<PutAside>> {
    let rows: Vec<(String, Vec<u8>, String)> = sqlx::query_as(
        "SELECT state, body, reason_code FROM write.waiting_messages
         WHERE state IN ('waiting', 'parked')",
    )
    .fetch_all(connection)
    .await?;
    let message = |(state, body, reason): (String, Vec<u8>, String)| PutAside {
        state,
        body: String::from_utf8_lossy(&body).into_owned(),
        reason,
    };
    Ok(rows.into_iter().map(message).collect())
}

async fn leftovers(connection: &mut PgConnection) -> Result<(u64, u64)> {
    let counts: (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM write.parked_deliveries),
                (SELECT count(*) FROM write.pricing_jobs WHERE state IN ('queued', 'running'))",
    )
    .fetch_one(connection)
    .await?;
    Ok((counts.0.unsigned_abs(), counts.1.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::history::History;

    fn seen_of(entries: impl IntoIterator<Item = Entry>, name: &str) -> Seen {
        let path = std::env::temp_dir().join(format!("mes-seen-{}-{name}", std::process::id()));
        let history = History::create(&path).unwrap();
        entries.into_iter().for_each(|entry| history.note(entry));
        let seen = from_history(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        seen
    }

    fn ended(outcome: Outcome) -> Entry {
        Entry::Ended { op: "submit-1".to_owned(), since: 0, outcome }
    }

    fn invoked() -> Entry {
        let call = Call::Submit { external_id: "F-1".to_owned() };
        Entry::Invoked { op: "submit-1".to_owned(), call }
    }

    fn accepted() -> Outcome {
        let order_id = Uuid::from_u128(1);
        Outcome::Ok { order_id, version: 1, answer: "aa".to_owned() }
    }

    #[test]
    fn an_attempt_that_nobody_answered_leaves_an_order_unknown_and_a_later_one_makes_it_done() {
        let lost = || ended(Outcome::Unknown { reason: "reset".to_owned() });
        assert_eq!(seen_of([invoked(), lost()], "a").asked["F-1"].certainty, Certainty::Unknown);
        let refused = ended(Outcome::Refused { status: 422, code: "x".to_owned() });
        let seen = seen_of([invoked(), lost(), ended(accepted()), refused], "b");
        assert_eq!(seen.asked["F-1"].certainty, Certainty::Done);
        assert_eq!(seen.asked["F-1"].told, [Uuid::from_u128(1)].into());
        assert_eq!(seen.acknowledged.len(), 1);
    }

    #[test]
    fn the_standby_is_frozen_from_line_to_line_and_only_hits_count() {
        let fault = |hit| Entry::Fault {
            step: 0,
            fault: "SIGKILL relay".to_owned(),
            hit,
            evidence: String::new(),
        };
        let entries = [Entry::StandbyFrozen, fault(true), fault(false), Entry::StandbyThawed];
        let seen = seen_of(entries, "c");
        assert_eq!((seen.frozen.len(), seen.hits), (1, 1));
    }
}
