//! One order by AMQP and one by REST, from the first word to `CLOSED`, with who, when and what on the timeline.

use serde_json::{Value, json};
use shared::contracts::inbound::{
    Delivered, FileUploaded, Inbound, OrderApproved, OrderInitiated, OrderSubmitted,
};
use shared::contracts::text::ShopOrderId;
use shared::ids::ModelId;
use shared::order::samples;
use shared::order::spec::WorkSpec;
use testkit::{eventually, jwt};
use uuid::Uuid;

use crate::stack::{PATIENCE, Stack, anna_id, publish, received};

#[tokio::test]
async fn an_order_of_the_shop_goes_from_its_first_message_to_closed() {
    let stack = Stack::start().await;
    let (shop, model) = (stack.channel().await, stack.upload_cube().await);
    let shop_order_id: ShopOrderId = "S-1001".to_owned().try_into().unwrap();
    let model_id: ModelId = model.parse().unwrap();
    let initiated = OrderInitiated { shop_order_id: shop_order_id.clone() };
    publish(&shop, Inbound::ShopOrderInitiated(initiated), "m-1", "shop.order.initiated").await;
    let uploaded =
        FileUploaded { shop_order_id: shop_order_id.clone(), model_id: model_id.clone() };
    publish(&shop, Inbound::ShopFileUploaded(uploaded), "m-2", "shop.order.file-uploaded").await;
    publish(&shop, submission(shop_order_id, model_id), "m-3", "shop.order.submitted").await;

    let order_id = priced(&stack, "S-1001").await;
    let approved = OrderApproved { order_id: order_id.parse().unwrap(), seller: None };
    publish(&shop, Inbound::CrmOrderApproved(approved), "m-4", "crm.order.approved").await;
    made_and_shipped(&stack, &order_id).await;
    let delivered = Delivered { order_id: order_id.parse().unwrap(), tracking_number: None };
    publish(&shop, Inbound::ParcelDelivered(delivered), "m-5", "carrier.parcel.delivered").await;

    let timeline = closed(&stack, &order_id).await;
    assert_eq!(
        steps(&timeline),
        [
            ("initiated", "INITIATED", "shop"),
            ("file-uploaded", "FILE_UPLOADED", "shop"),
            ("submitted", "SUBMITTED", "shop"),
            ("pricing-started", "SUBMITTED", "system"),
            ("price-calculated", "PRICE_CALCULATED", "system"),
            ("manufacturing-approved", "MANUFACTURING_APPROVED", "crm"),
            ("manufacturing-started", "MANUFACTURING_STARTED", "operator"),
            ("manufacturing-completed", "MANUFACTURING_COMPLETED", "operator"),
            ("packaging-started", "PACKAGING", "operator"),
            ("shipped", "SHIPPED", "operator"),
            ("closed", "CLOSED", "carrier"),
        ]
    );
}

#[tokio::test]
async fn an_order_of_a_partner_goes_from_its_submission_to_closed() {
    let stack = Stack::start().await;
    let model = stack.upload_cube().await;
    let answer = stack.submit("P-2002", &model, "submit-p-2002").await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["order"]["status"], "SUBMITTED", "{answer}");

    let order_id = priced(&stack, "P-2002").await;
    let seller = jwt("seller", Uuid::from_u128(0x5E), "Sergei");
    let (status, answer) = stack.command(&seller, &order_id, "approve", json!({})).await;
    assert_eq!(status, 200, "{answer}");
    made_and_shipped(&stack, &order_id).await;
    let reason = json!({ "reason": "the customer fetched it" });
    let (status, answer) = stack.command(&seller, &order_id, "close", reason).await;
    assert_eq!(status, 200, "{answer}");

    let timeline = closed(&stack, &order_id).await;
    let sequence = steps(&timeline);
    assert_eq!(sequence.first(), Some(&("submitted", "SUBMITTED", "partner")));
    assert_eq!(sequence.last(), Some(&("closed", "CLOSED", "seller")));
    for entry in timeline["entries"].as_array().unwrap() {
        assert!(entry["occurred_at"].is_string(), "{entry}");
    }
    let traced: Vec<&Value> =
        timeline["entries"].as_array().unwrap().iter().map(|entry| &entry["trace_id"]).collect();
    assert!(traced[0].is_string(), "the submission's trace");
    assert_eq!(traced[0], traced[1], "the price belongs to the submission's trace");
}

#[tokio::test]
async fn the_shop_is_told_of_give_back_rework_and_cancellation_in_order() {
    let stack = Stack::start().await;
    let (shop, model) = (stack.channel().await, stack.upload_cube().await);
    let number: ShopOrderId = "S-3003".to_owned().try_into().unwrap();
    let submitted = submission(number, model.parse().unwrap());
    publish(&shop, submitted, "m-1", "shop.order.submitted").await;
    let order_id = priced(&stack, "S-3003").await;

    let anna = jwt("operator", anna_id(), "Anna");
    let seller = jwt("seller", Uuid::from_u128(0x5E), "Sergei");
    for (who, verb, body) in [
        (&seller, "approve", json!({})),
        (&anna, "take", json!({})),
        (&anna, "give-back", json!({ "reason": "the wrong metal is at hand" })),
        (&anna, "take", json!({})),
        (&anna, "complete", json!({})),
        (&anna, "rework", json!({ "reason": "porous" })),
        (&anna, "complete", json!({})),
        (&anna, "pack", json!({})),
        (&seller, "cancel", json!({ "reason": "the customer called it off" })),
    ] {
        let (status, answer) = stack.command(who, &order_id, verb, body).await;
        assert_eq!(status, 200, "{verb}: {answer}");
    }
    let (status, answer) = stack.command(&anna, &order_id, "ship", parcel()).await;
    assert_eq!((status.as_u16(), &answer["current_status"]), (409, &json!("CANCELLED")));

    let told = told_until_cancelled(&stack).await;
    let told: Vec<(&str, &str)> =
        told.iter().map(|(event, status)| (event.as_str(), status.as_str())).collect();
    assert_eq!(
        told,
        [
            ("submitted", "SUBMITTED"),
            ("pricing-started", "SUBMITTED"),
            ("price-calculated", "PRICE_CALCULATED"),
            ("manufacturing-approved", "MANUFACTURING_APPROVED"),
            ("manufacturing-started", "MANUFACTURING_STARTED"),
            ("given-back", "MANUFACTURING_APPROVED"),
            ("manufacturing-started", "MANUFACTURING_STARTED"),
            ("manufacturing-completed", "MANUFACTURING_COMPLETED"),
            ("rework-requested", "MANUFACTURING_STARTED"),
            ("manufacturing-completed", "MANUFACTURING_COMPLETED"),
            ("packaging-started", "PACKAGING"),
            ("cancelled", "CANCELLED"),
        ]
    );
}

/// What waits for the shop, event and public status, up to the cancellation.
async fn told_until_cancelled(stack: &Stack) -> Vec<(String, String)> {
    let channel = stack.channel().await;
    let mut told: Vec<(String, String)> = Vec::new();
    let end = tokio::time::Instant::now() + PATIENCE;
    while told.last().is_none_or(|(event, _)| event != "cancelled") {
        assert!(tokio::time::Instant::now() < end, "the shop was told {told:?}");
        for message in received(&channel, "mes.to.shop").await {
            let event = message["type"].as_str().unwrap();
            let event = event.trim_start_matches("ru.mes.order.").trim_end_matches(".v1");
            let status = message["data"]["status"].as_str().unwrap();
            told.push((event.to_owned(), status.to_owned()));
        }
    }
    told
}

fn parcel() -> Value {
    json!({ "tracking_number": "RA123456785RU" })
}

/// A silver ring for the shop's customer.
fn submission(shop_order_id: ShopOrderId, model_id: ModelId) -> Inbound {
    let spec = WorkSpec { model_id, ..samples::spec() };
    Inbound::ShopOrderSubmitted(OrderSubmitted::new(shop_order_id, spec))
}

/// Waits for the price and answers the order's id.
async fn priced(stack: &Stack, external_id: &str) -> String {
    let operator = jwt("operator", anna_id(), "Anna");
    let path = format!("/v1/orders?reference={external_id}");
    let find = || async {
        let found = stack.read(&operator, &path).await?;
        let order = found["orders"].get(0)?.clone();
        (order["status"] == "PRICE_CALCULATED").then(|| order["order_id"].clone())
    };
    let id = eventually(&format!("{external_id} has a price"), find, PATIENCE).await;
    id.as_str().unwrap().to_owned()
}

/// Anna takes it (as soon as it is approved), makes it, packs it and ships it.
async fn made_and_shipped(stack: &Stack, order_id: &str) {
    let anna = jwt("operator", anna_id(), "Anna");
    let take = || async { stack.command(&anna, order_id, "take", json!({})).await.0 == 200 };
    eventually("Anna may take it", take, PATIENCE).await;
    for (verb, body) in [("complete", json!({})), ("pack", json!({})), ("ship", parcel())] {
        let (status, answer) = stack.command(&anna, order_id, verb, body).await;
        assert_eq!(status, 200, "{verb}: {answer}");
    }
}

/// Waits until the read side shows it closed, and answers its timeline.
async fn closed(stack: &Stack, order_id: &str) -> Value {
    let anna = jwt("operator", anna_id(), "Anna");
    let path = format!("/v1/orders/{order_id}");
    let is_closed = || async {
        let card = stack.read(&anna, &path).await?;
        (card["order"]["status"] == "CLOSED").then_some(())
    };
    eventually("it is closed", is_closed, PATIENCE).await;
    stack.read(&anna, &format!("{path}/timeline")).await.expect("a timeline")
}

fn steps(timeline: &Value) -> Vec<(&str, &str, &str)> {
    let entries = timeline["entries"].as_array().unwrap_or_else(|| panic!("{timeline}"));
    entries
        .iter()
        .map(|entry| {
            (
                entry["kind"].as_str().unwrap(),
                entry["status"].as_str().unwrap(),
                entry["actor"]["role"].as_str().unwrap(),
            )
        })
        .collect()
}
