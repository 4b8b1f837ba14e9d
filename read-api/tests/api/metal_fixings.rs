//! What metals cost, as the office sees it.

use serde_json::{Value, json};

use crate::support::{TestApp, partner_id};

/// A price as the write side keeps it: accepted with a set, or waiting.
async fn add(app: &TestApp, metal: &str, price: &str, set_id: Option<i64>) {
    sqlx::query(
        r#"INSERT INTO write.metal_fixings
               (metal, price_per_gram, currency, source, observed_at, received_at, published_by,
                state, set_id, decided_by, decided_at)
           SELECT $1, $2::numeric, 'RUB', 'LBMA', clock_timestamp(), now(), a.system,
                  CASE WHEN $3::bigint IS NULL THEN 'waiting' ELSE 'accepted' END, $3,
                  CASE WHEN $3::bigint IS NOT NULL THEN a.system END,
                  CASE WHEN $3::bigint IS NOT NULL THEN now() END
           FROM (SELECT '{"role": "system", "component": "feed"}'::jsonb AS system) AS a"#,
    )
    .bind(metal)
    .bind(price)
    .bind(set_id)
    .execute(&mut app.database.connection().await)
    .await
    .unwrap();
}

fn told(answer: &Value) -> Vec<(Value, Value)> {
    let fixings = answer["fixings"].as_array().unwrap();
    fixings.iter().map(|f| (f["price_per_gram_minor"].clone(), f["state"].clone())).collect()
}

#[tokio::test]
async fn what_waits_and_what_holds_come_first() {
    let app = TestApp::start().await;
    add(&app, "silver", "12050", Some(1)).await;
    add(&app, "gold", "1020050.5", Some(2)).await;
    add(&app, "gold", "1930050", None).await;
    add(&app, "gold", "1030050", Some(3)).await;
    app.database.replicated().await;
    let accepted = |price: &str| (json!(price), json!("accepted"));
    let waiting = (json!("1930050"), json!("waiting"));
    let shown = app.get("/v1/metal-fixings").await.ok();
    assert_eq!(
        told(&shown),
        [waiting.clone(), accepted("1030050"), accepted("1020050.5"), accepted("12050")]
    );
    let standing = |metal: &str, has_more: bool| json!({ "metal": metal, "freshness": "fresh", "has_more": has_more });
    assert_eq!(shown["metals"], json!([standing("gold", false), standing("silver", false)]));
    let shown = app.get("/v1/metal-fixings?metal=gold&limit=1").await.ok();
    assert_eq!(told(&shown), [waiting, accepted("1030050")]);
    assert_eq!(shown["metals"], json!([standing("gold", true)]));
    let shown = app.get("/v1/metal-fixings?metal=gold&limit=2").await.ok();
    assert_eq!(
        shown["metals"],
        json!([standing("gold", false)]),
        "two were accepted, and two are shown"
    );
    assert_eq!(told(&app.get("/v1/metal-fixings?metal=platinum").await.ok()), []);
}

#[tokio::test]
async fn an_old_price_is_told_to_be_old() {
    let app = TestApp::start().await;
    add(&app, "silver", "12050", None).await;
    for (metal, set_id, hours) in [("gold", 1, 79), ("palladium", 2, 81), ("platinum", 3, 337)] {
        add(&app, metal, "1020050", Some(set_id)).await;
        let age = "UPDATE write.metal_fixings SET observed_at = now() - make_interval(hours => $2)
                   WHERE metal = $1";
        let aging = sqlx::query(age).bind(metal).bind(hours);
        aging.execute(&mut app.database.connection().await).await.unwrap();
    }
    app.database.replicated().await;
    let shown = app.get("/v1/metal-fixings").await.ok();
    let metals = shown["metals"].as_array().unwrap();
    let told: Vec<_> = metals.iter().map(|metal| (&metal["metal"], &metal["freshness"])).collect();
    let [gold, palladium, platinum, silver] =
        ["gold", "palladium", "platinum", "silver"].map(|metal| json!(metal));
    let [fresh, stale, too_old] = ["fresh", "stale", "too_old"].map(|age| json!(age));
    let none = Value::Null;
    assert_eq!(
        told,
        [(&gold, &fresh), (&palladium, &stale), (&platinum, &too_old), (&silver, &none)]
    );
}

#[tokio::test]
async fn partners_do_not_see_what_metals_cost_the_house() {
    let mut app = TestApp::start().await;
    app.sign_in_partner(partner_id(1)).await;
    assert_eq!(app.get("/v1/metal-fixings").await.status, 403);
}
