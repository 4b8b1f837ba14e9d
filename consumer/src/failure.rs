//! What a failing step of the intake asks for. The loop only obeys.

use shared::contracts::envelope::Malformed;
use shared::platform::database;
use write_api::store::CommandError;

/// What to do with a message that was not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The order may yet come to where it is possible: keep the message and try again, with growing pauses.
    Wait(Why),
    /// It will never be possible as it stands: keep the message for a human.
    Park(Why),
    /// The machinery is away, whatever the message says: stop reading, hold what is in hand, try again.
    Hold(Why),
}

/// Why a message was not applied: a stable code for programs, a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Stable, and fit for a metric's label and for logs.
    pub code: &'static str,
    /// May quote the message: kept in its row, never logged.
    pub sentence: String,
}

impl Why {
    /// A reason with its code.
    pub fn new(code: &'static str, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into() }
    }
}

impl From<&Malformed> for Failure {
    fn from(malformed: &Malformed) -> Self {
        Self::Park(Why::new(malformed.flaw.code(), malformed.to_string()))
    }
}

impl From<&CommandError> for Failure {
    fn from(error: &CommandError) -> Self {
        let sentence = error.to_string();
        match error {
            CommandError::Refused(refusal) if refusal.may_succeed_later() => {
                Self::Wait(Why::new("too-early", sentence))
            }
            CommandError::Refused(refusal) => Self::Park(Why::new(refusal.reason.code(), sentence)),
            CommandError::QuoteRefused(refusal) if refusal.may_succeed_later() => {
                Self::Wait(Why::new("too-early", sentence))
            }
            CommandError::QuoteRefused(refusal) => Self::Park(Why::new(refusal.code(), sentence)),
            CommandError::UnknownQuote => Self::Park(Why::new("unknown-quote", sentence)),
            CommandError::UnknownIncident => Self::Park(Why::new("unknown-incident", sentence)),
            CommandError::Unpriceable { .. } => Self::Park(Why::new("unpriceable", sentence)),
            CommandError::UnknownOrder => Self::Wait(Why::new("unknown-order", sentence)),
            CommandError::UnknownModel(_) => Self::Wait(Why::new("unknown-model", sentence)),
            CommandError::UnknownOperator => Self::Park(Why::new("unknown-operator", sentence)),
            CommandError::FixingRefused(refusal) => Self::Park(Why::new(refusal.code(), sentence)),
            CommandError::CauseReused => Self::Park(Why::new("id-reused", sentence)),
            // No message asks for what only people may do.
            CommandError::MessageRefused(_) | CommandError::ReconciliationRefused(_) => {
                Self::Park(Why::new("not-allowed", sentence))
            }
            CommandError::Inconsistent(_) => Self::Park(Why::new("inconsistent", sentence)),
            CommandError::InProgress => Self::Wait(Why::new("in-progress", sentence)),
            CommandError::TooSlow => Self::Wait(Why::new("too-slow", sentence)),
            CommandError::OutcomeUnknown(_) | CommandError::Unavailable(_) => {
                Self::Hold(Why::new("database-away", sentence))
            }
            CommandError::Database(error) => of_the_database(error),
        }
    }
}

/// The server refused a statement: the message's fault if the server says so about values or constraints
/// (classes 22 and 23), else the machinery's.
pub fn of_the_database(error: &sqlx::Error) -> Failure {
    let state = database::sqlstate_of(error).unwrap_or_default();
    let why = Why::new("database", format!("the database failed: {error}"));
    if state.starts_with("22") || state.starts_with("23") {
        Failure::Park(why)
    } else {
        Failure::Hold(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::order::decisions::{AskingOperator, Decided};
    use shared::order::samples::{anna, order_after, seller};

    fn failure(decision: Result<Decided, shared::order::refusal::Refusal>) -> Failure {
        Failure::from(&CommandError::from(decision.unwrap_err()))
    }

    #[test]
    fn an_approval_that_overtook_the_price_waits_and_one_that_is_not_allowed_parks() {
        let submitted = order_after(3);
        let early = failure(submitted.approve(&seller()));
        assert!(matches!(early, Failure::Wait(Why { code: "too-early", .. })), "{early:?}");
        let carrier = shared::actor::Actor::Carrier;
        let forbidden = failure(submitted.approve(&carrier));
        assert!(matches!(forbidden, Failure::Park(Why { code: "not-allowed", .. })));
    }

    #[test]
    fn a_message_that_moves_an_order_backwards_parks() {
        let shipped = order_after(10);
        let late = failure(shipped.cancel(&seller(), "too late".to_owned()));
        assert!(matches!(late, Failure::Park(Why { code: "wrong-status", .. })), "{late:?}");
        let asking = AskingOperator { operator: anna(), active: true, in_hand: 0, wip_limit: 1 };
        assert!(matches!(failure(shipped.take(&asking)), Failure::Park(_)));
    }

    #[test]
    fn a_database_that_is_away_is_nobodys_fault() {
        let away = CommandError::from(sqlx::Error::PoolTimedOut);
        assert!(matches!(Failure::from(&away), Failure::Hold(_)));
        assert!(matches!(of_the_database(&sqlx::Error::RowNotFound), Failure::Hold(_)));
    }
}
