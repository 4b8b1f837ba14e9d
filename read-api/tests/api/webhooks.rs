//! What partners see of their webhooks.

use uuid::Uuid;

use crate::support::{TestApp, order_id, partner_id};

impl TestApp {
    async fn add_webhook(&self, webhook_id: Uuid, partner: u128, deliveries: i64) {
        let pool = self.database.pool(testkit::DatabaseRole::Superuser);
        sqlx::query(
            "INSERT INTO write.webhooks (webhook_id, partner_id, url, event_types, state, created_at, changed_at)
             VALUES ($1, $2, 'https://partner.example.com/', '{order.shipped}', 'active', now(), now())",
        )
        .bind(webhook_id)
        .bind(partner_id(partner).as_uuid())
        .execute(&pool)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO write.webhook_secrets (secret_id, webhook_id, secret, created_at)
             VALUES (gen_random_uuid(), $1, decode(repeat('ab', 32), 'hex'), now())",
        )
        .bind(webhook_id)
        .execute(&pool)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO write.webhook_deliveries
                 (webhook_id, position, order_id, version, kind, state, sent, next_attempt, occurred_at, last_status)
             SELECT $1, n, $3, n, 'order.shipped', CASE WHEN n % 2 = 0 THEN 'delivered' ELSE 'waiting' END,
                    1, now(), now(), 204
             FROM generate_series(1, $2) AS n",
        )
        .bind(webhook_id)
        .bind(deliveries)
        .bind(order_id(1).as_uuid())
        .execute(&pool)
        .await
        .unwrap();
        self.database.replicated().await;
    }
}

#[tokio::test]
async fn a_partner_sees_its_webhooks_and_no_secret() {
    let mut app = TestApp::start().await;
    app.add_webhook(Uuid::from_u128(1), 1, 0).await;
    app.add_webhook(Uuid::from_u128(2), 2, 0).await;
    app.sign_in_partner(partner_id(1)).await;
    let answer = app.get("/v1/webhooks").await;
    let webhooks = answer.ok()["webhooks"].as_array().unwrap().clone();
    assert_eq!(webhooks.len(), 1);
    assert_eq!(webhooks[0]["webhook_id"], Uuid::from_u128(1).to_string());
    assert_eq!(webhooks[0]["state"], "active");
    assert_eq!(webhooks[0]["secrets"].as_array().unwrap().len(), 1);
    let text = String::from_utf8(answer.body).unwrap();
    assert!(!text.contains("abab") && !text.contains("whsec"), "{text}");
}

#[tokio::test]
async fn the_delivery_log_is_read_page_by_page_and_only_by_its_owner() {
    let mut app = TestApp::start().await;
    let webhook_id = Uuid::from_u128(1);
    app.add_webhook(webhook_id, 1, 5).await;
    app.sign_in_partner(partner_id(1)).await;
    let path = format!("/v1/webhooks/{webhook_id}/deliveries");
    let first = app.get(&format!("{path}?limit=3")).await.ok();
    let ids = |page: &serde_json::Value| -> Vec<String> {
        let deliveries = page["deliveries"].as_array().unwrap();
        deliveries.iter().map(|d| d["id"].as_str().unwrap().to_owned()).collect()
    };
    let id = |version: u64| format!("{}:{version}", order_id(1));
    assert_eq!((ids(&first), &first["has_more"]), (vec![id(5), id(4), id(3)], &true.into()));
    assert_eq!(first["deliveries"][0]["state"], "waiting");
    assert_eq!(first["deliveries"][0]["last_status"], 204);
    let next = first["next"].as_str().unwrap();
    let second = app.get(&format!("{path}?limit=3&before={next}")).await.ok();
    assert_eq!((ids(&second), &second["has_more"]), (vec![id(2), id(1)], &false.into()));
    let delivered = app.get(&format!("{path}?state=delivered")).await.ok();
    assert_eq!(ids(&delivered), [id(4), id(2)]);
    assert_eq!(app.get(&format!("{path}?state=eaten")).await.status, 422);
    app.sign_in_partner(partner_id(2)).await;
    assert_eq!(app.get(&path).await.status, 404);
}
