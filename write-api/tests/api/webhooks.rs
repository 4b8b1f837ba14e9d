//! Registering webhooks, rotating their secrets, pausing and replaying. How they are sent is tested where that happens.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Caller, TestApp, new_id};

const URL: &str = "https://partner.example.com/mes";

impl TestApp {
    async fn webhook(&self, caller: &Caller, method: Method, path: &str, body: Value) -> Answer {
        let request = caller.signs(self.request(method, &format!("/v1/webhooks/{path}")));
        Answer::to(request.json(&body)).await
    }

    async fn put_webhook(&self, caller: &Caller, id: Uuid, body: Value) -> Answer {
        self.webhook(caller, Method::PUT, &id.to_string(), body).await
    }

    async fn registered(&self, caller: &Caller) -> Uuid {
        let id = new_id();
        let answer = self.put_webhook(caller, id, json!({ "url": URL })).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        id
    }

    async fn rotate(&self, caller: &Caller, id: Uuid, body: Value) -> Answer {
        self.webhook(caller, Method::POST, &format!("{id}/secrets"), body).await
    }

    async fn one_delivery(&self, id: Uuid, version: i64, state: &str) -> String {
        let order_id = Uuid::from_u128(7);
        sqlx::query(
            "INSERT INTO write.webhook_deliveries
                 (webhook_id, position, order_id, version, kind, state, next_attempt, occurred_at, finished_at)
             VALUES ($1, $2, $3, $2, 'order.submitted', $4, now(), '2026-05-01T12:00:00Z', now())",
        )
        .bind(id)
        .bind(version)
        .bind(order_id)
        .bind(state)
        .execute(&self.database.pool(testkit::DatabaseRole::Superuser))
        .await
        .expect("a delivery");
        format!("{order_id}:{version}")
    }
}

#[tokio::test]
async fn a_webhook_is_registered_once_changed_and_deleted() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let id = new_id();
    let new = app.put_webhook(&partner, id, json!({ "url": URL })).await;
    assert_eq!(new.status, 201, "{}", new.text);
    let new = new.json();
    assert!(new["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")), "{new}");
    assert_eq!((&new["url"], &new["partner_id"]), (&json!(URL), &json!(partner.id)));
    let body = json!({ "url": "https://other.example.com/", "event_types": ["order.shipped"] });
    let changed = app.put_webhook(&partner, id, body).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.json()["secret"], Value::Null, "a secret is shown once");
    assert_eq!(app.count("SELECT count(*) FROM write.webhook_secrets").await, 1);
    for deed in ["pause", "resume", "secrets"] {
        let done = app.webhook(&partner, Method::POST, &format!("{id}/{deed}"), json!({})).await;
        assert!([201, 204].contains(&done.status), "{}", done.text);
    }
    assert_eq!(app.count("SELECT count(*) FROM write.webhook_secrets").await, 2);
    let deleted = app.webhook(&partner, Method::DELETE, &id.to_string(), json!({})).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    let deeds: Vec<String> = sqlx::query_scalar(
        "SELECT action FROM write.audit_entries
         WHERE subject = $1 AND by_actor->>'role' = 'partner' ORDER BY audit_id",
    )
    .bind(format!("webhook:{id}"))
    .fetch_all(&app.database.pool(testkit::DatabaseRole::Superuser))
    .await
    .expect("the audit");
    assert_eq!(deeds, ["register", "change", "pause", "resume", "rotate-secret", "delete"]);
    assert_eq!(app.count("SELECT count(*) FROM write.webhook_secrets").await, 0);
    app.put_webhook(&partner, id, json!({ "url": URL })).await.problem(404, "not-found");
    app.webhook(&partner, Method::DELETE, &id.to_string(), json!({}))
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn addresses_inside_the_house_and_other_nonsense_are_refused() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let inside = [
        "http://partner.example.com/",
        "https://127.0.0.1/",
        "https://10.1.2.3:5432/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://localhost/",
        "nonsense",
        "https://user:password@example.com/",
        "https://2130706433/",
    ];
    for url in inside {
        app.put_webhook(&partner, new_id(), json!({ "url": url })).await.invalid("/url");
    }
    let body = json!({ "url": URL, "event_types": ["order.shipped", "order.eaten"] });
    app.put_webhook(&partner, new_id(), body).await.invalid("/event_types/1");
    let body = json!({ "url": URL, "secret": "whsec_c2hvcnQ=" });
    app.put_webhook(&partner, new_id(), body).await.invalid("/secret");
    assert_eq!(app.count("SELECT count(*) FROM write.webhooks").await, 0);
}

#[tokio::test]
async fn another_partners_webhook_does_not_exist_and_an_administrator_may_help() {
    let app = TestApp::start().await;
    let (goldmann, silber) = (app.partner("Goldmann").await, app.partner("Silber").await);
    let id = app.registered(&goldmann).await;
    app.put_webhook(&silber, id, json!({ "url": URL })).await.problem(404, "not-found");
    let paths = [format!("{id}/pause"), format!("{id}/resume"), format!("{id}/secrets")];
    for path in paths {
        app.webhook(&silber, Method::POST, &path, json!({})).await.problem(404, "not-found");
    }
    app.webhook(&silber, Method::DELETE, &id.to_string(), json!({}))
        .await
        .problem(404, "not-found");
    app.put_webhook(&silber, new_id(), json!({ "url": URL, "partner_id": goldmann.id }))
        .await
        .invalid("/partner_id");
    app.put_webhook(&app.admin, new_id(), json!({ "url": URL })).await.invalid("/partner_id");
    let theirs = json!({ "url": URL, "partner_id": silber.id });
    assert_eq!(app.put_webhook(&app.admin, new_id(), theirs).await.status, 201);
    let paused = app.webhook(&app.admin, Method::POST, &format!("{id}/pause"), json!({})).await;
    assert_eq!(paused.status, 204, "{}", paused.text);
    app.put_webhook(&app.seller, new_id(), json!({ "url": URL })).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_partner_has_only_so_many() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    for _ in 0..10 {
        app.registered(&partner).await;
    }
    let refused = app.put_webhook(&partner, new_id(), json!({ "url": URL })).await;
    refused.problem(409, "too-many-webhooks");
}

#[tokio::test]
async fn at_most_two_secrets_live_and_one_always_does() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let id = app.registered(&partner).await;
    let rotated = app.rotate(&partner, id, json!({})).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    app.rotate(&partner, id, json!({})).await.problem(409, "two-secrets");
    let live =
        "SELECT count(*) FROM write.webhook_secrets WHERE expires_at IS NULL OR expires_at > now()";
    assert_eq!(app.count(live).await, 2);
    // The new one's answer got lost, say: it is dropped, and the old one stays for good.
    let secret_id = rotated.json()["secret_id"].as_str().expect("an id").to_owned();
    let path = format!("{id}/secrets/{secret_id}");
    assert_eq!(app.webhook(&partner, Method::DELETE, &path, json!({})).await.status, 204);
    let for_good = "SELECT count(*) FROM write.webhook_secrets WHERE expires_at IS NULL";
    assert_eq!(app.count(for_good).await, 1);
    let own = json!({ "secret": format!("whsec_{}", "A".repeat(32)), "overlap_hours": 0 });
    let rotated = app.rotate(&partner, id, own).await.json();
    let secret_id = rotated["secret_id"].as_str().expect("an id");
    let path = format!("{id}/secrets/{secret_id}");
    app.webhook(&partner, Method::DELETE, &path, json!({})).await.problem(409, "last-secret");
    app.rotate(&partner, id, json!({ "overlap_hours": 169 })).await.invalid("/overlap_hours");
}

#[tokio::test]
async fn whoever_writes_a_secret_cannot_read_it() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    app.registered(&partner).await;
    let pool = app.database.pool(testkit::DatabaseRole::Write);
    let read = sqlx::query("SELECT secret FROM write.webhook_secrets").fetch_all(&pool).await;
    let denied = read.expect_err("the role of the write API reads secrets");
    assert!(denied.to_string().contains("permission denied"), "{denied}");
    let pool = app.database.pool(testkit::DatabaseRole::Read);
    let read = sqlx::query("SELECT secret FROM write.webhook_secrets").fetch_all(&pool).await;
    assert!(read.is_err(), "the role of the read API reads secrets");
}

#[tokio::test]
async fn a_paused_webhook_is_resumed_with_all_its_attempts_before_it() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let id = app.registered(&partner).await;
    app.one_delivery(id, 1, "waiting").await;
    let tried =
        "UPDATE write.webhook_deliveries SET attempts = 9, next_attempt = now() + interval '8 h'";
    let pool = app.database.pool(testkit::DatabaseRole::Superuser);
    sqlx::query(tried).execute(&pool).await.expect("a delivery that was tried");
    let paused =
        "SELECT count(*) FROM write.webhooks WHERE state = 'paused' AND paused_reason = 'asked'";
    for _ in 0..2 {
        let answer = app.webhook(&partner, Method::POST, &format!("{id}/pause"), json!({})).await;
        assert_eq!((answer.status, app.count(paused).await), (204, 1), "{}", answer.text);
    }
    let due = "SELECT count(*) FROM write.webhook_deliveries WHERE attempts = 0 AND next_attempt <= now()";
    for _ in 0..2 {
        let answer = app.webhook(&partner, Method::POST, &format!("{id}/resume"), json!({})).await;
        assert_eq!((answer.status, app.count(paused).await), (204, 0), "{}", answer.text);
        assert_eq!(app.count(due).await, 1);
    }
}

#[tokio::test]
async fn a_delivery_or_a_period_is_put_back_into_the_queue() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let id = app.registered(&partner).await;
    let delivered = app.one_delivery(id, 1, "delivered").await;
    app.one_delivery(id, 2, "failed").await;
    app.one_delivery(id, 3, "delivered").await;
    let path = format!("{id}/replay");
    let replay = async |body| app.webhook(&partner, Method::POST, &path, body).await;
    let waiting = "SELECT count(*) FROM write.webhook_deliveries WHERE state = 'waiting'";
    let answer = replay(json!({ "delivery": delivered })).await;
    assert_eq!((answer.status, app.count(waiting).await), (200, 1), "{}", answer.text);
    replay(json!({ "delivery": delivered })).await.problem(404, "not-found");
    let day = json!({ "from": "2026-05-01T00:00:00Z", "to": "2026-05-02T00:00:00Z" });
    let answer = replay(day.clone()).await.json();
    assert_eq!((&answer["deliveries"], &answer["has_more"]), (&json!(1), &json!(false)));
    let mut all = day;
    all["delivered_too"] = json!(true);
    assert_eq!(replay(all).await.json()["deliveries"], 1);
    assert_eq!(app.count(waiting).await, 3);
    replay(json!({})).await.invalid("/from");
    replay(json!({ "delivery": "x" })).await.invalid("/delivery");
    replay(json!({ "from": "2026-05-02T00:00:00Z" })).await.invalid("/to");
    replay(json!({ "from": "2026-05-02T00:00:00Z", "to": "2026-05-01T00:00:00Z" }))
        .await
        .invalid("/to");
}
