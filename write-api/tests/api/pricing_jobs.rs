//! Pricing jobs as the pricer meets them: lanes, fairness, leases, attempts.

use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::future::join_all;
use shared::actor::Actor;
use shared::clock::{Clock, SystemClock};
use shared::ids::ModelId;
use shared::order::events::OrderEvent;
use shared::order::spec::WorkSpec;
use shared::order::stage::{PricingState, Stage};
use shared::order::{Origin, Status, samples};
use testkit::ManualClock;
use uuid::Uuid;
use write_api::commands::{CommandAnswer, SubmitOrder};
use write_api::store::{Cause, CommandContext, Lane, NextJob, Progress, Store};

use crate::support::{Caller, LEASE, TERMS, TestApp, claimed, new_key, order_body};

const HALFWAY: Progress = Progress { phase: "analysing", percent: 50 };

/// A pricer whose clock the test moves; it stands later than every submission.
fn pricer(app: &TestApp) -> (Store, ManualClock) {
    let clock = ManualClock::at(SystemClock.now() + TimeDelta::hours(1));
    (app.store_at(Arc::new(clock.clone())), clock)
}

async fn submitted(app: &TestApp, partner: &Caller, model_id: &str) -> Uuid {
    app.submit(partner, order_body(model_id)).await.order_id()
}

/// A model of this size, known without its bytes: lanes look at the count alone.
async fn model_with_facets(app: &TestApp, facets: i64) -> String {
    let id = format!("{facets:064x}");
    sqlx::query(
        "INSERT INTO write.models (model_id, bytes, format, facets, uploaded_by, created_at)
         VALUES ($1, 1, 'stl-binary', $2, '{}', now())",
    )
    .bind(&id)
    .bind(facets)
    .execute(&mut app.database.connection().await)
    .await
    .expect("a model can be added");
    id
}

async fn submitted_by_shop(app: &TestApp, model_id: &str) -> Uuid {
    let model_id = ModelId::try_from(model_id.to_owned()).expect("a model id");
    let command = SubmitOrder {
        origin: Origin::Shop { external_id: new_key() },
        spec: WorkSpec { model_id, ..samples::spec() },
    };
    let context = CommandContext {
        actor: Actor::Shop,
        cause: Cause::new("shop", new_key(), &[]),
        trace_context: None,
        expected_version: None,
    };
    let handled = app.store().execute(&context, &command).await.expect("it is submitted");
    let answer: CommandAnswer = serde_json::from_str(handled.answer.get()).expect("an answer");
    answer.order.order_id.as_uuid()
}

async fn pricing_state(app: &TestApp, order_id: Uuid) -> PricingState {
    match app.row_of(order_id).await.stage {
        Stage::Submitted { pricing, .. } => pricing.state,
        stage => panic!("the order has moved on: {stage:?}"),
    }
}

#[tokio::test]
async fn a_job_waits_in_the_lane_of_its_channel_and_length() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let model = |facets| model_with_facets(&app, facets);
    let expected = [
        (Lane::ShopShort, submitted_by_shop(&app, &model(199_999).await).await),
        (Lane::ShopLong, submitted_by_shop(&app, &model(200_000).await).await),
        (Lane::PartnerShort, submitted(&app, &partner, &model(199_998).await).await),
        (Lane::PartnerLong, submitted(&app, &partner, &model(200_001).await).await),
    ];
    let (store, _) = pricer(&app);
    for (lane, order_id) in expected {
        let job = claimed(&store, lane).await;
        assert_eq!(job.fence.subject.id(), order_id, "{}", lane.as_str());
        assert_eq!((job.fence.generation, job.fence.attempt), (1, 1));
        assert_eq!(store.next_job(&[lane], TERMS).await.expect("an answer"), NextJob::Nothing);
        let state = pricing_state(&app, order_id).await;
        assert!(matches!(state, PricingState::Running { attempt: 1, .. }), "{state:?}");
    }
}

#[tokio::test]
async fn a_partners_flood_does_not_starve_another_partner() {
    let app = TestApp::start().await;
    let (flood, drop) = (app.partner("Flood").await, app.partner("Drop").await);
    let mut flooded = Vec::new();
    for facets in 1..=3 {
        flooded.push(submitted(&app, &flood, &model_with_facets(&app, facets).await).await);
    }
    let dropped = submitted(&app, &drop, &model_with_facets(&app, 4).await).await;
    let (store, _) = pricer(&app);
    let mut sequence = Vec::new();
    for _ in 0..4 {
        sequence.push(claimed(&store, Lane::PartnerShort).await.fence.subject.id());
    }
    assert_eq!(sequence, [flooded[0], dropped, flooded[1], flooded[2]]);
}

#[tokio::test]
async fn a_single_worker_gives_every_tenant_its_turn_however_long_a_batch_is() {
    let app = TestApp::start().await;
    let (batch, other) = (app.partner("Batch").await, app.partner("Other").await);
    let mut batched = Vec::new();
    for facets in 1..=12 {
        batched.push(submitted(&app, &batch, &model_with_facets(&app, facets).await).await);
    }
    let mut others = Vec::new();
    for facets in 21..=23 {
        others.push(submitted(&app, &other, &model_with_facets(&app, facets).await).await);
    }
    let (store, clock) = pricer(&app);
    let mut sequence = Vec::new();
    for _ in 0..8 {
        clock.advance(TimeDelta::milliseconds(10));
        let job = claimed(&store, Lane::PartnerShort).await;
        sequence.push(job.fence.subject.id());
        assert!(store.finish_job(&job.fence, samples::price()).await.expect("an answer"));
    }
    let (a, b) = (&batched, &others);
    assert_eq!(sequence, [a[0], b[0], a[1], b[1], a[2], b[2], a[3], a[4]]);
}

#[tokio::test]
async fn a_job_that_was_rescued_is_not_sent_to_the_end_of_the_queue() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let mut orders = Vec::new();
    for facets in 1..=3 {
        orders.push(submitted(&app, &partner, &model_with_facets(&app, facets).await).await);
    }
    let (store, clock) = pricer(&app);
    assert_eq!(claimed(&store, Lane::PartnerShort).await.fence.subject.id(), orders[0]);
    clock.advance(LEASE + TimeDelta::seconds(1));
    assert_eq!(store.rescue_jobs(5, 100).await.expect("an answer").len(), 1);
    assert_eq!(claimed(&store, Lane::PartnerShort).await.fence.subject.id(), orders[0]);
}

#[tokio::test]
async fn ten_workers_at_once_never_claim_the_same_job() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    for facets in 1..=6 {
        submitted(&app, &partner, &model_with_facets(&app, facets).await).await;
    }
    let (store, _) = pricer(&app);
    let mut claimed = Vec::new();
    // A worker that meets only locked rows gets nothing and looks again, as the pricer does.
    while claimed.len() < 6 {
        let claims = join_all((0..10).map(|_| store.next_job(&[Lane::PartnerShort], TERMS))).await;
        claimed.extend(claims.into_iter().filter_map(|claim| claim.expect("an answer").claimed()));
    }
    let mut orders: Vec<_> = claimed.iter().map(|job| job.fence.subject.id()).collect();
    orders.sort_unstable();
    orders.dedup();
    assert_eq!((claimed.len(), orders.len()), (6, 6));
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_changes_nothing() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Submitted).await;
    let (store, clock) = pricer(&app);
    let slow = claimed(&store, Lane::PartnerShort).await;
    clock.advance(LEASE + TimeDelta::seconds(1));
    assert_eq!(store.rescue_jobs(5, 100).await.expect("an answer").len(), 1);
    assert_eq!(store.rescue_jobs(5, 100).await.expect("an answer").len(), 0);
    let state = pricing_state(&app, scene.order_id).await;
    assert!(matches!(state, PricingState::Queued { attempts: 1, .. }), "{state:?}");

    let quick = claimed(&store, Lane::PartnerShort).await;
    assert_eq!((quick.fence.subject, quick.fence.attempt), (slow.fence.subject, 2));
    let before = app.row_of(scene.order_id).await;
    let attempts = [
        store.finish_job(&slow.fence, samples::price()).await,
        store.fail_job(&slow.fence, "not-closed", "3 holes").await,
        store.release_job(&slow.fence, "stopping", TimeDelta::zero()).await,
        store.renew_lease(&slow.fence, LEASE, HALFWAY).await,
    ];
    for attempt in attempts {
        assert!(!attempt.expect("an answer"), "a lost lease is good for nothing");
    }
    assert_eq!(app.row_of(scene.order_id).await, before);
    assert_eq!(app.job_of(scene.order_id, 1).await, ("running".to_owned(), 2));
    app.finish(&quick).await;
    assert_eq!(app.row_of(scene.order_id).await.status(), Status::PriceCalculated);
    assert_eq!(app.job_of(scene.order_id, 1).await, ("done".to_owned(), 2));
}

#[tokio::test]
async fn a_heartbeat_keeps_the_lease() {
    let app = TestApp::start().await;
    app.order_in(Status::Submitted).await;
    let (store, clock) = pricer(&app);
    let job = claimed(&store, Lane::PartnerShort).await;
    for _ in 0..3 {
        clock.advance(LEASE - TimeDelta::seconds(1));
        assert!(store.renew_lease(&job.fence, LEASE, HALFWAY).await.expect("an answer"));
        assert_eq!(store.rescue_jobs(5, 100).await.expect("an answer").len(), 0);
    }
    app.finish(&job).await;
}

#[tokio::test]
async fn attempts_that_are_used_up_end_in_failed_with_a_reason() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Submitted).await;
    let (store, clock) = pricer(&app);
    for _ in 0..2 {
        claimed(&store, Lane::PartnerShort).await;
        clock.advance(LEASE + TimeDelta::seconds(1));
        assert_eq!(store.rescue_jobs(2, 100).await.expect("an answer").len(), 1);
    }
    assert_eq!(
        store.next_job(&[Lane::PartnerShort], TERMS).await.expect("an answer"),
        NextJob::Nothing
    );
    let state = pricing_state(&app, scene.order_id).await;
    let PricingState::Failed { attempts, code, reason, .. } = state else {
        panic!("not failed: {state:?}");
    };
    assert_eq!((attempts, code.as_str()), (2, "attempts-exhausted"));
    assert!(reason.contains("2 attempts"), "{reason}");
    assert_eq!(app.job_of(scene.order_id, 1).await, ("failed".to_owned(), 2));
}

#[tokio::test]
async fn a_job_that_was_released_waits_and_has_burnt_no_attempt() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Submitted).await;
    let (store, clock) = pricer(&app);
    let job = claimed(&store, Lane::PartnerShort).await;
    let delay = TimeDelta::seconds(60);
    let released = store.release_job(&job.fence, "the object store is away", delay).await;
    assert!(released.expect("an answer"));
    assert_eq!(
        store.next_job(&[Lane::PartnerShort], TERMS).await.expect("an answer"),
        NextJob::Nothing
    );
    clock.advance(delay);
    let again = claimed(&store, Lane::PartnerShort).await;
    assert_eq!((again.fence.subject.id(), again.fence.attempt), (scene.order_id, 1));
    let events = app.events_of(scene.order_id).await;
    let reason = "the object store is away".to_owned();
    assert_eq!(events[2].event, OrderEvent::PricingInterrupted { reason, uncounted: true });
}

#[tokio::test]
async fn a_cancelled_order_takes_its_waiting_job_with_it() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Submitted).await;
    app.cancel(&scene.partner, scene.order_id, "no longer wanted").await.now(Status::Cancelled);
    let next = app.advanced(&scene.partner, &scene.anna, Status::Submitted).await;
    let (store, _) = pricer(&app);
    let job = claimed(&store, Lane::PartnerShort).await;
    assert_eq!(job.fence.subject.id(), next, "the cancelled one is passed over");
    assert_eq!(app.job_of(scene.order_id, 1).await.0, "cancelled");
    assert_eq!(app.events_of(scene.order_id).await.len(), 2);
}

#[tokio::test]
async fn a_price_for_an_order_cancelled_meanwhile_is_dropped() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Submitted).await;
    let (store, _) = pricer(&app);
    let job = claimed(&store, Lane::PartnerShort).await;
    app.cancel(&scene.partner, scene.order_id, "no longer wanted").await.now(Status::Cancelled);
    let kept = store.finish_job(&job.fence, samples::price()).await;
    assert!(!kept.expect("an answer"));
    assert_eq!(app.job_of(scene.order_id, 1).await.0, "cancelled");
    assert_eq!(app.row_of(scene.order_id).await.status(), Status::Cancelled);
}

#[tokio::test]
async fn a_finished_job_cannot_be_finished_again() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Submitted).await;
    let (store, _) = pricer(&app);
    let job = claimed(&store, Lane::PartnerShort).await;
    app.finish(&job).await;
    assert!(!store.finish_job(&job.fence, samples::price()).await.expect("an answer"));
    assert_eq!(app.events_of(scene.order_id).await.len(), 3);
}
