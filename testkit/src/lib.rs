//! What a test needs of the outside world, for itself alone: a database, a vhost, a key prefix, callers'
//! credentials, and a way to wait for something without sleeping.
//!
//! The servers are started by `cargo xtask test`, which says where they are in the variables `MES_TEST_*`.
//! Helpers fail by panicking with a sentence that says what to do.
#![expect(clippy::missing_panics_doc, reason = "a test helper fails by panicking")]

mod broker;
mod credentials;
mod database;
mod eventually;
mod names;
mod proxy;
mod servers;

pub use broker::TestVhost;
pub use credentials::{JWT_SECRET, jwt, new_api_key};
pub use database::{DatabaseRole, TestDatabase};
pub use eventually::{Answer, PATIENCE, eventually};
pub use names::key_prefix;
pub use proxy::Proxy;
pub use servers::{binary, redis_url};
pub use shared::clock::ManualClock;
pub use shared::ids::CountingIds;
