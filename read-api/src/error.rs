//! What a reader is told when there is no answer.

use std::error::Error;
use std::time::Duration;

use shared::position::Position;
use web::Problem;

use crate::replicas::{AskError, Unreadable};

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a screen cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum NotShown {
    /// There is no such thing, or none that the caller may see, up to this position.
    #[error("there is no such thing")]
    Nothing(Position),
    /// The databases.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// An answer that cannot be written as JSON.
    #[error("an answer cannot be written")]
    Unwritable(#[from] serde_json::Error),
}

impl NotShown {
    /// What a reader is told who has seen more than the answer comes from: what they ask for may well exist.
    pub fn not_yet() -> Problem {
        Problem::unavailable("What you refer to cannot be seen here yet", RETRY_AFTER)
    }
}

impl From<&NotShown> for Problem {
    fn from(error: &NotShown) -> Self {
        match error {
            NotShown::Nothing(_) => Self::not_found("No order of yours has this id"),
            NotShown::Unreadable(error) => error.into(),
            NotShown::Unwritable(error) => Self::internal(error),
        }
    }
}

impl From<&Unreadable> for Problem {
    fn from(error: &Unreadable) -> Self {
        match error {
            Unreadable::Nobody | Unreadable::Failed(AskError::Promoted) => {
                tracing::warn!("no database can answer");
                Self::unavailable("No database can answer at the moment", RETRY_AFTER)
            }
            Unreadable::Failed(AskError::Database(error)) => Self::from_database(error),
            Unreadable::Failed(AskError::Damaged { .. }) => Self::internal(error as &dyn Error),
        }
    }
}
