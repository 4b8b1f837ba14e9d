//! Position in the queue, expected time and progress, as those who wait see them.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use shared::ids::OrderId;

use crate::support::{TestApp, order_id, partner_id};

/// A job as the write side leaves it; minutes count back from now.
struct Job {
    of: OrderId,
    tenant: &'static str,
    state: &'static str,
    queued: i32,
    started: Option<i32>,
    finished: Option<i32>,
}

fn queued(number: u128, tenant: &'static str, queued: i32) -> Job {
    Job { of: order_id(number), tenant, state: "queued", queued, started: None, finished: None }
}

async fn add(app: &TestApp, jobs: &[Job]) {
    let mut connection = app.database.connection().await;
    for job in jobs {
        let token = (job.state == "running").then(|| job.of.as_uuid());
        sqlx::query(
            "INSERT INTO write.pricing_jobs
                 (order_id, generation, lane, tenant, state, attempts, lease_token, lease_until,
                  not_before, queued_at, started_at, finished_at, phase, progress)
             SELECT $1, 1, 'shop-short', $2, $3, ($6::int IS NOT NULL)::int, $4,
                    CASE WHEN $4::uuid IS NOT NULL THEN now() + interval '30 s' END,
                    now() - make_interval(mins => $5), now() - make_interval(mins => $5),
                    now() - make_interval(mins => $6), now() - make_interval(mins => $7),
                    CASE WHEN $4::uuid IS NOT NULL THEN 'analysing' END,
                    CASE WHEN $4::uuid IS NOT NULL THEN 50 END",
        )
        .bind(job.of.as_uuid())
        .bind(job.tenant)
        .bind(job.state)
        .bind(token)
        .bind(job.queued)
        .bind(job.started)
        .bind(job.finished)
        .execute(&mut connection)
        .await
        .unwrap();
    }
}

async fn app_with(jobs: &[Job]) -> TestApp {
    let mut app = TestApp::start().await;
    add(&app, jobs).await;
    app.read_model.submit(1).await;
    app.read_model.submit_for(partner_id(1), 2).await;
    app.caught_up().await;
    app
}

async fn pricing(app: &TestApp, number: u128) -> serde_json::Value {
    app.get(&format!("/v1/orders/{}/pricing", order_id(number))).await.ok()["pricing"].clone()
}

#[tokio::test]
async fn the_place_counts_the_turns_of_all_tenants_and_the_pace_of_the_lane() {
    let mut jobs = vec![queued(11, "shop", 30), queued(12, "shop", 29), queued(1, "shop", 28)];
    // A flood counts as often as one's own queue is long, a tenant with one job once.
    jobs.extend((20..40).map(|number| queued(number, "partner:flood", 60)));
    jobs.push(queued(50, "partner:drop", 1));
    // Two jobs that others waited for: one minute apart.
    for (number, finished) in [(60, 42), (61, 41)] {
        jobs.push(Job {
            state: "done",
            started: Some(43),
            finished: Some(finished),
            ..queued(number, "shop", 43)
        });
    }
    let app = app_with(&jobs).await;
    let shown = pricing(&app, 1).await;
    assert_eq!(shown["state"], "queued");
    assert_eq!(shown["place"], 2 + 3 + 1 + 1, "own, the flood's, the drop's, and mine");
    assert_eq!(shown["place_is_at_least"], false);
    let expected: DateTime<Utc> = shown["expected_at"].as_str().unwrap().parse().unwrap();
    let queued_at: DateTime<Utc> = shown["queued_at"].as_str().unwrap().parse().unwrap();
    assert_eq!((expected - queued_at).num_minutes(), 28 + 7, "seven times a minute from now on");
}

#[tokio::test]
async fn a_running_job_tells_what_it_does_and_when_it_should_end() {
    let done =
        Job { state: "done", started: Some(50), finished: Some(45), ..queued(60, "shop", 51) };
    let running = Job { state: "running", started: Some(2), ..queued(1, "shop", 4) };
    let app = app_with(&[done, running]).await;
    let shown = pricing(&app, 1).await;
    assert_eq!(shown["state"], "running");
    assert_eq!((&shown["phase"], &shown["percent"]), (&json!("analysing"), &json!(50)));
    assert_eq!(shown["place"], json!(null));
    let time = |field: &str| shown[field].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert_eq!(time("expected_at") - time("started_at"), TimeDelta::minutes(5));
}

#[tokio::test]
async fn nothing_is_promised_before_a_lane_has_a_pace_and_nothing_told_when_nothing_waits() {
    let app = app_with(&[queued(1, "shop", 1)]).await;
    let shown = pricing(&app, 1).await;
    assert_eq!((&shown["place"], &shown["expected_at"]), (&json!(1), &json!(null)));
    assert_eq!(pricing(&app, 2).await, json!(null));
}

#[tokio::test]
async fn a_place_is_shown_to_those_who_may_see_the_order() {
    let mut app = app_with(&[queued(2, "partner:1", 1)]).await;
    assert_eq!(pricing(&app, 2).await["place"], 1);
    let path = format!("/v1/orders/{}/pricing", order_id(2));
    app.sign_in_partner(partner_id(1)).await;
    assert_eq!(app.get(&path).await.status, 200);
    app.sign_in_partner(partner_id(2)).await;
    assert_eq!(app.get(&path).await.status, 404);
    assert_eq!(app.get(&format!("/v1/orders/{}/pricing", order_id(9))).await.status, 404);
}
