//! One configuration tree per process, in four layers; the later one wins:
//!
//! 1. the defaults in the binary (TOML that names *every* key, so that the file documents itself),
//! 2. the file given by `--config`,
//! 3. environment variables: `MES__DATABASE__URL` is the key `database.url`,
//! 4. `--set database.url=…`, as often as needed.
//!
//! A key whose default is a list takes a comma-separated value from 3 and 4. A misspelt key is an error
//! that names it; only variables for a section that this process does not have are passed over, so that
//! one environment can serve several processes.

use std::fmt::Write as _;
use std::path::PathBuf;

use ::config::{Config, File, FileFormat, Value};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

const ENVIRONMENT_PREFIX: &str = "MES__";
const HIDDEN: &str = "***";

/// The flags that every process has for its configuration.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ConfigArgs {
    /// A TOML file that overrides the defaults.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Overrides one key, such as `--set http.listen=127.0.0.1:0` (repeatable).
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Checks the configuration, prints what is in effect (secrets hidden) and exits.
    #[arg(long)]
    pub check_config: bool,
}

/// Why the configuration cannot be used. The text names the key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read, or a value does not fit.
    #[error("the configuration is not usable: {0}")]
    Unusable(String),
    /// A key that nobody reads, most likely misspelt.
    #[error("the key `{key}` (from {origin}) does not exist; known keys of this section: {known}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it was given.
        origin: &'static str,
        /// What could have been meant.
        known: String,
    },
    /// `--set` without a key or without `=`.
    #[error("`--set {0}` is not of the form section.key=value")]
    NotAnAssignment(String),
    /// A value that has the right type and makes no sense.
    #[error("`{key}` {message}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// What is wrong, to be read after the key.
        message: String,
    },
}

/// Reads the configuration of a process.
pub fn load<T>(defaults: &str, args: &ConfigArgs) -> Result<T, ConfigError>
where
    T: DeserializeOwned + Serialize,
{
    load_from(defaults, args, std::env::vars().collect())
}

/// As [`load`], with the environment as an argument.
pub fn load_from<T>(
    defaults: &str,
    args: &ConfigArgs,
    environment: Vec<(String, String)>,
) -> Result<T, ConfigError>
where
    T: DeserializeOwned + Serialize,
{
    let base = from_files(defaults, args)?;
    let assignments = assignments(args, environment, &base)?;
    let mut builder = Config::builder().add_source(base.clone());
    for assignment in &assignments {
        let value = as_value(assignment, &base);
        builder = builder.set_override(&assignment.key, value).map_err(|e| unusable(&e))?;
    }
    let merged = builder.build().map_err(|e| unusable(&e))?;
    let settings: T = merged.clone().try_deserialize().map_err(|e| unusable(&e))?;
    refuse_unknown_keys(&merged, &settings, &assignments)?;
    Ok(settings)
}

/// What is in effect, one `key = value` a line, for `--check-config`. Secrets are hidden by the types' own
/// [`Serialize`] ([`hidden`], [`hidden_url`]).
pub fn effective<T: Serialize>(settings: &T) -> String {
    let mut text = String::new();
    for (key, value) in leaves(settings) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{key} = {value}");
    }
    text
}

/// For `#[serde(serialize_with)]`: whether a secret is set, and nothing else.
pub fn hidden<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.expose_secret().is_empty() { "" } else { HIDDEN })
}

/// For `#[serde(serialize_with)]`: a URL without its password.
pub fn hidden_url<S: Serializer>(url: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&without_password(url.expose_secret()))
}

/// For `#[serde(serialize_with)]`: URLs without their passwords.
pub fn hidden_urls<S: Serializer>(urls: &[SecretString], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(urls.iter().map(|url| without_password(url.expose_secret())))
}

fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return if url.is_empty() { String::new() } else { HIDDEN.to_owned() };
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    // A password may also stand in the query: nothing of it is shown.
    let tail = tail.split('?').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, host)) => {
            let name = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{name}:{HIDDEN}@{host}{tail}")
        }
        None => format!("{scheme}://{authority}{tail}"),
    }
}

struct Assignment {
    key: String,
    value: String,
    origin: &'static str,
}

fn from_files(defaults: &str, args: &ConfigArgs) -> Result<Config, ConfigError> {
    let mut builder = Config::builder().add_source(File::from_str(defaults, FileFormat::Toml));
    if let Some(path) = &args.config {
        builder = builder.add_source(File::from(path.as_path()).format(FileFormat::Toml));
    }
    builder.build().map_err(|e| unusable(&e))
}

fn assignments(
    args: &ConfigArgs,
    environment: Vec<(String, String)>,
    base: &Config,
) -> Result<Vec<Assignment>, ConfigError> {
    let mut all: Vec<Assignment> = environment
        .into_iter()
        .filter_map(|(name, value)| {
            let key = name.strip_prefix(ENVIRONMENT_PREFIX)?.to_lowercase().replace("__", ".");
            has_section(base, &key).then_some(Assignment { key, value, origin: "the environment" })
        })
        .collect();
    for text in &args.set {
        let (key, value) = text
            .split_once('=')
            .filter(|(key, _)| !key.trim().is_empty())
            .ok_or_else(|| ConfigError::NotAnAssignment(text.clone()))?;
        all.push(Assignment {
            key: key.trim().to_owned(),
            value: value.to_owned(),
            origin: "--set",
        });
    }
    Ok(all)
}

fn has_section(base: &Config, key: &str) -> bool {
    let section = key.split('.').next().unwrap_or_default();
    base.get::<Value>(section).is_ok()
}

fn as_value(assignment: &Assignment, base: &Config) -> Value {
    if base.get_array(&assignment.key).is_ok() {
        let items = assignment.value.split(',').map(str::trim).filter(|item| !item.is_empty());
        return Value::from(items.map(str::to_owned).collect::<Vec<_>>());
    }
    Value::from(assignment.value.clone())
}

/// Every key that was given must come back when the settings are written again.
fn refuse_unknown_keys<T: Serialize>(
    merged: &Config,
    settings: &T,
    assignments: &[Assignment],
) -> Result<(), ConfigError> {
    let given: serde_json::Value = merged.clone().try_deserialize().map_err(|e| unusable(&e))?;
    let known: Vec<String> = leaves(settings).into_iter().map(|(key, _)| key).collect();
    for (key, _) in leaves(&given) {
        // A key that holds a list or a table comes back as its parts.
        let exists = known.iter().any(|k| k == &key || within(k, &key) || within(&key, k));
        if !exists {
            let origin = assignments.iter().find(|a| a.key == key).map_or("a file", |a| a.origin);
            return Err(ConfigError::UnknownKey { known: neighbours(&known, &key), key, origin });
        }
    }
    Ok(())
}

fn within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}

fn neighbours(known: &[String], key: &str) -> String {
    let section = key.rsplit_once('.').map_or("", |(section, _)| section);
    let found: Vec<&str> = known
        .iter()
        .filter(|k| section.is_empty() || within(k, section))
        .map(String::as_str)
        .collect();
    found.join(", ")
}

fn leaves<T: Serialize>(settings: &T) -> Vec<(String, serde_json::Value)> {
    let mut found = Vec::new();
    if let Ok(tree) = serde_json::to_value(settings) {
        collect_leaves(String::new(), tree, &mut found);
    }
    found
}

fn collect_leaves(
    key: String,
    value: serde_json::Value,
    into: &mut Vec<(String, serde_json::Value)>,
) {
    match value {
        serde_json::Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let key = if key.is_empty() { name } else { format!("{key}.{name}") };
                collect_leaves(key, value, into);
            }
        }
        value => into.push((key, value)),
    }
}

fn unusable(error: &::config::ConfigError) -> ConfigError {
    ConfigError::Unusable(error.to_string())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    const DEFAULTS: &str = r#"
        [http]
        listen = "127.0.0.1:8080"
        workers = 2
        cors_origins = []
        [database]
        url = ""
        [auth]
        secret = ""
    "#;

    #[derive(Debug, Deserialize, Serialize)]
    struct Settings {
        http: Http,
        database: Database,
        auth: Auth,
    }

    #[derive(Debug, Deserialize, Serialize)]
    struct Http {
        listen: String,
        workers: u16,
        cors_origins: Vec<String>,
    }

    #[derive(Debug, Deserialize, Serialize)]
    struct Database {
        #[serde(serialize_with = "hidden_url")]
        url: SecretString,
    }

    #[derive(Debug, Deserialize, Serialize)]
    struct Auth {
        #[serde(serialize_with = "hidden")]
        secret: SecretString,
    }

    fn read(environment: &[(&str, &str)], set: &[&str]) -> Result<Settings, ConfigError> {
        let args = ConfigArgs {
            set: set.iter().map(ToString::to_string).collect(),
            ..ConfigArgs::default()
        };
        let environment =
            environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        load_from(DEFAULTS, &args, environment)
    }

    #[test]
    fn the_environment_overrides_defaults_and_flags_override_the_environment() {
        let settings = read(
            &[("MES__HTTP__WORKERS", "4"), ("MES__HTTP__LISTEN", "0.0.0.0:1"), ("HOME", "/root")],
            &["http.listen=127.0.0.1:0"],
        )
        .unwrap();
        assert_eq!(settings.http.workers, 4);
        assert_eq!(settings.http.listen, "127.0.0.1:0");
    }

    #[test]
    fn a_list_is_given_with_commas() {
        let settings = read(&[("MES__HTTP__CORS_ORIGINS", "http://a, http://b,")], &[]).unwrap();
        assert_eq!(settings.http.cors_origins, ["http://a", "http://b"]);
    }

    #[test]
    fn a_wrong_type_is_refused_by_name() {
        let error = read(&[("MES__HTTP__WORKERS", "many")], &[]).unwrap_err().to_string();
        assert!(error.contains("http.workers"), "{error}");
    }

    #[test]
    fn a_misspelt_key_is_refused_by_name_wherever_it_stands() {
        for result in [read(&[("MES__HTTP__WORKER", "1")], &[]), read(&[], &["http.worker=1"])] {
            let error = result.unwrap_err().to_string();
            assert!(error.contains("`http.worker`") && error.contains("http.workers"), "{error}");
        }
    }

    #[test]
    fn a_variable_for_another_process_is_passed_over() {
        assert!(read(&[("MES__RABBITMQ__URL", "amqp://x")], &[]).is_ok());
    }

    #[test]
    fn a_missing_key_is_named() {
        let args = ConfigArgs::default();
        let error = load_from::<Settings>("[http]\nlisten=\"x\"\n", &args, vec![]).unwrap_err();
        assert!(error.to_string().contains("workers"), "{error}");
    }

    #[test]
    fn an_assignment_needs_an_equals_sign() {
        let error = read(&[], &["http.listen"]).unwrap_err().to_string();
        assert!(error.contains("http.listen"), "{error}");
    }

    #[test]
    fn what_is_in_effect_shows_no_secret() {
        let settings = read(
            &[
                ("MES__DATABASE__URL", "postgres://mes:p@ss/w@db:5432/mes?password=pa"),
                ("MES__AUTH__SECRET", "hunter2"),
            ],
            &[],
        )
        .unwrap();
        let text = effective(&settings);
        assert!(text.contains(r#"auth.secret = "***""#), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("password"), "{text}");
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        assert_eq!(
            without_password("postgres://mes:pw@db:1/mes?x=1"),
            "postgres://mes:***@db:1/mes"
        );
        assert_eq!(without_password("redis://127.0.0.1:6379/0"), "redis://127.0.0.1:6379/0");
        assert_eq!(without_password("host=db password=pw"), "***");
        assert_eq!(without_password(""), "");
    }
}
