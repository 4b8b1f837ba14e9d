//! The read model: each batch of events becomes a few set-based statements on tables shaped like screens.
//!
//! A file per projection, named after the query that it feeds. All of them are given the same [`Folded`]
//! batch: the events, and what each touched order was before and is now. Orders are folded by
//! [`shared::order::Order::apply`], the very function of the write side.
//!
//! **To add a projection:**
//!
//! 1. a migration with its table in schema `read`, owned by `mes_consumer`, with `SELECT` for `mes_read`;
//! 2. a file here with `write(connection, folded)`: one statement for the whole batch, with unqualified
//!    table names, because `rebuild` runs the same code with another search path;
//! 3. its line in [`ReadModel::apply`], and its table in [`ReadModel::TABLES`];
//! 4. after the deployment, `consumer rebuild`, which fills it from the log's start.
//!
//! Nothing here may ask the clock, another table of `write`, or the network: a replay must give the same rows.

mod fold;
mod order_board;
mod order_timeline;
mod partner_feed;
mod status_counts;
mod views;

use shared::ids::OrderId;
use shared::order::BrokenHistory;
use shared::order::events::LoggedEvent;
use sqlx::PgConnection;

pub use fold::{Change, Entry, Folded};

use crate::follower::Replayable;

/// All projections together: they share one cursor, so that a page never shows two different moments.
#[derive(Debug, Clone, Copy)]
pub struct ReadModel;

impl Replayable for ReadModel {
    const FOLLOWER: &'static str = "projector";
    const TABLES: &'static [&'static str] =
        &["orders", "timeline", "partner_feed", "status_counts", "views"];

    async fn apply(
        connection: &mut PgConnection,
        events: &[LoggedEvent],
    ) -> Result<(), ProjectionError> {
        let folded = Folded::load(connection, events).await?;
        if folded.is_empty() {
            return Ok(());
        }
        order_timeline::write(connection, &folded).await?;
        partner_feed::write(connection, &folded).await?;
        status_counts::write(connection, &folded).await?;
        views::write(connection, &folded).await?;
        order_board::write(connection, &folded).await?;
        Ok(())
    }
}

/// Why events cannot be applied. Nothing of the batch is.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The database cannot be reached, or failed.
    #[error("the read model cannot be written")]
    Database(#[from] sqlx::Error),
    /// An event is missing in between. Going on would show a wrong order for ever.
    #[error("order {order_id}: position {position} brings version {found} onto version {known}")]
    VersionGap {
        /// Whose.
        order_id: OrderId,
        /// Where the event stands that does not fit.
        position: u64,
        /// The version that the read model has.
        known: u64,
        /// The event's.
        found: u64,
    },
    /// An event that cannot follow.
    #[error("position {position} does not fit")]
    BrokenHistory {
        /// Where it stands.
        position: u64,
        /// Which order, and how.
        source: BrokenHistory,
    },
    /// A row of the read model that this version cannot read.
    #[error("read.orders, order {order_id}: the state is not one that this version knows")]
    UnreadableState {
        /// Whose.
        order_id: OrderId,
        /// What does not fit.
        source: serde_json::Error,
    },
}
