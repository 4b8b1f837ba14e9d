//! Command in → event → projection → query out, over real servers, without sleeping.

mod delivery;
mod examples;
mod intake;
mod log;
mod log_reader;
mod projector;
mod rebuild;
mod relay;
mod world;
