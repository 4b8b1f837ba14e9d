//! Pricers at work: on the rows that commands leave, with models in an object store.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use consumer::pricer::{Pricer, PricerConfig, wake_ups};
use object_store::memory::InMemory;
use object_store::throttle::{ThrottleConfig, ThrottledStore};
use object_store::{ObjectStore, ObjectStoreExt};
use pricing::analysis::{Unit, analyse};
use pricing::rate_card::RateCard;
use shared::actor::Actor;
use shared::ids::{ModelId, OrderId, PartnerId, TimeOrderedIds};
use shared::order::spec::WorkSpec;
use shared::order::{Origin, samples};
use shared::platform::shutdown::Shutdown;
use sqlx::types::Json;
use testkit::{DatabaseRole, PATIENCE, eventually};
use tokio::sync::Notify;
use uuid::Uuid;
use write_api::commands::{CancelOrder, CommandAnswer, SubmitOrder};
use write_api::models::path_of;
use write_api::store::{
    AnalysisKey, Cause, CommandContext, Known, Lane, NextJob, Store, Subject, Terms,
};

use crate::world::World;

struct Works {
    world: World,
    models: Arc<InMemory>,
}

impl Works {
    async fn open() -> Self {
        let world = World::new().await;
        sqlx::query(
            "INSERT INTO write.rate_cards (document, valid_from, created_by, created_at)
             VALUES ($1, '2000-01-01', '{}', '2000-01-01')",
        )
        .bind(Json(RateCard::sample()))
        .execute(&world.pool)
        .await
        .unwrap();
        Self { world, models: Arc::default() }
    }

    fn store(&self) -> Store {
        let pool = self.world.database.pool(DatabaseRole::Consumer);
        Store::new(pool, Arc::new(self.world.clock.clone()), Arc::new(TimeOrderedIds))
    }

    /// A worker process of its own.
    fn pricer(&self) -> Pricer {
        self.pricer_with(self.models.clone(), config())
    }

    fn pricer_with(&self, models: Arc<dyn ObjectStore>, config: PricerConfig) -> Pricer {
        Pricer::new(self.store(), models, config).unwrap()
    }

    async fn upload(&self, number: u128, file: Vec<u8>) -> ModelId {
        let model_id: ModelId = format!("{number:064x}").parse().unwrap();
        self.models.put(&path_of(&model_id), file.into()).await.unwrap();
        self.world.upload(model_id.as_str()).await;
        model_id
    }

    async fn submit(&self, number: usize, model_id: &ModelId) -> OrderId {
        self.submit_of(Origin::Shop { external_id: format!("S-{number}") }, model_id).await
    }

    async fn submit_of_partner(&self, partner: u128, number: usize, model: &ModelId) -> OrderId {
        let partner_id = PartnerId::new(Uuid::from_u128(partner));
        self.submit_of(Origin::Partner { partner_id, external_id: format!("P-{number}") }, model)
            .await
    }

    async fn submit_of(&self, origin: Origin, model_id: &ModelId) -> OrderId {
        // Who comes later waits for a shorter time.
        self.world.clock.advance(TimeDelta::milliseconds(1));
        let context = context(&format!("submit {} {}", origin.tenant(), origin.external_id()));
        let spec = WorkSpec { model_id: model_id.clone(), ..samples::spec() };
        let command = SubmitOrder { origin, spec };
        let handled = self.store().execute(&context, &command).await.unwrap();
        let answer: CommandAnswer = serde_json::from_str(handled.answer.get()).unwrap();
        answer.order.order_id
    }

    async fn count(&self, query: &'static str) -> i64 {
        self.world.count(query).await
    }

    /// A model that is measured, and a worker that knows.
    async fn measured(&self) -> (ModelId, Store) {
        let model_id = self.upload(1, cube()).await;
        self.submit(0, &model_id).await;
        assert_eq!(self.pricer().drain().await.unwrap(), 1);
        let spec = WorkSpec { model_id: model_id.clone(), ..samples::spec() };
        let worker = self.store();
        assert!(worker.lookup_analysis(&AnalysisKey::of(&spec)).await.unwrap().is_some());
        (model_id, worker)
    }

    async fn status_is(&self, order_id: OrderId, status: &str) -> bool {
        let found: String =
            sqlx::query_scalar("SELECT status FROM write.orders WHERE order_id = $1")
                .bind(order_id.as_uuid())
                .fetch_one(&self.world.pool)
                .await
                .unwrap();
        found == status
    }
}

pub fn config() -> PricerConfig {
    PricerConfig {
        lanes: Lane::ALL.to_vec(),
        slots: 2,
        threads: 1,
        memory_mb: 100,
        lease_seconds: 30,
        max_attempts: 3,
        partner_pause_ms: 0,
        poll_ms: 20,
        away_seconds: 5,
    }
}

fn context(key: &str) -> CommandContext {
    CommandContext {
        actor: Actor::Shop,
        cause: Cause::new("shop", key.to_owned(), &[]),
        trace_context: None,
        expected_version: None,
    }
}

fn cube() -> Vec<u8> {
    include_bytes!("../../../pricing/tests/models/20mm-xyz-cube.stl").to_vec()
}

const TERMS: Terms =
    Terms { lease: TimeDelta::seconds(30), max_attempts: 3, partner_pause: TimeDelta::zero() };
const PRICED: &str = "SELECT count(*) FROM write.orders WHERE status = 'PRICE_CALCULATED'";
const REPORTED: &str = "SELECT count(*) FROM write.analyses
                        WHERE jsonb_typeof(report->'findings') = 'array' AND report_due IS NULL";
const DIFFERENT_PRICES: &str = "SELECT count(DISTINCT data->'price'->'total')
                                FROM write.order_events WHERE kind = 'price-calculated'";
const BEGUN: &str = "SELECT coalesce(sum(begun), 0)::bigint FROM write.analyses";

#[tokio::test]
async fn fifty_identical_orders_on_three_workers_cost_one_analysis_and_get_one_price_each() {
    let works = Works::open().await;
    let model_id = works.upload(1, cube()).await;
    for number in 0..50 {
        works.submit(number, &model_id).await;
    }
    let shutdown = Shutdown::new();
    let wake = Arc::new(Notify::new());
    for _ in 0..3 {
        works.pricer().run(&shutdown, &wake);
    }
    eventually("all are priced", async || works.count(PRICED).await == 50, PATIENCE).await;
    assert_eq!(works.count(BEGUN).await, 1);
    assert_eq!(works.count(DIFFERENT_PRICES).await, 1);
    let noise = "SELECT count(*) FROM write.order_events WHERE kind = 'pricing-interrupted'";
    assert_eq!(works.count(noise).await, 0, "to wait for another's analysis is nobody's business");
    shutdown.stop();
}

#[tokio::test]
async fn what_is_known_is_priced_by_whoever_takes_it_without_being_in_anybodys_hand() {
    let works = Works::open().await;
    let model_id = works.upload(1, cube()).await;
    works.submit(1, &model_id).await;
    assert_eq!(works.pricer().drain().await.unwrap(), 1);
    let again = works.submit(2, &model_id).await;
    let next = works.store().next_job(&Lane::ALL, TERMS).await.unwrap();
    let NextJob::Priced(priced) = next else { panic!("{next:?}") };
    assert_eq!(priced.len(), 1);
    assert_eq!((priced[0].subject, priced[0].lane), (Subject::Order(again), Lane::ShopShort));
    assert_eq!(works.store().next_job(&Lane::ALL, TERMS).await.unwrap(), NextJob::Nothing);
    let kinds = works.world.kinds(again).await;
    assert_eq!(kinds, ["submitted", "pricing-started", "price-calculated"]);
    let ended = "SELECT count(*) FROM write.pricing_jobs
                 WHERE state = 'done' AND attempts = 1 AND lease_token IS NULL";
    assert_eq!((works.count(ended).await, works.count(DIFFERENT_PRICES).await), (2, 1));
}

#[tokio::test]
async fn what_is_known_is_claimed_where_no_price_can_be_made_of_it_now() {
    let works = Works::open().await;
    let model_id = works.upload(1, cube()).await;
    works.submit(1, &model_id).await;
    assert_eq!(works.pricer().drain().await.unwrap(), 1);
    sqlx::query("UPDATE write.rate_cards SET document = '{}'")
        .execute(&works.world.pool)
        .await
        .unwrap();
    let again = works.submit(2, &model_id).await;
    let next = works.store().next_job(&Lane::ALL, TERMS).await.unwrap();
    let claimed = next.claimed().expect("a card that cannot be read does not keep the lane");
    assert_eq!(claimed.fence.subject, Subject::Order(again));
    assert_eq!(works.world.kinds(again).await, ["submitted", "pricing-started"]);
}

#[tokio::test]
async fn an_order_that_cannot_be_read_delays_nobody_else_and_is_priced_when_it_can_be() {
    let works = Works::open().await;
    let (model, _) = works.measured().await;
    for number in 1..=3 {
        works.submit(number, &model).await;
    }
    let damage = "UPDATE write.orders SET state = state || '{\"version\": \"one\"}'
                  WHERE order_id = (SELECT order_id FROM write.order_references WHERE external_id = 'S-1')";
    works.world.run(damage).await;
    assert_eq!(works.pricer().drain().await.unwrap(), 2);
    let told = "SELECT count(*) FROM write.pricing_jobs
                WHERE state = 'queued' AND attempts = 0 AND last_error LIKE 'write.orders %one%'";
    assert_eq!(works.count(told).await, 1);
    let mended = "UPDATE write.orders SET state = state || '{\"version\": 1}'
                  WHERE status = 'SUBMITTED'";
    works.world.run(mended).await;
    works.world.advance(TimeDelta::seconds(61));
    assert_eq!(works.pricer().drain().await.unwrap(), 1);
    assert_eq!(works.count(PRICED).await, 4);
}

/// The orders that get their price at once, in one turn.
async fn priced_at_once(worker: &Store, terms: Terms) -> Vec<Uuid> {
    match worker.next_job(&[Lane::ShopShort, Lane::PartnerShort], terms).await.unwrap() {
        NextJob::Priced(jobs) => jobs.iter().map(|job| job.subject.id()).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_known_is_priced_together_and_tenants_take_turns_all_the_same() {
    let works = Works::open().await;
    let (model, worker) = works.measured().await;
    let (mut flood, mut drops) = (Vec::new(), Vec::new());
    for number in 0..10 {
        flood.push(works.submit_of_partner(1, number, &model).await.as_uuid());
    }
    for number in 0..2 {
        drops.push(works.submit_of_partner(2, number, &model).await.as_uuid());
    }
    let first = priced_at_once(&worker, TERMS).await;
    assert_eq!(first[..5], [flood[0], drops[0], flood[1], drops[1], flood[2]]);
    assert_eq!(first[5..], flood[3..8], "half of what fits for each of two");
    assert_eq!(priced_at_once(&worker, TERMS).await, flood[8..]);
    let told: Vec<Uuid> = sqlx::query_scalar(
        "SELECT order_id FROM write.order_events WHERE kind = 'price-calculated'
         ORDER BY position OFFSET 1",
    )
    .fetch_all(&works.world.pool)
    .await
    .unwrap();
    assert_eq!(told, [&first[..], &flood[8..]].concat(), "the log tells them in their turns");
    let whole = "SELECT count(*) FROM write.orders AS o
                 WHERE o.version = 3 AND status = 'PRICE_CALCULATED' AND 3 =
                     (SELECT count(*) FROM write.order_events AS e WHERE e.order_id = o.order_id)";
    assert_eq!((works.count(whole).await, works.count(DIFFERENT_PRICES).await), (13, 1));
}

#[tokio::test]
async fn of_each_partner_one_job_begins_in_a_pause_also_when_jobs_are_priced_together() {
    let works = Works::open().await;
    let (model, worker) = works.measured().await;
    let flood = [
        works.submit_of_partner(1, 0, &model).await.as_uuid(),
        works.submit_of_partner(1, 1, &model).await.as_uuid(),
    ];
    let other = works.submit_of_partner(2, 0, &model).await.as_uuid();
    let pausing = Terms { partner_pause: TimeDelta::hours(1), ..TERMS };
    assert_eq!(priced_at_once(&worker, pausing).await, [flood[0], other]);
    let next = worker.next_job(&[Lane::PartnerShort], pausing).await.unwrap();
    assert_eq!(next, NextJob::NotYet);
    assert_eq!(priced_at_once(&worker, TERMS).await, flood[1..]);
}

/// Who priced several orders together and waited for one of them could hold what its holder waits for.
#[tokio::test]
async fn an_order_that_somebody_has_locked_keeps_nobody_waiting_and_is_priced_later() {
    let works = Works::open().await;
    let (model, worker) = works.measured().await;
    let mut orders = Vec::new();
    for number in 1..4 {
        orders.push(works.submit(number, &model).await.as_uuid());
    }
    let mut holder = works.world.pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM write.orders WHERE order_id = $1 FOR UPDATE")
        .bind(orders[1])
        .execute(&mut *holder)
        .await
        .unwrap();
    assert_eq!(priced_at_once(&worker, TERMS).await, orders[..1]);
    holder.rollback().await.unwrap();
    assert_eq!(priced_at_once(&worker, TERMS).await, orders[1..]);
}

#[tokio::test]
async fn what_is_no_model_is_read_once_and_refused_to_all_who_ordered_it() {
    let works = Works::open().await;
    let model_id = works.upload(1, b"solid of words\nendsolid".to_vec()).await;
    for number in 0..5 {
        works.submit(number, &model_id).await;
    }
    assert_eq!(works.pricer().drain().await.unwrap(), 5);
    let failed = "SELECT count(*) FROM write.pricing_jobs WHERE state = 'failed'";
    assert_eq!(works.count(failed).await, 5);
    let codes = "SELECT count(DISTINCT data->>'code') FROM write.order_events
                 WHERE kind = 'pricing-failed'";
    assert_eq!((works.count(codes).await, works.count(BEGUN).await), (1, 1));
}

#[tokio::test]
async fn a_report_follows_the_price() {
    let works = Works::open().await;
    let model_id = works.upload(1, cube()).await;
    works.submit(1, &model_id).await;
    assert_eq!(works.pricer().drain().await.unwrap(), 1);
    assert_eq!(works.count(PRICED).await, 1);
    eventually("it is reported on", async || works.count(REPORTED).await == 1, PATIENCE).await;
}

#[tokio::test]
async fn a_report_whose_worker_died_is_made_by_another() {
    let works = Works::open().await;
    let model_id = works.upload(1, cube()).await;
    works.submit(1, &model_id).await;
    // A worker that keeps what it measured and dies leaves just that.
    let job = works.store().next_job(&[Lane::ShopShort], TERMS).await.unwrap().claimed().unwrap();
    let mesh = pricing::mesh::read(&cube()).unwrap();
    let known = Known::Measured(Arc::new(analyse(&mesh, Unit::Millimetre)));
    assert!(works.store().finish_analysis(&job.fence, &job.key(), &known).await.unwrap());
    assert_eq!(works.store().claim_overdue_report().await.unwrap(), None, "not due yet");

    works.world.clock.advance(TimeDelta::minutes(2));
    let shutdown = Shutdown::new();
    works.pricer().run(&shutdown, &Arc::default());
    eventually("it is reported on", async || works.count(REPORTED).await == 1, PATIENCE).await;
    shutdown.stop();
}

#[tokio::test]
async fn a_report_that_kills_workers_is_given_up() {
    let works = Works::open().await;
    let model_id = works.upload(1, cube()).await;
    works.submit(1, &model_id).await;
    let job = works.store().next_job(&[Lane::ShopShort], TERMS).await.unwrap().claimed().unwrap();
    let mesh = pricing::mesh::read(&cube()).unwrap();
    let known = Known::Measured(Arc::new(analyse(&mesh, Unit::Millimetre)));
    assert!(works.store().finish_analysis(&job.fence, &job.key(), &known).await.unwrap());
    for _ in 0..3 {
        works.world.clock.advance(TimeDelta::minutes(2));
        let overdue = works.store().claim_overdue_report().await.unwrap().expect("it is overdue");
        assert_eq!(overdue.key.model_id, model_id);
        assert_eq!(works.store().claim_overdue_report().await.unwrap(), None, "one has it");
    }
    works.world.clock.advance(TimeDelta::minutes(2));
    assert_eq!(works.store().claim_overdue_report().await.unwrap(), None);
}

#[tokio::test]
async fn a_worker_serves_its_lanes_only() {
    let works = Works::open().await;
    let model_id = works.upload(1, cube()).await;
    works.submit(1, &model_id).await;
    let lanes = vec![Lane::ShopLong, Lane::PartnerShort, Lane::PartnerLong];
    let other = works.pricer_with(works.models.clone(), PricerConfig { lanes, ..config() });
    assert_eq!(other.drain().await.unwrap(), 0);
    assert_eq!(works.pricer().drain().await.unwrap(), 1);
    let nothing = PricerConfig { lanes: Vec::new(), ..config() };
    assert!(Pricer::new(works.store(), works.models.clone(), nothing).is_err());
}

#[tokio::test]
async fn a_notice_wakes_a_worker_without_relay_and_without_polling() {
    let works = Works::open().await;
    let model_id = works.upload(1, cube()).await;
    let (shutdown, wake) = (Shutdown::new(), Arc::new(Notify::new()));
    let never = PricerConfig { poll_ms: 3_600_000, ..config() };
    let pool = works.world.database.pool(DatabaseRole::Consumer);
    wake_ups::listen(&Lane::ALL, &works.world.broker, &pool, &shutdown, &wake);
    works.pricer_with(works.models.clone(), never).run(&shutdown, &wake);
    let listens = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    eventually("it listens", async || works.count(listens).await == 1, PATIENCE).await;
    let order_id = works.submit(1, &model_id).await;
    let priced = async || works.status_is(order_id, "PRICE_CALCULATED").await;
    eventually("it is priced", priced, PATIENCE).await;
    shutdown.stop();
}

#[tokio::test]
async fn a_cancelled_order_frees_its_worker() {
    let works = Works::open().await;
    let (known, unknown) = (works.upload(1, cube()).await, works.upload(2, cube()).await);
    works.submit(0, &known).await;
    works.pricer().drain().await.unwrap();

    let endless =
        ThrottleConfig { wait_get_per_call: Duration::from_hours(1), ..ThrottleConfig::default() };
    let models = Arc::new(ThrottledStore::new(InMemory::new(), endless));
    let (shutdown, wake) = (Shutdown::new(), Arc::new(Notify::new()));
    works.pricer_with(models, PricerConfig { slots: 1, ..config() }).run(&shutdown, &wake);
    let stuck = works.submit(1, &unknown).await;
    let fetches = "SELECT count(*) FROM write.pricing_jobs WHERE phase = 'fetching'";
    eventually("it is told how far it is", async || works.count(fetches).await == 1, PATIENCE)
        .await;

    let order_id = works.submit(2, &known).await;
    let command =
        CancelOrder { order_id: stuck, reason: "no longer wanted".to_owned().try_into().unwrap() };
    works.store().execute(&context("cancel"), &command).await.unwrap();
    let priced = async || works.status_is(order_id, "PRICE_CALCULATED").await;
    eventually("the worker goes on with the next", priced, PATIENCE).await;
    assert!(works.status_is(stuck, "CANCELLED").await);
    shutdown.stop();
}
