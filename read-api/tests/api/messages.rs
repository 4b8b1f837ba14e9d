//! Messages that could not be applied, as the office sees them.

use serde_json::{Value, json};

use crate::support::{TestApp, order_id, partner_id};

async fn park(app: &TestApp, reason: &str, body: &[u8]) -> i64 {
    sqlx::query_scalar(
        r#"INSERT INTO write.waiting_messages
               (state, order_key, source, kind, body, headers, reason_code, reason, attempts, received_at)
           VALUES ('parked', 'shop:' || $1, '/shop', 'some.kind', $2, '{"routing_key": "shop.x"}',
                   'bad-data', $1, 1, now()) RETURNING waiting_id"#,
    )
    .bind(reason)
    .bind(body)
    .fetch_one(&mut app.database.connection().await)
    .await
    .unwrap()
}

fn numbers(page: &Value) -> Vec<i64> {
    let messages = page["messages"].as_array().unwrap();
    messages.iter().map(|message| message["message_no"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn parked_messages_are_paged_and_grouped_by_what_is_wrong() {
    let app = TestApp::start().await;
    let mut parked = Vec::new();
    for number in 0..5 {
        parked.push(park(&app, &format!("/data/lines/{number}: wrong"), b"{}").await);
    }
    let other = park(&app, "/data/finish: wrong", b"{}").await;
    app.database.replicated().await;
    let groups = app.get("/v1/message-groups").await.ok();
    let told: Vec<(&Value, &Value)> = groups["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (&group["messages"], &group["example"]))
        .collect();
    let (many, one) = (json!("/data/lines/4: wrong"), json!("/data/finish: wrong"));
    assert_eq!(told, [(&json!(5), &many), (&json!(1), &one)]);
    assert_eq!(groups["has_more"], false);

    let group = groups["groups"][0]["fingerprint"].as_str().unwrap();
    let list = format!("/v1/messages?fingerprint={group}&limit=3");
    let first = app.get(&list).await.ok();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app.get(&format!("{list}&cursor={cursor}")).await.ok();
    parked.reverse();
    assert_eq!([numbers(&first), numbers(&second)].concat(), parked);
    assert_eq!(second["next_cursor"], Value::Null);
    let foreign = app.get(&format!("/v1/messages?cursor={cursor}")).await;
    assert_eq!(foreign.status, 422);
    assert_eq!(foreign.json()["violations"][0]["field"], "cursor");
    assert_eq!(
        numbers(&app.get("/v1/messages?order_key=shop:%2Fdata%2Ffinish: wrong").await.ok()),
        [other]
    );
    assert_eq!(numbers(&app.get("/v1/messages?state=waiting").await.ok()), [0; 0]);
}

#[tokio::test]
async fn one_message_is_shown_with_bytes_and_deeds() {
    let app = TestApp::start().await;
    let readable = park(&app, "some", br#"{"id": "m-1"}"#).await;
    let garbage = park(&app, "thing", b"\xff\x00 no").await;
    sqlx::query(
        r#"INSERT INTO write.audit_entries (subject, action, by_actor, reason, body, cause, at)
           VALUES ('message:' || $1, 'edit', '{"role": "system", "component": "test"}', 'a typo', 'before', 'c', now())"#,
    )
    .bind(readable.to_string())
    .execute(&mut app.database.connection().await)
    .await
    .unwrap();
    app.database.replicated().await;
    let shown = app.get(&format!("/v1/messages/{readable}")).await.ok();
    assert_eq!(shown["decoded"], json!({ "id": "m-1" }));
    assert_eq!((&shown["state"], &shown["seen"]), (&json!("parked"), &json!(1)));
    assert_eq!(shown["deeds"][0]["body_before_base64"], "YmVmb3Jl");
    assert_eq!(shown["deeds"][0]["reason"], "a typo");
    let shown = app.get(&format!("/v1/messages/{garbage}")).await.ok();
    assert_eq!((&shown["decoded"], &shown["body_base64"]), (&Value::Null, &json!("/wAgbm8=")));
    assert_eq!(app.get("/v1/messages/4711").await.status, 404);
}

#[tokio::test]
async fn parked_deliveries_are_paged_in_the_order_of_the_log() {
    let app = TestApp::start().await;
    for (told, position) in [("shop", 7), ("crm", 7), ("shop", 9)] {
        sqlx::query(
            "INSERT INTO write.parked_deliveries VALUES ($1, $2, $3, 'unroutable', 2, now(), now())",
        )
        .bind(told)
        .bind(order_id(1).as_uuid())
        .bind(i64::from(position))
        .execute(&mut app.database.connection().await)
        .await
        .unwrap();
    }
    app.database.replicated().await;
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = app.get(&format!("/v1/parked-deliveries?limit=1{cursor}")).await.ok();
        let delivery = &page["deliveries"][0];
        seen.push((delivery["recipient"].clone(), delivery["log_position"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let expected = [("shop", 7), ("crm", 7), ("shop", 9)];
    assert_eq!(seen, expected.map(|(told, at)| (json!(told), json!(at))));
    let crm = app.get("/v1/parked-deliveries?recipient=crm").await.ok();
    assert_eq!(crm["deliveries"].as_array().unwrap().len(), 1);
    assert_eq!(app.get("/v1/parked-deliveries?recipient=nobody").await.status, 422);
}

#[tokio::test]
async fn partners_see_none_of_it() {
    let mut app = TestApp::start().await;
    app.sign_in_partner(partner_id(1)).await;
    for path in ["messages", "messages/1", "message-groups", "parked-deliveries"] {
        assert_eq!(app.get(&format!("/v1/{path}")).await.status, 403, "{path}");
    }
}
