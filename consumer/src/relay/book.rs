//! What the relay writes down of what it sent, for those who look whether anything was lost on the way: a bit for each
//! position and recipient (`write.sent_positions`), and the orders that the recipient must acknowledge
//! (`write.awaited_acknowledgements`).
//!
//! Both are written in the transaction that moves the cursor, or before a parked row goes: what is neither noted here
//! nor parked was not sent.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use shared::ids::OrderId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::route::Route;

/// Positions in a row; also in the migration.
pub(crate) const BLOCK: u64 = 1_024;
/// So many blocks behind the cursor are kept when they are whole; older ones tell nothing.
pub(crate) const KEPT_BLOCKS: u64 = 64;

/// Which positions of each block are set, as PostgreSQL writes bits: the first character is bit 0.
fn masks(positions: impl Iterator<Item = u64>) -> (Vec<i64>, Vec<String>) {
    let mut blocks: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for position in positions {
        blocks.entry(position / BLOCK).or_default().insert(position % BLOCK);
    }
    let bit = |is_set: bool| if is_set { '1' } else { '0' };
    let text = |set: BTreeSet<u64>| (0..BLOCK).map(|each| bit(set.contains(&each))).collect();
    blocks.into_iter().map(|(block, set)| (block.cast_signed(), text(set))).unzip()
}

/// The book begins where its first keeper stands: what was sent before is not its business.
pub(super) async fn begin(
    connection: &mut PgConnection,
    route: Route,
    cursor: u64,
) -> Result<(), sqlx::Error> {
    let first = cursor - cursor % BLOCK;
    let (blocks, masks) = masks(first..=cursor);
    sqlx::query!(
        "INSERT INTO write.sent_positions (recipient, block, sent)
         SELECT $1, n.block, n.mask::bit(1024) FROM unnest($2::bigint[], $3::text[]) AS n (block, mask)
         WHERE NOT EXISTS (SELECT FROM write.sent_positions AS s WHERE s.recipient = $1)
         ON CONFLICT (recipient, block) DO NOTHING",
        route.name(),
        &blocks,
        &masks,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// These positions are dealt with.
pub(super) async fn note(
    connection: &mut PgConnection,
    route: Route,
    positions: impl Iterator<Item = u64>,
) -> Result<(), sqlx::Error> {
    let (blocks, masks) = masks(positions);
    if blocks.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO write.sent_positions AS s (recipient, block, sent)
         SELECT $1, n.block, n.mask::bit(1024) FROM unnest($2::bigint[], $3::text[]) AS n (block, mask)
         ON CONFLICT (recipient, block) DO UPDATE SET sent = s.sent | excluded.sent",
        route.name(),
        &blocks,
        &masks,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A new block begins: whole ones that lie far behind are not needed any more.
pub(super) async fn forget_old(
    connection: &mut PgConnection,
    route: Route,
    cursor: u64,
) -> Result<(), sqlx::Error> {
    let oldest = (cursor / BLOCK).saturating_sub(KEPT_BLOCKS);
    sqlx::query!(
        "DELETE FROM write.sent_positions WHERE recipient = $1 AND block < $2 AND is_whole",
        route.name(),
        oldest.cast_signed(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The recipient must say of these orders that it has them.
pub(super) async fn await_acknowledgements(
    connection: &mut PgConnection,
    route: Route,
    orders: &[OrderId],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if orders.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = orders.iter().map(OrderId::as_uuid).collect();
    sqlx::query!(
        "INSERT INTO write.awaited_acknowledgements (order_id, recipient, sent_at)
         SELECT n.order_id, $2, $3 FROM unnest($1::uuid[]) AS n (order_id)
         ON CONFLICT (order_id, recipient) DO NOTHING",
        &ids,
        route.name(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_position_is_one_bit_of_its_block() {
        let (blocks, masks) = masks([1_023, 1_024, 1_026].into_iter());
        assert_eq!(blocks, [0, 1]);
        assert!(masks.iter().all(|mask| mask.len() == 1_024));
        assert_eq!((masks[0].find('1'), masks[0].matches('1').count()), (Some(1_023), 1));
        assert_eq!((&masks[1][..4], masks[1].matches('1').count()), ("1010", 2));
    }
}
