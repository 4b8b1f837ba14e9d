//! What was found in somebody's list, as they see it.

use serde_json::{Value, json};
use shared::ids::ReconciliationId;
use uuid::Uuid;

use crate::support::{TestApp, order_id, partner_id};

/// A compared list with an order of each kind.
async fn compared(app: &TestApp, number: u128, party: &str) -> ReconciliationId {
    let id = ReconciliationId::new(Uuid::from_u128(number));
    sqlx::query(
        r#"INSERT INTO write.reconciliations
               (reconciliation_id, party, request_key, state, created_by, created_at, touched_at, finished_at,
                row_count, counts)
           VALUES ($1, $2, $2, 'done', '{"role": "system", "component": "test"}', now(), now(), now(), 6,
                   '{"same": 1, "behind": 2}')"#,
    )
    .bind(id.as_uuid())
    .bind(party)
    .execute(&mut app.database.connection().await)
    .await
    .unwrap();
    let kinds = ["same", "behind", "unknown", "behind", "duplicated", "ahead", "missing"];
    for (row, kind) in (1..).zip(kinds) {
        sqlx::query(
            "INSERT INTO write.reconciliation_rows
                 (reconciliation_id, row_no, external_id, status, kind, order_id, our_status, our_version)
             VALUES ($1, $2, 'X-' || $2, 'SUBMITTED', $3, $4, 'SHIPPED', 10)",
        )
        .bind(id.as_uuid())
        .bind(row)
        .bind(kind)
        .bind(order_id(1).as_uuid())
        .execute(&mut app.database.connection().await)
        .await
        .unwrap();
    }
    app.database.replicated().await;
    id
}

fn rows(page: &Value) -> Vec<i64> {
    page["rows"].as_array().unwrap().iter().map(|row| row["row"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn what_was_found_is_counted_and_paged_by_kind() {
    let app = TestApp::start().await;
    let id = compared(&app, 1, "shop").await;
    let path = format!("/v1/reconciliations/{id}");
    let shown = app.get(&path).await.ok();
    assert_eq!((&shown["party"], &shown["state"]), (&json!("shop"), &json!("done")));
    let counts =
        json!({ "same": 1, "missing": 0, "unknown": 0, "behind": 2, "duplicated": 0, "ahead": 0 });
    assert_eq!(shown["counts"], counts);
    assert_eq!(rows(&app.get(&format!("{path}/rows")).await.ok()), [2, 3, 4, 5, 6, 7]);
    let behind = format!("{path}/rows?kind=behind&limit=1");
    let first = app.get(&behind).await.ok();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app.get(&format!("{behind}&cursor={cursor}")).await.ok();
    assert_eq!((rows(&first), rows(&second)), (vec![2], vec![4]));
    assert_eq!(second["next_cursor"], Value::Null);
    assert_eq!(first["rows"][0]["our_status"], "SHIPPED");
    assert_eq!(app.get(&format!("{path}/rows?cursor={cursor}")).await.status, 422);
    assert_eq!(app.get(&format!("{path}/rows?kind=same")).await.status, 422);
    let list = app.get("/v1/reconciliations").await.ok();
    assert_eq!(list["reconciliations"][0]["reconciliation_id"], id.to_string());
}

#[tokio::test]
async fn a_partner_sees_its_own_lists_and_no_others() {
    let mut app = TestApp::start().await;
    let foreign = compared(&app, 1, "shop").await;
    let own = compared(&app, 2, &format!("partner:{}", partner_id(1))).await;
    app.sign_in_partner(partner_id(1)).await;
    assert_eq!(app.get(&format!("/v1/reconciliations/{foreign}")).await.status, 404);
    assert_eq!(app.get(&format!("/v1/reconciliations/{foreign}/rows")).await.status, 404);
    assert_eq!(app.get(&format!("/v1/reconciliations/{own}/rows")).await.status, 200);
    let list = app.get("/v1/reconciliations").await.ok();
    assert_eq!(list["reconciliations"].as_array().unwrap().len(), 1);
}
