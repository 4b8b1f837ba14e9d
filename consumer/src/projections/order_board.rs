//! Feeds the board, the card, the search and "my work": one row an order.

use shared::order::Order;
use sqlx::PgConnection;
use sqlx::types::Json;
use sqlx::types::chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Folded;

/// The changed orders, a column an array.
#[derive(Default)]
struct Columns<'f> {
    order_ids: Vec<Uuid>,
    versions: Vec<i64>,
    positions: Vec<i64>,
    statuses: Vec<&'static str>,
    since: Vec<DateTime<Utc>>,
    partner_ids: Vec<Option<Uuid>>,
    external_ids: Vec<&'f str>,
    operator_ids: Vec<Option<Uuid>>,
    states: Vec<Json<&'f Order>>,
}

impl<'f> Columns<'f> {
    fn of(folded: &'f Folded<'_>) -> Self {
        let mut columns = Self::default();
        for change in &folded.changes {
            let order = &change.after;
            columns.order_ids.push(order.id.as_uuid());
            columns.versions.push(order.version.cast_signed());
            columns.positions.push(change.position.cast_signed());
            columns.statuses.push(order.status().as_str());
            columns.since.push(order.status_since);
            columns.partner_ids.push(order.origin.partner_id().map(|id| id.as_uuid()));
            columns.external_ids.push(order.origin.external_id());
            columns.operator_ids.push(order.stage.in_hand_of().map(|id| id.as_uuid()));
            columns.states.push(Json(order));
        }
        columns
    }
}

pub(super) async fn write(
    connection: &mut PgConnection,
    folded: &Folded<'_>,
) -> Result<(), sqlx::Error> {
    let columns = Columns::of(folded);
    sqlx::query!(
        r#"
        INSERT INTO orders AS o (order_id, version, position, status, status_since,
                                 partner_id, external_id, operator_id, state)
        SELECT n.order_id, n.version, n.position, n.status, n.status_since,
               n.partner_id, n.external_id, n.operator_id, n.state
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[],
                    $6::uuid[], $7::text[], $8::uuid[], $9::jsonb[])
             AS n(order_id, version, position, status, status_since,
                  partner_id, external_id, operator_id, state)
        ON CONFLICT (order_id) DO UPDATE
        SET version = excluded.version,
            position = excluded.position,
            status = excluded.status,
            status_since = excluded.status_since,
            operator_id = excluded.operator_id,
            state = excluded.state
        "#,
        &columns.order_ids,
        &columns.versions,
        &columns.positions,
        &columns.statuses as &[&str],
        &columns.since,
        &columns.partner_ids as &[Option<Uuid>],
        &columns.external_ids as &[&str],
        &columns.operator_ids as &[Option<Uuid>],
        &columns.states as &[Json<&Order>],
    )
    .execute(connection)
    .await?;
    Ok(())
}
