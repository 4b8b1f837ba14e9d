//! A question to the read model, and what comes back with every answer.

use std::future::Future;

use chrono::{DateTime, Utc};
use shared::order::Order;
use shared::platform::database;
use shared::position::Position;
use sqlx::PgConnection;
use sqlx::types::JsonRawValue;

/// One question: a file in `queries/` each.
///
/// The answer comes from one snapshot together with the checkpoint and the view's version (one statement, or one
/// `REPEATABLE READ` transaction), so that position, version and rows agree.
pub trait Question: Sync {
    /// Exactly what the screen shows.
    type Answer: Send;

    /// Asks it.
    fn ask(
        &self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<Snapshot<Self::Answer>, AskError>> + Send;
}

/// What a snapshot says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Every event up to here is visible.
    pub position: Position,
    /// Everything that happened before this moment is visible.
    pub as_of: DateTime<Utc>,
    /// The version of the view that was read; 0 when nothing ever touched it.
    pub version: u64,
}

impl Head {
    /// From the columns.
    pub fn new(
        epoch: i64,
        position: i64,
        as_of: DateTime<Utc>,
        version: Option<i64>,
    ) -> Result<Self, AskError> {
        let damaged =
            |what| AskError::Damaged { table: "read.checkpoint", row: String::new(), what };
        let unsigned = |number: i64| u64::try_from(number).map_err(|e| damaged(e.to_string()));
        Ok(Self {
            position: Position {
                epoch: u32::try_from(epoch).map_err(|e| damaged(e.to_string()))?,
                position: unsigned(position)?,
            },
            as_of,
            version: unsigned(version.unwrap_or(0))?,
        })
    }
}

/// An answer with its head.
#[derive(Debug)]
pub struct Snapshot<T> {
    /// Where and when.
    pub head: Head,
    /// What.
    pub answer: T,
}

/// Why a server did not answer a question.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The server, or the way to it.
    #[error("the database did not answer")]
    Database(#[from] sqlx::Error),
    /// A replica that is the primary by now, and has other work.
    #[error("the replica was promoted")]
    Promoted,
    /// A row that the projector cannot have written.
    #[error("{table}, row `{row}`: {what}")]
    Damaged {
        /// Which table.
        table: &'static str,
        /// Its key.
        row: String,
        /// What is wrong.
        what: String,
    },
}

/// PostgreSQL's "cached plan must not change result type", after a rebuild switched the tables.
const FEATURE_NOT_SUPPORTED: &str = "0A000";

impl AskError {
    /// Whether another server may well answer: this one is away, cancelled the query because of replication, took
    /// too long, or holds a plan of yesterday's table.
    pub fn is_worth_another_server(&self) -> bool {
        match self {
            Self::Promoted => true,
            Self::Damaged { .. } => false,
            Self::Database(error) => {
                database::is_unavailable(error)
                    || database::is_lost_race(error)
                    || database::is_lock_timeout(error)
                    || database::sqlstate_of(error)
                        .is_some_and(|code| code == FEATURE_NOT_SUPPORTED)
            }
        }
    }

    /// Whether the server itself is in trouble, not just this query.
    pub fn blames_the_server(&self) -> bool {
        matches!(self, Self::Database(error) if database::is_unavailable(error))
    }
}

/// An order as the projector wrote it.
pub fn order_from(order_id: uuid::Uuid, state: &JsonRawValue) -> Result<Order, AskError> {
    serde_json::from_str(state.get()).map_err(|error| AskError::Damaged {
        table: "read.orders",
        row: order_id.to_string(),
        what: error.to_string(),
    })
}
