//! Windows: a minute's events as the log accepted them, against what the timelines have, by number and by the exclusive
//! or of their ids' hashes. Equal sums need no further look; unequal ones name the orders.
//!
//! The watchdog follows the log for this with a cursor of its own, so that no minute is left out while it was down.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Round, WatchdogError};
use crate::follower::Follower;
use crate::log_reader::Head;

/// Orders of windows that do not fit. Events younger than `older` are left for later, and so is what the projector has
/// not dealt with: that it is behind is found as that. When more than `most` orders do not fit, the rest is left for the
/// next round, too.
pub(super) async fn suspects(
    lead: &mut Follower,
    older: DateTime<Utc>,
    most: u32,
    round: &mut Round,
) -> Result<Vec<Uuid>, WatchdogError> {
    let batch = lead.read_heads().await?;
    let checkpoint = sqlx::query_scalar!("SELECT position FROM read.checkpoint")
        .fetch_one(lead.connection())
        .await?;
    let is_due =
        |event: &&Head| event.occurred_at < older && event.position <= checkpoint.cast_unsigned();
    let due: Vec<_> = batch.events.iter().take_while(is_due).collect();
    let Some(last) = due.last().map(|event| event.position) else { return Ok(Vec::new()) };
    round.compared = due.len() as u64;
    let from = lead.cursor();
    let unequal = unequal_minutes(lead, from, last).await?;
    let (suspects, last) =
        if unequal == 0 { (Vec::new(), last) } else { missing(lead, from, last, most).await? };
    // The suspects are looked at again in this very round, and have incidents before it ends. A crash before that
    // leaves them to the slow scan.
    lead.advance(last).await?;
    Ok(suspects)
}

async fn unequal_minutes(lead: &mut Follower, from: u64, to: u64) -> Result<i64, WatchdogError> {
    let unequal = sqlx::query_scalar!(
        r#"SELECT count(*) AS "unequal!" FROM (
               SELECT date_trunc('minute', e.occurred_at) AS minute
               FROM write.order_events AS e
               LEFT JOIN read.timeline AS t ON t.order_id = e.order_id AND t.version = e.version
               WHERE e.position > $1 AND e.position <= $2
               GROUP BY 1
               HAVING count(*) <> count(t.order_id)
                   OR bit_xor(hashtextextended(e.order_id || ':' || e.version, 0))
                      IS DISTINCT FROM bit_xor(hashtextextended(t.order_id || ':' || t.version, 0))
                                       FILTER (WHERE t.order_id IS NOT NULL)
           ) AS minutes"#,
        from.cast_signed(),
        to.cast_signed(),
    )
    .fetch_one(lead.connection())
    .await?;
    Ok(unequal)
}

/// At most so many orders that lack something on their timelines, and up to where these are all.
async fn missing(
    lead: &mut Follower,
    from: u64,
    to: u64,
    most: u32,
) -> Result<(Vec<Uuid>, u64), WatchdogError> {
    let rows = sqlx::query!(
        r#"SELECT e.order_id, min(e.position) AS "first!" FROM write.order_events AS e
           WHERE e.position > $1 AND e.position <= $2 AND NOT EXISTS (
               SELECT FROM read.timeline AS t WHERE t.order_id = e.order_id AND t.version = e.version)
           GROUP BY e.order_id ORDER BY 2 LIMIT $3"#,
        from.cast_signed(),
        to.cast_signed(),
        i64::from(most),
    )
    .fetch_all(lead.connection())
    .await?;
    let is_cut_off = rows.len() >= most as usize;
    let reached = rows.last().filter(|_| is_cut_off).map_or(to, |row| row.first.cast_unsigned());
    Ok((rows.into_iter().map(|row| row.order_id).collect(), reached))
}
