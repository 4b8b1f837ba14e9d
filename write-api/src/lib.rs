//! The only place where an order changes.
//!
//! A command travels downward through four files: [`routes`] (one line), `commands/<verb>.rs` (the whole story),
//! `shared::order` (the rule) and [`store`] (the one transaction). `consumer` uses [`commands`] and [`store`] too,
//! so that a CRM message and an operator's click meet the same rule.

/// `planted!(TheBug, { what it does })`: nothing at all without the feature.
#[macro_export]
macro_rules! planted {
    ($bug:ident, $wrong:block) => {
        #[cfg(feature = "planted-bugs")]
        {
            if $crate::planted::is($crate::planted::Bug::$bug) {
                $wrong
            }
        }
    };
}

pub mod administration;
pub mod admission;
pub mod application;
pub mod commands;
pub mod config;
pub mod context;
mod error;
pub mod models;
pub mod object_storage;
pub mod openapi;
pub mod pace;
#[cfg(feature = "planted-bugs")]
pub mod planted;
pub mod prices;
pub mod reconciliations;
pub mod routes;
pub mod store;
pub mod waiters;
pub mod webhooks;
