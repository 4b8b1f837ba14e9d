//! The kit as a client sees it: a real server on a port of its own.

mod callers;
mod cancelled_begin;
mod detached;
mod health;
mod problems;
mod quotas;
mod slow_bodies;
mod support;
mod telemetry;
