//! The domain says no: not a failure, no alarm, and always with what would be allowed.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::status::Status;

/// What can be asked of an order.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "imperatives; each is documented where it is decided")]
pub enum CommandKind {
    Initiate,
    UploadFile,
    Submit,
    Price,
    Reprice,
    Approve,
    Take,
    GiveBack,
    Complete,
    Rework,
    Pack,
    Ship,
    Close,
    Cancel,
}

impl CommandKind {
    /// The name in URLs, refusals and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initiate => "initiate",
            Self::UploadFile => "upload-file",
            Self::Submit => "submit",
            Self::Price => "price",
            Self::Reprice => "reprice",
            Self::Approve => "approve",
            Self::Take => "take",
            Self::GiveBack => "give-back",
            Self::Complete => "complete",
            Self::Rework => "rework",
            Self::Pack => "pack",
            Self::Ship => "ship",
            Self::Close => "close",
            Self::Cancel => "cancel",
        }
    }

    /// The statuses in which it can be carried out.
    pub const fn possible_in(self) -> &'static [Status] {
        use Status as S;
        match self {
            Self::Initiate => &[],
            Self::UploadFile | Self::Submit => &[S::Initiated, S::FileUploaded],
            Self::Price | Self::Reprice => &[S::Submitted],
            Self::Approve => &[S::PriceCalculated],
            Self::Take => &[S::ManufacturingApproved],
            Self::GiveBack | Self::Complete => &[S::ManufacturingStarted],
            Self::Rework | Self::Pack => &[S::ManufacturingCompleted],
            Self::Ship => &[S::Packaging],
            Self::Close => &[S::Shipped],
            Self::Cancel => &[
                S::Initiated,
                S::FileUploaded,
                S::Submitted,
                S::PriceCalculated,
                S::ManufacturingApproved,
                S::ManufacturingStarted,
                S::ManufacturingCompleted,
                S::Packaging,
            ],
        }
    }

    /// What can be asked of an order in `status`, by whoever may.
    pub fn allowed_in(status: Status) -> Vec<Self> {
        const ALL: [CommandKind; 13] = [
            CommandKind::UploadFile,
            CommandKind::Submit,
            CommandKind::Price,
            CommandKind::Reprice,
            CommandKind::Approve,
            CommandKind::Take,
            CommandKind::GiveBack,
            CommandKind::Complete,
            CommandKind::Rework,
            CommandKind::Pack,
            CommandKind::Ship,
            CommandKind::Close,
            CommandKind::Cancel,
        ];
        ALL.into_iter().filter(|command| command.possible_in().contains(&status)).collect()
    }
}

/// A command that the domain refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {} an order in {status}: {reason}", command.as_str())]
pub struct Refusal {
    /// What was asked.
    pub command: CommandKind,
    /// The status that the order has.
    pub status: Status,
    /// Why not.
    pub reason: Reason,
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Not in this status.
    WrongStatus,
    /// The pricing sub-state does not allow it.
    WrongPricingState {
        /// `queued`, `running` or `failed`.
        state: &'static str,
    },
    /// Somebody else was faster.
    AlreadyTaken {
        /// Their name.
        by: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// It is in another operator's hands.
    NotYours {
        /// Their name.
        holder: String,
    },
    /// Who asks may not ask this.
    NotAllowed {
        /// The role of who asked.
        role: &'static str,
    },
    /// The order has changed since the caller looked.
    StaleVersion {
        /// What the caller had seen.
        expected: u64,
        /// What it is.
        actual: u64,
    },
    /// The operator has as many orders in hand as they may.
    WipLimitReached {
        /// How many that is.
        limit: u32,
    },
    /// The operator is switched off.
    OperatorInactive,
    /// The same external id was submitted before with other content.
    DifferentContent,
    /// Closing by hand needs a reason.
    ReasonRequired,
}

impl Reason {
    /// A stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WrongStatus => "wrong-status",
            Self::WrongPricingState { .. } => "wrong-pricing-state",
            Self::AlreadyTaken { .. } => "already-taken",
            Self::NotYours { .. } => "not-yours",
            Self::NotAllowed { .. } => "not-allowed",
            Self::StaleVersion { .. } => "stale-version",
            Self::WipLimitReached { .. } => "wip-limit-reached",
            Self::OperatorInactive => "operator-inactive",
            Self::DifferentContent => "different-content",
            Self::ReasonRequired => "reason-required",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongStatus => f.write_str("this status does not allow it"),
            Self::WrongPricingState { state } => write!(f, "its pricing is {state}"),
            Self::AlreadyTaken { by, at } => {
                write!(f, "taken by {by} at {}", at.format("%Y-%m-%dT%H:%M:%SZ"))
            }
            Self::NotYours { holder } => write!(f, "it is in the hands of {holder}"),
            Self::NotAllowed { role } => write!(f, "the role {role} may not"),
            Self::StaleVersion { expected, actual } => {
                write!(f, "it has changed: you saw version {expected}, it is {actual}")
            }
            Self::WipLimitReached { limit } => {
                write!(f, "{limit} orders are in hand already, the limit")
            }
            Self::OperatorInactive => f.write_str("the operator is not active"),
            Self::DifferentContent => {
                f.write_str("this external id was submitted before with other content")
            }
            Self::ReasonRequired => f.write_str("closing by hand needs a reason"),
        }
    }
}

impl Refusal {
    /// What would be allowed instead.
    pub fn allowed(&self) -> Vec<CommandKind> {
        CommandKind::allowed_in(self.status)
    }

    /// Whether the order may yet come to where the command is possible: an approval that overtook the price, say.
    /// A message refused so waits; any other refusal is final.
    pub fn may_succeed_later(&self) -> bool {
        let not_there_yet =
            self.command.possible_in().iter().any(|possible| *possible > self.status);
        matches!(self.reason, Reason::WrongStatus) && !self.status.is_final() && not_there_yet
    }
}
