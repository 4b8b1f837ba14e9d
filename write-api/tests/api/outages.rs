//! What is away is away for a while: commands say so, and are safe to repeat.

use serde_json::json;
use shared::order::Status;
use sqlx::{Connection, PgConnection};
use testkit::{PATIENCE, TestDatabase, eventually};

use crate::support::{TestApp, binary_stl, new_key, through};

#[tokio::test]
async fn without_its_database_every_request_is_told_to_come_back() {
    let database = TestDatabase::create().await;
    let (proxy, options) = through(&database).await;
    let app = TestApp::on(database, options).await;
    let scene = app.order_in(Status::PriceCalculated).await;
    proxy.cut();
    let put = json!({ "display_name": "Boris", "wip_limit": 1 });
    let path = format!("/v1/operators/{}", scene.anna.id);
    let answers = [
        app.approve(&app.seller, scene.order_id).await,
        app.take(&scene.anna, scene.order_id).await,
        app.administer(reqwest::Method::PUT, &path, put).await,
        app.upload(&app.seller, binary_stl(5, 5)).await,
    ];
    for answer in answers {
        answer.problem(503, "unavailable");
        assert!(answer.header("retry-after").is_some_and(|wait| wait.parse::<u32>().is_ok()));
    }
}

/// The server ends every session, as at a restart or a failover: the next command, with the same key, goes through.
#[tokio::test]
async fn a_command_goes_through_after_the_database_was_restarted() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let terminated = app.count(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    assert!(terminated.await > 0, "the application was connected");
    let key = new_key();
    let approve = || async {
        let command = "approve";
        let answer = app.command_with_key(&app.seller, scene.order_id, command, &key, json!({}));
        let answer = answer.await;
        assert!(matches!(answer.status, 200 | 503), "{}", answer.text);
        answer.status == 200
    };
    eventually("the command goes through", approve, PATIENCE).await;
    assert_eq!(app.events_of(scene.order_id).await.len(), 4);
}

/// Somebody holds the order for longer than a command waits.
#[tokio::test]
async fn a_command_on_a_locked_order_is_told_to_come_back() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let lock = app.lock_order_row(scene.order_id).await;
    let answer = app.approve(&app.seller, scene.order_id).await;
    answer.problem(409, "in-progress");
    assert_eq!(answer.header("retry-after"), Some("1"));
    lock.close().await.expect("let go");
    app.approve(&app.seller, scene.order_id).await.now(Status::ManufacturingApproved);
}

/// Makes every commit that changed an order wait for the test.
const HOLD_COMMITS: &str = "
    CREATE FUNCTION public.wait_for_the_test() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER hold_commits AFTER UPDATE ON write.orders
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.wait_for_the_test();";

async fn hold_commits(app: &TestApp) -> PgConnection {
    let mut connection = app.database.connection().await;
    sqlx::raw_sql(HOLD_COMMITS).execute(&mut connection).await.expect("the trigger is made");
    sqlx::query("SELECT pg_advisory_lock(42)").execute(&mut connection).await.expect("held");
    connection
}

async fn let_commits_go(mut connection: PgConnection) {
    let unlocked = sqlx::query("SELECT pg_advisory_unlock(42)").execute(&mut connection).await;
    unlocked.expect("let go");
}

/// The connection breaks while the server commits: the command asks for its cause, which waits until the commit has
/// ended, and answers what was committed.
#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_looked_up() {
    let database = TestDatabase::create().await;
    let (proxy, options) = through(&database).await;
    let app = TestApp::on(database, options).await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let held = hold_commits(&app).await;
    let meanwhile = async {
        app.eventually_waiting_for_locks(1).await;
        proxy.cut_connections();
        app.eventually_waiting_for_locks(2).await;
        let_commits_go(held).await;
    };
    let (answer, ()) = tokio::join!(app.approve(&app.seller, scene.order_id), meanwhile);
    let answer = answer.now(Status::ManufacturingApproved);
    assert!(!answer.already_done);
    assert_eq!(app.events_of(scene.order_id).await.len(), 4);
}

/// The server gives up in the middle of the commit: nothing was done, and the same key may be sent again.
#[tokio::test]
async fn a_commit_that_failed_is_told_to_come_back() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::PriceCalculated).await;
    let held = hold_commits(&app).await;
    let key = new_key();
    let approve = || app.command_with_key(&app.seller, scene.order_id, "approve", &key, json!({}));
    let meanwhile = async {
        app.eventually_waiting_for_locks(1).await;
        let terminated = app.count(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
        assert_eq!(terminated.await, 1);
    };
    let (answer, ()) = tokio::join!(approve(), meanwhile);
    answer.problem(503, "unavailable");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(app.events_of(scene.order_id).await.len(), 3);
    let_commits_go(held).await;
    let answer = approve().await;
    answer.now(Status::ManufacturingApproved);
    assert!(!answer.is_replayed());
}
