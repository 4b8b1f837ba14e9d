//! Rows of `write.acknowledgements`: which recipient has said that it has which order in its books.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use shared::ids::OrderId;
use sqlx::PgConnection;

use super::{Batch, Cause, CommandError, causes};

/// A recipient's word about an order.
#[derive(Debug, Clone)]
pub struct Acknowledgement {
    /// What makes a repetition the same word.
    pub cause: Cause,
    /// The order that the recipient has in its books.
    pub order_id: OrderId,
}

impl Acknowledgement {
    fn name(&self) -> (&str, &str) {
        (&self.cause.source, &self.cause.key)
    }
}

impl Batch<'_> {
    /// The recipient has these orders. All in one statement: they are as many as the orders, and nothing about an order
    /// changes. Saying so again is no mistake.
    ///
    /// Answers what became of each, in their order. One that cannot be noted leaves nothing, and the others stay.
    ///
    /// # Errors
    /// When the database fails; the batch is lost then.
    pub async fn acknowledge(
        &mut self,
        recipient: &str,
        told: &[Acknowledgement],
    ) -> Result<Vec<Result<(), CommandError>>, CommandError> {
        let (store, connection) = self.parts();
        let now = store.clock().now();
        // Of twins the second is a repetition.
        let mut names = HashSet::new();
        let firsts: Vec<&Acknowledgement> =
            told.iter().filter(|one| names.insert(one.name())).collect();
        let mut noted = note(connection, recipient, &firsts, now).await?;
        let mut outcomes = Vec::with_capacity(told.len());
        for one in told {
            let (source, key) = one.name();
            outcomes.push(if noted.remove(&(source.to_owned(), key.to_owned())) {
                Ok(())
            } else {
                said_before(connection, &one.cause, now).await
            });
        }
        Ok(outcomes)
    }
}

/// Notes those that were not noted before, of orders that there are; answers the names of their causes.
async fn note(
    connection: &mut PgConnection,
    recipient: &str,
    told: &[&Acknowledgement],
    now: DateTime<Utc>,
) -> Result<HashSet<(String, String)>, CommandError> {
    let column = |of: fn(&Cause) -> &String| -> Vec<String> {
        told.iter().map(|one| of(&one.cause).clone()).collect()
    };
    let (sources, keys) = (column(|cause| &cause.source), column(|cause| &cause.key));
    let fingerprints: Vec<Vec<u8>> =
        told.iter().map(|one| one.cause.fingerprint.to_vec()).collect();
    let order_ids: Vec<_> = told.iter().map(|one| one.order_id.as_uuid()).collect();
    // In the order of their names, so that two who note the same do not wait for each other. Faster than the relay can
    // note that it awaits one, it leaves a row behind, which the watchdog removes.
    let noted = sqlx::query!(
        "WITH told AS (
             SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[])
                 AS t (source, key, fingerprint, order_id)
         ), claimed AS (
             INSERT INTO write.causes
                 (source, key, fingerprint, created_at, last_seen_at, order_id, answer)
             SELECT t.source, t.key, t.fingerprint, $6, $6, t.order_id,
                    json_build_object('acknowledged', t.order_id)
             FROM told AS t JOIN write.orders AS o ON o.order_id = t.order_id
             ORDER BY t.source, t.key
             ON CONFLICT (source, key) DO NOTHING
             RETURNING source, key, order_id
         ), awaited AS (
             DELETE FROM write.awaited_acknowledgements AS a USING claimed AS c
             WHERE a.order_id = c.order_id AND a.recipient = $5
             RETURNING a.order_id, a.sent_at
         ), noted AS (
             INSERT INTO write.acknowledgements (order_id, recipient, acknowledged_at, sent_at)
             SELECT DISTINCT ON (c.order_id) c.order_id, $5, $6, a.sent_at
             FROM claimed AS c LEFT JOIN awaited AS a ON a.order_id = c.order_id
             ON CONFLICT (order_id, recipient) DO NOTHING
         )
         SELECT source, key FROM claimed",
        &sources,
        &keys,
        &fingerprints,
        &order_ids,
        recipient,
        now,
    )
    .fetch_all(connection)
    .await?;
    Ok(noted.into_iter().map(|row| (row.source, row.key)).collect())
}

/// What was not noted was said before, or is about no order.
async fn said_before(
    connection: &mut PgConnection,
    cause: &Cause,
    now: DateTime<Utc>,
) -> Result<(), CommandError> {
    match causes::find_answer(connection, cause, now).await? {
        Some(_) => Ok(()),
        None => Err(CommandError::UnknownOrder),
    }
}
