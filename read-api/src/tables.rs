//! Names of tables and columns for sea-query, which only builds the statements whose `where` moves.

use sea_query::Iden;

/// The schema that this service may read, and the only one.
#[derive(Debug, Clone, Copy, Iden)]
pub enum Schema {
    Read,
}

#[derive(Debug, Clone, Copy, Iden)]
pub enum Checkpoint {
    Table,
    Epoch,
    Position,
    CurrentAt,
}

#[derive(Debug, Clone, Copy, Iden)]
pub enum Views {
    Table,
    View,
    Version,
}

#[derive(Debug, Clone, Copy, Iden)]
pub enum Orders {
    Table,
    OrderId,
    Status,
    StatusSince,
    PartnerId,
    OperatorId,
    State,
}

/// What was not applied at once, as `read.messages` shows it.
#[derive(Debug, Clone, Copy, Iden)]
pub enum Messages {
    Table,
    MessageNo,
    State,
    Fingerprint,
    ReasonCode,
    Reason,
    Kind,
    Source,
    MessageId,
    OrderKey,
    Attempts,
    Seen,
    ReceivedAt,
    LastSeenAt,
    NextAttempt,
    SettledAt,
}

impl Messages {
    /// What lists show: everything but bytes and headers.
    pub const ROW: [Self; 15] = [
        Self::MessageNo,
        Self::State,
        Self::Fingerprint,
        Self::ReasonCode,
        Self::Reason,
        Self::Kind,
        Self::Source,
        Self::MessageId,
        Self::OrderKey,
        Self::Attempts,
        Self::Seen,
        Self::ReceivedAt,
        Self::LastSeenAt,
        Self::NextAttempt,
        Self::SettledAt,
    ];
}
