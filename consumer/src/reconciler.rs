//! Compares lists that the shop, the CRM or a partner sent of their orders with ours, and deletes old ones.
//!
//! A list is worked off in short steps, each with its cursor in one transaction: whoever comes after a crash goes on
//! where it stood, and several processes share the lists. First each row of the list is judged by the events that its
//! sender was told of up to the moment it speaks of; then our open orders that are not in the list are added.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shared::clock::Clock;
use shared::platform::shutdown::Shutdown;
use shared::reconciliation::Party;
use sqlx::types::Uuid;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use crate::delivery::Backoff;
use crate::guard::survive;

/// Rows of a list, or orders of ours, in one step.
const STEP: i64 = 5_000;
const PAUSE: Duration = Duration::from_millis(500);
/// A list that nobody adds to any more was broken off.
const BROKEN_OFF: TimeDelta = TimeDelta::minutes(15);
const KEPT_FOR: TimeDelta = TimeDelta::days(30);
const FAILED_KEPT_FOR: TimeDelta = TimeDelta::days(1);
/// Lists of one party, whatever their age.
const KEPT_OF_A_PARTY: i64 = 20;
/// Orders that came after the list was begun are not missing in it; nor are those that came just before.
const TOO_NEW: TimeDelta = TimeDelta::minutes(1);

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub enum ReconcilerError {
    /// The database failed.
    #[error("the reconciler's database failed")]
    Database(#[from] sqlx::Error),
    /// A row that cannot be.
    #[error("inconsistent data: {0}")]
    Inconsistent(String),
}

/// Compares lists.
pub struct Reconciler {
    pool: PgPool,
    clock: Arc<dyn Clock>,
}

/// A list in hand, its row locked.
struct List {
    id: Uuid,
    party: Party,
    created_at: DateTime<Utc>,
    row_count: i64,
    cursor_row: i64,
    cursor_name: String,
    listed_all: bool,
}

impl Reconciler {
    /// A reconciler in this database.
    pub fn new(pool: PgPool, clock: Arc<dyn Clock>) -> Self {
        Self { pool, clock }
    }

    /// Works until the soft stop.
    pub fn run(self, shutdown: &Shutdown) {
        let stop = shutdown.soft().clone();
        shutdown.spawn(async move { self.keep_comparing(&stop).await });
    }

    /// Compares everything that waits, and deletes what is old.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drain(&self) -> Result<(), ReconcilerError> {
        while self.step().await? {}
        while self.delete_old().await? {}
        Ok(())
    }

    async fn keep_comparing(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            match survive("reconciler", self.drain()).await {
                Some(Ok(())) => {
                    backoff.reset();
                    stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                    continue;
                }
                Some(Err(error)) => tracing::warn!(
                    error = &error as &(dyn std::error::Error + 'static),
                    "lists cannot be compared now"
                ),
                None => {}
            }
            backoff.pause(stop).await;
        }
    }

    /// One step of the oldest list that nobody has in hand; `false` when there is none.
    async fn step(&self) -> Result<bool, ReconcilerError> {
        let mut transaction = self.pool.begin().await?;
        let Some(list) = claim(&mut transaction).await? else { return Ok(false) };
        if list.cursor_row < list.row_count {
            judge(&mut transaction, &list).await?;
        } else if list.listed_all {
            finish(&mut transaction, &list, self.clock.now()).await?;
        } else if list.party == Party::Crm {
            add_missing_to_the_crm(&mut transaction, &list).await?;
        } else {
            add_missing(&mut transaction, &list).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// A few thousand rows of a list that is old, failed or one too many; `false` when there is none.
    async fn delete_old(&self) -> Result<bool, ReconcilerError> {
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "UPDATE write.reconciliations
             SET state = 'failed', request_key = request_key || ' ' || reconciliation_id
             WHERE state = 'loading' AND touched_at < $1",
            now - BROKEN_OFF,
        )
        .execute(&mut *transaction)
        .await?;
        let old = sqlx::query_scalar!(
            "SELECT r.reconciliation_id FROM write.reconciliations AS r
             WHERE r.state IN ('done', 'failed')
               AND (r.created_at < $1 OR (r.state = 'failed' AND r.created_at < $2)
                    OR (SELECT count(*) FROM write.reconciliations AS newer
                        WHERE newer.party = r.party AND newer.created_at > r.created_at) >= $3)
             ORDER BY r.created_at LIMIT 1 FOR UPDATE SKIP LOCKED",
            now - KEPT_FOR,
            now - FAILED_KEPT_FOR,
            KEPT_OF_A_PARTY,
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(old) = old else {
            transaction.commit().await?;
            return Ok(false);
        };
        delete_some(&mut transaction, old).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

async fn claim(connection: &mut PgConnection) -> Result<Option<List>, ReconcilerError> {
    let row = sqlx::query!(
        "SELECT reconciliation_id, party, created_at, row_count, cursor_row, cursor_name, listed_all
         FROM write.reconciliations WHERE state = 'comparing'
         ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED",
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let party = row.party.parse().map_err(|error| {
        ReconcilerError::Inconsistent(format!("{}: {error}", row.reconciliation_id))
    })?;
    Ok(Some(List {
        id: row.reconciliation_id,
        party,
        created_at: row.created_at,
        row_count: row.row_count,
        cursor_row: row.cursor_row,
        cursor_name: row.cursor_name,
        listed_all: row.listed_all,
    }))
}

/// Judges the next rows of the list. What counts is the last event that the sender was told of and that happened before
/// the moment the row speaks of. A status that holds only later is no mistake: they heard of it since.
async fn judge(connection: &mut PgConnection, list: &List) -> Result<(), ReconcilerError> {
    let (events, statuses): (Vec<String>, Vec<String>) = list
        .party
        .told()
        .map(|(event, status)| (event.to_owned(), status.as_str().to_owned()))
        .unzip();
    let to = list.row_count.min(list.cursor_row + STEP);
    sqlx::query!(
        "UPDATE write.reconciliation_rows AS r
         SET kind = found.kind, order_id = found.order_id, our_status = found.our_status,
             our_version = found.our_version
         FROM (
             SELECT l.row_no, o.order_id, o.status AS our_status, o.version AS our_version,
                    CASE
                        WHEN EXISTS (
                            SELECT FROM write.reconciliation_rows AS first
                            WHERE first.reconciliation_id = $1 AND first.external_id = l.external_id
                              AND first.row_no < l.row_no) THEN 'duplicated'
                        WHEN o.order_id IS NULL THEN 'unknown'
                        WHEN h.version IS NULL THEN 'same'
                        WHEN l.version > o.version THEN 'ahead'
                        WHEN l.version < h.version THEN 'behind'
                        WHEN l.version IS NOT NULL THEN 'same'
                        WHEN l.status = h.status THEN 'same'
                        WHEN h.theirs IS NULL THEN 'ahead'
                        WHEN h.theirs > h.version THEN 'same'
                        ELSE 'behind'
                    END AS kind
             FROM write.reconciliation_rows AS l
             LEFT JOIN write.order_references AS n
               ON $2 <> 'crm' AND n.source = $2 AND n.external_id = l.external_id
             LEFT JOIN write.orders AS o ON o.order_id = CASE
                 WHEN $2 <> 'crm' THEN n.order_id
                 WHEN l.external_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                     THEN l.external_id::uuid
             END
             LEFT JOIN LATERAL (
                 SELECT max(e.version) FILTER (WHERE is_past) AS version,
                        (array_agg(k.status ORDER BY e.version DESC) FILTER (WHERE is_past))[1] AS status,
                        max(e.version) FILTER (WHERE k.status = l.status) AS theirs
                 FROM write.order_events AS e
                 JOIN unnest($3::text[], $4::text[]) AS k (event, status) ON k.event = e.kind
                 CROSS JOIN LATERAL (SELECT e.occurred_at <= coalesce(l.seen_at, $5) AS is_past) AS t
                 WHERE e.order_id = o.order_id
             ) AS h ON true
             WHERE l.reconciliation_id = $1 AND l.row_no > $6 AND l.row_no <= $7
         ) AS found
         WHERE r.reconciliation_id = $1 AND r.row_no = found.row_no",
        list.id,
        list.party.to_string(),
        &events,
        &statuses,
        list.created_at,
        list.cursor_row,
        to,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE write.reconciliations SET cursor_row = $2 WHERE reconciliation_id = $1",
        list.id,
        to,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Open orders of the shop or a partner that the list does not name.
async fn add_missing(connection: &mut PgConnection, list: &List) -> Result<(), ReconcilerError> {
    let reached = sqlx::query_scalar!(
        r#"WITH ours AS (
               SELECT n.external_id, n.order_id FROM write.order_references AS n
               WHERE n.source = $2 AND n.external_id > $3 ORDER BY n.external_id LIMIT $4),
           missing AS (
               SELECT ours.external_id, o.order_id, o.status, o.version
               FROM ours JOIN write.orders AS o ON o.order_id = ours.order_id
               WHERE o.status NOT IN ('CLOSED', 'CANCELLED') AND o.created_at < $5
                 AND NOT EXISTS (
                     SELECT FROM write.reconciliation_rows AS l
                     WHERE l.reconciliation_id = $1 AND l.external_id = ours.external_id)),
           added AS (
               INSERT INTO write.reconciliation_rows
                   (reconciliation_id, row_no, external_id, kind, order_id, our_status, our_version)
               SELECT $1, (SELECT coalesce(max(row_no), 0) FROM write.reconciliation_rows
                           WHERE reconciliation_id = $1) + row_number() OVER (ORDER BY m.external_id),
                      m.external_id, 'missing', m.order_id, m.status, m.version
               FROM missing AS m)
           SELECT CASE WHEN count(*) = $4 THEN max(external_id) END AS last FROM ours"#,
        list.id,
        list.party.to_string(),
        list.cursor_name,
        STEP,
        list.created_at - TOO_NEW,
    )
    .fetch_one(&mut *connection)
    .await?;
    move_on(connection, list, reached).await
}

/// The CRM is told of every order from its submission on, and calls it by our id.
async fn add_missing_to_the_crm(
    connection: &mut PgConnection,
    list: &List,
) -> Result<(), ReconcilerError> {
    let reached = sqlx::query_scalar!(
        r#"WITH ours AS (
               SELECT o.order_id, o.status, o.version, o.created_at FROM write.orders AS o
               WHERE ($2 = '' OR o.order_id > nullif($2, '')::uuid) ORDER BY o.order_id LIMIT $3),
           missing AS (
               SELECT ours.order_id, ours.status, ours.version FROM ours
               WHERE ours.status NOT IN ('INITIATED', 'FILE_UPLOADED', 'CLOSED', 'CANCELLED')
                 AND ours.created_at < $4
                 AND NOT EXISTS (
                     SELECT FROM write.reconciliation_rows AS l
                     WHERE l.reconciliation_id = $1 AND l.order_id = ours.order_id)),
           added AS (
               INSERT INTO write.reconciliation_rows
                   (reconciliation_id, row_no, external_id, kind, order_id, our_status, our_version)
               SELECT $1, (SELECT coalesce(max(row_no), 0) FROM write.reconciliation_rows
                           WHERE reconciliation_id = $1) + row_number() OVER (ORDER BY m.order_id),
                      m.order_id::text, 'missing', m.order_id, m.status, m.version
               FROM missing AS m)
           SELECT CASE WHEN count(*) = $3 THEN (array_agg(order_id ORDER BY order_id DESC))[1]::text END AS last
           FROM ours"#,
        list.id,
        list.cursor_name,
        STEP,
        list.created_at - TOO_NEW,
    )
    .fetch_one(&mut *connection)
    .await?;
    move_on(connection, list, reached).await
}

/// `None`: there are no more of ours.
async fn move_on(
    connection: &mut PgConnection,
    list: &List,
    reached: Option<String>,
) -> Result<(), ReconcilerError> {
    sqlx::query!(
        "UPDATE write.reconciliations SET cursor_name = coalesce($2, cursor_name), listed_all = $3
         WHERE reconciliation_id = $1",
        list.id,
        reached,
        reached.is_none(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn finish(
    connection: &mut PgConnection,
    list: &List,
    now: DateTime<Utc>,
) -> Result<(), ReconcilerError> {
    sqlx::query!(
        "UPDATE write.reconciliations
         SET state = 'done', finished_at = $2,
             counts = (SELECT coalesce(jsonb_object_agg(k.kind, k.orders), '{}')
                       FROM (SELECT kind, count(*) AS orders FROM write.reconciliation_rows
                             WHERE reconciliation_id = $1 GROUP BY kind) AS k)
         WHERE reconciliation_id = $1",
        list.id,
        now,
    )
    .execute(connection)
    .await?;
    tracing::info!(reconciliation.id = %list.id, rows = list.row_count, "a list is compared");
    Ok(())
}

/// The list goes last, when it has no rows any more.
async fn delete_some(connection: &mut PgConnection, id: Uuid) -> Result<(), ReconcilerError> {
    let deleted = sqlx::query!(
        "DELETE FROM write.reconciliation_rows
         WHERE reconciliation_id = $1 AND row_no <= (
             SELECT max(row_no) FROM (
                 SELECT row_no FROM write.reconciliation_rows
                 WHERE reconciliation_id = $1 ORDER BY row_no LIMIT $2) AS few)",
        id,
        STEP,
    )
    .execute(&mut *connection)
    .await?;
    if deleted.rows_affected() == 0 {
        sqlx::query!("DELETE FROM write.reconciliations WHERE reconciliation_id = $1", id)
            .execute(connection)
            .await?;
    }
    Ok(())
}
