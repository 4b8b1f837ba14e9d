//! What people decide about messages that could not be applied.

use serde_json::{Value, json};
use shared::contracts::inbound::{Inbound, OrderInitiated};
use shared::contracts::text::ShopOrderId;

use crate::support::{Answer, Caller, TestApp, new_key};

fn initiated(shop_order_id: &str) -> Value {
    let shop_order_id =
        ShopOrderId::try_from(shop_order_id.to_owned()).expect("a number of the shop");
    let message = Inbound::ShopOrderInitiated(OrderInitiated { shop_order_id });
    let envelope = message.into_envelope(format!("m-{}", new_key()), "/shop");
    serde_json::from_slice(&envelope.to_json()).expect("an envelope is JSON")
}

impl TestApp {
    /// A message as the intake parks it.
    async fn parked(&self, reason_code: &str, reason: &str, body: &[u8]) -> i64 {
        sqlx::query_scalar(
            r#"INSERT INTO write.waiting_messages
                   (state, order_key, source, kind, body, headers, reason_code, reason, attempts, received_at)
               VALUES ('parked', 'shop:S-1', '/shop', 'some.kind', $1,
                       '{"routing_key": "shop.order.initiated"}', $2, $3, 9, now())
               RETURNING waiting_id"#,
        )
        .bind(body)
        .bind(reason_code)
        .bind(reason)
        .fetch_one(&mut self.database.connection().await)
        .await
        .expect("the database answers")
    }

    async fn ask(&self, caller: &Caller, path: &str, body: Value) -> Answer {
        Answer::to(self.post(caller, &format!("/v1/messages/{path}")).json(&body)).await
    }

    /// State, attempts and body of a message.
    async fn message(&self, message_no: i64) -> (String, i32, Vec<u8>) {
        sqlx::query_as(
            "SELECT state, attempts, body FROM write.waiting_messages WHERE waiting_id = $1",
        )
        .bind(message_no)
        .fetch_one(&mut self.database.connection().await)
        .await
        .expect("the database answers")
    }

    /// Action, reason and former body of what was done to a message.
    async fn deeds(&self, message_no: i64) -> Vec<(String, Option<String>, Option<Vec<u8>>)> {
        sqlx::query_as(
            "SELECT action, reason, body FROM write.audit_entries
             WHERE subject = 'message:' || $1 AND by_actor->>'name' = 'Ada' ORDER BY audit_id",
        )
        .bind(message_no.to_string())
        .fetch_all(&mut self.database.connection().await)
        .await
        .expect("the database answers")
    }
}

#[tokio::test]
async fn a_replayed_message_waits_again_and_the_deed_is_kept_once() {
    let app = TestApp::start().await;
    let message_no = app.parked("unknown-model", "there is no model 1", b"{}").await;
    let key = new_key();
    let send = || {
        let path = format!("/v1/messages/{message_no}/replay");
        let request = app.admin.signs(app.request(reqwest::Method::POST, &path));
        Answer::to(
            request
                .header("Idempotency-Key", &key)
                .json(&json!({ "reason": "the model is there" })),
        )
    };
    let first = send().await;
    assert_eq!(
        first.json(),
        json!({ "message_no": message_no, "state": "waiting", "already_done": false })
    );
    let again = send().await;
    assert!(again.is_replayed() && again.text == first.text, "{}", again.text);
    assert_eq!(app.message(message_no).await, ("waiting".into(), 0, b"{}".to_vec()));
    let deed = ("replay".to_owned(), Some("the model is there".to_owned()), None);
    assert_eq!(app.deeds(message_no).await, [deed]);
    app.ask(&app.admin, "4711/replay", json!({})).await.problem(404, "not-found");
}

#[tokio::test]
async fn only_administrators_decide_and_discarding_needs_a_reason() {
    let app = TestApp::start().await;
    let message_no = app.parked("not-json", "the message: no", b"\xff").await;
    let path = format!("{message_no}/discard");
    let why = json!({ "reason": "somebody's test" });
    app.ask(&app.seller, &path, why.clone()).await.problem(403, "forbidden");
    app.ask(&app.admin, &path, json!({})).await.invalid("/reason");
    let done = app.ask(&app.admin, &path, why.clone()).await;
    assert_eq!(done.json()["state"], "discarded", "{}", done.text);
    assert_eq!(app.ask(&app.admin, &path, why).await.json()["already_done"], true);
    let replay = format!("{message_no}/replay");
    app.ask(&app.admin, &replay, json!({})).await.problem(409, "already-discarded");
    assert_eq!(app.message(message_no).await, ("discarded".into(), 9, b"\xff".to_vec()));
    assert_eq!(app.deeds(message_no).await.len(), 1);
}

#[tokio::test]
async fn an_edited_message_keeps_what_it_said_before() {
    let app = TestApp::start().await;
    let message_no = app.parked("not-json", "the message: no", b"oops").await;
    let path = format!("{message_no}/edit");
    let edit = |message: Value| json!({ "message": message, "reason": "a comma was missing" });
    let mut wrong = initiated("S-7");
    wrong["data"]["shop_order_id"] = json!(7);
    app.ask(&app.admin, &path, edit(wrong)).await.invalid("/message/data/shop_order_id");
    assert_eq!(app.message(message_no).await.0, "parked");
    let (first, second) = (initiated("S-7"), initiated("S-8"));
    for message in [&first, &second] {
        let answer = app.ask(&app.admin, &path, edit(message.clone())).await;
        assert_eq!(answer.json()["state"], "waiting", "{}", answer.text);
    }
    let (state, attempts, body) = app.message(message_no).await;
    assert_eq!((state.as_str(), attempts), ("waiting", 0));
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), second);
    let before: Vec<Vec<u8>> =
        app.deeds(message_no).await.into_iter().filter_map(|deed| deed.2).collect();
    assert_eq!(before, [b"oops".to_vec(), first.to_string().into_bytes()]);
    let kept: (Vec<u8>, String) = sqlx::query_as(
        "SELECT original_body, order_key FROM write.waiting_messages WHERE waiting_id = $1",
    )
    .bind(message_no)
    .fetch_one(&mut app.database.connection().await)
    .await
    .unwrap();
    assert_eq!(kept, (b"oops".to_vec(), "shop:S-8".to_owned()));
}

#[tokio::test]
async fn a_message_cannot_be_edited_into_another_producers() {
    let app = TestApp::start().await;
    let message_no = app.parked("not-json", "the message: no", b"oops").await;
    let approval = shared::contracts::samples::approved();
    let envelope = approval.into_envelope("m-1".to_owned(), "/crm");
    let message: Value = serde_json::from_slice(&envelope.to_json()).unwrap();
    let body = json!({ "message": message, "reason": "to see" });
    app.ask(&app.admin, &format!("{message_no}/edit"), body).await.invalid("/message/type");
}

#[tokio::test]
async fn a_group_is_replayed_in_bounded_steps_that_say_what_is_left() {
    let app = TestApp::start().await;
    for number in 0..5 {
        let reason =
            format!("/data/quantity: invalid value: integer `{number}` of order S-{number}");
        app.parked("bad-data", &reason, b"{}").await;
    }
    let other = app.parked("bad-data", "/data/finish: missing", b"{}").await;
    let group: String =
        sqlx::query_scalar("SELECT fingerprint FROM read.messages GROUP BY 1 HAVING count(*) = 5")
            .fetch_one(&mut app.database.connection().await)
            .await
            .expect("numbers make no other group");
    let step = |after: Value| json!({ "fingerprint": group, "limit": 2, "after": after });
    let (mut after, mut told) = (Value::Null, Vec::new());
    loop {
        let answer = app.ask(&app.admin, "replay", step(after)).await.json();
        told.push((answer["changed"].clone(), answer["left"].clone()));
        if answer["left"] == 0 {
            break;
        }
        after = answer["last"].clone();
    }
    assert_eq!(told, [(json!(2), json!(3)), (json!(2), json!(1)), (json!(1), json!(0))]);
    assert_eq!(app.message(other).await.0, "parked");
    assert_eq!(app.count("SELECT count(*) FROM write.audit_entries").await, 5);

    app.ask(&app.admin, "replay", json!({})).await.invalid("/all");
    app.ask(&app.admin, "replay", json!({ "all": true, "limit": 0 })).await.invalid("/limit");
    app.ask(&app.admin, "discard", json!({ "all": true })).await.invalid("/reason");
    let all = json!({ "all": true, "reason": "a test of ours" });
    let answer = app.ask(&app.admin, "discard", all).await.json();
    assert_eq!(answer, json!({ "changed": 1, "left": 0, "last": other }));
    assert_eq!(app.message(other).await.0, "discarded");
}

#[tokio::test]
async fn parked_deliveries_are_made_due_at_their_heads() {
    let app = TestApp::start().await;
    sqlx::raw_sql(
        "INSERT INTO write.parked_deliveries
             (recipient, order_id, position, reason, attempts, next_attempt, parked_at)
         SELECT told.name, ('00000000-0000-0000-0000-00000000000' || o)::uuid, o * 10 + e, 'unroutable', 3,
                now() + interval '10 minutes', now()
         FROM (VALUES ('shop'), ('crm')) AS told (name), generate_series(1, 2) AS o, generate_series(1, 3) AS e",
    )
    .execute(&mut app.database.connection().await)
    .await
    .unwrap();
    let ask = async |body: Value| {
        Answer::to(app.post(&app.admin, "/v1/parked-deliveries/retry").json(&body)).await
    };
    let answer = ask(json!({ "recipient": "shop", "reason": "the queue is back" })).await;
    assert_eq!(answer.json(), json!({ "due": 2, "has_more": false }), "{}", answer.text);
    let due = "SELECT count(*) FROM write.parked_deliveries
               WHERE next_attempt <= now() AND recipient = 'shop' AND position IN (11, 21)";
    assert_eq!(app.count(due).await, 2);
    let all_due = "SELECT count(*) FROM write.parked_deliveries WHERE next_attempt <= now()";
    assert_eq!(app.count(all_due).await, 2, "and no others");
    ask(json!({ "recipient": "carrier" })).await.invalid("/recipient");
}
