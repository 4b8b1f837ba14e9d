//! A person accepts the upper volume of a damaged model, for every order of it.

use serde_json::json;
use shared::order::spec::Unit;
use write_api::store::AnalysisKey;

use crate::support::{Answer, TestApp};

#[tokio::test]
async fn a_seller_accepts_a_model_in_the_unit_they_saw_it_in() {
    let app = TestApp::start().await;
    let model_id = app.small_model(&app.partner("Goldmann").await).await;
    let path = format!("/v1/models/{model_id}/accept");
    let body = json!({ "unit": "millimetre", "reason": "the hole is inside the shank" });
    let answer = Answer::to(app.post(&app.seller, &path).json(&body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["accepted_by"]["name"], "Sergei");

    let again = json!({ "unit": "millimetre", "reason": "I think so, too" });
    let again = Answer::to(app.post(&app.admin, &path).json(&again)).await;
    assert_eq!(again.json(), answer.json(), "the first word stays");

    let store = app.store();
    let key = |unit| AnalysisKey { model_id: model_id.parse().expect("an id"), unit };
    assert!(store.model_is_accepted(&key(Unit::Millimetre)).await.expect("an answer"));
    assert!(!store.model_is_accepted(&key(Unit::Inch)).await.expect("an answer"));
}

#[tokio::test]
async fn only_sellers_and_administrators_accept_and_only_what_is_there() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let model_id = app.small_model(&partner).await;
    let body = json!({ "unit": "millimetre", "reason": "it is mine" });
    let path = format!("/v1/models/{model_id}/accept");
    for caller in [&partner, &app.operator("Anna", 1).await] {
        Answer::to(app.post(caller, &path).json(&body)).await.problem(403, "forbidden");
    }
    let unknown = format!("/v1/models/{}/accept", "0".repeat(64));
    Answer::to(app.post(&app.seller, &unknown).json(&body)).await.invalid("/model_id");
    let silent = json!({ "unit": "millimetre" });
    Answer::to(app.post(&app.seller, &path).json(&silent)).await.invalid("/reason");
}
