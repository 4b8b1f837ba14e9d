//! What every HTTP face of the MES shares.
//!
//! [`Kit::bind`](server::Kit::bind) starts a server whose every answer, whoever makes it, is traced,
//! measured, limited and, when it is an error, an RFC 9457 [`Problem`]. A handler takes what it needs as
//! arguments: the [`Caller`](caller::Caller), a [`JsonBody`](body::JsonBody), [`QueryParams`](query::QueryParams),
//! and [`Detached`](detached::Detached) for work that must outlive its client.

pub mod body;
pub mod caller;
pub mod detached;
pub mod health;
mod observe;
pub mod problem;
pub mod query;
pub mod quotas;
pub mod server;

pub use body::JsonBody;
pub use caller::{AuthConfig, Authenticator, Caller, Role, Scope};
pub use detached::Detached;
pub use health::Health;
pub use problem::{Problem, Violation};
pub use query::QueryParams;
pub use quotas::QuotaConfig;
pub use server::{Bound, HttpConfig, Kit};
