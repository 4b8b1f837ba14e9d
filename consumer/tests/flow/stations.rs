//! What is silently missing at a station of a minute is named when the minute is over, and not before.

use std::collections::BTreeMap;

use shared::order::samples;
use sqlx::PgPool;

use crate::log;
use crate::watchdog::Watched;

/// The sample moment is second 40 of its minute, and a minute is counted 10 seconds after it was over.
const UNTIL_COUNTED: i64 = 30;
/// A minute that differs is counted again after so long.
const UNTIL_COUNTED_AGAIN: i64 = 20;

/// The events of each station in the minute of the sample moment.
async fn counts(pool: &PgPool) -> BTreeMap<String, i64> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT station, events FROM write.station_minutes WHERE minute = date_trunc('minute', $1)",
    )
    .bind(samples::moment())
    .fetch_all(pool)
    .await
    .unwrap();
    rows.into_iter().collect()
}

async fn last_position(watched: &Watched) -> i64 {
    let mut connection = watched.world.database.connection().await;
    log::last_position(&mut connection).await.cast_signed()
}

fn all_have(events: i64, awaited: i64) -> BTreeMap<String, i64> {
    let both = ["accepted", "sent-shop", "sent-crm", "projected"].map(|name| (name, events));
    let asked = ["awaited-crm", "applied-crm"].map(|name| (name, awaited));
    both.into_iter().chain(asked).map(|(name, count)| (name.to_owned(), count)).collect()
}

#[tokio::test]
async fn each_station_has_the_events_of_a_minute_that_is_over() {
    let mut watched = Watched::new().await;
    let mut connection = watched.world.database.connection().await;
    watched.submit_of_shop(1).await;
    let partners = watched.submit_of_partner(2).await;
    log::live(&mut connection, 4, 11).await;
    watched.settle().await;
    watched.acknowledge(1, partners).await;
    watched.look_after(UNTIL_COUNTED - 1).await;
    assert_eq!(counts(&watched.world.pool).await, BTreeMap::new(), "it is not over");
    let round = watched.look_after(1).await;
    let all = last_position(&watched).await;
    assert_eq!(counts(&watched.world.pool).await, all_have(all, 1));
    assert_eq!((round.stations["accepted"], round.differing), (all.unsigned_abs(), [].into()));
    // The next minutes have nothing, and what is old goes.
    let round = watched.look_after(180).await;
    assert_eq!((round.stations["accepted"], round.differing), (0, [].into()));
    watched.look_after(2 * 86_400).await;
    assert_eq!(counts(&watched.world.pool).await, BTreeMap::new());
}

#[tokio::test]
async fn a_follower_that_is_only_behind_makes_no_minute_differ() {
    let mut watched = Watched::new().await;
    watched.submit_of_shop(1).await;
    watched.settle().await;
    watched.submit_of_shop(2).await;
    watched.relay_all().await;
    watched.look_after(UNTIL_COUNTED).await;
    assert_eq!(
        counts(&watched.world.pool).await,
        BTreeMap::new(),
        "the projector has not passed it"
    );
    watched.settle().await;
    let round = watched.look().await;
    let all = last_position(&watched).await;
    assert_eq!((counts(&watched.world.pool).await, round.differing), (all_have(all, 0), [].into()));
}

/// Nobody else would find it for a while: the window of its events has passed, the order is closed, and the slow scan is elsewhere.
#[tokio::test]
async fn a_closed_orders_row_that_vanished_is_named_by_its_minute() {
    let mut watched = Watched::new().await;
    let mut connection = watched.world.database.connection().await;
    let closed = log::live(&mut connection, 4, 11).await;
    log::live(&mut connection, 5, 11).await;
    watched.settle().await;
    watched.look_after(UNTIL_COUNTED - 5).await;
    let scan_elsewhere =
        "UPDATE write.watchdog_beats SET scanned = 'ffffffff-ffff-ffff-ffff-ffffffffffff'";
    watched.world.run("DELETE FROM read.orders WHERE external_id = 'X-4'").await;
    watched.world.run(scan_elsewhere).await;
    assert_eq!(watched.look().await.open, [].into(), "the others do not see it");

    watched.world.run(scan_elsewhere).await;
    let round = watched.look_after(5).await;
    assert_eq!(round.differing, [("projected", 1)].into());
    assert_eq!(round.open["read-row-missing"], 1);
    let named: String = sqlx::query_scalar("SELECT subject FROM write.incidents")
        .fetch_one(&watched.world.pool)
        .await
        .unwrap();
    assert_eq!(named, closed.id.to_string());
    let round = watched.look_after(UNTIL_COUNTED_AGAIN).await;
    assert_eq!((round.healed, round.differing), (1, [].into()));
}

#[tokio::test]
async fn an_event_that_was_not_sent_makes_its_minute_differ_and_is_named() {
    let mut watched = Watched::new().await;
    watched.submit_of_shop(1).await;
    watched.submit_of_shop(2).await;
    watched.settle().await;
    watched
        .world
        .run(
            "UPDATE write.sent_positions SET sent = set_bit(sent, (
                 SELECT max(position)::int FROM write.order_events), 0)
             WHERE recipient = 'shop'",
        )
        .await;
    let round = watched.look_after(UNTIL_COUNTED).await;
    assert_eq!((round.differing, round.open["not-sent"]), ([("sent-shop", 1)].into(), 1));
    watched.relay_all().await;
    let round = watched.look_after(UNTIL_COUNTED_AGAIN).await;
    assert_eq!((round.healed, round.differing), (1, [].into()));
}

#[tokio::test]
async fn an_order_that_the_crm_has_not_taken_makes_its_minute_differ_and_is_named() {
    let mut watched = Watched::new().await;
    let order_id = watched.submit_of_partner(1).await;
    watched.submit_of_shop(2).await;
    watched.settle().await;
    let round = watched.look_after(UNTIL_COUNTED).await;
    assert_eq!((round.differing, round.open["not-acknowledged"]), ([("applied-crm", 1)].into(), 1));
    watched.acknowledge(1, order_id).await;
    watched.relay_all().await;
    let round = watched.look_after(UNTIL_COUNTED_AGAIN).await;
    assert_eq!((round.healed, round.differing), (1, [].into()));
}
