//! Private servers: a PostgreSQL primary with streaming replicas, Redis and RabbitMQ, on ports
//! and in folders of their own. A server that already runs on the machine is never touched.

pub mod postgres;
mod rabbitmq;
mod redis;

use std::time::Instant;

use anyhow::{Context, Result};

use postgres::Node;

use crate::home::Home;
use crate::ports::Ports;
use crate::process::Running;
use crate::secrets::Secrets;
use crate::stack::Stack;

/// What the servers are for; a few settings differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A stack to look at: every login has a password, commits are durable.
    Stack,
    /// Tests: no passwords, hundreds of short-lived databases, nothing worth keeping.
    Tests,
}

/// Everything the servers are made from.
#[derive(Clone, Debug)]
pub struct Setup {
    pub home: Home,
    pub ports: Ports,
    pub secrets: Secrets,
    pub purpose: Purpose,
}

impl Setup {
    /// What a stack was made from that runs, or whose data was kept.
    pub fn recorded(name: &str) -> Result<Self> {
        let record = Stack::read(&Home::of(name)?)?;
        let stack = record.with_context(|| format!("there is no stack `{name}`, or it starts"))?;
        let (ports, secrets) = (stack.ports, stack.secrets);
        Ok(Self { home: Home::create(name)?, ports, secrets, purpose: Purpose::Stack })
    }

    pub fn redis_url(&self) -> String {
        redis::url(self)
    }

    pub fn amqp_url(&self) -> String {
        rabbitmq::url(self)
    }

    pub fn management_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.management)
    }

    pub fn broker_login(&self) -> (&str, &str) {
        rabbitmq::login(self)
    }
}

/// Starts all servers and waits until each answers in its own protocol. The answer is in the
/// order of stopping.
pub fn start(setup: &Setup) -> Result<Vec<Running>> {
    let begun = Instant::now();
    let done = |what: &str| println!("  servers: {what} ({:.1} s)", begun.elapsed().as_secs_f32());

    // RabbitMQ takes longest by far: it boots while the others are made.
    let port_mapper = rabbitmq::start_port_mapper(setup)?;
    let mut broker = rabbitmq::start(setup)?;
    let redis = redis::start(setup)?;
    done(&format!("Redis on port {}", setup.ports.redis));
    let primary = postgres::start_primary(setup)?;
    done(&format!("PostgreSQL primary on port {}", postgres::primary(setup).port(setup)));
    let mut replicas = Vec::new();
    for node in Node::replicas(setup) {
        replicas.push(postgres::start_replica(setup, node)?);
        done(&format!("PostgreSQL replica on port {}", node.port(setup)));
    }
    rabbitmq::wait(setup, &mut broker)?;
    done(&format!("RabbitMQ on port {}", setup.ports.amqp));
    let mut servers = vec![broker, port_mapper, redis];
    servers.extend(replicas);
    servers.push(primary);
    Ok(servers)
}
