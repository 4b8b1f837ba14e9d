//! Messages that could not be applied, and what people decide about them. They are not applied here: a replayed one
//! goes back among those that wait, where the intake meets it with the same rules, causes and order as any other.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::contracts::inbound::Inbound;
use sqlx::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;

use super::audit::{self, Deed};
use super::{CommandError, Handled, Work};

/// What a message that was not applied at once has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// It is tried again by itself.
    Waiting,
    /// It needs a person.
    Parked,
    /// It was applied after all.
    Applied,
    /// A person decided that it will never be applied.
    Discarded,
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageAnswer {
    /// Which one.
    pub message_no: i64,
    /// What it is now; a waiting one is tried within a second.
    pub state: MessageState,
    /// Whether it was so before.
    pub already_done: bool,
}

/// What became of many messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessagesAnswer {
    /// How many this call was about.
    pub changed: u64,
    /// How many of the selection are still parked behind the last of these: call again with `after` = `last`.
    pub left: u64,
    /// The last of these; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<i64>,
}

/// What is done to parked messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Back among those that wait.
    Replay,
    /// Never applied.
    Discard,
}

/// Some of the parked messages: all that fit every given part.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Of this group.
    pub fingerprint: Option<String>,
    /// With this cause.
    pub reason_code: Option<String>,
    /// Sent by this source.
    pub source: Option<String>,
    /// With a higher number than this.
    pub after: i64,
    /// At most so many, the oldest first.
    pub limit: u16,
}

/// Why a message cannot be dealt with so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageRefusal {
    /// There is none with this number.
    #[error("there is no message {0}")]
    Unknown(i64),
    /// It was applied or discarded.
    #[error("the message is {0} already")]
    Settled(MessageState),
    /// The new text was sent by a way that is not its producer's.
    #[error("the message came by the routing key {0:?}, which is another producer's")]
    WrongProducer(String),
}

impl fmt::Display for MessageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Parked => "parked",
            Self::Applied => "applied",
            Self::Discarded => "discarded",
        })
    }
}

impl Fate {
    const fn action(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Discard => "discard",
        }
    }
}

impl Work<'_> {
    /// Replays or discards one message that is parked or waits.
    pub async fn settle_message(
        &mut self,
        message_no: i64,
        fate: Fate,
        reason: Option<&str>,
    ) -> Result<Handled, CommandError> {
        let (store, connection, context) = self.parts();
        let now = store.clock().now();
        let known = lock(connection, message_no).await?;
        let (state, already_done) = match (known.state, fate) {
            (MessageState::Applied, Fate::Replay) => (MessageState::Applied, true),
            (MessageState::Discarded, Fate::Discard) => (MessageState::Discarded, true),
            (MessageState::Waiting | MessageState::Parked, Fate::Replay) => {
                make_due(connection, message_no, now).await?;
                (MessageState::Waiting, false)
            }
            (MessageState::Waiting | MessageState::Parked, Fate::Discard) => {
                discard(connection, message_no, known.order_key.as_deref(), now).await?;
                (MessageState::Discarded, false)
            }
            (settled, _) => return Err(MessageRefusal::Settled(settled).into()),
        };
        if !already_done {
            let subject = subject(message_no);
            let detail = Some(json!({ "was": known.state, "reason_code": known.reason_code }));
            let action = fate.action();
            let deed = Deed { subject: &subject, action, reason, detail, body: None };
            audit::note(connection, context, now, deed).await?;
        }
        self.answer(&MessageAnswer { message_no, state, already_done }).await
    }

    /// Gives a message another text and replays it. What it said before is kept with the deed.
    pub async fn edit_message(
        &mut self,
        message_no: i64,
        edited: &EditedMessage,
        reason: &str,
    ) -> Result<Handled, CommandError> {
        let (store, connection, context) = self.parts();
        let now = store.clock().now();
        let known = lock(connection, message_no).await?;
        if matches!(known.state, MessageState::Applied | MessageState::Discarded) {
            return Err(MessageRefusal::Settled(known.state).into());
        }
        let sender = known.routing_key.split('.').next().unwrap_or_default();
        if sender != edited.message.producer().as_str() {
            return Err(MessageRefusal::WrongProducer(known.routing_key).into());
        }
        let before = replace_text(connection, message_no, edited, now).await?;
        let detail = Some(json!({ "was": known.state, "reason_code": known.reason_code }));
        let (subject, body) = (subject(message_no), Some(&before[..]));
        let deed = Deed { subject: &subject, action: "edit", reason: Some(reason), detail, body };
        audit::note(connection, context, now, deed).await?;
        let state = MessageState::Waiting;
        self.answer(&MessageAnswer { message_no, state, already_done: false }).await
    }

    /// Replays or discards parked messages, a bounded number of them, the oldest first.
    pub async fn settle_messages(
        &mut self,
        selection: &Selection,
        fate: Fate,
        reason: Option<&str>,
    ) -> Result<Handled, CommandError> {
        let (store, connection, context) = self.parts();
        let now = store.clock().now();
        let done = sqlx::query!(
            r#"WITH chosen AS (
                   SELECT waiting_id, reason_code FROM write.waiting_messages
                   WHERE state = 'parked' AND waiting_id > $4
                     AND ($1::text IS NULL
                          OR write.message_fingerprint(reason_code, kind, reason) = $1)
                     AND ($2::text IS NULL OR reason_code = $2)
                     AND ($3::text IS NULL OR source = $3)
                   ORDER BY waiting_id LIMIT $5 FOR UPDATE SKIP LOCKED),
               changed AS (
                   UPDATE write.waiting_messages AS w
                   SET state = CASE WHEN $6 THEN 'waiting' ELSE 'discarded' END,
                       attempts = CASE WHEN $6 THEN 0 ELSE w.attempts END, begun = 0,
                       next_attempt = CASE WHEN $6 THEN $7::timestamptz END,
                       settled_at = CASE WHEN $6 THEN NULL ELSE $7::timestamptz END
                   FROM chosen WHERE w.waiting_id = chosen.waiting_id
                   RETURNING w.waiting_id),
               noted AS (
                   INSERT INTO write.audit_entries
                       (subject, action, by_actor, reason, detail, cause, at)
                   SELECT 'message:' || waiting_id, $8, $9, $10,
                          jsonb_build_object('was', 'parked', 'reason_code', reason_code, 'among_many', true),
                          $11, $7
                   FROM chosen)
               SELECT count(*) AS "changed!", max(waiting_id) AS last FROM changed"#,
            selection.fingerprint,
            selection.reason_code,
            selection.source,
            selection.after,
            i64::from(selection.limit),
            fate == Fate::Replay,
            now,
            fate.action(),
            Json(&context.actor) as _,
            reason,
            context.cause.label(),
        )
        .fetch_one(&mut *connection)
        .await?;
        let after = done.last.unwrap_or(selection.after);
        let left = still_parked(connection, selection, after).await?;
        let changed = done.changed.cast_unsigned();
        self.answer(&MessagesAnswer { changed, left, last: done.last }).await
    }
}

/// A message's new text, which follows the contract.
#[derive(Debug, Clone)]
pub struct EditedMessage {
    /// As it will be kept.
    pub body: Vec<u8>,
    /// The sender that it names.
    pub source: String,
    /// Its id within the source.
    pub id: String,
    /// What it says.
    pub message: Inbound,
}

struct Known {
    state: MessageState,
    order_key: Option<String>,
    reason_code: String,
    routing_key: String,
}

async fn lock(connection: &mut PgConnection, message_no: i64) -> Result<Known, CommandError> {
    let row = sqlx::query!(
        r#"SELECT state, order_key, reason_code, coalesce(headers->>'routing_key', '') AS "routing_key!"
           FROM write.waiting_messages WHERE waiting_id = $1 FOR UPDATE"#,
        message_no,
    )
    .fetch_optional(connection)
    .await?
    .ok_or(MessageRefusal::Unknown(message_no))?;
    let state = serde_json::from_value(Value::String(row.state)).map_err(|error| {
        CommandError::Inconsistent(format!("write.waiting_messages {message_no}: {error}"))
    })?;
    let (order_key, reason_code, routing_key) = (row.order_key, row.reason_code, row.routing_key);
    Ok(Known { state, order_key, reason_code, routing_key })
}

async fn make_due(
    connection: &mut PgConnection,
    message_no: i64,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE write.waiting_messages
         SET state = 'waiting', attempts = 0, begun = 0, next_attempt = $2 WHERE waiting_id = $1",
        message_no,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whatever waited behind it need not wait any longer.
async fn discard(
    connection: &mut PgConnection,
    message_no: i64,
    order_key: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE write.waiting_messages
         SET state = 'discarded', next_attempt = NULL, settled_at = $2 WHERE waiting_id = $1",
        message_no,
        now,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE write.waiting_messages SET next_attempt = $2
         WHERE order_key = $1 AND state = 'waiting' AND next_attempt > $2",
        order_key,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Answers the text before.
async fn replace_text(
    connection: &mut PgConnection,
    message_no: i64,
    edited: &EditedMessage,
    now: DateTime<Utc>,
) -> Result<Vec<u8>, sqlx::Error> {
    sqlx::query_scalar!(
        "UPDATE write.waiting_messages AS w
         SET body = $2, original_body = coalesce(w.original_body, before.body), source = $3,
             message_id = $4, kind = $5, order_key = $6, state = 'waiting', attempts = 0, begun = 0,
             next_attempt = $7
         FROM (SELECT body FROM write.waiting_messages WHERE waiting_id = $1) AS before
         WHERE w.waiting_id = $1
         RETURNING before.body",
        message_no,
        &edited.body[..],
        edited.source,
        edited.id,
        edited.message.kind(),
        edited.message.order().key(),
        now,
    )
    .fetch_one(connection)
    .await
}

async fn still_parked(
    connection: &mut PgConnection,
    selection: &Selection,
    after: i64,
) -> Result<u64, sqlx::Error> {
    let left = sqlx::query_scalar!(
        r#"SELECT count(*) AS "left!" FROM write.waiting_messages
           WHERE state = 'parked' AND waiting_id > $4
             AND ($1::text IS NULL OR write.message_fingerprint(reason_code, kind, reason) = $1)
             AND ($2::text IS NULL OR reason_code = $2)
             AND ($3::text IS NULL OR source = $3)"#,
        selection.fingerprint,
        selection.reason_code,
        selection.source,
        after,
    )
    .fetch_one(connection)
    .await?;
    Ok(left.cast_unsigned())
}

fn subject(message_no: i64) -> String {
    format!("message:{message_no}")
}
