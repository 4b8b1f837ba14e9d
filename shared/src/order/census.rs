//! The census: every open order is in exactly one bucket, and every bucket has somebody who acts next, what they do,
//! and until when. An order that fits no bucket waits for nobody: it is lost, and must be found.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::Status;
use crate::incident::Owner;

/// Where an open order waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bucket {
    /// "Make order" was not pressed yet.
    Draft,
    /// A pricing job waits for a worker.
    PricingQueue,
    /// A worker calculates.
    Pricing,
    /// No price could be made.
    PricingFailed,
    /// The price waits for a word.
    Approval,
    /// Waits for an operator.
    Workshop,
    /// An operator makes it.
    Making,
    /// Made, to be packed.
    Made,
    /// Being packed.
    Packing,
    /// On its way.
    Delivery,
}

/// What rows say about an open order; all that is needed to know its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts<'f> {
    /// Its public status.
    pub status: Status,
    /// The state of its live pricing job, `queued` or `running`, if it has one.
    pub job: Option<&'f str>,
    /// How far its pricing is (`queued`, `running` or `failed`), if it is submitted.
    pub pricing: Option<&'f str>,
    /// Whether an operator has it in hand.
    pub is_held: bool,
}

impl Bucket {
    /// All of them, in the order of an order's life.
    pub const ALL: [Self; 10] = [
        Self::Draft,
        Self::PricingQueue,
        Self::Pricing,
        Self::PricingFailed,
        Self::Approval,
        Self::Workshop,
        Self::Making,
        Self::Made,
        Self::Packing,
        Self::Delivery,
    ];

    /// The bucket of an open order; `None` when nobody would ever act on it. A final order is in no bucket either.
    pub fn of(facts: Facts<'_>) -> Option<Self> {
        match (facts.status, facts.job, facts.is_held) {
            (Status::Initiated | Status::FileUploaded, _, _) => Some(Self::Draft),
            (Status::Submitted, Some("queued"), _) => Some(Self::PricingQueue),
            (Status::Submitted, Some("running"), _) => Some(Self::Pricing),
            (Status::Submitted, _, _) => {
                facts.pricing.filter(|state| *state == "failed").map(|_| Self::PricingFailed)
            }
            (Status::PriceCalculated, _, _) => Some(Self::Approval),
            (Status::ManufacturingApproved, _, _) => Some(Self::Workshop),
            (Status::ManufacturingStarted, _, true) => Some(Self::Making),
            (Status::ManufacturingCompleted, _, true) => Some(Self::Made),
            (Status::Packaging, _, true) => Some(Self::Packing),
            (Status::Shipped, _, _) => Some(Self::Delivery),
            (
                Status::ManufacturingStarted | Status::ManufacturingCompleted | Status::Packaging,
                _,
                false,
            )
            | (Status::Closed | Status::Cancelled, _, _) => None,
        }
    }

    /// The name in metrics and incidents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::PricingQueue => "pricing-queue",
            Self::Pricing => "pricing",
            Self::PricingFailed => "pricing-failed",
            Self::Approval => "approval",
            Self::Workshop => "workshop",
            Self::Making => "making",
            Self::Made => "made",
            Self::Packing => "packing",
            Self::Delivery => "delivery",
        }
    }

    /// Who acts next.
    pub const fn owner(self) -> Owner {
        match self {
            Self::Draft => Owner::Shop,
            Self::PricingQueue | Self::Pricing => Owner::OnCall,
            Self::PricingFailed | Self::Approval => Owner::Seller,
            Self::Workshop | Self::Making | Self::Made | Self::Packing => Owner::Workshop,
            Self::Delivery => Owner::Carrier,
        }
    }

    /// What they do.
    pub const fn next_action(self) -> &'static str {
        match self {
            Self::Draft => "submit or abandon",
            Self::PricingQueue | Self::Pricing => "make the price",
            Self::PricingFailed => "mend and price again, or cancel",
            Self::Approval => "approve or cancel",
            Self::Workshop => "take",
            Self::Making => "complete or give back",
            Self::Made => "pack or rework",
            Self::Packing => "ship",
            Self::Delivery => "deliver and close",
        }
    }

    /// How long an order may be in its status here before somebody is told. `None`: a cart that was left is nobody's
    /// trouble.
    pub const fn patience(self) -> Option<TimeDelta> {
        match self {
            Self::Draft => None,
            Self::PricingQueue | Self::Pricing | Self::PricingFailed => Some(TimeDelta::hours(24)),
            Self::Approval => Some(TimeDelta::days(3)),
            Self::Workshop => Some(TimeDelta::days(4)),
            Self::Making => Some(TimeDelta::days(7)),
            Self::Made | Self::Packing => Some(TimeDelta::days(2)),
            Self::Delivery => Some(TimeDelta::days(14)),
        }
    }
}

/// How long an order may be in a status before somebody is told, and the bucket that says who. All buckets of a status
/// agree on the time; who must act is known from the rows.
pub fn patience_of(status: Status) -> Option<(Bucket, TimeDelta)> {
    let bucket = match status {
        Status::Submitted => Bucket::PricingQueue,
        status => Bucket::of(Facts { status, job: None, pricing: None, is_held: true })?,
    };
    Some((bucket, bucket.patience()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(
        status: Status,
        job: Option<&str>,
        pricing: Option<&str>,
        held: bool,
    ) -> Option<Bucket> {
        Bucket::of(Facts { status, job, pricing, is_held: held })
    }

    #[test]
    fn a_submitted_order_without_a_job_waits_for_nobody_unless_a_person_must_act() {
        use Status::Submitted;
        let queued = Some("queued");
        assert_eq!(bucket(Submitted, queued, queued, false), Some(Bucket::PricingQueue));
        assert_eq!(
            bucket(Submitted, Some("running"), Some("running"), false),
            Some(Bucket::Pricing)
        );
        assert_eq!(bucket(Submitted, None, Some("failed"), false), Some(Bucket::PricingFailed));
        assert_eq!(bucket(Submitted, None, queued, false), None);
        assert_eq!(bucket(Submitted, None, Some("running"), false), None);
        assert_eq!(bucket(Submitted, None, None, false), None);
    }

    #[test]
    fn what_an_operator_makes_is_in_an_operators_hand() {
        assert_eq!(bucket(Status::Packaging, None, None, true), Some(Bucket::Packing));
        assert_eq!(bucket(Status::Packaging, None, None, false), None);
    }

    #[test]
    fn every_open_status_has_a_bucket_and_all_but_drafts_a_deadline() {
        for status in Status::ALL {
            let found = bucket(status, Some("queued"), None, true);
            assert_eq!(found.is_some(), !status.is_final(), "{status}");
            let is_draft = status < Status::Submitted;
            assert_eq!(patience_of(status).is_some(), !is_draft && !status.is_final(), "{status}");
        }
    }

    #[test]
    fn the_whole_life_fits_into_the_promise_but_for_the_parcels_way() {
        let stages =
            [Bucket::Approval, Bucket::Workshop, Bucket::Making, Bucket::Made, Bucket::Packing];
        let all: TimeDelta = stages.into_iter().filter_map(Bucket::patience).sum();
        assert!(all <= crate::order::PROMISE, "{all}");
    }

    #[test]
    fn buckets_have_names_of_their_own() {
        let names: std::collections::BTreeSet<&str> = Bucket::ALL.map(Bucket::as_str).into();
        assert_eq!(names.len(), Bucket::ALL.len());
    }
}
