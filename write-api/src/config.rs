//! The write API's configuration tree; every key with its default stands in `defaults.toml`.

use ::web::{AuthConfig, HttpConfig, QuotaConfig};
use serde::{Deserialize, Serialize};
use shared::platform::database::DatabaseConfig;
use shared::platform::telemetry::TelemetryConfig;

use crate::admission::AdmissionConfig;
use crate::pace::PaceConfig;
use crate::store::FixingsConfig;
use crate::webhooks::WebhooksConfig;

/// All keys with their defaults.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// What the write API can be told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub http: HttpConfig,
    /// The primary.
    pub database: DatabaseConfig,
    /// Where models lie.
    pub models: ModelsConfig,
    /// How quotes are answered.
    pub quotes: QuotesConfig,
    /// How people's tokens are checked.
    pub auth: AuthConfig,
    /// How often a caller may ask.
    pub quotas: QuotaConfig,
    /// How fast a partner's orders are taken.
    pub pace: PaceConfig,
    /// How many commands may be in hand at once.
    pub admission: AdmissionConfig,
    /// How webhooks are registered.
    pub webhooks: WebhooksConfig,
    /// How metal prices are judged.
    pub fixings: FixingsConfig,
    /// What it tells about itself.
    pub telemetry: TelemetryConfig,
}

/// Where models lie, and how large they may be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelsConfig {
    /// `file:///folder` or `s3://bucket/prefix` (credentials from the `AWS_*` environment).
    pub url: String,
    /// The most bytes of one model.
    pub max_bytes: u64,
}

/// How quotes are answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotesConfig {
    /// How long an offer holds, in seconds from the price on.
    pub valid_seconds: u32,
    /// Requests that may wait for an exact price at the same time; others are answered at once.
    pub max_waiting: usize,
}
