//! Feeds the partners' feed: one row for each event that an order's partner is told of.

use shared::contracts::partner;
use sqlx::PgConnection;
use sqlx::types::chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Folded, ProjectionError};

/// The new rows, a column an array.
#[derive(Default)]
struct Columns {
    partner_ids: Vec<Uuid>,
    positions: Vec<i64>,
    events: Vec<String>,
    moments: Vec<DateTime<Utc>>,
}

impl Columns {
    fn of(folded: &Folded<'_>) -> Result<Self, serde_json::Error> {
        let mut columns = Self::default();
        let orders = folded.changes.iter().map(|change| (change.after.id, &change.after.origin));
        let origins: std::collections::HashMap<_, _> = orders.collect();
        for entry in &folded.entries {
            let logged = entry.event;
            let Some(origin) = origins.get(&logged.order_id) else { continue };
            let Some(partner_id) = origin.partner_id() else { continue };
            let Some(told) = partner::tell(logged, origin)? else { continue };
            columns.partner_ids.push(partner_id.as_uuid());
            columns.positions.push(logged.position.cast_signed());
            columns.events.push(serde_json::to_string(&told)?);
            columns.moments.push(logged.occurred_at);
        }
        Ok(columns)
    }
}

pub(super) async fn write(
    connection: &mut PgConnection,
    folded: &Folded<'_>,
) -> Result<(), ProjectionError> {
    let columns = Columns::of(folded).map_err(|error| sqlx::Error::Encode(error.into()))?;
    if columns.positions.is_empty() {
        return Ok(());
    }
    // No `ON CONFLICT`: what was seen before is not in the batch, and anything else must be heard of.
    sqlx::query!(
        "INSERT INTO partner_feed (partner_id, position, event, occurred_at)
         SELECT n.partner_id, n.position, n.event::json, n.occurred_at
         FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[])
              AS n(partner_id, position, event, occurred_at)",
        &columns.partner_ids,
        &columns.positions,
        &columns.events,
        &columns.moments,
    )
    .execute(connection)
    .await?;
    Ok(())
}
