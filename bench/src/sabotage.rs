//! Sabotage: things that lose orders without anything dying visibly, one after another and many at once, and whether the
//! system itself finds each of them, calls it by its right name, and heals it.
//!
//! - [`plan`]: what will be done, a pure function of the seed;
//! - [`saboteur`]: does it, each to one order, queue or role, and says when;
//! - [`tampering`]: what the CRM does not do with messages, on demand;
//! - [`incidents`]: what the system says about it;
//! - [`report`]: what was found, how fast, and what was healed.
//!
//! Stack, processes, load, stand-ins, history and the checker in the end are those of [`crate::faults`].

pub mod incidents;
pub mod plan;
pub mod report;
pub mod saboteur;
pub mod tampering;
