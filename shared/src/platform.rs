//! What every process needs to run: configuration, telemetry, database pools, shutdown.

pub mod config;
pub mod database;
pub mod process;
pub mod shutdown;
pub mod telemetry;
