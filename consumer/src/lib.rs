//! Everything that happens without a request, one role per process (or `all` of them in one).
//!
//! What follows the log of orders:
//!
//! | role | follows the log to | module |
//! |---|---|---|
//! | `projector` | fill the read model | [`projector`], [`projections`] |
//! | `rebuild` | fill a new read model beside the live one, once | [`rebuild`], [`recount`] |
//! | `relay` | tell the shop, the CRM and listeners what happened | [`relay`] |
//! | `intake` | (messages, not the log) turn messages into commands | [`intake`] |
//! | `pricer` | (jobs, not the log) price submitted orders | [`pricer`] |
//! | `heartbeat` | (an order of its own) know that the whole way is open | [`heartbeat`] |
//! | `watchdog` | (rows, and the log) find and heal what is lost or stuck | [`watchdog`] |
//!
//! [`metals`] watches over the age of metal prices, [`repricing`] makes old prices again, [`housekeeping`] deletes what
//! has served.
//!
//! [`log_reader`] reads the log without skipping, [`follower`] adds the cursor, the leadership and the
//! fence that every follower needs. To add a projection, see [`projections`]. [`topology`] lists every queue,
//! [`delivery`] is the broker.

pub mod announcer;
pub mod application;
pub mod checkpoint;
pub mod config;
pub mod delivery;
pub mod failure;
pub mod follower;
mod guard;
pub mod heartbeat;
pub mod housekeeping;
pub mod intake;
pub mod log_reader;
pub mod metals;
mod metrics;
pub mod notices;
mod origins;
pub mod pricer;
pub mod projections;
pub mod projector;
pub mod rebuild;
pub mod reconciler;
pub mod recount;
pub mod relay;
pub mod repricing;
pub mod roles;
pub mod topology;
pub mod watchdog;
pub mod webhooks;
