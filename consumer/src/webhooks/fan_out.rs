//! Events of the log into the queues of those who want them.

use chrono::{DateTime, Utc};
use shared::contracts::partner;
use shared::ids::PartnerId;
use shared::order::Origin;
use shared::order::events::LoggedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::WebhooksError;
use crate::origins::Origins;

/// New rows, a column an array.
#[derive(Default)]
struct Columns {
    webhook_ids: Vec<Uuid>,
    positions: Vec<i64>,
    order_ids: Vec<Uuid>,
    versions: Vec<i64>,
    kinds: Vec<String>,
    moments: Vec<DateTime<Utc>>,
}

struct Webhook {
    id: Uuid,
    partner_id: PartnerId,
    event_types: Vec<String>,
}

impl Webhook {
    fn wants(&self, kind: &str) -> bool {
        self.event_types.is_empty() || self.event_types.iter().any(|wanted| wanted == kind)
    }
}

/// Whether there is no webhook at all, so that nothing needs to be queued.
pub(super) async fn has_nobody_to_tell(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT NOT EXISTS (SELECT FROM write.webhooks WHERE deleted_at IS NULL) AS "nobody!""#,
    )
    .fetch_one(connection)
    .await
}

/// Queues these events, in the transaction that moves the cursor. Doing it twice changes nothing.
pub(super) async fn fan_out(
    connection: &mut PgConnection,
    events: &[LoggedEvent],
    now: DateTime<Utc>,
) -> Result<(), WebhooksError> {
    let webhooks = webhooks(connection).await?;
    if webhooks.is_empty() {
        return Ok(());
    }
    let mut origins = Origins::default();
    origins.learn(connection, events).await?;
    let mut rows = Columns::default();
    for logged in events {
        let Some(origin) = origins.of(logged.order_id) else { continue };
        let Some(told) = told(logged, origin)? else { continue };
        let wanting = webhooks.iter().filter(|webhook| {
            Some(webhook.partner_id) == origin.partner_id() && webhook.wants(&told.kind)
        });
        for webhook in wanting {
            rows.webhook_ids.push(webhook.id);
            rows.positions.push(logged.position.cast_signed());
            rows.order_ids.push(logged.order_id.as_uuid());
            rows.versions.push(logged.version.cast_signed());
            rows.kinds.push(told.kind.clone());
            rows.moments.push(logged.occurred_at);
        }
    }
    insert(connection, &rows, now).await
}

pub(super) fn told(
    logged: &LoggedEvent,
    origin: &Origin,
) -> Result<Option<partner::PartnerEvent>, WebhooksError> {
    partner::tell(logged, origin).map_err(|error| {
        WebhooksError::Inconsistent(format!("position {}: {error}", logged.position))
    })
}

async fn insert(
    connection: &mut PgConnection,
    rows: &Columns,
    now: DateTime<Utc>,
) -> Result<(), WebhooksError> {
    if rows.positions.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO write.webhook_deliveries
             (webhook_id, position, order_id, version, kind, state, next_attempt, occurred_at)
         SELECT n.webhook_id, n.position, n.order_id, n.version, n.kind, 'waiting', $7, n.occurred_at
         FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[], $5::text[], $6::timestamptz[])
              AS n(webhook_id, position, order_id, version, kind, occurred_at)
         ON CONFLICT (webhook_id, position) DO NOTHING",
        &rows.webhook_ids,
        &rows.positions,
        &rows.order_ids,
        &rows.versions,
        &rows.kinds,
        &rows.moments,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// All of them: partners are few, and have few each. A key lock keeps them until the rows that refer to them are in.
async fn webhooks(connection: &mut PgConnection) -> Result<Vec<Webhook>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT webhook_id, partner_id, event_types FROM write.webhooks WHERE deleted_at IS NULL
         ORDER BY webhook_id FOR KEY SHARE",
    )
    .fetch_all(connection)
    .await?;
    let webhook =
        |id, partner, event_types| Webhook { id, partner_id: PartnerId::new(partner), event_types };
    Ok(rows
        .into_iter()
        .map(|row| webhook(row.webhook_id, row.partner_id, row.event_types))
        .collect())
}
