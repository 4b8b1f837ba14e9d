//! The kit as a client sees it: a real server on a port of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod callers;
mod cancelled_begin;
mod detached;
mod exported_spans;
mod graceful_stop;
mod health;
mod problems;
mod quotas;
mod slow_bodies;
mod support;
mod telemetry;
