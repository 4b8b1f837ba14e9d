//! Lists of orders that others send to be compared with ours.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, TestApp, new_key};

const NDJSON: &str = "application/x-ndjson";

impl TestApp {
    async fn send_list(
        &self,
        caller: &Caller,
        key: &str,
        kind: &str,
        query: &str,
        list: impl Into<reqwest::Body>,
    ) -> Answer {
        let path = format!("/v1/reconciliations{query}");
        let request = caller.signs(self.request(Method::POST, &path));
        let request = request.header("Idempotency-Key", key).header("Content-Type", kind);
        Answer::to(request.body(list)).await
    }

    /// As the consumer does when all is compared.
    async fn compared(&self, kind: &str) {
        sqlx::query("UPDATE write.reconciliation_rows SET kind = $1")
            .bind(kind)
            .execute(&mut self.database.connection().await)
            .await
            .expect("the database answers");
        sqlx::query("UPDATE write.reconciliations SET state = 'done' WHERE state = 'comparing'")
            .execute(&mut self.database.connection().await)
            .await
            .expect("the database answers");
    }

    async fn shop(&self) -> Caller {
        self.system("shop", &["orders:read"]).await
    }
}

fn line(number: usize) -> String {
    format!("{{\"external_id\": \"S-{number}\", \"status\": \"SUBMITTED\"}}\n")
}

#[tokio::test]
async fn a_long_list_streams_into_rows_and_waits_to_be_compared() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let list: String = (0..12_345).map(line).collect();
    let answer = app.send_list(&shop, &new_key(), NDJSON, "", list).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(answer.json()["rows"], 12_345);
    assert_eq!(answer.json()["party"], "shop");
    let rows = "SELECT count(*) FROM write.reconciliation_rows
                WHERE external_id = 'S-' || (row_no - 1) AND status = 'SUBMITTED' AND kind IS NULL";
    assert_eq!(app.count(rows).await, 12_345, "each under its number");
    let waiting = "SELECT count(*) FROM write.reconciliations WHERE state = 'comparing' AND row_count = 12345";
    assert_eq!(app.count(waiting).await, 1);
}

#[tokio::test]
async fn the_same_list_under_the_same_key_is_the_same_reconciliation() {
    let app = TestApp::start().await;
    let (shop, key) = (app.shop().await, new_key());
    let first = app.send_list(&shop, &key, NDJSON, "", line(1)).await.json();
    let again = app.send_list(&shop, &key, NDJSON, "", line(1)).await.json();
    assert_eq!(again["reconciliation_id"], first["reconciliation_id"]);
    assert_eq!((&first["already_known"], &again["already_known"]), (&json!(false), &json!(true)));
    assert_eq!(app.count("SELECT count(*) FROM write.reconciliation_rows").await, 1);
    let other = app.send_list(&shop, &key, NDJSON, "", line(2)).await;
    other.problem(422, "idempotency-key-reused");
    let busy = app.send_list(&shop, &new_key(), NDJSON, "", line(2)).await;
    busy.problem(409, "in-progress");
    app.compared("same").await;
    let next = app.send_list(&shop, &new_key(), NDJSON, "", line(2)).await;
    assert_eq!(next.status, 202, "{}", next.text);
}

#[tokio::test]
async fn a_list_with_a_mistake_names_it_and_its_key_is_free_again() {
    let app = TestApp::start().await;
    let (shop, key) = (app.shop().await, new_key());
    let wrong = format!("{}{}", line(1), line(2).replace("SUBMITTED", "LOST"));
    app.send_list(&shop, &key, NDJSON, "", wrong).await.invalid("/1");
    let csv = "external_id,status\nS-1,SUBMITTED\nS-2,LOST\n";
    app.send_list(&shop, &key, "text/csv", "", csv).await.invalid("/1/status");
    app.send_list(&shop, &key, "image/png", "", "").await.problem(415, "unsupported-media-type");
    let array = json!([{ "external_id": "S-1", "status": "SHIPPED", "version": 9 }]);
    let answer = app.send_list(&shop, &key, "application/json", "", array.to_string()).await;
    assert_eq!((answer.status, &answer.json()["rows"]), (202, &json!(1)), "{}", answer.text);
}

#[tokio::test]
async fn systems_send_their_own_lists_and_administrators_say_whose() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldsmith & Sons").await;
    let own = app.send_list(&partner, &new_key(), NDJSON, "", line(1)).await;
    assert_eq!(own.json()["party"], format!("partner:{}", partner.id), "{}", own.text);
    let foreign = app.send_list(&partner, &new_key(), NDJSON, "?party=shop", line(1)).await;
    foreign.problem(403, "forbidden");
    app.send_list(&app.admin, &new_key(), NDJSON, "", line(1)).await.invalid("party");
    let named = app.send_list(&app.admin, &new_key(), NDJSON, "?party=crm", line(1)).await;
    assert_eq!(named.json()["party"], "crm", "{}", named.text);
    let seller = app.send_list(&app.seller, &new_key(), NDJSON, "?party=crm", line(1)).await;
    seller.problem(403, "forbidden");
}

#[tokio::test]
async fn only_whose_list_it_is_may_have_events_sent_again_and_only_when_all_is_compared() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let known: Value = app.send_list(&shop, &new_key(), NDJSON, "", line(1)).await.json();
    let id = known["reconciliation_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/reconciliations/{id}/redrive");
    let ask =
        async |caller: &Caller, body: Value| Answer::to(app.post(caller, &path).json(&body)).await;
    ask(&shop, json!({})).await.problem(409, "not-done");
    app.compared("unknown").await;
    let nothing = ask(&shop, json!({})).await.json();
    assert_eq!(nothing, json!({ "rows": 0, "events": 0, "left": 0 }));
    let partner = app.partner("Somebody else").await;
    ask(&partner, json!({})).await.problem(404, "not-found");
    ask(&shop, json!({ "kinds": [] })).await.invalid("/kinds");
    ask(&shop, json!({ "limit": 0 })).await.invalid("/limit");
    let noted = "SELECT count(*) FROM write.audit_entries WHERE action = 'redrive'";
    assert_eq!(app.count(noted).await, 1);
}
