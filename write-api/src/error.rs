//! How a command's error reads over HTTP. Refusals say what would be allowed; failures say whether to retry.

use std::time::Duration;

use ::web::{Problem, body};
use actix_web::http::StatusCode;
use shared::metals::FixingRefusal;
use shared::order::refusal::{CommandKind, Reason, Refusal};
use shared::quote::refusal::QuoteRefusal;

use crate::models::UploadError;
use crate::store::{CommandError, MessageRefusal, ReconciliationRefusal};

const RETRY_SOON: Duration = Duration::from_secs(1);

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => refused(&refusal),
            CommandError::UnknownOrder => Self::not_found("There is no such order"),
            CommandError::UnknownQuote => Self::not_found("There is no such quote"),
            CommandError::UnknownIncident => Self::not_found("There is no such incident"),
            CommandError::QuoteRefused(refusal) => quote_refused(&refusal),
            CommandError::Unpriceable { field, message } => Self::invalid_field(field, message),
            CommandError::UnknownModel(_) => Self::invalid_field("/model_id", error.to_string()),
            CommandError::UnknownOperator => Self::forbidden(error.to_string()),
            CommandError::FixingRefused(refusal) => match refusal {
                FixingRefusal::Unknown(_) => Self::not_found("There is no such metal fixing"),
                FixingRefusal::NotAllowed => Self::forbidden(refusal.to_string()),
                refusal => Self::refused(refusal.code(), refusal.to_string()),
            },
            CommandError::MessageRefused(refusal) => match refusal {
                MessageRefusal::Unknown(_) => Self::not_found("There is no such message"),
                MessageRefusal::Settled(state) => {
                    let code = format!("already-{state}");
                    Self::refused(code, refusal.to_string())
                }
                MessageRefusal::WrongProducer(_) => {
                    Self::invalid_field("/message/type", refusal.to_string())
                }
            },
            CommandError::ReconciliationRefused(refusal) => match refusal {
                ReconciliationRefusal::Unknown => Self::not_found(refusal.to_string()),
                ReconciliationRefusal::NoChannel => {
                    Self::refused(refusal.code(), refusal.to_string())
                }
                refusal => {
                    Self::refused(refusal.code(), refusal.to_string()).retry_after(RETRY_SOON)
                }
            },
            CommandError::CauseReused => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                Self::new(status, "idempotency-key-reused", "The key belongs to another request")
                    .detail(error.to_string())
            }
            CommandError::InProgress | CommandError::TooSlow => {
                Self::refused("in-progress", error.to_string()).retry_after(RETRY_SOON)
            }
            CommandError::OutcomeUnknown(ref source) => {
                tracing::warn!(error = source as &dyn std::error::Error, "outcome unknown");
                Self::unavailable(error.to_string(), RETRY_SOON)
            }
            CommandError::Unavailable(ref source) | CommandError::Database(ref source) => {
                Self::from_database(source)
            }
            CommandError::Inconsistent(_) => Self::internal(&error),
        }
    }
}

fn refused(refusal: &Refusal) -> Problem {
    let detail = refusal.to_string();
    let problem = match &refusal.reason {
        Reason::NotAllowed { .. } | Reason::OperatorInactive => Problem::forbidden(detail),
        Reason::ReasonRequired => Problem::invalid_field("/reason", detail),
        reason => Problem::refused(reason.code(), detail),
    };
    let allowed: Vec<&str> = refusal.allowed().into_iter().map(CommandKind::as_str).collect();
    let problem = problem
        .with("reason", refusal.reason.code())
        .with("current_status", refusal.status.as_str())
        .with("allowed", allowed);
    match &refusal.reason {
        Reason::AlreadyTaken { by, at } => {
            problem.with("taken_by", by.as_str()).with("taken_at", at.to_rfc3339())
        }
        Reason::NotYours { holder } => problem.with("holder", holder.as_str()),
        Reason::WipLimitReached { limit } => problem.with("limit", *limit),
        Reason::StaleVersion { actual, .. } => problem.with("current_version", *actual),
        _ => problem,
    }
}

fn quote_refused(refusal: &QuoteRefusal) -> Problem {
    let problem = match refusal {
        QuoteRefusal::NotAllowed { .. } => Problem::forbidden(refusal.to_string()),
        refusal => Problem::refused(refusal.code(), refusal.to_string()),
    };
    match refusal {
        QuoteRefusal::Expired { until } => problem.with("valid_until", until.to_rfc3339()),
        QuoteRefusal::AlreadyOrdered { order_id } => problem.with("order_id", order_id.to_string()),
        QuoteRefusal::NotPricedYet => problem.retry_after(RETRY_SOON),
        _ => problem,
    }
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::TooLarge { limit } => {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                Self::new(status, "too-large", "The model is too large")
                    .detail(error.to_string())
                    .with("limit_bytes", limit)
            }
            UploadError::NotAModel(ref cause) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, cause.code(), "Not a usable model")
                    .detail(error.to_string())
            }
            UploadError::BrokenOff(ref cause) => body::from_payload_error(cause),
            UploadError::Store(ref cause) => {
                tracing::warn!(error = cause as &dyn std::error::Error, "object store");
                Self::unavailable("The object store is not available", RETRY_SOON)
            }
            UploadError::Database(ref cause) => Self::from_database(cause),
        }
    }
}
