//! Which sabotages, in which order: a pure function of the seed.

use std::fmt;

use serde::Serialize;

use crate::dice::Dice;

/// A way to lose an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An event that waits for its recipient's queue is deleted.
    DeleteOutgoing,
    /// The relay's cursor is moved past an event that it has not sent.
    SkipOutgoing,
    /// The CRM acknowledges messages of an order to the broker and drops them, once.
    AcknowledgeAndDrop,
    /// The CRM takes an order's messages and never says so.
    NeverAcknowledge,
    /// The CRM's queue is emptied.
    PurgeQueue,
    /// A row of the read model is deleted.
    DeleteReadRow,
    /// An order's pricing job is deleted.
    DeleteJob,
    /// The relay stands still.
    StopRelay,
    /// The projector stands still.
    StopProjector,
    /// The CRM's queue is unbound.
    UnbindQueue,
    /// A pricer dies in the middle of a job.
    KillPricer,
}

impl Kind {
    /// All of them, and how often each comes in a round of twenty: what disturbs everybody comes less often.
    pub const SHARES: [(Self, usize); 11] = [
        (Self::DeleteOutgoing, 2),
        (Self::SkipOutgoing, 1),
        (Self::AcknowledgeAndDrop, 3),
        (Self::NeverAcknowledge, 2),
        (Self::PurgeQueue, 1),
        (Self::DeleteReadRow, 4),
        (Self::DeleteJob, 2),
        (Self::StopRelay, 1),
        (Self::StopProjector, 1),
        (Self::UnbindQueue, 2),
        (Self::KillPricer, 1),
    ];

    /// In reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeleteOutgoing => "delete an outgoing message",
            Self::SkipOutgoing => "move the relay's cursor",
            Self::AcknowledgeAndDrop => "acknowledge and drop",
            Self::NeverAcknowledge => "never acknowledge",
            Self::PurgeQueue => "purge a queue",
            Self::DeleteReadRow => "delete a read row",
            Self::DeleteJob => "delete a job",
            Self::StopRelay => "stop the relay",
            Self::StopProjector => "stop the projector",
            Self::UnbindQueue => "unbind a queue",
            Self::KillPricer => "kill a pricer mid-job",
        }
    }

    /// What the system must call it.
    pub const fn cause(self) -> &'static str {
        match self {
            Self::DeleteOutgoing | Self::SkipOutgoing => "not-sent",
            Self::AcknowledgeAndDrop | Self::NeverAcknowledge | Self::PurgeQueue => {
                "not-acknowledged"
            }
            Self::DeleteReadRow => "read-row-missing",
            Self::DeleteJob => "job-missing",
            Self::StopRelay | Self::StopProjector => "follower-behind",
            Self::UnbindQueue => "route-unbound",
            Self::KillPricer => "lease-expired",
        }
    }

    /// What else it truly does, to this and to other orders: no false alarm when somebody says so.
    pub const fn also(self) -> &'static [&'static str] {
        match self {
            Self::DeleteOutgoing => {
                &["not-sent", "not-acknowledged", "route-unbound", "delivery-parked"]
            }
            Self::SkipOutgoing => &["not-sent", "not-acknowledged", "delivery-parked"],
            Self::PurgeQueue => &["not-acknowledged"],
            // What is to be sent again waits for the relay, too.
            Self::StopRelay => &["follower-behind", "delivery-parked"],
            Self::StopProjector => &["follower-behind"],
            Self::UnbindQueue => &["route-unbound", "delivery-parked"],
            Self::KillPricer => &["lease-expired"],
            _ => &[],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// So many sabotages, round by round; each round has every kind.
pub fn plan(seed: u64, count: usize) -> Vec<Kind> {
    let mut dice = Dice::nth(seed, u64::from(u32::from_be_bytes(*b"sabo")));
    let mut plan = Vec::new();
    while plan.len() < count {
        let mut round: Vec<Kind> = Kind::SHARES
            .into_iter()
            .flat_map(|(kind, times)| std::iter::repeat_n(kind, times))
            .collect();
        // Fisher and Yates.
        for last in (1..round.len()).rev() {
            round.swap(last, dice.below(last + 1));
        }
        plan.extend(round);
    }
    plan.truncate(count);
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_plans_the_same_and_a_round_has_every_kind() {
        assert_eq!(plan(7, 200), plan(7, 200));
        assert_ne!(plan(7, 200), plan(8, 200));
        let round = plan(7, 20);
        assert!(Kind::SHARES.into_iter().all(|(kind, _)| round.contains(&kind)));
        assert_eq!(plan(7, 200).len(), 200);
    }
}
