//! Operators, partners, keys and price books.

use reqwest::Method;
use serde_json::{Value, json};
use shared::clock::{Clock, SystemClock};
use shared::order::Status;
use testkit::{PATIENCE, eventually};

use crate::support::{Answer, Caller, TestApp, ascii_stl, new_id, order_body, pricing_file};

async fn issue(app: &TestApp, body: Value) -> (String, Caller) {
    let answer = app.administer(Method::POST, "/v1/api-keys", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let issued = answer.json();
    let text = |name: &str| issued[name].as_str().expect("a text").to_owned();
    let caller = Caller { credential: text("api_key"), ..app.admin.clone() };
    (text("api_key_id"), caller)
}

fn key_of_shop() -> Value {
    json!({ "holder": { "kind": "shop" }, "scopes": ["models:write"], "label": "test" })
}

async fn register(app: &TestApp, name: &str) -> Value {
    let id = new_id();
    let body = json!({ "partner_id": id, "display_name": name });
    for _ in 0..2 {
        let answer = app.administer(Method::POST, "/v1/partners", body.clone()).await;
        assert_eq!((answer.status, answer.json()), (200, body.clone()));
    }
    json!(id)
}

#[tokio::test]
async fn a_registered_partner_with_an_issued_key_submits_orders() {
    let app = TestApp::start().await;
    let partner_id = register(&app, "Goldmann").await;
    let body = json!({
        "holder": { "kind": "partner", "partner_id": partner_id },
        "scopes": ["models:write", "orders:submit"], "label": "their shop",
    });
    let (_, partner) = issue(&app, body).await;
    assert!(partner.credential.starts_with("mes_") && partner.credential.len() > 60);
    let model_id = app.small_model(&partner).await;
    let order = app.submit(&partner, order_body(&model_id)).await.now(Status::Submitted).order;
    assert_eq!(json!(order.partner_id), partner_id);
    app.cancel(&partner, order.order_id.as_uuid(), "no scope").await.problem(403, "forbidden");
    let hashed = "SELECT count(*) FROM write.api_keys WHERE length(key_hash) = 32";
    assert_eq!(app.count(hashed).await, 1, "only the hash is kept");
}

#[tokio::test]
async fn a_key_revoked_before_its_first_use_never_works() {
    let app = TestApp::start().await;
    let (id, shop) = issue(&app, key_of_shop()).await;
    let path = format!("/v1/api-keys/{id}");
    for _ in 0..2 {
        let answer = app.administer(Method::DELETE, &path, json!({})).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
    }
    app.upload(&shop, ascii_stl(1)).await.problem(401, "unauthenticated");
    let unknown = format!("/v1/api-keys/{}", new_id());
    let answer = app.administer(Method::DELETE, &unknown, json!({})).await;
    answer.problem(404, "not-found");
}

#[tokio::test]
async fn a_revoked_key_stops_working_within_seconds() {
    let app = TestApp::start().await;
    let (id, shop) = issue(&app, key_of_shop()).await;
    assert_eq!(app.upload(&shop, ascii_stl(1)).await.status, 201);
    let path = format!("/v1/api-keys/{id}");
    assert_eq!(app.administer(Method::DELETE, &path, json!({})).await.status, 204);
    let refused = || async { app.upload(&shop, ascii_stl(1)).await.status == 401 };
    eventually("the key no longer works", refused, PATIENCE).await;
}

#[tokio::test]
async fn an_expired_key_does_not_work() {
    let app = TestApp::start().await;
    let mut body = key_of_shop();
    body["expires_at"] = json!(SystemClock.now() - chrono::TimeDelta::seconds(1));
    let (_, expired) = issue(&app, body.clone()).await;
    app.upload(&expired, ascii_stl(1)).await.problem(401, "unauthenticated");
    body["expires_at"] = json!(SystemClock.now() + chrono::TimeDelta::days(1));
    let (_, valid) = issue(&app, body).await;
    assert_eq!(app.upload(&valid, ascii_stl(1)).await.status, 201);
}

#[tokio::test]
async fn a_key_that_makes_no_sense_is_refused_by_field() {
    let app = TestApp::start().await;
    let stranger = json!({ "kind": "partner", "partner_id": new_id() });
    let bad = [
        ("scopes", json!([]), "/scopes"),
        ("scopes", json!(["orders:read", "world:rule"]), "/scopes/1"),
        ("label", json!(""), "/label"),
        ("holder", stranger, "/holder/partner_id"),
        ("expires_at", json!("tomorrow"), "/expires_at"),
        ("colour", json!("red"), "/colour"),
    ];
    for (field, value, pointer) in bad {
        let mut body = key_of_shop();
        body[field] = value;
        app.administer(Method::POST, "/v1/api-keys", body).await.invalid(pointer);
    }
}

#[tokio::test]
async fn an_operator_is_added_and_changed() {
    let app = TestApp::start().await;
    let scene = app.order_in(Status::ManufacturingApproved).await;
    let path = format!("/v1/operators/{}", scene.anna.id);
    let body = json!({ "display_name": " Anna Maria ", "wip_limit": 1 });
    let answer = app.administer(Method::PUT, &path, body).await;
    let kept = json!({ "display_name": "Anna Maria", "wip_limit": 1, "active": true });
    assert_eq!((answer.status, answer.json()), (200, kept));
    let order = app.take(&scene.anna, scene.order_id).await.done().order;
    assert_eq!(order.holder.expect("a holder").operator.name, "Anna Maria");
    for (field, value) in [
        ("wip_limit", json!(0)),
        ("wip_limit", json!(1_001)),
        ("wip_limit", json!(-1)),
        ("display_name", json!("")),
        ("display_name", json!("x".repeat(101))),
        ("active", json!("yes")),
    ] {
        let mut body = json!({ "display_name": "Anna", "wip_limit": 1, "active": true });
        body[field] = value;
        app.administer(Method::PUT, &path, body).await.invalid(&format!("/{field}"));
    }
}

fn demo_card() -> Value {
    serde_json::from_slice(&pricing_file("rate_cards/demo.json")).expect("the demo card is JSON")
}

#[tokio::test]
async fn price_books_are_published_side_by_side() {
    let app = TestApp::start().await;
    let next_year = SystemClock.now() + chrono::TimeDelta::days(365);
    let mut versions = Vec::new();
    for body in [
        json!({ "rate_card": demo_card() }),
        json!({ "rate_card": demo_card(), "valid_from": next_year }),
    ] {
        let answer = app.administer(Method::POST, "/v1/rate-cards", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        versions.push(answer.json()["version"].as_i64().expect("a version"));
    }
    assert!(versions[0] < versions[1], "{versions:?}");
    assert_eq!(app.count("SELECT count(*) FROM write.rate_cards").await, 2);
}

/// The programs of the last release refuse a document with fields that they do not know.
#[tokio::test]
async fn names_are_kept_beside_the_document() {
    let app = TestApp::start().await;
    app.administer(Method::POST, "/v1/rate-cards", json!({ "rate_card": demo_card() })).await;
    let kept = "SELECT count(*) FROM write.rate_cards
                WHERE strpos(document::text, 'names') = 0
                  AND names -> 'finishes' -> 'polished' ->> 'ru' = 'Полировка'";
    assert_eq!(app.count(kept).await, 1);
    let book = app.store().price_book(SystemClock.now()).await.expect("the database answers");
    assert_eq!(book.expect("a book").card.finishes[1].names, None, "no price depends on it");
}

#[tokio::test]
async fn a_price_book_with_a_fault_is_refused_by_field() {
    let app = TestApp::start().await;
    let bad = [
        ("/materials/2/density_g_cm3", json!("0")),
        ("/materials/0/melt_loss", json!("-0.1")),
        ("/materials/0/price_per_gram", json!("much")),
        ("/quantity_breaks/1/from_quantity", json!(5)),
        ("/vat_rate", json!("-1")),
        ("/finishes/1/names/ru", json!("")),
        ("/finishes/1/names/en", json!("As cast")), // the name of another one
        ("/materials/0/names/de", json!("Silber")),
        ("/currency", json!("roubles")),
        ("/rounding/mode", json!("my way")),
    ];
    for (pointer, value) in bad {
        let mut card = demo_card();
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        card.pointer_mut(parent).expect("the demo card has the place")[field] = value;
        let body = json!({ "rate_card": card });
        let answer = app.administer(Method::POST, "/v1/rate-cards", body).await;
        answer.invalid(&format!("/rate_card{pointer}"));
    }
    assert_eq!(app.count("SELECT count(*) FROM write.rate_cards").await, 0);
}

#[tokio::test]
async fn only_administrators_administer() {
    let app = TestApp::start().await;
    let (partner, operator) = (app.partner("Goldmann").await, app.operator("Anna", 1).await);
    let operator_path = format!("/v1/operators/{}", operator.id);
    let key_path = format!("/v1/api-keys/{}", new_id());
    let requests = [
        (Method::PUT, operator_path.as_str(), json!({ "display_name": "Me", "wip_limit": 99 })),
        (Method::POST, "/v1/partners", json!({ "partner_id": new_id(), "display_name": "Me" })),
        (Method::POST, "/v1/api-keys", key_of_shop()),
        (Method::DELETE, key_path.as_str(), json!({})),
        (Method::POST, "/v1/rate-cards", json!({ "rate_card": demo_card() })),
    ];
    for (method, path, body) in requests {
        for caller in [&app.seller, &operator, &partner] {
            let request = caller.signs(app.request(method.clone(), path)).json(&body);
            Answer::to(request).await.problem(403, "forbidden");
        }
    }
}
