//! Stations: how many events of a minute the log accepted, and how many of them each later station has, by number and by
//! the exclusive or of their hashes. A minute is counted when it is over and every follower has passed it, so that one
//! that is only behind is no difference; a minute that differs is counted again until it does not.
//!
//! | station | has an event when | who is compared |
//! |---|---|---|
//! | `accepted` | it is in the log | |
//! | `sent-shop`, `sent-crm` | the relay's book says that it was sent, or is nothing for them | `accepted` |
//! | `projected` | it is on the timeline, and the board is not behind it | `accepted` |
//! | `applied-crm` | the CRM has the order in its books | `awaited-crm`: partners' submissions |
//!
//! Whoever lost it names the orders: what is missing in the read model is looked at by [`super::projection`] in the same
//! round, what was not sent and not acknowledged is found by [`super::sent`] and [`super::acknowledgements`].

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use shared::order::HEARTBEAT_PARTNER;
use sqlx::PgPool;
use uuid::Uuid;

use super::Scene;
use crate::relay::book::BLOCK;

/// What it is called where it fails.
pub(super) const NAME: &str = "stations";
/// Minutes that a round counts at most: those of an outage are made up for in as many rounds.
const AT_A_TIME: usize = 5;
/// A minute that differs is counted again after so long, for so long.
const AGAIN: TimeDelta = TimeDelta::seconds(20);
const WATCHED: TimeDelta = TimeDelta::hours(1);
/// A watchdog that was away for longer does not count what happened meanwhile.
const CAUGHT_UP: TimeDelta = TimeDelta::days(1);
/// Counts are kept for so long.
const KEPT: TimeDelta = TimeDelta::days(2);
/// Positions are given before they are committed: a minute's first one may lie so far before the last one of the minute
/// before.
const SLACK: i64 = 10_000;
/// The events of a minute are looked for among so many.
const REACH: i64 = 300_000;
/// The stations, and whose events each of them must have.
pub(super) const STATIONS: [(&str, &str); 6] = [
    ("accepted", "accepted"),
    ("sent-shop", "accepted"),
    ("sent-crm", "accepted"),
    ("projected", "accepted"),
    ("awaited-crm", "awaited-crm"),
    ("applied-crm", "awaited-crm"),
];

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// The events of the last minute that was counted, by station.
    pub last: BTreeMap<&'static str, u64>,
    /// The minutes of the last hour in which a station does not have what it must have.
    pub differing: BTreeMap<&'static str, u64>,
    /// Orders that the read model does not have as the log has them.
    pub suspects: Vec<Uuid>,
}

/// A minute, and where its events are looked for in the log.
#[derive(Debug, Clone, Copy)]
struct Window {
    minute: DateTime<Utc>,
    /// The last event of the minute before.
    before: i64,
    up_to: i64,
}

/// How far every follower is.
struct Reached {
    position: i64,
    /// When the last event happened that all of them have passed.
    at: DateTime<Utc>,
    is_end: bool,
}

/// Counts the minutes that are due, and one of those that differ.
pub(super) async fn count(scene: &Scene<'_>) -> Result<Counted, sqlx::Error> {
    let mut counted = Counted::default();
    let Some(reached) = reached(scene.pool).await? else { return Ok(counted) };
    for _ in 0..AT_A_TIME {
        let Some(window) = next(scene, &reached).await? else { break };
        let end = window.minute + TimeDelta::minutes(1);
        let is_over = end <= scene.before(scene.config.window_seconds);
        if !is_over || (reached.at < end && !reached.is_end) {
            break;
        }
        counted.last = count_minute(scene, window).await?;
    }
    if let Some(window) = to_be_repeated(scene).await? {
        count_minute(scene, window).await?;
    }
    counted.differing = differing(scene).await?;
    if counted.differing.contains_key("projected") {
        counted.suspects = unprojected(scene).await?;
    }
    forget_old(scene).await?;
    Ok(counted)
}

async fn reached(pool: &PgPool) -> Result<Option<Reached>, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT e.position, e.occurred_at,
                  NOT EXISTS (SELECT FROM write.order_events AS n WHERE n.position > e.position) AS "is_end!"
           FROM write.order_events AS e
           WHERE e.position <= (SELECT least(c.position,
                   coalesce((SELECT f.cursor FROM write.followers AS f WHERE f.name = 'relay:shop'), 0),
                   coalesce((SELECT f.cursor FROM write.followers AS f WHERE f.name = 'relay:crm'), 0))
               FROM read.checkpoint AS c)
           ORDER BY e.position DESC LIMIT 1"#,
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Reached { position: row.position, at: row.occurred_at, is_end: row.is_end }))
}

/// The minute after the last one that was counted; if that was long ago, the first one within reach.
async fn next(scene: &Scene<'_>, reached: &Reached) -> Result<Option<Window>, sqlx::Error> {
    let oldest = minute_of(scene.now - CAUGHT_UP);
    let known = sqlx::query!(
        "SELECT minute, last_position FROM write.station_minutes
         WHERE station = 'accepted' AND minute >= $1 ORDER BY minute DESC LIMIT 1",
        oldest,
    )
    .fetch_optional(scene.pool)
    .await?;
    if let Some(known) = known {
        let (minute, before) = (known.minute + TimeDelta::minutes(1), known.last_position);
        return Ok(Some(Window { minute, before, up_to: reached.position.min(before + REACH) }));
    }
    let before = (reached.position - REACH).max(0);
    let first = sqlx::query_scalar!(
        "SELECT occurred_at FROM write.order_events WHERE position > $1 ORDER BY position LIMIT 1",
        before,
    )
    .fetch_optional(scene.pool)
    .await?;
    let up_to = reached.position;
    Ok(first.map(|at| Window { minute: minute_of(at).max(oldest), before, up_to }))
}

fn minute_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}

/// One snapshot of all stations; answers with their events.
async fn count_minute(
    scene: &Scene<'_>,
    window: Window,
) -> Result<BTreeMap<&'static str, u64>, sqlx::Error> {
    let names = STATIONS.map(|(name, _)| name);
    // What the book does not hold any more, or began behind, was sent.
    let rows = sqlx::query!(
        r#"WITH events AS MATERIALIZED (
               SELECT e.order_id, e.version, e.position, e.kind,
                      hashtextextended(e.order_id || ':' || e.version, 0) AS hash
               FROM write.order_events AS e
               WHERE e.position > $2::bigint - $8::bigint AND e.position <= $3
                 AND e.occurred_at >= $1 AND e.occurred_at < $1 + interval '1 minute'
           ),
           awaited AS MATERIALIZED (
               SELECT e.hash, o.order_id, o.status
               FROM events AS e JOIN write.orders AS o ON o.order_id = e.order_id
               WHERE e.kind = 'submitted' AND o.state->'origin'->>'channel' = 'partner'
                 AND o.state->'origin'->>'partner_id' <> $5
           ),
           books AS MATERIALIZED (
               SELECT n.recipient, coalesce((SELECT min(s.block) FROM write.sent_positions AS s
                                             WHERE s.recipient = n.recipient), 9223372036854775807) AS oldest
               FROM unnest(ARRAY['shop', 'crm']) AS n (recipient)
           ),
           had AS (
               SELECT 'accepted' AS station, e.hash FROM events AS e
               UNION ALL
               SELECT 'sent-' || b.recipient, e.hash
               FROM events AS e CROSS JOIN books AS b
               LEFT JOIN write.sent_positions AS s ON s.recipient = b.recipient AND s.block = e.position / $6
               WHERE get_bit(s.sent, (e.position % $6)::integer) = 1
                  OR s.block IS NULL AND e.position / $6 < b.oldest
               UNION ALL
               SELECT 'projected', e.hash
               FROM events AS e
               JOIN read.timeline AS t ON t.order_id = e.order_id AND t.version = e.version
               JOIN read.orders AS r ON r.order_id = e.order_id AND r.version >= e.version
               UNION ALL
               SELECT 'awaited-crm', a.hash FROM awaited AS a
               UNION ALL
               SELECT 'applied-crm', a.hash FROM awaited AS a
               WHERE a.status NOT IN ('SUBMITTED', 'PRICE_CALCULATED')
                  OR EXISTS (SELECT FROM write.acknowledgements AS k
                             WHERE k.order_id = a.order_id AND k.recipient = 'crm')
           )
           INSERT INTO write.station_minutes AS m
               (minute, station, events, checksum, last_position, counted_at)
           SELECT $1, n.station, count(had.hash), coalesce(bit_xor(had.hash), 0),
                  coalesce((SELECT max(e.position) FROM events AS e), $2), $4::timestamptz
           FROM unnest($7::text[]) AS n (station) LEFT JOIN had ON had.station = n.station
           GROUP BY n.station
           ON CONFLICT (minute, station) DO UPDATE
           SET events = excluded.events, checksum = excluded.checksum, counted_at = excluded.counted_at
           RETURNING m.station, m.events"#,
        window.minute,
        window.before,
        window.up_to,
        scene.now,
        HEARTBEAT_PARTNER.to_string(),
        BLOCK.cast_signed(),
        &names as &[&str],
        SLACK,
    )
    .fetch_all(scene.pool)
    .await?;
    let events = |row: (String, i64)| Some((known(&row.0)?, row.1.cast_unsigned()));
    Ok(rows.into_iter().filter_map(|row| events((row.station, row.events))).collect())
}

/// The minute that differs and was not counted for the longest time.
async fn to_be_repeated(scene: &Scene<'_>) -> Result<Option<Window>, sqlx::Error> {
    let (stations, bases) = columns();
    let row = sqlx::query!(
        r#"SELECT m.minute, m.last_position,
                  coalesce((SELECT p.last_position FROM write.station_minutes AS p
                            WHERE p.station = 'accepted' AND p.minute < m.minute
                            ORDER BY p.minute DESC LIMIT 1), m.last_position - $5) AS "before!"
           FROM unnest($1::text[], $2::text[]) AS n (station, base)
           JOIN write.station_minutes AS m ON m.station = n.station AND m.minute > $3
           JOIN write.station_minutes AS b ON b.station = n.base AND b.minute = m.minute
           WHERE m.counted_at <= $4 AND (m.events, m.checksum) <> (b.events, b.checksum)
           ORDER BY m.counted_at LIMIT 1"#,
        &stations as &[&str],
        &bases as &[&str],
        scene.now - WATCHED,
        scene.now - AGAIN,
        REACH,
    )
    .fetch_optional(scene.pool)
    .await?;
    Ok(row.map(|row| Window { minute: row.minute, before: row.before, up_to: row.last_position }))
}

async fn differing(scene: &Scene<'_>) -> Result<BTreeMap<&'static str, u64>, sqlx::Error> {
    let (stations, bases) = columns();
    let rows = sqlx::query!(
        r#"SELECT m.station, count(*) AS "minutes!"
           FROM unnest($1::text[], $2::text[]) AS n (station, base)
           JOIN write.station_minutes AS m ON m.station = n.station AND m.minute > $3
           JOIN write.station_minutes AS b ON b.station = n.base AND b.minute = m.minute
           WHERE (m.events, m.checksum) <> (b.events, b.checksum)
           GROUP BY m.station"#,
        &stations as &[&str],
        &bases as &[&str],
        scene.now - WATCHED,
    )
    .fetch_all(scene.pool)
    .await?;
    let rows = rows.into_iter();
    Ok(rows.filter_map(|row| Some((known(&row.station)?, row.minutes.cast_unsigned()))).collect())
}

/// The orders of the minutes that differ in the read model.
async fn unprojected(scene: &Scene<'_>) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "WITH minutes AS MATERIALIZED (
             SELECT a.minute, a.last_position,
                    coalesce((SELECT p.last_position FROM write.station_minutes AS p
                              WHERE p.station = 'accepted' AND p.minute < a.minute
                              ORDER BY p.minute DESC LIMIT 1), a.last_position - $3) AS before
             FROM write.station_minutes AS a
             JOIN write.station_minutes AS b ON b.minute = a.minute AND b.station = 'projected'
             WHERE a.station = 'accepted' AND a.minute > $1
               AND (a.events, a.checksum) <> (b.events, b.checksum)
             ORDER BY a.minute LIMIT 5
         )
         SELECT DISTINCT e.order_id
         FROM minutes AS m
         JOIN write.order_events AS e
           ON e.position > m.before - $4 AND e.position <= m.last_position
          AND e.occurred_at >= m.minute AND e.occurred_at < m.minute + interval '1 minute'
         WHERE NOT EXISTS (
             SELECT FROM read.timeline AS t
             JOIN read.orders AS r ON r.order_id = t.order_id AND r.version >= t.version
             WHERE t.order_id = e.order_id AND t.version = e.version)
         LIMIT $2",
        scene.now - WATCHED,
        scene.limit(),
        REACH,
        SLACK,
    )
    .fetch_all(scene.pool)
    .await
}

async fn forget_old(scene: &Scene<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!("DELETE FROM write.station_minutes WHERE minute < $1", scene.now - KEPT)
        .execute(scene.pool)
        .await?;
    Ok(())
}

fn columns() -> ([&'static str; 6], [&'static str; 6]) {
    (STATIONS.map(|(station, _)| station), STATIONS.map(|(_, base)| base))
}

fn known(station: &str) -> Option<&'static str> {
    STATIONS.into_iter().map(|(name, _)| name).find(|name| *name == station)
}
