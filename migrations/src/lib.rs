//! The schema: the SQL beside this crate's manifest, and the code that applies it.
//!
//! Services do not migrate. They ask [`ensure_current`] at start and refuse to run on a schema that is
//! behind; one that is ahead is fine, because a migration never breaks the code that runs before it
//! (the rules are in this crate's `README.md`). The `migrate` program and `cargo xtask` call [`apply`].

mod apply;
mod roles;
mod status;

pub use apply::{Applied, ApplyError, Progress, apply, apply_reporting};
pub use roles::{RolePasswords, create_roles};
pub use status::{Pending, SchemaError, ensure_current, invalid_indexes, pending};

use sqlx::migrate::Migrator;

/// Every migration, in order.
pub static MIGRATOR: Migrator = sqlx::migrate!("./sql");

/// Where applied migrations are noted; named in full, whatever the search path of a database is.
const HISTORY: &str = "public._sqlx_migrations";
