//! Incidents: opened once, tried, escalated, acknowledged by a person, and closed when the cause is gone.

use chrono::TimeDelta;
use serde_json::{Value, json};
use shared::clock::{Clock, SystemClock};
use shared::incident::{Finding, Incident, IncidentStatus, Owner, Subject};
use uuid::Uuid;

use crate::support::{Answer, Caller, TestApp};

fn finding(subject: &str) -> Finding {
    Finding {
        subject: Subject::new("follower", subject),
        cause: "follower-behind",
        owner: Owner::OnCall,
        evidence: json!({ "behind": 3 }),
        deadline: SystemClock.now() + TimeDelta::minutes(1),
    }
}

impl TestApp {
    async fn open(&self, subject: &str) -> Incident {
        self.store().open_incident(&finding(subject)).await.expect("it is opened")
    }

    async fn acknowledge(&self, caller: &Caller, incident_id: Uuid, body: Value) -> Answer {
        let path = format!("/v1/incidents/{incident_id}/acknowledge");
        Answer::to(self.post(caller, &path).json(&body)).await
    }
}

#[tokio::test]
async fn a_trouble_is_one_incident_until_it_is_gone() {
    let app = TestApp::start().await;
    let store = app.store();
    let first = app.open("relay:crm").await;
    assert_eq!((first.status, first.tries), (IncidentStatus::Open, 0));
    let mut worse = finding("relay:crm");
    worse.evidence = json!({ "behind": 9 });
    // Found twice in one look, too.
    let again = store.open_incidents(&[worse.clone(), worse, finding("relay:shop")]).await.unwrap();
    assert_eq!(again.len(), 2);
    let same = again.iter().find(|i| i.subject == "relay:crm").unwrap();
    assert_eq!((same.incident_id, &same.evidence), (first.incident_id, &json!({ "behind": 9 })));

    for attempt in 0..25 {
        store.note_attempt(first.incident_id, "nudge", &format!("{attempt}")).await.unwrap();
    }
    assert!(store.escalate(first.incident_id, "25 attempts").await.unwrap());
    assert!(!store.escalate(first.incident_id, "25 attempts").await.unwrap());
    let seen = app.open("relay:crm").await;
    assert_eq!((seen.status, seen.tries), (IncidentStatus::Escalated, 25));
    let attempts = seen.attempts.as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[19]["what"]), (20, &json!("escalate")));

    let closed = store.close_unseen_incidents(&["follower-behind"], &[first.incident_id]).await;
    assert_eq!(closed.unwrap(), 1, "the other one");
    assert!(store.close_incident(first.incident_id).await.unwrap());
    let later = app.open("relay:crm").await;
    assert_ne!(later.incident_id, first.incident_id, "the same trouble later is another incident");
}

#[tokio::test]
async fn a_person_says_why_it_may_stay() {
    let app = TestApp::start().await;
    let incident = app.open("relay:crm").await;
    let id = incident.incident_id;
    let reason = json!({ "reason": "The CRM is being moved until six" });
    let answer = app.acknowledge(&app.admin, id, reason.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let known = &answer.json()["incident"];
    assert_eq!(known["status"], "acknowledged");
    assert_eq!(known["attempts"][0]["by"]["name"], "Ada");
    assert_eq!(known["attempts"][0]["outcome"], reason["reason"]);
    assert!(!app.store().escalate(id, "it is still so").await.unwrap(), "it is in a person's hand");

    assert_eq!(app.acknowledge(&app.admin, id, json!({})).await.status, 422);
    app.acknowledge(&app.admin, Uuid::nil(), reason.clone()).await.problem(404, "not-found");
    app.store().close_incident(id).await.unwrap();
    let late = app.acknowledge(&app.admin, id, reason).await.json();
    assert_eq!(
        (&late["already_done"], &late["incident"]["status"]),
        (&json!(true), &json!("healed"))
    );
}

#[tokio::test]
async fn the_workshop_has_other_work() {
    let app = TestApp::start().await;
    let id = app.open("relay:crm").await.incident_id;
    let anna = app.operator("Anna", 3).await;
    let answer = app.acknowledge(&anna, id, json!({ "reason": "I saw it" })).await;
    assert_eq!(answer.status, 403);
}
