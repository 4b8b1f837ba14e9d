//! What has served goes when it is old, and nothing else does.

use chrono::TimeDelta;
use consumer::housekeeping::{HousekeepingConfig, Tidied, tidy};
use shared::clock::Clock;
use shared::contracts::samples::quote_requested;
use sqlx::types::Json;

use crate::world::World;

const KEEP: HousekeepingConfig =
    HousekeepingConfig { causes_days: 90, quotes_days: 180, incidents_days: 90 };

#[tokio::test]
async fn old_answers_and_settled_quotes_go_and_what_somebody_waits_for_stays() {
    let world = World::new().await;
    world.tell(0, &[quote_requested()]).await;
    world.intake().take_in(1).await.unwrap();
    let waiting = world.count("SELECT count(*) FROM write.quotes WHERE state = 'requested'").await;
    assert_eq!(waiting, 1);
    settle_copy_of_quote(&world).await;
    let causes = world.count("SELECT count(*) FROM write.causes").await;
    assert!(causes > 0);

    world.clock.advance(TimeDelta::days(89));
    let nothing = Tidied { causes: 0, quotes: 0, incidents: 0 };
    assert_eq!(tidy(&world.store(), KEEP).await.unwrap(), nothing);

    world.clock.advance(TimeDelta::days(2));
    let answers = Tidied { causes: causes.unsigned_abs(), ..nothing };
    assert_eq!(tidy(&world.store(), KEEP).await.unwrap(), answers);

    world.clock.advance(TimeDelta::days(100));
    assert_eq!(tidy(&world.store(), KEEP).await.unwrap(), Tidied { quotes: 1, ..nothing });
    let left = world.count("SELECT count(*) FROM write.quotes WHERE state = 'requested'").await;
    assert_eq!((left, world.count("SELECT count(*) FROM write.quotes").await), (1, 1));
}

#[tokio::test]
async fn healed_incidents_go_after_their_time_and_open_ones_never() {
    let world = World::new().await;
    sqlx::query(
        "INSERT INTO write.incidents (incident_id, subject_kind, subject, cause, status, owner, evidence, opened_at,
                                      last_seen_at, deadline, closed_at)
         SELECT gen_random_uuid(), 'order', n.subject, 'overdue', n.status, 'seller', '{}', $1, $1, $1, n.closed_at
         FROM (VALUES ('healed at once', 'healed', $1), ('healed late', 'healed', $1 + interval '30 days'),
                      ('never healed', 'escalated', NULL)) AS n (subject, status, closed_at)",
    )
    .bind(world.clock.now())
    .execute(&world.pool)
    .await
    .unwrap();
    let mut gone = Vec::new();
    for days in [89, 2, 30, 1_000] {
        world.clock.advance(TimeDelta::days(days));
        gone.push(tidy(&world.store(), KEEP).await.unwrap().incidents);
    }
    assert_eq!(gone, [0, 1, 1, 0]);
    assert_eq!(world.count("SELECT count(*) FROM write.incidents").await, 1);
}

/// A second quote, cancelled and told.
async fn settle_copy_of_quote(world: &World) {
    sqlx::query(
        "INSERT INTO write.quotes (quote_id, requester, model_id, state, revision, quote, created_at, changed_at,
                                   announced_revision, announce_at)
         SELECT gen_random_uuid(), requester, model_id, 'cancelled', revision, $1, created_at, changed_at,
                revision, announce_at
         FROM write.quotes",
    )
    .bind(Json("as it was"))
    .execute(&world.pool)
    .await
    .unwrap();
}
