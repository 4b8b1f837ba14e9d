//! The record of a stack, `.mes/<name>/stack.json`: every address, port, credential and sample
//! token. `cargo xtask env --json` prints it; the simulator is given nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::files;
use crate::home::Home;
use crate::ports::Ports;
use crate::secrets::Secrets;
use crate::servers::Setup;
use crate::servers::postgres::{self, Node};
use crate::tokens;

/// The database of a stack.
pub const DATABASE: &str = "mes";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stack {
    pub name: String,
    pub folder: PathBuf,
    pub dashboard: String,
    pub write_api: String,
    pub read_api: String,
    pub postgres: BTreeMap<String, String>,
    pub redis: String,
    pub rabbitmq: Broker,
    /// Where the object store is.
    pub models: String,
    pub metrics: BTreeMap<String, String>,
    pub auth: Auth,
    pub people: Vec<Person>,
    pub systems: Vec<System>,
    pub partners: Vec<Partner>,
    pub ports: Ports,
    pub secrets: Secrets,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Broker {
    pub url: String,
    pub management: String,
    pub user: String,
    pub password: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Auth {
    pub hs256_secret: String,
    pub issuer: String,
    pub audience: String,
}

/// Somebody who signs in at the dashboard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Person {
    pub role: String,
    pub id: String,
    pub name: String,
    pub token: String,
}

/// A system of the company, with its API key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct System {
    pub name: String,
    pub key: String,
}

/// A partner who orders over REST, with its API key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Partner {
    pub id: String,
    pub name: String,
    pub key: String,
}

impl Stack {
    /// What is known before anything has been seeded.
    pub fn of(setup: &Setup) -> Result<Self> {
        let ports = setup.ports;
        let http = |port: u16| format!("http://127.0.0.1:{port}");
        let (user, password) = setup.broker_login();
        Ok(Self {
            name: setup.home.name.clone(),
            folder: setup.home.root.clone(),
            dashboard: format!("{}/", http(ports.read_api)),
            write_api: http(ports.write_api),
            read_api: http(ports.read_api),
            postgres: databases(setup),
            redis: setup.redis_url(),
            rabbitmq: Broker {
                url: setup.amqp_url(),
                management: setup.management_url(),
                user: user.to_owned(),
                password: password.to_owned(),
            },
            models: format!("file://{}", setup.home.root.join("models").display()),
            metrics: metrics(ports),
            auth: Auth {
                hs256_secret: setup.secrets.hs256.clone(),
                issuer: tokens::ISSUER.to_owned(),
                audience: tokens::AUDIENCE.to_owned(),
            },
            people: people(&setup.secrets.hs256)?,
            systems: Vec::new(),
            partners: Vec::new(),
            ports,
            secrets: setup.secrets.clone(),
        })
    }

    /// The record of an earlier or running stack.
    pub fn read(home: &Home) -> Result<Option<Self>> {
        let path = home.record();
        let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
        let what = || format!("{} is not readable; `cargo xtask down` removes it", path.display());
        serde_json::from_str(&text).map(Some).with_context(what)
    }

    /// Notes who is the primary now.
    pub fn note_databases(setup: &Setup) -> Result<()> {
        let Some(mut stack) = Self::read(&setup.home)? else { return Ok(()) };
        stack.postgres = databases(setup);
        stack.write(&setup.home)
    }

    pub fn write(&self, home: &Home) -> Result<()> {
        files::write_private(&home.record(), &serde_json::to_string_pretty(self)?)
    }

    /// The first person of a role.
    pub fn person(&self, role: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.role == role)
    }

    /// The address that signs a person in.
    pub fn sign_in(&self, person: &Person) -> String {
        format!("{}#token={}", self.dashboard, person.token)
    }
}

/// Of each server for whom it is; `any` and the roles that write find the primary among all of them by themselves.
fn databases(setup: &Setup) -> BTreeMap<String, String> {
    let secrets = &setup.secrets;
    let at = |role, password, node| postgres::url(setup, role, password, node, DATABASE);
    let primary = |role, password| postgres::primary_url(setup, role, password, DATABASE);
    let mut entries = vec![
        ("primary".to_owned(), at("postgres", &*secrets.postgres, postgres::primary(setup))),
        ("any".to_owned(), primary("postgres", &*secrets.postgres)),
        ("mes_write".to_owned(), primary("mes_write", &*secrets.mes_write)),
        ("mes_consumer".to_owned(), primary("mes_consumer", &*secrets.mes_consumer)),
        ("mes_read_primary".to_owned(), primary("mes_read", &*secrets.mes_read)),
    ];
    for (number, node) in Node::replicas(setup).enumerate() {
        let suffix = if number == 0 { String::new() } else { format!("-{}", number + 1) };
        entries.push((format!("replica{suffix}"), at("postgres", &*secrets.postgres, node)));
        entries.push((format!("mes_read{suffix}"), at("mes_read", &*secrets.mes_read, node)));
    }
    entries.into_iter().collect()
}

/// Where the read API may find a replica: anywhere, for whoever is the primary now may be one later.
pub fn replicas(setup: &Setup) -> String {
    let password = &setup.secrets.mes_read;
    let url = |node| postgres::url(setup, "mes_read", password, node, DATABASE);
    Node::all(setup.purpose).map(url).collect::<Vec<_>>().join(",")
}

fn metrics(ports: Ports) -> BTreeMap<String, String> {
    let entries = [
        ("write-api", ports.write_api),
        ("read-api", ports.read_api),
        ("intake", ports.intake),
        ("relay", ports.relay),
        ("projector", ports.projector),
        ("pricer", ports.pricer),
        ("watchdog", ports.watchdog),
        ("heartbeat", ports.heartbeat),
        ("webhooks", ports.webhooks),
        ("rabbitmq", ports.broker_metrics),
    ];
    let url = |port| format!("http://127.0.0.1:{port}/metrics");
    entries.into_iter().map(|(name, port)| (name.to_owned(), url(port))).collect()
}

/// The people of the demo: four operators, a seller, an admin.
fn people(secret: &str) -> Result<Vec<Person>> {
    let names = [
        ("operator", "Anna Petrova"),
        ("operator", "Boris Orlov"),
        ("operator", "Carmen Ruiz"),
        ("operator", "Dmitri Volkov"),
        ("seller", "Elena Sokolova"),
        ("admin", "Fedor Ivanov"),
    ];
    let person = |(index, (role, name)): (usize, (&str, &str))| {
        let id = format!("01940000-0000-7000-8000-0000000000{:02}", index + 1);
        let token = tokens::mint(secret, &tokens::Claims { id: &id, name, role })?;
        Ok(Person { role: role.to_owned(), id, name: name.to_owned(), token })
    };
    names.into_iter().enumerate().map(person).collect()
}
