//! The routes out of the log.

use shared::contracts::outbound::Recipient;
use shared::ids::OrderId;

use crate::delivery::Outgoing;

/// A way out of the log, with a cursor of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// To somebody who is told.
    To(Recipient),
    /// To the pricing workers: there may be a job in your lane.
    WakePricers,
}

/// An event on its way to a recipient.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    pub order_id: OrderId,
    pub position: u64,
    pub message: Outgoing,
    /// The recipient must say that it has the order.
    pub wants_acknowledgement: bool,
}

impl Parcel {
    /// Its event: whose it is, and its position in the log.
    pub const fn place(&self) -> (OrderId, u64) {
        (self.order_id, self.position)
    }
}

impl AsRef<Outgoing> for Parcel {
    fn as_ref(&self) -> &Outgoing {
        &self.message
    }
}

impl Route {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::To(Recipient::Shop),
        Self::To(Recipient::Crm),
        Self::To(Recipient::Listeners),
        Self::WakePricers,
    ];

    /// The name in rows and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::To(recipient) => recipient.as_str(),
            Self::WakePricers => "pricing",
        }
    }

    /// The name of its cursor.
    pub const fn follower(self) -> &'static str {
        match self {
            Self::To(Recipient::Shop) => "relay:shop",
            Self::To(Recipient::Crm) => "relay:crm",
            Self::To(Recipient::Listeners) => "relay:events",
            Self::WakePricers => "relay:pricing",
        }
    }

    /// Whether an event that cannot be delivered is kept for later. Listeners get no promise, and workers look by
    /// themselves.
    pub const fn keeps_promises(self) -> bool {
        matches!(self, Self::To(Recipient::Shop | Recipient::Crm))
    }
}
