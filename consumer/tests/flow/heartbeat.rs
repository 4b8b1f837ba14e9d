//! An order of our own walks the whole way, and nobody is to work on it.

use std::str::FromStr;
use std::sync::Arc;

use consumer::announcer::Announcer;
use consumer::follower::LogAccess;
use consumer::heartbeat::{Heartbeat, HeartbeatConfig, Stage};
use consumer::projector::{Projector, ProjectorConfig};
use consumer::relay::Route;
use object_store::memory::InMemory;
use pricing::rate_card::RateCard;
use shared::actor::Actor;
use shared::contracts::outbound::Recipient;
use shared::ids::TimeOrderedIds;
use shared::order::{Origin, samples};
use shared::platform::shutdown::Shutdown;
use sqlx::types::Json;
use testkit::DatabaseRole;
use tokio::sync::Notify;
use write_api::commands::SubmitOrder;
use write_api::store::{Cause, CommandContext, Store};

use crate::pricer::config;
use crate::projector::assert_true_to_the_log;
use crate::world::World;

fn heartbeat(world: &World, models: &Arc<InMemory>, patience_seconds: u32) -> Heartbeat {
    let config = HeartbeatConfig { every_seconds: 60, patience_seconds, poll_ms: 5 };
    Heartbeat::new(access(world), store(world), models.clone(), config)
}

fn access(world: &World) -> LogAccess {
    let url = world.database.url(DatabaseRole::Consumer);
    let options = sqlx::postgres::PgConnectOptions::from_str(&url).unwrap();
    LogAccess::new(&options, 100, Arc::new(world.clock.clone()))
}

fn store(world: &World) -> Store {
    let pool = world.database.pool(DatabaseRole::Consumer);
    Store::new(pool, Arc::new(world.clock.clone()), Arc::new(TimeOrderedIds))
}

const OPEN: &str = "SELECT count(*) FROM write.incidents WHERE status = 'escalated'
                    AND cause = 'heartbeat-late' AND evidence->>'missing' = 'priced'";

#[tokio::test]
async fn a_heartbeat_goes_the_whole_way_or_is_an_incident() {
    let world = World::new().await;
    sqlx::query(
        "INSERT INTO write.rate_cards (document, valid_from, created_by, created_at)
         VALUES ($1, '2000-01-01', '{}', '2000-01-01')",
    )
    .bind(Json(RateCard::sample()))
    .execute(&world.pool)
    .await
    .unwrap();
    let models = Arc::new(InMemory::new());
    let late = heartbeat(&world, &models, 0).beat().await.unwrap().expect("it leads");
    assert_eq!((late.missing, late.passed.len()), (Some(Stage::Priced), 1));
    assert_eq!(world.count(OPEN).await, 1, "nobody prices");

    let shutdown = Shutdown::new();
    let pricer = consumer::pricer::Pricer::new(store(&world), models.clone(), config()).unwrap();
    pricer.run(&shutdown, &Arc::new(Notify::new()));
    world.relay().run(&shutdown);
    let config = ProjectorConfig::default();
    let projector = Projector::new(&access(&world), config, Announcer::silent());
    shutdown.spawn(projector.run(shutdown.soft().clone()));
    // The one of before gave up its lead when it was dropped, which the server notices in its own time.
    let mut heartbeat = heartbeat(&world, &models, 60);
    let through = loop {
        if let Some(beat) = heartbeat.beat().await.unwrap() {
            break beat;
        }
        tokio::task::yield_now().await;
    };
    let stages: Vec<Stage> = through.passed.iter().map(|(stage, _)| *stage).collect();
    assert_eq!(stages, [Stage::Accepted, Stage::Priced, Stage::Sent, Stage::Projected]);
    assert_eq!(world.count(OPEN).await, 0, "it is healed");
    shutdown.stop();
    shutdown.drain(testkit::PATIENCE).await;

    let mut projector =
        Projector::new(&access(&world), ProjectorConfig::default(), Announcer::silent());
    projector.drain().await.unwrap();
    assert_true_to_the_log(&mut world.database.connection().await).await;
    let counted = "SELECT count(*) FROM read.status_counts WHERE scope = 'all' AND orders > 0";
    assert_eq!(world.count(counted).await, 0, "it is no order of the house");
    // The CRM's first message is of the first order that somebody made.
    let command = SubmitOrder {
        origin: Origin::Shop { external_id: "S-1".to_owned() },
        spec: samples::spec(),
    };
    let context = CommandContext {
        actor: Actor::Shop,
        cause: Cause::new("shop", "submit-1", &[]),
        trace_context: None,
        expected_version: None,
    };
    store(&world).execute(&context, &command).await.unwrap();
    world.relay().drain(Route::To(Recipient::Crm)).await.unwrap();
    assert_eq!(world.receive("mes.to.crm", 1).await[0]["data"]["external_id"], "S-1");
}
