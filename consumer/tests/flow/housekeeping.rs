//! What has served goes when it is old, and nothing else does.

use chrono::TimeDelta;
use consumer::housekeeping::{HousekeepingConfig, Tidied, tidy};
use shared::contracts::samples::quote_requested;
use sqlx::types::Json;

use crate::world::World;

const KEEP: HousekeepingConfig = HousekeepingConfig { causes_days: 90, quotes_days: 180 };

async fn count(world: &World, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&world.pool).await.unwrap()
}

#[tokio::test]
async fn old_answers_and_settled_quotes_go_and_what_somebody_waits_for_stays() {
    let world = World::new().await;
    world.tell(0, &[quote_requested()]).await;
    world.intake().take_in(1).await.unwrap();
    let waiting =
        count(&world, "SELECT count(*) FROM write.quotes WHERE state = 'requested'").await;
    assert_eq!(waiting, 1);
    settle_copy_of_quote(&world).await;
    let causes = count(&world, "SELECT count(*) FROM write.causes").await;
    assert!(causes > 0);

    world.clock.advance(TimeDelta::days(89));
    let nothing = Tidied { causes: 0, quotes: 0 };
    assert_eq!(tidy(&world.store(), KEEP).await.unwrap(), nothing);

    world.clock.advance(TimeDelta::days(2));
    let answers = Tidied { causes: causes.unsigned_abs(), quotes: 0 };
    assert_eq!(tidy(&world.store(), KEEP).await.unwrap(), answers);

    world.clock.advance(TimeDelta::days(100));
    assert_eq!(tidy(&world.store(), KEEP).await.unwrap(), Tidied { causes: 0, quotes: 1 });
    let left = count(&world, "SELECT count(*) FROM write.quotes WHERE state = 'requested'").await;
    assert_eq!((left, count(&world, "SELECT count(*) FROM write.quotes").await), (1, 1));
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
