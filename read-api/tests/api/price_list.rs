//! What can be ordered, by the card in force and with its names, and nothing of what it costs.

use serde_json::{Value, json};

use crate::support::{TestApp, partner_id};

/// A card as the write side keeps it; `names` as it keeps them beside it, and as cards of the first version do not.
async fn publish(app: &TestApp, hours_ago: i32, card: Value, names: Option<Value>) {
    sqlx::query(
        r#"INSERT INTO write.rate_cards (document, names, valid_from, created_by, created_at)
           VALUES ($1, $2, now() - make_interval(hours => $3), '{"role": "crm"}', now())"#,
    )
    .bind(card)
    .bind(names)
    .bind(hours_ago)
    .execute(&mut app.database.connection().await)
    .await
    .unwrap();
}

fn card() -> Value {
    serde_json::from_str(include_str!("../../../pricing/rate_cards/first_version.json")).unwrap()
}

#[tokio::test]
async fn before_the_first_card_nothing_can_be_ordered() {
    let app = TestApp::start().await;
    let list = app.get("/v1/price-list").await.ok();
    assert_eq!((&list["rate_card_version"], &list["finishes"]), (&Value::Null, &json!([])));
}

#[tokio::test]
async fn a_card_of_the_first_version_has_ids_and_no_names() {
    let mut app = TestApp::start().await;
    publish(&app, 1, card(), None).await;
    app.database.replicated().await;
    app.sign_in_partner(partner_id(1)).await;
    let list = app.get("/v1/price-list").await.ok();
    let finish = |id: &str| json!({ "id": id, "only_for": [], "names": null });
    assert_eq!(list["finishes"], json!([finish("raw"), finish("polished"), finish("matte")]));
    let silver = json!({ "id": "silver-925", "kind": "metal", "names": null });
    assert_eq!((&list["materials"][0], &list["settings"]), (&silver, &json!([])));
    assert_eq!(list["has_rush"], false);
}

#[tokio::test]
async fn the_card_in_force_names_what_it_has() {
    let app = TestApp::start().await;
    publish(&app, 2, card(), None).await;
    let mut newer = card();
    newer["finishes"][1]["only_for"] = json!(["metal"]);
    newer["settings"] = json!([{ "id": "pave", "per_stone": 18_000 }]);
    newer["rush"] = json!({ "factor": "1.35", "lead_time_days": 4 });
    let polished = json!({ "ru": "Полировка", "en": "Polished" });
    let names = json!({ "materials": {}, "finishes": { "polished": polished }, "settings": {} });
    publish(&app, 1, newer, Some(names)).await;
    publish(&app, -1, card(), None).await; // from in an hour on
    app.database.replicated().await;
    let list = app.get("/v1/price-list").await.ok();
    assert_eq!(list["rate_card_version"], 2);
    let finish = json!({ "id": "polished", "only_for": ["metal"], "names": polished });
    assert_eq!((&list["finishes"][1], &list["finishes"][2]["names"]), (&finish, &Value::Null));
    assert_eq!(list["settings"], json!([{ "id": "pave", "names": null }]));
    assert_eq!(list["has_rush"], true);
    let text = list.to_string();
    assert!(!text.contains("per_cm2") && !text.contains("per_stone"), "no prices: {text}");
}
