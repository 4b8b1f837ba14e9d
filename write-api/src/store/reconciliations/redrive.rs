//! Whoever is behind is sent events again: through the queue of its own channel, so that an order's events keep their
//! order, and under the ids that they always had.

use chrono::{DateTime, Utc};
use serde_json::json;
use shared::actor::Actor;
use shared::contracts::outbound::Recipient;
use shared::contracts::partner;
use shared::ids::{PartnerId, ReconciliationId};
use shared::reconciliation::Party;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{ReconciliationRefusal, RedriveAnswer};
use crate::store::audit::{self, Deed};
use crate::store::{CommandError, Handled, Work};

/// Events under way to one recipient before more are sent again.
pub(super) const MOST_UNDER_WAY: i64 = 10_000;

/// How events reach a party.
#[derive(Debug, Clone, Copy)]
enum Channel {
    Relay(Recipient),
    /// All that the partner has.
    Webhooks(PartnerId),
}

/// Orders, and the versions from which on their events are sent again.
#[derive(Debug)]
struct Behind {
    order_ids: Vec<Uuid>,
    versions: Vec<i64>,
}

impl Work<'_> {
    /// Sends events again to whoever is behind.
    pub async fn redrive(
        &mut self,
        id: ReconciliationId,
        kinds: &[String],
        limit: u16,
        reason: Option<&str>,
    ) -> Result<Handled, CommandError> {
        let (store, connection, context) = self.parts();
        let now = store.clock().now();
        let party = lock_done(connection, id, &context.actor).await?;
        let channel = Channel::to(party, connection).await?;
        if channel.under_way(connection).await? >= MOST_UNDER_WAY {
            return Err(ReconciliationRefusal::TooManyUnderWay.into());
        }
        let (rows, behind) = choose(connection, id, kinds, limit, now).await?;
        let events = channel.send_again(connection, party, &behind, now).await?;
        let left = left(connection, id, kinds).await?;
        let subject = format!("reconciliation:{id}");
        let detail = Some(json!({ "kinds": kinds, "rows": rows, "events": events, "left": left }));
        let deed = Deed { subject: &subject, action: "redrive", reason, detail, body: None };
        audit::note(connection, context, now, deed).await?;
        self.answer(&RedriveAnswer { rows, events, left }).await
    }
}

impl Channel {
    async fn to(party: Party, connection: &mut PgConnection) -> Result<Self, CommandError> {
        let partner_id = match party {
            Party::Shop => return Ok(Self::Relay(Recipient::Shop)),
            Party::Crm => return Ok(Self::Relay(Recipient::Crm)),
            Party::Partner(partner_id) => partner_id,
        };
        let has_webhook = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM write.webhooks
                              WHERE partner_id = $1 AND deleted_at IS NULL) AS "has_webhook!""#,
            partner_id.as_uuid(),
        )
        .fetch_one(connection)
        .await?;
        if has_webhook {
            Ok(Self::Webhooks(partner_id))
        } else {
            Err(ReconciliationRefusal::NoChannel.into())
        }
    }

    /// Up to [`MOST_UNDER_WAY`].
    async fn under_way(self, connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
        match self {
            Self::Relay(recipient) => {
                let query = sqlx::query_scalar!(
                    r#"SELECT count(*) AS "under_way!" FROM (
                           SELECT FROM write.parked_deliveries WHERE recipient = $1 LIMIT $2) AS few"#,
                    recipient.as_str(),
                    MOST_UNDER_WAY,
                );
                query.fetch_one(connection).await
            }
            Self::Webhooks(partner_id) => {
                let query = sqlx::query_scalar!(
                    r#"SELECT count(*) AS "under_way!" FROM (
                           SELECT FROM write.webhooks AS w
                           JOIN write.webhook_deliveries AS d USING (webhook_id)
                           WHERE w.partner_id = $1 AND w.deleted_at IS NULL AND d.state = 'waiting'
                           LIMIT $2) AS few"#,
                    partner_id.as_uuid(),
                    MOST_UNDER_WAY,
                );
                query.fetch_one(connection).await
            }
        }
    }

    /// How many events were put into the queue. What has not been told for the first time yet comes by itself.
    async fn send_again(
        self,
        connection: &mut PgConnection,
        party: Party,
        behind: &Behind,
        now: DateTime<Utc>,
    ) -> Result<u64, sqlx::Error> {
        let told: Vec<String> = party.told().map(|(event, _)| event.to_owned()).collect();
        match self {
            Self::Relay(recipient) => relay(connection, recipient, &told, behind, now).await,
            Self::Webhooks(partner_id) => call(connection, partner_id, &told, behind, now).await,
        }
    }
}

/// Through the relay's own table.
async fn relay(
    connection: &mut PgConnection,
    recipient: Recipient,
    told: &[String],
    behind: &Behind,
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let parked = sqlx::query!(
        "INSERT INTO write.parked_deliveries
             (recipient, order_id, position, reason, attempts, next_attempt, parked_at)
         SELECT $1, e.order_id, e.position, 'resent', 0, $2, $2
         FROM unnest($3::uuid[], $4::bigint[]) AS behind (order_id, version)
         JOIN write.order_events AS e
           ON e.order_id = behind.order_id AND e.version > behind.version AND e.kind = ANY($5)
         JOIN write.followers AS f ON f.name = 'relay:' || $1 AND e.position <= f.cursor
         ON CONFLICT (recipient, order_id, position) DO NOTHING",
        recipient.as_str(),
        now,
        &behind.order_ids,
        &behind.versions,
        told,
    );
    Ok(parked.execute(connection).await?.rows_affected())
}

/// Through the webhooks' queue, which is their delivery log: what it has forgotten, or never had because the webhook is
/// younger, is put into it.
async fn call(
    connection: &mut PgConnection,
    partner_id: PartnerId,
    told: &[String],
    behind: &Behind,
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let types: Vec<String> = told.iter().map(|event| partner::kind_of(event)).collect();
    let queued = sqlx::query!(
        "INSERT INTO write.webhook_deliveries AS d
             (webhook_id, position, order_id, version, kind, state, next_attempt, occurred_at)
         SELECT w.webhook_id, e.position, e.order_id, e.version, told.kind, 'waiting', $2, e.occurred_at
         FROM unnest($3::uuid[], $4::bigint[]) AS behind (order_id, version)
         JOIN write.order_events AS e ON e.order_id = behind.order_id AND e.version > behind.version
         JOIN unnest($5::text[], $6::text[]) AS told (event, kind) ON told.event = e.kind
         JOIN write.webhooks AS w ON w.partner_id = $1 AND w.deleted_at IS NULL
          AND (cardinality(w.event_types) = 0 OR told.kind = ANY(w.event_types))
         JOIN write.followers AS f ON f.name = 'webhooks' AND e.position <= f.cursor
         ON CONFLICT (webhook_id, position) DO UPDATE SET
             state = 'waiting', attempts = 0, next_attempt = EXCLUDED.next_attempt, finished_at = NULL
         WHERE d.state <> 'waiting'",
        partner_id.as_uuid(),
        now,
        &behind.order_ids,
        &behind.versions,
        told,
        &types,
    );
    Ok(queued.execute(connection).await?.rows_affected())
}

/// The next rows of these kinds, which are dealt with herewith: how many, and which orders they are.
async fn choose(
    connection: &mut PgConnection,
    id: ReconciliationId,
    kinds: &[String],
    limit: u16,
    now: DateTime<Utc>,
) -> Result<(u64, Behind), sqlx::Error> {
    let chosen = sqlx::query!(
        r#"WITH chosen AS (
               SELECT row_no FROM write.reconciliation_rows
               WHERE reconciliation_id = $1 AND kind = ANY($2) AND kind <> 'same'
                 AND resent_at IS NULL
               ORDER BY row_no LIMIT $3 FOR UPDATE)
           UPDATE write.reconciliation_rows AS r SET resent_at = $4
           FROM chosen WHERE r.reconciliation_id = $1 AND r.row_no = chosen.row_no
           RETURNING r.order_id, coalesce(r.version, 0) AS "version!""#,
        id.as_uuid(),
        kinds,
        i64::from(limit),
        now,
    )
    .fetch_all(connection)
    .await?;
    let rows = chosen.len() as u64;
    let orders = chosen.into_iter().filter_map(|row| Some((row.order_id?, row.version)));
    let (order_ids, versions) = orders.unzip();
    Ok((rows, Behind { order_ids, versions }))
}

/// People of the office may deal with everybody's lists, a system with its own.
async fn lock_done(
    connection: &mut PgConnection,
    id: ReconciliationId,
    by: &Actor,
) -> Result<Party, CommandError> {
    let known = sqlx::query!(
        "SELECT party, state FROM write.reconciliations WHERE reconciliation_id = $1 FOR UPDATE",
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await?
    .ok_or(ReconciliationRefusal::Unknown)?;
    let party: Party = known.party.parse().map_err(|error| {
        CommandError::Inconsistent(format!("write.reconciliations {id}: {error}"))
    })?;
    if Party::of(by).is_some_and(|own| own != party) {
        return Err(ReconciliationRefusal::Unknown.into());
    }
    if known.state != "done" {
        return Err(ReconciliationRefusal::NotDone.into());
    }
    Ok(party)
}

async fn left(
    connection: &mut PgConnection,
    id: ReconciliationId,
    kinds: &[String],
) -> Result<u64, sqlx::Error> {
    let left = sqlx::query_scalar!(
        r#"SELECT count(*) AS "left!" FROM write.reconciliation_rows
           WHERE reconciliation_id = $1 AND kind = ANY($2) AND kind <> 'same' AND resent_at IS NULL"#,
        id.as_uuid(),
        kinds,
    )
    .fetch_one(connection)
    .await?;
    Ok(left.cast_unsigned())
}
