//! `cargo xtask env`: every address, credential and sample token of a running stack.

use anyhow::{Context, Result, bail};

use crate::home::Home;
use crate::lock;
use crate::stack::{Broker, Stack};

#[derive(clap::Args)]
pub struct Args {
    /// The stack's name
    #[arg(long, default_value = "main")]
    name: String,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let home = Home::of(&args.name)?;
    if lock::holder(&home)?.is_none() {
        bail!(
            "no stack `{}` is running; `cargo xtask up --name {}` starts it",
            args.name,
            args.name
        );
    }
    let stack =
        Stack::read(&home)?.context("the stack is still starting; try again in a moment")?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&stack)?);
    } else {
        print!("{}", table(&stack));
    }
    Ok(())
}

/// What a person wants to see: where to look and how to get in.
pub fn table(stack: &Stack) -> String {
    let mut rows = vec![
        ("dashboard".to_owned(), stack.dashboard.clone()),
        ("write API".to_owned(), stack.write_api.clone()),
        ("read API".to_owned(), stack.read_api.clone()),
    ];
    let databases = stack.postgres.iter();
    rows.extend(databases.map(|(name, url)| (format!("PostgreSQL {name}"), url.clone())));
    rows.push(("Redis".to_owned(), stack.redis.clone()));
    rows.push(("RabbitMQ".to_owned(), stack.rabbitmq.url.clone()));
    let Broker { management, user, password, .. } = &stack.rabbitmq;
    rows.push(("RabbitMQ pages".to_owned(), format!("{management} ({user} / {password})")));
    rows.push(("models".to_owned(), stack.models.clone()));
    rows.extend(stack.metrics.iter().map(|(name, url)| (format!("metrics {name}"), url.clone())));
    rows.extend(
        stack.systems.iter().map(|system| (format!("key of {}", system.name), system.key.clone())),
    );
    rows.extend(
        stack
            .partners
            .iter()
            .map(|partner| (format!("key of {}", partner.name), partner.key.clone())),
    );
    rows.extend(
        stack
            .people
            .iter()
            .map(|person| (format!("{} {}", person.role, person.name), person.token.clone())),
    );
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let lines = rows.iter().map(|(name, value)| format!("{name:width$}  {value}\n"));
    lines.collect::<Vec<_>>().concat()
}

/// The lines under which a person signs in.
pub fn sign_in(stack: &Stack) -> String {
    let people = ["operator", "seller", "admin"].into_iter().filter_map(|role| stack.person(role));
    let lines = people.map(|person| {
        format!("  {:9} {:14} {}\n", person.role, person.name, stack.sign_in(person))
    });
    format!(
        "dashboard: {}\nsign in by opening one of these:\n{}",
        stack.dashboard,
        lines.collect::<Vec<_>>().concat()
    )
}
