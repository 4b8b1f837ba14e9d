//! One analysis for everybody who needs it: coalescing, failures, and what cancelling does.

use std::sync::Arc;

use chrono::TimeDelta;
use pricing::analysis::{Analysis, Unit, analyse};
use shared::clock::{Clock, SystemClock};
use shared::order::Status;
use testkit::ManualClock;
use uuid::Uuid;
use write_api::store::{ClaimedJob, FileRefusal, Known, Lane, Need, NextJob, Store};

use crate::support::{Caller, LEASE, TERMS, TestApp, claimed, order_body};

const LANE: Lane = Lane::PartnerShort;

struct Pricing {
    app: TestApp,
    partner: Caller,
    model_id: String,
    clock: ManualClock,
}

impl Pricing {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let partner = app.partner("Goldmann").await;
        let model_id = app.small_model(&partner).await;
        let clock = ManualClock::at(SystemClock.now() + TimeDelta::hours(1));
        Self { app, partner, model_id, clock }
    }

    /// A worker process of its own.
    fn worker(&self) -> Store {
        self.app.store_at(Arc::new(self.clock.clone()))
    }

    async fn submit(&self, orders: usize) -> Vec<Uuid> {
        let mut submitted = Vec::new();
        for _ in 0..orders {
            let answer = self.app.submit(&self.partner, order_body(&self.model_id)).await;
            submitted.push(answer.order_id());
        }
        submitted
    }

    async fn begun(&self) -> i64 {
        self.app.count("SELECT coalesce(sum(begun), 0) FROM write.analyses").await
    }
}

fn measured() -> Known {
    let cube = include_bytes!("../../../pricing/tests/models/20mm-xyz-cube.stl");
    let mesh = pricing::mesh::read(cube).expect("it is a model");
    let analysis = analyse(&mesh, Unit::Millimetre);
    Known::Measured(Arc::new(analysis))
}

fn analysis_of(job: &ClaimedJob) -> &Analysis {
    match &job.need {
        Need::Nothing(Known::Measured(analysis)) => analysis,
        other => panic!("not measured: {other:?}"),
    }
}

async fn nothing_is_due(store: &Store) {
    assert_eq!(store.next_job(&[LANE], TERMS).await.expect("an answer"), NextJob::Nothing);
}

#[tokio::test]
async fn fifty_orders_of_one_model_cost_one_analysis_however_many_workers_there_are() {
    let pricing = Pricing::start().await;
    pricing.submit(50).await;
    let (first, second) = (pricing.worker(), pricing.worker());
    let leader = claimed(&first, LANE).await;
    assert_eq!(leader.need, Need::Analysis);
    nothing_is_due(&first).await;
    nothing_is_due(&second).await;

    assert!(first.finish_analysis(&leader.fence, &leader.key(), &measured()).await.expect("kept"));
    pricing.app.finish(&leader).await;
    for number in 1..50 {
        let job = claimed(if number % 2 == 0 { &first } else { &second }, LANE).await;
        assert_eq!(job.fence.attempt, 1, "waiting for another's analysis is no attempt");
        analysis_of(&job);
        pricing.app.finish(&job).await;
    }
    nothing_is_due(&second).await;
    assert_eq!(pricing.begun().await, 1);
    let noise = "SELECT count(*) FROM write.order_events WHERE kind = 'pricing-interrupted'";
    assert_eq!(pricing.app.count(noise).await, 0);
}

#[tokio::test]
async fn a_kept_analysis_is_the_same_to_the_last_bit() {
    let pricing = Pricing::start().await;
    pricing.submit(2).await;
    let job = claimed(&pricing.worker(), LANE).await;
    let Known::Measured(original) = measured() else { panic!("measured above") };
    let known = Known::Measured(original.clone());
    pricing.worker().finish_analysis(&job.fence, &job.key(), &known).await.expect("kept");
    let again = claimed(&pricing.worker(), LANE).await;
    assert_eq!(*analysis_of(&again), *original);
    let found = pricing.worker().lookup_analysis(&again.key()).await.expect("an answer");
    assert_eq!(found, Some(known));
}

#[tokio::test]
async fn when_the_worker_dies_another_makes_the_analysis_as_soon_as_the_lease_is_over() {
    let pricing = Pricing::start().await;
    pricing.submit(2).await;
    let (dying, heir) = (pricing.worker(), pricing.worker());
    let lost = claimed(&dying, LANE).await;
    nothing_is_due(&heir).await;
    pricing.clock.advance(LEASE + TimeDelta::milliseconds(1));
    let waiting = claimed(&heir, LANE).await;
    assert_eq!(waiting.need, Need::Analysis);
    assert!(
        !dying.finish_analysis(&lost.fence, &lost.key(), &measured()).await.expect("an answer")
    );
    assert!(heir.finish_analysis(&waiting.fence, &waiting.key(), &measured()).await.expect("kept"));
    assert_eq!(heir.rescue_jobs(3, 10).await.expect("an answer").len(), 1);
    let rescued = claimed(&heir, LANE).await;
    assert_eq!((rescued.fence.subject, rescued.fence.attempt), (lost.fence.subject, 2));
    analysis_of(&rescued);
    assert_eq!(pricing.begun().await, 2);
}

#[tokio::test]
async fn a_worker_that_lives_on_keeps_both_leases_with_one_heartbeat() {
    let pricing = Pricing::start().await;
    pricing.submit(2).await;
    let (worker, other) = (pricing.worker(), pricing.worker());
    let job = claimed(&worker, LANE).await;
    let progress = write_api::store::Progress { phase: "analysing", percent: 40 };
    for _ in 0..3 {
        pricing.clock.advance(LEASE - TimeDelta::seconds(1));
        assert!(worker.renew_lease(&job.fence, LEASE, progress).await.expect("an answer"));
        nothing_is_due(&other).await;
    }
    assert!(worker.finish_analysis(&job.fence, &job.key(), &measured()).await.expect("kept"));
    analysis_of(&claimed(&other, LANE).await);
}

#[tokio::test]
async fn a_job_that_goes_back_lets_another_make_the_analysis_at_once() {
    let pricing = Pricing::start().await;
    pricing.submit(2).await;
    let (stopping, other) = (pricing.worker(), pricing.worker());
    let released = claimed(&stopping, LANE).await;
    nothing_is_due(&other).await;
    let delay = TimeDelta::seconds(60);
    assert!(stopping.release_job(&released.fence, "stopping", delay).await.expect("an answer"));
    let next = claimed(&other, LANE).await;
    assert_eq!(next.need, Need::Analysis);
    assert_ne!(next.fence.subject, released.fence.subject);
    assert_eq!(pricing.begun().await, 1, "what was given up in good order does not count");
}

#[tokio::test]
async fn a_file_that_cannot_be_priced_is_read_once_and_forgotten_when_a_person_asks_again() {
    let pricing = Pricing::start().await;
    let orders = pricing.submit(2).await;
    let worker = pricing.worker();
    let job = claimed(&worker, LANE).await;
    let refusal = FileRefusal { code: "not-closed".to_owned(), reason: "3 holes".to_owned() };
    let known = Known::Refused(refusal.clone());
    assert!(worker.finish_analysis(&job.fence, &job.key(), &known).await.expect("kept"));
    for job in [job, claimed(&worker, LANE).await] {
        assert!(worker.fail_job(&job.fence, "not-closed", "3 holes").await.expect("an answer"));
    }
    assert_eq!(pricing.begun().await, 1);
    pricing.app.reprice(&pricing.app.seller, orders[1]).await.now(Status::Submitted);
    assert_eq!(claimed(&worker, LANE).await.need, Need::Analysis);
}

#[tokio::test]
async fn a_file_that_kills_workers_is_given_up_for_all_who_wait() {
    let pricing = Pricing::start().await;
    pricing.submit(5).await;
    let worker = pricing.worker();
    for _ in 0..TERMS.max_attempts {
        assert_eq!(claimed(&worker, LANE).await.need, Need::Analysis);
        pricing.clock.advance(LEASE + TimeDelta::milliseconds(1));
    }
    for _ in 0..2 {
        let Need::Nothing(Known::Refused(refusal)) = claimed(&worker, LANE).await.need else {
            panic!("tried once more");
        };
        assert_eq!(refusal.code, "attempts-exhausted");
    }
    assert_eq!(pricing.begun().await, i64::from(TERMS.max_attempts));
}

#[tokio::test]
async fn who_cancels_an_order_takes_its_running_job_with_it_and_frees_those_who_wait() {
    let pricing = Pricing::start().await;
    let orders = pricing.submit(2).await;
    let (worker, other) = (pricing.worker(), pricing.worker());
    let job = claimed(&worker, LANE).await;
    nothing_is_due(&other).await;
    pricing.app.cancel(&pricing.partner, orders[0], "no longer wanted").await.done();
    assert_eq!(pricing.app.job_of(orders[0], 1).await.0, "cancelled");
    let progress = write_api::store::Progress { phase: "analysing", percent: 40 };
    assert!(!worker.renew_lease(&job.fence, LEASE, progress).await.expect("an answer"));
    let next = claimed(&other, LANE).await;
    assert_eq!((next.fence.subject.id(), &next.need), (orders[1], &Need::Analysis));
}
