//! The record of a running stack, as `cargo xtask up` writes it: the few parts that the outside world knows.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use shared::platform::database;
use sqlx::{ConnectOptions, PgConnection};

const CALL: Duration = Duration::from_secs(10);

/// Where the services are, and who may talk to them.
#[derive(Debug, Clone, Deserialize)]
pub struct Stack {
    /// The write API's address.
    pub write_api: String,
    /// The read API's address.
    pub read_api: String,
    /// The broker.
    pub rabbitmq: Broker,
    /// Redis.
    pub redis: String,
    /// The databases by role; only the checker of a campaign of faults looks into them.
    pub postgres: BTreeMap<String, String>,
    /// Who signs in with a token.
    pub people: Vec<Person>,
    /// Who signs in with an API key, and is not a partner.
    pub systems: Vec<System>,
    /// Who orders over REST.
    pub partners: Vec<Partner>,
}

/// The broker of a stack.
#[derive(Debug, Clone, Deserialize)]
pub struct Broker {
    /// With user, password and vhost.
    pub url: String,
    /// The management API.
    pub management: String,
    /// Who may use it.
    pub user: String,
    /// And how.
    pub password: String,
}

/// Somebody with a role.
#[derive(Debug, Clone, Deserialize)]
pub struct Person {
    /// `operator`, `seller` or `admin`.
    pub role: String,
    /// As colleagues know them.
    pub name: String,
    /// Their bearer token.
    pub token: String,
}

/// A system of the company.
#[derive(Debug, Clone, Deserialize)]
pub struct System {
    /// `shop` or `crm`.
    pub name: String,
    /// Its API key.
    pub key: String,
}

/// Another jewellery seller.
#[derive(Debug, Clone, Deserialize)]
pub struct Partner {
    /// As colleagues know them.
    pub name: String,
    /// Their API key.
    pub key: String,
}

impl Stack {
    /// Reads the record.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the stack's record {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is not the record of a stack", path.display()))
    }

    /// The API key of a system.
    pub fn key_of(&self, system: &str) -> Result<&str> {
        let found = self.systems.iter().find(|known| known.name == system);
        let found = found.with_context(|| format!("the stack has no API key of the {system}"))?;
        Ok(&found.key)
    }

    /// The server that was the primary when the record was written, as superuser.
    pub fn primary(&self) -> Result<&str> {
        self.database("primary")
    }

    /// A connection to whoever is the primary now, as superuser.
    ///
    /// # Errors
    /// When nobody is, or it does not answer.
    pub async fn connect_to_primary(&self) -> Result<PgConnection> {
        Ok(database::connect_to_primary(self.database("any")?).await?)
    }

    /// Connections to all standbys, as superuser.
    ///
    /// # Errors
    /// When a server does not answer.
    pub async fn connect_to_standbys(&self) -> Result<Vec<PgConnection>> {
        let mut standbys = Vec::new();
        for host in database::hosts(self.database("any")?)? {
            let mut connection = database::within(CALL, host.connect()).await?;
            if database::timeline(&mut connection).await?.is_none() {
                standbys.push(connection);
            }
        }
        Ok(standbys)
    }

    /// A database by its name in the record.
    pub fn database(&self, name: &str) -> Result<&str> {
        let found = self.postgres.get(name);
        Ok(found.with_context(|| format!("the stack has no database `{name}`"))?)
    }

    /// The token of the first person with a role.
    pub fn token_of(&self, role: &str) -> Result<&str> {
        let found = self.people.iter().find(|person| person.role == role);
        Ok(&found.with_context(|| format!("the stack has no {role}"))?.token)
    }

    /// Everybody with the role of operator.
    pub fn operators(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(|person| person.role == "operator")
    }
}
