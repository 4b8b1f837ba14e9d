//! The log tells exactly what the rows say: versions without holes, positions that grow, and a fold that gives the
//! row.

use reqwest::Method;
use serde_json::json;
use shared::ids::OrderId;
use shared::order::{Order, Status};
use shared::platform::telemetry::{self, TelemetryConfig};
use uuid::Uuid;
use write_api::store::Lane;

use crate::support::{Answer, Caller, TERMS, TestApp, new_key};

async fn assert_log_and_row_agree(app: &TestApp, order_id: Uuid) {
    let events = app.events_of(order_id).await;
    let mut folded = None;
    for (index, logged) in events.iter().enumerate() {
        assert_eq!(logged.version, index as u64 + 1, "a hole in the versions of {order_id}");
        let id = OrderId::new(order_id);
        let order = Order::apply(folded, id, &logged.event, &logged.actor, logged.occurred_at);
        folded = Some(order.expect("the log is a history"));
    }
    let grows = events.windows(2).all(|two| two[0].position < two[1].position);
    assert!(grows, "positions of {order_id} do not grow with the version");
    assert_eq!(folded.as_ref(), Some(&app.row_of(order_id).await), "the row is not its log");
}

/// A small generator: the same walk for the same seed, and no ambient randomness.
struct Dice(u64);

impl Dice {
    fn roll<'a, T>(&mut self, faces: &'a [T]) -> &'a T {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let face = usize::try_from(self.0 >> 33).expect("31 bits") % faces.len();
        &faces[face]
    }
}

async fn price_something(app: &TestApp, dice: &mut Dice) {
    let store = app.store();
    let job = store.next_job(&[Lane::PartnerShort], TERMS).await.expect("an answer").claimed();
    let Some(job) = job else { return };
    match *dice.roll(&["finish", "finish", "finish", "fail", "release"]) {
        "finish" => app.finish(&job).await,
        "fail" => {
            store.fail_job(&job.fence, "not-closed", "3 holes").await.expect("an answer");
        }
        _ => {
            let delay = chrono::TimeDelta::zero();
            store.release_job(&job.fence, "stopping", delay).await.expect("an answer");
        }
    }
}

/// Mostly what the last answer called possible, sometimes anything at all.
fn next_command(dice: &mut Dice, allowed: &[String]) -> String {
    const ANYTHING: [&str; 9] =
        ["approve", "take", "give-back", "complete", "rework", "pack", "ship", "close", "reprice"];
    // Calling off ends a walk too soon.
    let possible: Vec<_> = allowed.iter().filter(|command| *command != "cancel").collect();
    if possible.is_empty() || *dice.roll(&[0, 1, 2]) == 0 {
        (*dice.roll(&ANYTHING)).to_owned()
    } else {
        (*dice.roll(&possible)).clone()
    }
}

/// Any command by anybody in any order: many are refused, none is half done.
async fn random_walk(seed: u64) {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let (anna, boris) = (app.operator("Anna", 2).await, app.operator("Boris", 1).await);
    let mut orders = Vec::new();
    for _ in 0..3 {
        let order_id = app.advanced(&partner, &anna, Status::Submitted).await;
        orders.push((order_id, vec!["price".to_owned()]));
    }
    let people: [&Caller; 7] =
        [&anna, &anna, &boris, &app.seller, &app.admin, &app.admin, &partner];
    let (mut dice, mut done) = (Dice(seed), 0);
    for step in 0..150 {
        let index = *dice.roll(&[0, 1, 2]);
        let (order_id, allowed) = &mut orders[index];
        let command =
            if step == 120 { "cancel".to_owned() } else { next_command(&mut dice, allowed) };
        if command == "price" {
            price_something(&app, &mut dice).await;
            *allowed = Vec::new();
            continue;
        }
        let body = match command.as_str() {
            "ship" => json!({ "tracking_number": "RA123456785RU" }),
            "give-back" | "rework" | "close" | "cancel" => json!({ "reason": "the dice said so" }),
            _ => json!({}),
        };
        let caller = *dice.roll(&people);
        let answer = app.command(caller, *order_id, &command, body).await;
        assert!(matches!(answer.status, 200 | 403 | 409), "{command}: {}", answer.text);
        done += u32::from(answer.status == 200);
        let told = answer.json();
        let told = if answer.status == 200 { &told["order"]["allowed"] } else { &told["allowed"] };
        *allowed = serde_json::from_value(told.clone()).unwrap_or_default();
    }
    assert!(done > 20, "only {done} commands were carried out: too little to prove anything");
    for (order_id, _) in orders {
        assert_log_and_row_agree(&app, order_id).await;
    }
}

#[tokio::test]
async fn a_row_is_the_fold_of_its_log_after_any_walk() {
    random_walk(4_711).await;
}

#[tokio::test]
async fn a_row_is_the_fold_of_its_log_after_another_walk() {
    random_walk(42).await;
}

#[tokio::test]
async fn a_whole_life_is_told_event_by_event() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::Closed).await;
    let events = app.events_of(scene.order_id).await;
    let told: Vec<_> = events.iter().map(|e| (e.event.kind(), e.actor.role())).collect();
    let expected = [
        ("submitted", "partner"),
        ("pricing-started", "system"),
        ("price-calculated", "system"),
        ("manufacturing-approved", "seller"),
        ("manufacturing-started", "operator"),
        ("manufacturing-completed", "operator"),
        ("packaging-started", "operator"),
        ("shipped", "operator"),
        ("closed", "seller"),
    ];
    assert_eq!(told, expected);
    assert_log_and_row_agree(&app, scene.order_id).await;
}

#[tokio::test]
async fn an_event_names_the_request_that_caused_it() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let key = new_key();
    let (seller, order_id) = (&app.seller, scene.order_id);
    let answer = app.command_with_key(seller, order_id, "approve", &key, json!({})).await.done();
    let last = app.events_of(order_id).await.pop().expect("events");
    assert_eq!(last.cause, format!("seller:{}/{key}", seller.id));
    assert_eq!(last.position, answer.position.position);
    assert_eq!(last.occurred_at, answer.order.status_since);
}

/// The trace of the request goes with the event and with the pricing job, so that a price is one story.
#[tokio::test]
async fn the_trace_of_a_request_is_kept_with_its_event() {
    let config = TelemetryConfig { log: "off".to_owned(), ..TelemetryConfig::default() };
    let telemetry = telemetry::init("write-api", &config).expect("nobody else traces in this test");
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let trace_id = "0af7651916cd43dd8448eb211c80319c";
    let request = app.post(&app.seller, &format!("/v1/orders/{}/approve", scene.order_id));
    let traceparent = format!("00-{trace_id}-b7ad6b7169203331-01");
    let answer = Answer::to(request.header("traceparent", &traceparent)).await;
    answer.done();
    let events = app.events_of(scene.order_id).await;
    let kept = events[3].trace_context.as_deref().expect("a trace context");
    assert!(kept.starts_with(&format!("00-{trace_id}-")), "{kept}");
    assert_ne!(kept, traceparent, "the event belongs to our span, not to the caller's");
    assert_eq!(answer.header("x-request-id"), Some(trace_id));
    // Without a caller's trace the request begins one, which the pricing continues.
    let begun = events[0].trace_context.as_deref().and_then(telemetry::trace_id_of);
    let priced = events[2].trace_context.as_deref().and_then(telemetry::trace_id_of);
    assert!(begun.is_some() && begun == priced, "{begun:?} {priced:?}");
    let refused = app.request(Method::POST, "/v1/orders").header("traceparent", &traceparent);
    let problem = Answer::to(refused).await.problem(401, "unauthenticated");
    assert_eq!(problem["trace_id"], trace_id);
    tokio::task::spawn_blocking(|| telemetry.shutdown()).await.expect("telemetry stops");
}

#[tokio::test]
async fn the_log_agrees_with_the_rows_after_a_rush() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingApproved).await;
    let (anna, order_id) = (&scene.anna, scene.order_id);
    let boris = app.operator("Boris", 5).await;
    let rush = (0..40).map(|number| {
        let caller = if number % 2 == 0 { anna } else { &boris };
        let command = ["take", "give-back", "complete", "rework"][number % 4];
        let body = match command {
            "give-back" | "rework" => json!({ "reason": "a rush" }),
            _ => json!({}),
        };
        app.command(caller, order_id, command, body)
    });
    let answers = futures_util::future::join_all(rush).await;
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 409)));
    assert_log_and_row_agree(&app, order_id).await;
}
