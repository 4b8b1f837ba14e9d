//! The table of messages that were not applied: `waiting` ones are tried again, per order and in order, `parked`
//! ones need a human. Bytes and reason are kept; nothing is dropped.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use super::batch::Kept;
use super::incoming::Incoming;
use crate::failure::{Failure, Why, of_the_database};

/// The pause before each attempt; after the last one the message needs a human.
const PAUSES: [TimeDelta; 9] = [
    TimeDelta::seconds(1),
    TimeDelta::seconds(5),
    TimeDelta::seconds(30),
    TimeDelta::minutes(2),
    TimeDelta::minutes(10),
    TimeDelta::minutes(30),
    TimeDelta::hours(1),
    TimeDelta::hours(2),
    TimeDelta::hours(4),
];

/// What was applied or discarded is kept for so long. Much longer than any repetition is under way; what people did to it
/// is kept for ever.
const SETTLED_KEPT_FOR: TimeDelta = TimeDelta::days(90);
const DELETED_AT_A_TIME: i64 = 1_000;

/// Messages tried again at a time.
const DUE_AT_A_TIME: i64 = 100;

/// A message that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub id: i64,
    pub order_key: Option<String>,
    pub body: Vec<u8>,
    pub headers: Value,
    pub attempts: i32,
}

impl From<sqlx::Error> for Why {
    fn from(error: sqlx::Error) -> Self {
        match of_the_database(&error) {
            Failure::Wait(why) | Failure::Park(why) | Failure::Hold(why) => why,
        }
    }
}

/// Which of these orders have a message that waits.
pub(super) async fn orders_that_wait(
    pool: &PgPool,
    keys: Vec<&str>,
) -> Result<HashSet<String>, sqlx::Error> {
    let keys: Vec<String> = keys.into_iter().map(ToOwned::to_owned).collect();
    let waiting = sqlx::query_scalar!(
        r#"SELECT DISTINCT order_key AS "order_key!" FROM write.waiting_messages
           WHERE state = 'waiting' AND order_key = ANY($1)"#,
        &keys,
    )
    .fetch_all(pool)
    .await?;
    Ok(waiting.into_iter().collect())
}

/// How many wait, and how many need a human.
pub(super) async fn count(pool: &PgPool) -> Result<(u64, u64), sqlx::Error> {
    let counted = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM write.waiting_messages WHERE state = 'waiting') AS "waiting!",
                  (SELECT count(*) FROM write.waiting_messages WHERE state = 'parked') AS "parked!""#,
    )
    .fetch_one(pool)
    .await?;
    Ok((counted.waiting.cast_unsigned(), counted.parked.cast_unsigned()))
}

/// Keeps messages that were not applied, all at once.
pub(super) async fn keep(
    pool: &PgPool,
    kept: &[Kept<'_>],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if kept.is_empty() {
        return Ok(());
    }
    let mut transaction = pool.begin().await?;
    for kept in kept {
        keep_one(&mut transaction, kept.message, &kept.failure, now).await?;
    }
    transaction.commit().await
}

/// A message that comes again is kept once, and counted. One that nobody can read is known by its bytes.
async fn keep_one(
    connection: &mut PgConnection,
    message: &Incoming,
    failure: &Failure,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let (state, why, next_attempt) = match failure {
        Failure::Wait(why) => ("waiting", why, Some(now + PAUSES[0])),
        Failure::Park(why) | Failure::Hold(why) => ("parked", why, None),
    };
    let glimpse = message.glimpse();
    sqlx::query!(
        "WITH known AS (
             SELECT waiting_id FROM write.waiting_messages
             WHERE order_key = $2 AND source = $3 AND message_id = $4
               AND coalesce(original_body, body) = $6 AND state IN ('waiting', 'parked')
             UNION ALL
             SELECT waiting_id FROM write.waiting_messages
             WHERE $2::text IS NULL AND order_key IS NULL AND sha256(body) = sha256($6)
               AND headers->>'routing_key' IS NOT DISTINCT FROM $7::jsonb->>'routing_key'
               AND state = 'parked'
             LIMIT 1),
         seen AS (
             UPDATE write.waiting_messages AS w SET seen = w.seen + 1, last_seen_at = $11
             FROM known WHERE w.waiting_id = known.waiting_id)
         INSERT INTO write.waiting_messages
             (state, order_key, source, message_id, kind, body, headers, reason_code, reason,
              attempts, next_attempt, received_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11
         WHERE NOT EXISTS (SELECT FROM known)",
        state,
        message.order_key(),
        glimpse.source,
        glimpse.id,
        glimpse.kind,
        &message.body[..],
        message.headers,
        why.code,
        why.sentence.replace('\0', "\u{fffd}"),
        next_attempt,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes some of the messages that were settled long ago.
pub(super) async fn delete_old(pool: &PgPool, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "DELETE FROM write.waiting_messages WHERE waiting_id IN (
             SELECT waiting_id FROM write.waiting_messages
             WHERE state IN ('applied', 'discarded') AND settled_at < $1
             ORDER BY settled_at LIMIT $2)",
        now - SETTLED_KEPT_FOR,
        DELETED_AT_A_TIME,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The oldest waiting message of each order that is due.
pub(super) async fn due(pool: &PgPool, now: DateTime<Utc>) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT waiting_id FROM write.waiting_messages w
         WHERE state = 'waiting' AND next_attempt <= $1
           AND NOT EXISTS (
               SELECT FROM write.waiting_messages earlier
               WHERE earlier.order_key = w.order_key AND earlier.waiting_id < w.waiting_id
                 AND earlier.state = 'waiting')
         ORDER BY next_attempt, waiting_id
         LIMIT $2",
        now,
        DUE_AT_A_TIME,
    )
    .fetch_all(pool)
    .await
}

/// Notes that a try begins, and answers how many were begun since one came to an end. `None` when somebody else has
/// the message in hand. A try that this process itself broke off is not `counted` twice.
pub(super) async fn begin(
    pool: &PgPool,
    waiting_id: i64,
    now: DateTime<Utc>,
    counted: bool,
) -> Result<Option<i32>, sqlx::Error> {
    sqlx::query_scalar!(
        "UPDATE write.waiting_messages AS w SET begun = w.begun + $3
         FROM (SELECT waiting_id FROM write.waiting_messages
               WHERE waiting_id = $1 AND state = 'waiting' AND next_attempt <= $2
               FOR UPDATE SKIP LOCKED) AS free
         WHERE w.waiting_id = free.waiting_id
         RETURNING w.begun",
        waiting_id,
        now,
        i32::from(counted),
    )
    .fetch_optional(pool)
    .await
}

/// Locks a message that is still waiting and due, unless somebody else has it.
pub(super) async fn lock(
    connection: &mut PgConnection,
    waiting_id: i64,
    now: DateTime<Utc>,
) -> Result<Option<Waiting>, sqlx::Error> {
    sqlx::query_as!(
        Waiting,
        "SELECT waiting_id AS id, order_key, body, headers, attempts
         FROM write.waiting_messages
         WHERE waiting_id = $1 AND state = 'waiting' AND next_attempt <= $2
         FOR UPDATE SKIP LOCKED",
        waiting_id,
        now,
    )
    .fetch_optional(connection)
    .await
}

/// It was applied.
pub(super) async fn settle(
    connection: &mut PgConnection,
    waiting: &Waiting,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE write.waiting_messages
         SET state = 'applied', attempts = attempts + 1, begun = 0, next_attempt = NULL, settled_at = $2
         WHERE waiting_id = $1",
        waiting.id,
        now,
    )
    .execute(&mut *connection)
    .await?;
    next_is_due(connection, waiting, now).await
}

/// It needs a human.
pub(super) async fn park(
    connection: &mut PgConnection,
    waiting: &Waiting,
    why: &Why,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE write.waiting_messages
         SET state = 'parked', attempts = attempts + 1, begun = 0, next_attempt = NULL,
             reason_code = $2, reason = $3
         WHERE waiting_id = $1",
        waiting.id,
        why.code,
        why.sentence,
    )
    .execute(&mut *connection)
    .await?;
    next_is_due(connection, waiting, now).await
}

/// It has to wait longer; `false` when it has waited often enough.
pub(super) async fn postpone(
    connection: &mut PgConnection,
    waiting: &Waiting,
    why: &Why,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let attempts = usize::try_from(waiting.attempts).unwrap_or_default() + 1;
    let Some(pause) = PAUSES.get(attempts) else {
        park(connection, waiting, why, now).await?;
        return Ok(false);
    };
    sqlx::query!(
        "UPDATE write.waiting_messages
         SET attempts = attempts + 1, begun = 0, next_attempt = $2, reason_code = $3, reason = $4
         WHERE waiting_id = $1",
        waiting.id,
        now + *pause,
        why.code,
        why.sentence,
    )
    .execute(connection)
    .await?;
    Ok(true)
}

/// Whatever waits behind it need not wait any longer.
async fn next_is_due(
    connection: &mut PgConnection,
    waiting: &Waiting,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE write.waiting_messages SET next_attempt = $2
         WHERE order_key = $1 AND state = 'waiting' AND next_attempt > $2",
        waiting.order_key,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}
