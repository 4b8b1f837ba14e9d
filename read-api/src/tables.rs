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
