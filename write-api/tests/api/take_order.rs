//! An operator takes an order: of a hundred who ask at once, one gets it.

use futures_util::future::join_all;
use shared::order::Status;
use sqlx::Connection;

use crate::support::{Caller, TestApp};

#[tokio::test]
async fn an_operator_takes_an_approved_order() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingApproved).await;
    let answer = app.take(&scene.anna, scene.order_id).await.now(Status::ManufacturingStarted);
    let holder = answer.order.holder.expect("somebody has it in hand");
    assert_eq!(holder.operator.operator_id.as_uuid(), scene.anna.id);
    assert_eq!(holder.operator.name, "Anna");
    assert_eq!(holder.taken_at, answer.order.status_since);
}

#[tokio::test]
async fn taking_what_one_has_changes_nothing() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingStarted).await;
    let answer = app.take(&scene.anna, scene.order_id).await.now(Status::ManufacturingStarted);
    assert!(answer.already_done);
    assert_eq!(answer.order.version, 5);
}

#[tokio::test]
async fn of_a_hundred_operators_at_once_one_gets_the_order_and_the_others_hear_who() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingApproved).await;
    let mut operators = Vec::new();
    for number in 0..100 {
        operators.push(app.operator(&format!("Operator {number}"), 1).await);
    }
    // Nobody gets through before many stand at the door together.
    let door = app.lock_order_row(scene.order_id).await;
    let takes = join_all(operators.iter().map(|operator| app.take(operator, scene.order_id)));
    let open = async {
        app.eventually_waiting_for_locks(10).await;
        door.close().await.expect("the door opens");
    };
    let (answers, ()) = tokio::join!(takes, open);
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 99));
    let winner = won[0].now(Status::ManufacturingStarted).order.holder.expect("a holder");
    for answer in lost {
        let problem = answer.refused(409, "already-taken", Status::ManufacturingStarted);
        assert_eq!(problem["taken_by"], winner.operator.name.as_str());
        let at = problem["taken_at"].as_str().expect("a moment").parse();
        assert_eq!(at, Ok(winner.taken_at));
        let said = problem["detail"].as_str().expect("a sentence");
        let at = winner.taken_at.format("%Y-%m-%dT%H:%M:%SZ");
        assert!(said.ends_with(&format!("taken by {} at {at}", winner.operator.name)), "{said}");
    }
    assert_eq!(app.events_of(scene.order_id).await.len(), 5, "one event for a hundred requests");
}

#[tokio::test]
async fn many_tabs_of_one_operator_do_not_pass_the_wip_limit() {
    let app = TestApp::start().await;
    let (partner, anna) = (app.partner("Goldmann").await, app.operator("Anna", 2).await);
    let mut orders = Vec::new();
    for _ in 0..6 {
        orders.push(app.advanced(&partner, &anna, Status::ManufacturingApproved).await);
    }
    let answers = join_all(orders.iter().map(|order_id| app.take(&anna, *order_id))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (2, 4));
    for answer in lost {
        answer.refused(409, "wip-limit-reached", Status::ManufacturingApproved);
    }
}

#[tokio::test]
async fn an_order_off_the_hands_makes_room_for_another() {
    let app = TestApp::start().await;
    let (partner, anna) = (app.partner("Goldmann").await, app.operator("Anna", 1).await);
    let first = app.advanced(&partner, &anna, Status::Packaging).await;
    let second = app.advanced(&partner, &anna, Status::ManufacturingApproved).await;
    let refused = app.take(&anna, second).await;
    refused.refused(409, "wip-limit-reached", Status::ManufacturingApproved);
    app.ship(&anna, first, "RA123456785RU").await.now(Status::Shipped);
    app.take(&anna, second).await.now(Status::ManufacturingStarted);
}

#[tokio::test]
async fn an_order_that_is_not_approved_cannot_be_taken() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let answer = app.take(&scene.anna, scene.order_id).await;
    answer.refused(409, "wrong-status", Status::PriceCalculated);
}

#[tokio::test]
async fn only_operators_who_are_known_and_active_take_orders() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingApproved).await;
    for caller in [&app.seller, &app.admin, &scene.partner] {
        app.take(caller, scene.order_id).await.problem(403, "forbidden");
    }
    let stranger = Caller::person("operator", "Nobody");
    app.take(&stranger, scene.order_id).await.problem(403, "forbidden");
    app.put_operator(&scene.anna, 10, false).await;
    let inactive = app.take(&scene.anna, scene.order_id).await;
    inactive.refused(403, "forbidden", Status::ManufacturingApproved);
}

#[tokio::test]
async fn who_was_too_late_hears_by_whom_whatever_they_had_seen() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingStarted).await;
    let boris = app.operator("Boris", 1).await;
    let seen = serde_json::json!({ "expected_version": 4 });
    let answer = app.command(&boris, scene.order_id, "take", seen).await;
    let problem = answer.refused(409, "already-taken", Status::ManufacturingStarted);
    assert_eq!(problem["taken_by"], "Anna");
}
