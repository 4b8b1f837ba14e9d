//! Everything that is watched, and the one look of each.

use super::{
    Scene, Sight, WatchdogError, acknowledgements, census, deadlines, deliveries, followers, jobs,
    lanes, messages, producers, projection, sent, webhooks,
};

/// Everything that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watch {
    Jobs,
    Lanes,
    Followers,
    Deliveries,
    Sent,
    Acknowledgements,
    Messages,
    Producers,
    Projection,
    Holders,
    Deadlines,
    Webhooks,
}

impl Watch {
    pub const ALL: [Self; 12] = [
        Self::Jobs,
        Self::Lanes,
        Self::Followers,
        Self::Deliveries,
        Self::Sent,
        Self::Acknowledgements,
        Self::Messages,
        Self::Producers,
        Self::Projection,
        Self::Holders,
        Self::Deadlines,
        Self::Webhooks,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Lanes => "lanes",
            Self::Followers => "followers",
            Self::Deliveries => "deliveries",
            Self::Sent => "sent",
            Self::Acknowledgements => "acknowledgements",
            Self::Messages => "messages",
            Self::Producers => "producers",
            Self::Projection => "projection",
            Self::Holders => "holders",
            Self::Deadlines => "deadlines",
            Self::Webhooks => "webhooks",
        }
    }

    /// The causes that it alone finds, and so closes.
    pub const fn causes(self) -> &'static [&'static str] {
        match self {
            Self::Jobs => jobs::CAUSES,
            Self::Lanes => lanes::CAUSES,
            Self::Followers => followers::CAUSES,
            Self::Deliveries => deliveries::CAUSES,
            Self::Sent => sent::CAUSES,
            Self::Acknowledgements => acknowledgements::CAUSES,
            Self::Messages => messages::CAUSES,
            Self::Producers => producers::CAUSES,
            Self::Projection => projection::CAUSES,
            Self::Holders => census::CAUSES,
            Self::Deadlines => deadlines::CAUSES,
            Self::Webhooks => webhooks::CAUSES,
        }
    }

    /// One bounded look.
    pub async fn look(self, scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
        match self {
            Self::Jobs => jobs::look(scene).await,
            Self::Lanes => lanes::look(scene).await,
            Self::Followers => followers::look(scene).await,
            Self::Deliveries => deliveries::look(scene).await,
            Self::Sent => sent::look(scene).await,
            Self::Acknowledgements => acknowledgements::look(scene).await,
            Self::Messages => messages::look(scene).await,
            Self::Producers => producers::look(scene).await,
            Self::Projection => projection::look(scene).await,
            Self::Holders => census::look(scene).await,
            Self::Deadlines => deadlines::look(scene).await,
            Self::Webhooks => webhooks::look(scene).await,
        }
    }
}
