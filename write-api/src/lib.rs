//! The only place where an order changes.
//!
//! A command travels downward through four files: `routes.rs` (one line), `commands/<verb>.rs` (the whole story),
//! `shared::order` (the rule) and [`store`] (the one transaction). `consumer` uses [`commands`] and [`store`] too,
//! so that a CRM message and an operator's click meet the same rule.

pub mod commands;
pub mod store;
