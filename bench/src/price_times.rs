//! How long prices take, as a shop and its partners see it: from "make order" to the news of the price, on a
//! running stack, alone and beside monsters and floods.
//!
//! Models are made here ([`torus`]), each different from every other, so that no cache helps where none should.
//! News come from `mes.events` ([`ledger`]); [`floor`] is the way in, [`scenarios`] are the measurements.

pub mod floor;
pub mod ledger;
pub mod scenarios;
pub mod torus;
