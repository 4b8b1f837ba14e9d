//! The read API: answers questions from replicas and owns no rule.
//!
//! A query travels through two files: `routes` → `queries::order_board`. What all of them need lies beside them: the
//! choice of a server that has seen enough ([`replicas`]), bodies that are ready to send ([`cache`]), live
//! updates ([`live`]). The database role of this process can select in schema `read` and nothing else.

pub mod application;
mod cache;
pub mod config;
mod context;
mod dashboard;
mod error;
mod filter;
mod live;
mod metrics;
pub mod openapi;
mod page;
#[cfg(feature = "planted-bugs")]
mod planted;
mod queries;
mod replicas;
mod routes;
mod tables;
