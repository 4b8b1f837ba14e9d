//! What would it cost? Over REST and by message, through all processes: rough at once, exact soon, ordered at that price.

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::contracts::inbound::{Inbound, QuoteRequested};
use shared::contracts::text::ShopQuoteId;
use shared::order::samples;
use shared::order::spec::WorkSpec;
use testkit::eventually;

use crate::stack::{PATIENCE, Stack, publish, received};

impl Stack {
    async fn ask(&self, model_id: &str, quantity: u32, prefer: &str) -> (StatusCode, Value) {
        let url = format!("{}/v1/quotes", self.url("write-api"));
        let body = json!({
            "model_id": model_id, "unit": "millimetre", "material": "silver-925",
            "finish": "polished", "quantity": quantity,
        });
        let key = format!("ask-{quantity}-{prefer}");
        let request = self.http.post(url).bearer_auth(&self.partner_key).json(&body);
        let request = request.header("idempotency-key", key).header("prefer", prefer);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn order_quote(&self, quote_id: &Value) -> Value {
        let url = format!("{}/v1/orders", self.url("write-api"));
        let body = json!({ "external_id": "P-1", "quote_id": quote_id });
        let request = self.http.post(url).bearer_auth(&self.partner_key).json(&body);
        let answer = request.header("idempotency-key", "order-quote").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    async fn jobs(&self) -> i64 {
        let count = "SELECT count(*) FROM write.pricing_jobs";
        sqlx::query_scalar(count).fetch_one(&self.pool()).await.unwrap()
    }
}

#[tokio::test]
async fn a_partner_asks_waits_and_orders_at_the_quoted_price() {
    let stack = Stack::start().await;
    let model = stack.upload_cube().await;
    let (status, quote) = stack.ask(&model, 1, "wait=15").await;
    assert_eq!((status, &quote["state"]), (StatusCode::CREATED, &json!("priced")), "{quote}");
    let rough = |end: &str| quote["rough"][end]["minor"].as_i64().unwrap();
    let exact = quote["price"]["total"]["minor"].as_i64().unwrap();
    assert!((rough("low")..=rough("high")).contains(&exact), "{quote}");
    let metrics = stack.http.get(format!("{}/metrics", stack.url("pricer"))).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("mes_rough_price_error") && metrics.contains("subject=\"quote\""));
    // The cube is known now: another question about it is answered at once, without a job.
    let jobs = stack.jobs().await;
    let (status, again) = stack.ask(&model, 7, "return=representation").await;
    assert_eq!((status, &again["state"]), (StatusCode::CREATED, &json!("priced")));

    let path = quote["links"]["self"].as_str().unwrap();
    let seen = stack.read(&stack.partner_key, path).await.unwrap();
    assert_eq!(seen["price"], quote["price"]);
    let events = format!("{}{}", stack.url("read-api"), quote["links"]["events"].as_str().unwrap());
    let stream = stack.http.get(events).bearer_auth(&stack.partner_key).send().await.unwrap();
    assert!(stream.text().await.unwrap().contains("event: priced"), "and it ends");

    let ordered = stack.order_quote(&quote["quote_id"]).await;
    assert_eq!(ordered["order"]["status"], "PRICE_CALCULATED");
    assert_eq!(ordered["order"]["price"], quote["price"]);
    assert_eq!(stack.jobs().await, jobs, "nothing was calculated for it");
    let order_id = ordered["order"]["order_id"].as_str().unwrap().to_owned();
    let shown = || async {
        let card = stack.read(&stack.partner_key, &format!("/v1/orders/{order_id}")).await;
        card.is_some_and(|card| card["order"]["price"] == quote["price"])
    };
    eventually("the order is on its card with the quoted price", shown, PATIENCE).await;
}

#[tokio::test]
async fn the_site_asks_by_message_and_hears_the_price() {
    let stack = Stack::start().await;
    let (shop, model) = (stack.channel().await, stack.upload_cube().await);
    let number = ShopQuoteId::try_from("Q-1".to_owned()).unwrap();
    let spec = WorkSpec { model_id: model.parse().unwrap(), ..samples::spec() };
    let question = Inbound::ShopQuoteRequested(QuoteRequested::new(number, spec));
    for _ in 0..2 {
        publish(&shop, question.clone(), "m-1", "shop.quote.requested").await;
    }
    let heard = tokio::sync::Mutex::new(Vec::new());
    let priced = || async {
        let mut heard = heard.lock().await;
        heard.extend(received(&shop, "mes.to.shop").await);
        heard.iter().any(|message: &Value| message["type"] == "ru.mes.quote.priced.v1")
    };
    eventually("the shop hears the price", priced, PATIENCE).await;
    let heard = heard.into_inner();
    let answers: Vec<_> =
        heard.iter().filter(|message| message["type"] == "ru.mes.quote.priced.v1").collect();
    assert_eq!(answers.len(), 1, "{heard:?}");
    assert_eq!(answers[0]["data"]["reference"], "Q-1");
    assert_eq!(answers[0]["data"]["price"]["model_id"], json!(model));
    assert!(heard.iter().all(|message| message["type"].as_str().unwrap().contains(".quote.")));
}
