//! The whole system as separate processes, from the outside: two channels through all ten statuses, and what is
//! left after `kill -9` of everything.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod carried_through;
mod ends_the_process;
mod failover;
mod killed;
mod killed_pricer;
mod oracle;
mod quoted;
mod repriced;
mod stack;
