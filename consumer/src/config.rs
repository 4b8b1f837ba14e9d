//! The consumer's configuration tree; every key with its default stands in `defaults.toml`.

use serde::{Deserialize, Serialize};
use shared::platform::config;
use shared::platform::database::DatabaseConfig;
use shared::platform::telemetry::TelemetryConfig;
use web::HttpConfig;
use write_api::store::FixingsConfig;

use crate::delivery::BrokerConfig;
use crate::heartbeat::HeartbeatConfig;
use crate::housekeeping::HousekeepingConfig;
use crate::intake::IntakeConfig;
use crate::pricer::PricerConfig;
use crate::projector::ProjectorConfig;
use crate::relay::RelayConfig;
use crate::watchdog::WatchdogConfig;
use crate::webhooks::WebhooksConfig;

/// All keys with their defaults.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// What the consumer can be told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where health and metrics are served.
    pub http: HttpConfig,
    /// The primary.
    pub database: DatabaseConfig,
    /// The broker.
    pub rabbitmq: BrokerConfig,
    /// Where positions are announced.
    pub redis: RedisConfig,
    /// Where models lie.
    pub models: ModelsConfig,
    /// How the intake works.
    pub intake: IntakeConfig,
    /// How the relay works.
    pub relay: RelayConfig,
    /// How the projector works.
    pub projector: ProjectorConfig,
    /// How the pricer works.
    pub pricer: PricerConfig,
    /// How the watchdog looks.
    pub watchdog: WatchdogConfig,
    /// How the heartbeat goes.
    pub heartbeat: HeartbeatConfig,
    /// How webhooks are sent.
    pub webhooks: WebhooksConfig,
    /// How metal prices are judged.
    pub fixings: FixingsConfig,
    /// For how long rows are kept.
    pub housekeeping: HousekeepingConfig,
    /// How quotes are answered.
    pub quotes: QuotesConfig,
    /// What it tells about itself.
    pub telemetry: TelemetryConfig,
}

/// Where positions are announced.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// `redis://host:port/0`.
    #[serde(serialize_with = "config::hidden_url")]
    pub url: secrecy::SecretString,
    /// Before every key and channel.
    pub key_prefix: String,
}

/// Where models lie.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelsConfig {
    /// `file:///folder` or `s3://bucket/prefix`, as for the write API.
    pub url: String,
}

/// How quotes are answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotesConfig {
    /// How long an offer holds, in seconds from the price on; as for the write API.
    pub valid_seconds: u32,
}
