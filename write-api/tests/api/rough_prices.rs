//! About what a model will cost, in the answer to its upload.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, TestApp, ascii_stl, pricing_file};

const CUBE: &str = "tests/models/20mm-xyz-cube.stl";
const WISH: &str = "unit=millimetre&material=silver-925&finish=polished";

struct Shop {
    app: TestApp,
    partner: Caller,
}

impl Shop {
    /// With a price book.
    async fn with(card: &str) -> Self {
        let app = TestApp::start().await;
        let card: Value = serde_json::from_slice(&pricing_file(card)).expect("the card is JSON");
        let body = json!({ "rate_card": card });
        let answer = app.administer(Method::POST, "/v1/rate-cards", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let partner = app.partner("Goldmann").await;
        Self { app, partner }
    }

    async fn upload(&self, query: &str) -> Answer {
        let path = format!("/v1/models?{query}");
        let request = self.partner.signs(self.app.request(Method::POST, &path));
        Answer::to(request.body(pricing_file(CUBE))).await
    }
}

/// The three sums of a rough price.
#[track_caller]
fn ends(answer: &Value) -> [i64; 3] {
    let end = |end: &str| answer["rough"][end]["minor"].as_i64();
    ["low", "likely", "high"].map(|name| end(name).unwrap_or_else(|| panic!("{answer}")))
}

#[tokio::test]
async fn an_upload_may_ask_for_a_rough_price() {
    let shop = Shop::with("rate_cards/first_version.json").await;
    let model = shop.upload(WISH).await.json();
    assert_eq!((&model["already_known"], &model["facets"]), (&json!(false), &json!(260)));
    assert_eq!(model["outside"]["volume"]["closed"], true, "{model}");
    let [low, likely, high] = ends(&model);
    assert!(0 < low && low <= likely && likely <= high);
    assert_eq!(model["rough"]["basis"], "closed_volume");
    let ascii = shop.app.upload(&shop.partner, ascii_stl(20)).await.json();
    assert_eq!((&ascii["outside"]["volume"], &ascii["rough"]), (&Value::Null, &Value::Null));
    assert_eq!(ascii["outside"]["extents"].as_array().map(Vec::len), Some(3), "{ascii}");
    let unknown = shop.upload("unit=millimetre&material=unobtainium&finish=polished").await;
    let unpriceable = &unknown.json()["unpriceable"];
    assert_eq!((unknown.status, &unpriceable["field"]), (201, &json!("material")));
    shop.upload("unit=millimetre&finish=polished").await.invalid("material");
    shop.upload("unit=furlong").await.invalid("unit");
}

/// The cube's volume is known to the last bit, so what rush and stones add can be told exactly.
#[tokio::test]
async fn a_rough_price_holds_the_rush_and_the_stones_that_are_stated() {
    let shop = Shop::with("rate_cards/demo.json").await;
    let rough = async |extras: &str| ends(&shop.upload(&format!("{WISH}{extras}")).await.json());
    let plain = rough("&quantity=2").await;
    assert_eq!(rough("&quantity=2&rush=false").await, plain);
    // In each of two pieces 12 stones at 18000 and one at 45000, and 20 % of tax: a multiple of the card's step.
    let stones = 2 * (12 * 18_000 + 45_000) * 12 / 10;
    let set = rough("&quantity=2&settings=pave:12,prong:1").await;
    assert_eq!(set, plain.map(|end| end + stones));
    let rushed = rough("&quantity=2&rush=true&settings=pave:12,prong:1").await;
    for (rushed, usual) in rushed.into_iter().zip(set) {
        // Before tax both are up to a multiple of 100.
        assert!((rushed - usual * 135 / 100).abs() <= 200, "{rushed} {usual}");
    }

    let model_id = shop.upload("").await.json()["model_id"].clone();
    let question = json!({
        "model_id": model_id, "unit": "millimetre", "material": "silver-925",
        "finish": "polished", "quantity": 2, "rush": true,
        "settings": [{ "kind": "pave", "count": 12 }, { "kind": "prong", "count": 1 }],
    });
    let quote = Answer::to(shop.app.post(&shop.partner, "/v1/quotes").json(&question)).await;
    assert_eq!(ends(&quote.json()), rushed, "as a quote of the same says");
}

#[tokio::test]
async fn stones_and_rushes_that_cannot_be_had_are_named() {
    let shop = Shop::with("rate_cards/first_version.json").await;
    for (extra, field) in [("&rush=true", "rush"), ("&settings=glue:1", "settings")] {
        let model = shop.upload(&format!("{WISH}{extra}")).await;
        let unpriceable = &model.json()["unpriceable"];
        assert_eq!((model.status, &unpriceable["field"]), (201, &json!(field)));
    }
    let bad =
        [("rush=maybe", "rush"), ("settings=pave", "settings"), ("settings=pave:0", "settings")];
    for (extra, field) in bad {
        shop.upload(&format!("{WISH}&{extra}")).await.invalid(field);
    }
    shop.upload("rush=true").await.invalid("unit");
    shop.upload("settings=pave:1").await.invalid("unit");
}
