//! The short way to any stage of an order's life: as in production, by commands and by the pricer's functions.

use chrono::TimeDelta;
use serde_json::{Value, json};
use shared::order::{Status, samples};
use uuid::Uuid;
use write_api::store::{ClaimedJob, Lane, Store, Terms};

use super::{Caller, TestApp, binary_stl, new_key};

/// An order that was brought somewhere, and the people around it.
pub struct Scene {
    pub order_id: Uuid,
    pub partner: Caller,
    /// Has it in hand, from `MANUFACTURING_STARTED` on.
    pub anna: Caller,
}

pub const LEASE: TimeDelta = TimeDelta::seconds(30);

/// As a worker claims.
pub const TERMS: Terms = Terms { lease: LEASE, max_attempts: 3, partner_pause: TimeDelta::zero() };

impl TestApp {
    /// A partner's order in `status`, with an operator who may have 10 orders in hand.
    pub async fn order_in(&self, status: Status) -> Scene {
        let (partner, anna) = (self.partner("Goldmann").await, self.operator("Anna", 10).await);
        let order_id = self.advanced(&partner, &anna, status).await;
        Scene { order_id, partner, anna }
    }

    /// One more order of `partner`, brought to `status` by `operator`.
    pub async fn advanced(&self, partner: &Caller, operator: &Caller, status: Status) -> Uuid {
        let model_id = self.small_model(partner).await;
        let order_id = self.submit(partner, order_body(&model_id)).await.order_id();
        if status == Status::Cancelled {
            self.cancel(&self.seller, order_id, "no longer wanted").await.now(Status::Cancelled);
            return order_id;
        }
        if status >= Status::PriceCalculated {
            self.price(order_id).await;
        }
        let number = "RA123456785RU";
        let steps = [
            (Status::ManufacturingApproved, &self.seller, "approve", json!({})),
            (Status::ManufacturingStarted, operator, "take", json!({})),
            (Status::ManufacturingCompleted, operator, "complete", json!({})),
            (Status::Packaging, operator, "pack", json!({})),
            (Status::Shipped, operator, "ship", json!({ "tracking_number": number })),
            (Status::Closed, &self.seller, "close", json!({ "reason": "collected in person" })),
        ];
        for (reached, caller, command, body) in steps {
            if status >= reached {
                self.command(caller, order_id, command, body).await.now(reached);
            }
        }
        order_id
    }

    pub async fn small_model(&self, caller: &Caller) -> String {
        let model = self.upload(caller, binary_stl(12, 1)).await;
        assert_eq!(model.status, 201, "{}", model.text);
        model.json()["model_id"].as_str().expect("an upload has an id").to_owned()
    }

    /// Prices the one order that waits in the partners' short lane, as the pricer does.
    pub async fn price(&self, order_id: Uuid) {
        let store = self.store();
        let job = claimed(&store, Lane::PartnerShort).await;
        assert_eq!(job.fence.subject.id(), order_id, "another order waits for its price");
        self.finish(&job).await;
    }

    /// Ends a claimed job with a price.
    pub async fn finish(&self, job: &ClaimedJob) {
        let kept = self.store().finish_job(&job.fence, samples::price()).await;
        assert!(kept.expect("the database answers"), "the price was dropped");
    }
}

/// The next job of a lane, which must have one.
pub async fn claimed(store: &Store, lane: Lane) -> ClaimedJob {
    let next = store.next_job(&[lane], TERMS).await.expect("the database answers");
    next.claimed().unwrap_or_else(|| panic!("nothing is due in {}", lane.as_str()))
}

/// A submission under a new external id.
pub fn order_body(model_id: &str) -> Value {
    order_body_called(&format!("P-{}", new_key()), model_id)
}

pub fn order_body_called(external_id: &str, model_id: &str) -> Value {
    json!({
        "external_id": external_id, "model_id": model_id, "unit": "millimetre",
        "material": "silver-925", "finish": "polished", "quantity": 3,
    })
}
