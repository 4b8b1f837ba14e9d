//! Command in → event → projection → query out, over real servers, without sleeping.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod delivery;
mod examples;
mod heartbeat;
mod housekeeping;
mod intake;
mod log;
mod log_reader;
mod metals;
mod poison;
mod pricer;
mod projector;
mod quotes;
mod rebuild;
mod reconciler;
mod relay;
mod repricing;
mod stations;
mod watchdog;
mod webhooks;
mod world;
