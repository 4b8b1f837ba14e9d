//! What was found to be wrong, as the office sees it.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, TestApp, order_id, partner_id};

impl TestApp {
    /// An incident as the write side keeps it; a higher number is a newer one.
    async fn add_incident(&self, number: u32, status: &str, about: Option<u128>) {
        sqlx::query(
            r#"INSERT INTO write.incidents
                   (incident_id, subject_kind, subject, order_id, cause, status, owner, evidence,
                    attempts, opened_at, last_seen_at, deadline, closed_at)
               VALUES ($1, 'order', $2, $3, 'job-missing', $4, 'on-call', '{"seconds": 5}',
                       '[{"what": "requeue"}]', $5, now(), now(),
                       CASE WHEN $4 = 'healed' THEN now() END)"#,
        )
        .bind(Uuid::from_u128(number.into()))
        .bind(number.to_string())
        .bind(about.map(|about| order_id(about).as_uuid()))
        .bind(status)
        // Two at a time have the same moment.
        .bind(chrono::DateTime::from_timestamp(i64::from(number / 2), 0))
        .execute(&mut self.database.connection().await)
        .await
        .unwrap();
    }

    async fn incidents(&self, query: &str) -> Answer {
        self.get(&format!("/v1/incidents{query}")).await
    }
}

fn subjects(page: &Value) -> Vec<&str> {
    let incidents = page["incidents"].as_array().unwrap();
    incidents.iter().map(|incident| incident["subject"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn incidents_come_the_newest_first_page_by_page() {
    let app = TestApp::start().await;
    for number in 1..=5 {
        app.add_incident(number, "open", None).await;
    }
    app.database.replicated().await;
    let first = app.incidents("?limit=2").await.ok();
    assert_eq!(subjects(&first), ["5", "4"]);
    assert_eq!(first["incidents"][0]["evidence"], json!({ "seconds": 5 }));
    assert_eq!(first["incidents"][0]["attempts"][0]["what"], "requeue");
    app.add_incident(6, "open", None).await;
    app.database.replicated().await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app.incidents(&format!("?limit=2&cursor={cursor}")).await.ok();
    assert_eq!(subjects(&second), ["3", "2"]);
    let cursor = second["next_cursor"].as_str().unwrap();
    let last = app.incidents(&format!("?limit=2&cursor={cursor}")).await.ok();
    assert_eq!((subjects(&last), &last["next_cursor"]), (vec!["1"], &Value::Null));
    let elsewhere = app.incidents(&format!("?status=open&cursor={cursor}")).await;
    assert_eq!(elsewhere.status, 422, "a cursor belongs to its list");
}

#[tokio::test]
async fn they_are_found_by_status_and_by_order() {
    let app = TestApp::start().await;
    app.add_incident(1, "healed", Some(7)).await;
    app.add_incident(2, "escalated", Some(8)).await;
    app.add_incident(3, "healed", Some(8)).await;
    app.database.replicated().await;
    assert_eq!(subjects(&app.incidents("?status=healed").await.ok()), ["3", "1"]);
    let of_order = format!("?order_id={}", order_id(8));
    assert_eq!(subjects(&app.incidents(&of_order).await.ok()), ["3", "2"]);
    assert_eq!(app.incidents("?status=fixed").await.status, 422);
}

#[tokio::test]
async fn an_empty_list_says_who_looked() {
    let app = TestApp::start().await;
    let nobody = app.incidents("").await.ok();
    assert_eq!((&nobody["incidents"], &nobody["watchers"]), (&json!([]), &json!([])));
    sqlx::query(
        "INSERT INTO write.watchdog_beats (name, beat_at, rounds, report)
         VALUES ('watchdog', '2026-11-22T10:00:00Z', 3, '{}')",
    )
    .execute(&mut app.database.connection().await)
    .await
    .unwrap();
    app.database.replicated().await;
    let watched = app.incidents("").await.ok();
    assert_eq!(watched["watchers"][0]["name"], "watchdog");
}

#[tokio::test]
async fn partners_are_not_told_of_the_houses_troubles() {
    let mut app = TestApp::start().await;
    app.sign_in_partner(partner_id(1)).await;
    assert_eq!(app.incidents("").await.status, 403);
}

#[tokio::test]
async fn nobody_is_shown_an_order_of_the_heartbeat() {
    let mut app = TestApp::start().await;
    app.read_model.submit(1).await;
    app.read_model.submit_for(shared::order::HEARTBEAT_PARTNER, 2).await;
    app.caught_up().await;
    let board = app.get("/v1/board?status=SUBMITTED").await.ok();
    assert_eq!(board["orders"].as_array().unwrap().len(), 1);
    assert_eq!(app.counts().await.ok()["counts"]["SUBMITTED"], 1);
}
