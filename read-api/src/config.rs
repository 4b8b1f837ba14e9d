//! What can be configured. `defaults.toml` beside this file holds the defaults and says what each key is for.

use std::num::NonZeroUsize;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use shared::metals::AgeLimits;
use shared::platform::config::{self, ConfigArgs, ConfigError};
use shared::platform::telemetry::TelemetryConfig;
use web::{AuthConfig, HttpConfig};

/// Every key with its default.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// The whole tree.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub http: HttpConfig,
    pub database: DatabaseSettings,
    pub freshness: FreshnessSettings,
    pub redis: RedisSettings,
    pub cache: CacheSettings,
    pub live: LiveSettings,
    pub fixings: AgeLimits,
    pub auth: AuthConfig,
    pub dashboard: DashboardSettings,
    pub telemetry: TelemetryConfig,
}

/// The servers that hold the read model.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    #[serde(serialize_with = "config::hidden_urls")]
    pub replicas: Vec<SecretString>,
    #[serde(serialize_with = "config::hidden_url")]
    pub primary: SecretString,
    pub max_connections: u32,
    pub primary_max_connections: u32,
    pub acquire_timeout_ms: u64,
}

/// How fresh answers are kept.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FreshnessSettings {
    pub poll_ms: u64,
    pub wait_ms: u64,
}

/// The cache that instances share.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RedisSettings {
    #[serde(serialize_with = "config::hidden_url")]
    pub url: SecretString,
    pub key_prefix: String,
    pub budget_ms: u64,
}

/// The cache in process.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CacheSettings {
    pub max_bytes: u64,
}

/// Live updates.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LiveSettings {
    pub max_clients: usize,
    pub max_quote_streams: usize,
    pub max_feed_streams: usize,
    pub feed_patience_ms: u64,
    pub buffered_batches: NonZeroUsize,
    pub max_resume_orders: u32,
    pub heartbeat_ms: u64,
}

/// The web application that we serve.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DashboardSettings {
    pub directory: String,
    pub write_api_url: String,
}

impl Config {
    /// Reads and checks the configuration of the process.
    pub fn load(args: &ConfigArgs) -> Result<Self, ConfigError> {
        let settings: Self = config::load(DEFAULTS, args)?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let database = &self.database;
        if database.replicas.is_empty() && database.primary_url().is_none() {
            return Err(invalid("database.replicas", "names no server to read from"));
        }
        if database.max_connections == 0 {
            return Err(invalid("database.max_connections", "must be at least 1"));
        }
        if !(10..=10_000).contains(&self.freshness.poll_ms) {
            return Err(invalid("freshness.poll_ms", "must be from 10 to 10000"));
        }
        if self.live.heartbeat_ms < 100 {
            return Err(invalid("live.heartbeat_ms", "must be at least 100"));
        }
        Ok(())
    }
}

fn invalid(key: &'static str, message: &str) -> ConfigError {
    ConfigError::Invalid { key, message: message.to_owned() }
}

impl DatabaseSettings {
    /// The primary, if there may be a last resort.
    pub fn primary_url(&self) -> Option<&SecretString> {
        let named = !self.primary.expose_secret().is_empty();
        (named && self.primary_max_connections > 0).then_some(&self.primary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[&str]) -> Result<Config, ConfigError> {
        let args = ConfigArgs {
            set: set.iter().map(ToString::to_string).collect(),
            ..ConfigArgs::default()
        };
        let settings: Config = config::load_from(DEFAULTS, &args, vec![])?;
        settings.check().map(|()| settings)
    }

    #[test]
    fn without_a_server_there_is_nothing_to_read_from() {
        let error = read(&[]).unwrap_err().to_string();
        assert!(error.contains("database.replicas"), "{error}");
        assert!(read(&["database.primary=postgres://mes_read@db/mes"]).is_ok());
    }

    #[test]
    fn what_is_in_effect_shows_no_password() {
        let settings = read(&[
            "database.replicas=postgres://mes_read:secret@a/mes,postgres://mes_read:secret@b/mes",
            "redis.url=redis://:secret@cache/0",
        ])
        .unwrap();
        assert_eq!(settings.database.replicas.len(), 2);
        assert!(!config::effective(&settings).contains("secret@"));
    }
}
