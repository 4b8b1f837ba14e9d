//! Tells of quotes: their rows are their own outbox.
//!
//! A relay claims rows whose present revision was not told yet by moving their moment into the future, publishes them
//! with confirms, and notes what got through. Several relays share the work, one that dies in between loses nothing
//! (the claim runs out, and the revision is told again under the same id), and the claim's commit waits for the
//! synchronous standby before anything leaves the house. What cannot be delivered is tried again with growing pauses.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use shared::clock::Clock;
use shared::contracts::outbound::Recipient;
use shared::contracts::outbound_quotes::{announce_quote, outbound_quote};
use shared::platform::shutdown::Shutdown;
use shared::quote::Quote;
use sqlx::PgPool;
use sqlx::types::Uuid;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::pace::Pace;
use super::parked::pause_after;
use super::{RelayConfig, RelayError};
use crate::delivery::{Backoff, Broker, Fate, Outgoing, Publisher};
use crate::guard::survive;
use crate::topology;

const NAME: &str = "relay:quotes";
/// Longer than a batch may take to be confirmed.
const CLAIM: TimeDelta = TimeDelta::seconds(30);

/// Publishes what becomes of quotes.
pub struct QuoteRelay {
    pool: PgPool,
    broker: Broker,
    clock: Arc<dyn Clock>,
    pace: Pace,
    batch: i64,
    messages: Counter<u64>,
}

/// A revision that is to be told.
struct Due {
    quote: Quote,
    trace_context: Option<String>,
    attempts: i32,
}

/// A revision that was tried, and whether it got through.
struct Tried {
    quote_id: Uuid,
    revision: i64,
    attempts: i32,
    fate: Fate,
}

impl QuoteRelay {
    /// A relay from this database to this broker.
    pub fn new(
        pool: PgPool,
        broker: Broker,
        clock: Arc<dyn Clock>,
        config: &RelayConfig,
        news: Arc<Notify>,
    ) -> Self {
        let (pace, batch) = (Pace::new(news, config.poll_ms), config.batch.into());
        let messages = opentelemetry::global::meter("mes")
            .u64_counter("mes_relay_quotes")
            .with_description("Quotes told to whoever asked, by what became of the message")
            .build();
        Self { pool, broker, clock, pace, batch, messages }
    }

    /// Relays until the soft stop.
    pub fn run(self, shutdown: &Shutdown) {
        let stop = shutdown.soft().clone();
        shutdown.spawn(async move { self.keep_relaying(&stop).await });
    }

    /// Tells everything that is due now and answers how many revisions got through.
    ///
    /// # Errors
    /// When the database or the broker fails.
    pub async fn drain(&self) -> Result<usize, RelayError> {
        let mut publisher = self.broker.publisher(NAME).await?;
        let mut told = 0;
        while let Some(sent) = self.step(&mut publisher).await? {
            told += sent;
        }
        publisher.close().await;
        Ok(told)
    }

    async fn keep_relaying(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            match survive(NAME, self.relay(&mut backoff, stop)).await {
                Some(Ok(())) => break,
                Some(Err(error)) => tracing::warn!(
                    error = &error as &(dyn std::error::Error + 'static),
                    "the relay of quotes begins anew"
                ),
                None => {}
            }
            backoff.pause(stop).await;
        }
    }

    async fn relay(
        &self,
        backoff: &mut Backoff,
        stop: &CancellationToken,
    ) -> Result<(), RelayError> {
        self.broker.declare_topology().await?;
        let mut publisher = self.broker.publisher(NAME).await?;
        while !stop.is_cancelled() {
            let look = self.pace.look();
            let moved = self.step(&mut publisher).await?.is_some();
            backoff.reset();
            if !moved {
                self.pace.wait_after(look, stop).await;
            }
        }
        publisher.close().await;
        Ok(())
    }

    /// Tells one batch; `None` when nothing is due.
    async fn step(&self, publisher: &mut Publisher) -> Result<Option<usize>, RelayError> {
        let due = self.claim().await?;
        if due.is_empty() {
            return Ok(None);
        }
        let tried = publish(publisher, &due).await?;
        let now = self.clock.now();
        let (sent, failed): (Vec<_>, Vec<_>) =
            tried.into_iter().partition(|tried| tried.fate == Fate::Sent);
        self.note_sent(&sent, now).await?;
        self.postpone(&failed, now).await?;
        self.count("sent", sent.len());
        self.count("undeliverable", failed.len());
        Ok(Some(sent.len()))
    }

    async fn claim(&self) -> Result<Vec<Due>, RelayError> {
        let now = self.clock.now();
        let rows = sqlx::query!(
            r#"UPDATE write.quotes AS q
               SET announce_at = $2, announce_attempts = q.announce_attempts + 1
               FROM (SELECT d.quote_id FROM write.quotes AS d
                     WHERE d.announced_revision < d.revision AND d.announce_at <= $1
                     ORDER BY d.announce_at LIMIT $3 FOR UPDATE SKIP LOCKED) AS due
               WHERE q.quote_id = due.quote_id
               RETURNING q.quote_id, q.quote, q.trace_context, q.announce_attempts"#,
            now,
            now + CLAIM,
            self.batch,
        )
        .fetch_all(&self.pool)
        .await?;
        let due = rows.into_iter().filter_map(|row| {
            let quote = readable(row.quote_id, row.quote)?;
            let (trace_context, attempts) = (row.trace_context, row.announce_attempts);
            Some(Due { quote, trace_context, attempts })
        });
        Ok(due.collect())
    }

    /// A message that got through after trouble says that the way is free again: the others are due at once.
    async fn note_sent(&self, sent: &[Tried], now: DateTime<Utc>) -> Result<(), RelayError> {
        let ids: Vec<Uuid> = sent.iter().map(|tried| tried.quote_id).collect();
        let revisions: Vec<i64> = sent.iter().map(|tried| tried.revision).collect();
        sqlx::query!(
            "UPDATE write.quotes AS q SET announced_revision = sent.revision, announced_at = $3
             FROM unnest($1::uuid[], $2::bigint[]) AS sent (quote_id, revision)
             WHERE q.quote_id = sent.quote_id AND q.announced_revision < sent.revision",
            &ids,
            &revisions,
            now,
        )
        .execute(&self.pool)
        .await?;
        if sent.iter().any(|tried| tried.attempts > 1) {
            sqlx::query!(
                "UPDATE write.quotes SET announce_at = $1
                 WHERE announced_revision < revision AND announce_at > $1 AND announce_attempts > 1",
                now,
            )
            .execute(&self.pool)
            .await?;
        }
        Ok(())
    }

    async fn postpone(&self, failed: &[Tried], now: DateTime<Utc>) -> Result<(), RelayError> {
        for tried in failed {
            let next_attempt = now + pause_after(tried.attempts - 1);
            sqlx::query!(
                "UPDATE write.quotes SET announce_at = $3 WHERE quote_id = $1 AND revision = $2",
                tried.quote_id,
                tried.revision,
                next_attempt,
            )
            .execute(&self.pool)
            .await?;
            tracing::warn!(
                quote.id = %tried.quote_id,
                attempts = tried.attempts,
                "whoever asked for a quote cannot be told: it is tried again"
            );
        }
        Ok(())
    }

    fn count(&self, outcome: &'static str, messages: usize) {
        self.messages.add(messages as u64, &[KeyValue::new("outcome", outcome)]);
    }
}

/// A row that cannot be read holds back nobody but itself: its claim runs out, and it is reported again.
fn readable(quote_id: Uuid, quote: serde_json::Value) -> Option<Quote> {
    serde_json::from_value(quote)
        .inspect_err(|error| {
            let error = error as &dyn std::error::Error;
            tracing::error!(quote.id = %quote_id, error, "a quote cannot be read, and not be told");
        })
        .ok()
}

/// First to whoever asked, with a promise; then a copy to whoever listens, without one.
async fn publish(publisher: &mut Publisher, due: &[Due]) -> Result<Vec<Tried>, RelayError> {
    let mut tried = Vec::with_capacity(due.len());
    let (mut promised, mut promised_of, mut copies) = (Vec::new(), Vec::new(), Vec::new());
    for (index, Due { quote, trace_context, attempts }) in due.iter().enumerate() {
        let envelope = announce_quote(quote, trace_context.clone())
            .map_err(|error| RelayError::Inconsistent(format!("quote {}: {error}", quote.id)))?;
        if Recipient::Shop.wants_quotes_of(&quote.requester) {
            let to = Recipient::Shop.as_str();
            promised.push(Outgoing::new(topology::DELIVERIES, to, &envelope));
            promised_of.push(index);
        }
        let event = outbound_quote(&quote.state).event;
        let copy = Outgoing::new(topology::EVENTS, event, &envelope);
        copies.push(Outgoing { mandatory: false, ..copy });
        tried.push(Tried {
            quote_id: quote.id.as_uuid(),
            revision: quote.revision.into(),
            attempts: *attempts,
            fate: Fate::Sent,
        });
    }
    if !promised.is_empty() {
        let fates = publisher.publish_batch(&promised).await?;
        for (index, fate) in promised_of.into_iter().zip(fates) {
            tried[index].fate = fate;
        }
    }
    publisher.publish_batch(&copies).await?;
    Ok(tried)
}
