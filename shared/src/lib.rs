//! The domain of the MES: the rules and words that both sides speak.
//!
//! Nothing here knows SQL, HTTP or a broker. [`order`] holds the life of an order and [`quote`] that of a quote as pure decisions,
//! [`contracts`] the messages that the shop, the CRM and the carrier exchange with us, [`views`] the
//! JSON that both APIs show of an order, and [`platform`] what every process needs to run.
#![deny(missing_docs)]

pub mod actor;
pub mod clock;
pub mod contracts;
pub mod ids;
pub mod incident;
pub mod metals;
pub mod money;
pub mod order;
pub mod platform;
pub mod position;
pub mod quote;
pub mod reconciliation;
mod schema;
pub mod views;
