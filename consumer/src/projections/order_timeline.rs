//! Feeds the timeline: one row an event, with the status that holds after it.

use serde_json::Value;
use shared::actor::Actor;
use shared::platform::telemetry::trace_id_of;
use sqlx::PgConnection;
use sqlx::types::Json;
use sqlx::types::chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Folded;

/// The new entries, a column an array.
#[derive(Default)]
struct Columns<'f> {
    order_ids: Vec<Uuid>,
    versions: Vec<i64>,
    positions: Vec<i64>,
    kinds: Vec<&'static str>,
    statuses: Vec<&'static str>,
    actors: Vec<Json<&'f Actor>>,
    data: Vec<Value>,
    trace_ids: Vec<Option<String>>,
    moments: Vec<DateTime<Utc>>,
}

impl<'f> Columns<'f> {
    fn of(folded: &'f Folded<'_>) -> Result<Self, serde_json::Error> {
        let mut columns = Self::default();
        for entry in &folded.entries {
            let logged = entry.event;
            let (kind, data) = logged.event.to_columns()?;
            columns.order_ids.push(logged.order_id.as_uuid());
            columns.versions.push(logged.version.cast_signed());
            columns.positions.push(logged.position.cast_signed());
            columns.kinds.push(kind);
            columns.statuses.push(entry.status.as_str());
            columns.actors.push(Json(&logged.actor));
            columns.data.push(data);
            columns.trace_ids.push(logged.trace_context.as_deref().and_then(trace_id_of));
            columns.moments.push(logged.occurred_at);
        }
        Ok(columns)
    }
}

pub(super) async fn write(
    connection: &mut PgConnection,
    folded: &Folded<'_>,
) -> Result<(), sqlx::Error> {
    let columns = Columns::of(folded).map_err(|error| sqlx::Error::Encode(error.into()))?;
    // No `ON CONFLICT`: what was seen before is not in the batch, and anything else must be heard of.
    sqlx::query!(
        r#"
        INSERT INTO timeline (order_id, version, position, kind, status, actor, data, trace_id, occurred_at)
        SELECT n.order_id, n.version, n.position, n.kind, n.status, n.actor, n.data, n.trace_id, n.occurred_at
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[],
                    $6::jsonb[], $7::jsonb[], $8::text[], $9::timestamptz[])
             AS n(order_id, version, position, kind, status, actor, data, trace_id, occurred_at)
        "#,
        &columns.order_ids,
        &columns.versions,
        &columns.positions,
        &columns.kinds as &[&str],
        &columns.statuses as &[&str],
        &columns.actors as &[Json<&Actor>],
        &columns.data,
        &columns.trace_ids as &[Option<String>],
        &columns.moments,
    )
    .execute(connection)
    .await?;
    Ok(())
}
